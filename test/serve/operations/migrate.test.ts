import { spawn } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { realIo } from '../../../src/core/contract/io.ts'
import { record } from '../../../src/core/evidence/evidence.ts'
import { readCheckpoints, sealedEntries } from '../../../src/core/evidence/export.ts'
import { verifyEvidence } from '../../../src/core/evidence/verify.ts'
import { differing, digestTables, isEmpty, MOVED_TABLES } from '../../../src/core/store/move.ts'
import { reopen } from '../../../src/core/store/moved.ts'
import { type Db, openStore, transaction } from '../../../src/core/store/store.ts'
import { migrate, move } from '../../../src/serve/operations/migrate.ts'
import type { World } from '../../../src/serve/operations/operation.ts'
import { availablePostgres } from '../../../src/serve/operations/drill/postgres-server.ts'
import { openEstate, ownDirectory, testKeys } from '../../know/estate.ts'
import { ownPlace, usePostgres } from '../../own-store.ts'
import { requireServer } from '../../servers.ts'
import { fill } from './every-table.ts'

const postgres = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')
const io = realIo()
const world = { io, keys: testKeys }

async function digests(db: Db) {
  return await transaction(db, tx => digestTables(tx))
}

async function opened(place: string): Promise<Db> {
  const db = await openStore(place, { connections: 3 })
  onTestFinished(() => db.destroy())
  return db
}

const file = async () => join(await ownDirectory(), 'firebreak.db')

describe.skipIf(postgres.skip)(`moving ${postgres.reason}`, () => {
  const engine = usePostgres()
  afterAll(() => engine.stop())

  // Filled once, in the first test that needs it.
  let original: Promise<string> | undefined
  const makeOriginal = async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'firebreak-move-')), 'db')
    const db = await openStore(path)
    await fill(db)
    await db.destroy()
    return path
  }
  afterAll(async () => {
    if (original) await rm(dirname(await original), { recursive: true, force: true })
  })
  const filledFile = async () => {
    const path = await file()
    await cp(await (original ??= makeOriginal()), path)
    return path
  }

  test('to PostgreSQL and back into a file loses nothing, and the evidence holds', async () => {
    const [one, two, three] = [
      await opened(await filledFile()),
      await opened(await ownPlace()),
      await opened(await file()),
    ]
    const before = await one.selectFrom('name').selectAll().orderBy('entity_id').orderBy('name').execute()
    const moved = await move(one, two, 'there', world)
    expect(moved.map(({ table }) => table)).toEqual([...MOVED_TABLES])
    expect(moved.filter(({ rows }) => rows === 0)).toEqual([])
    await move(two, three, 'back', world)
    expect(await three.selectFrom('name').selectAll().orderBy('entity_id').orderBy('name').execute()).toEqual(
      before,
    )
    const verdict = await verifyEvidence(sealedEntries(three), await readCheckpoints(three), {
      publicKey: testKeys.signer.publicKey,
    })
    // The first move into `one`, and the two after it.
    expect(verdict).toMatchObject({ ok: true, entries: 703 })
    // All else is as it was.
    const rest = (all: Awaited<ReturnType<typeof digests>>) =>
      all.filter(({ table }) => table !== 'evidence' && table !== 'checkpoint')
    expect(differing(rest(await digests(one)), rest(await digests(three)))).toEqual([])
  })

  test.each(['sqlite', 'postgres'])(
    'leaves a store (%s) that nobody writes to, until it is reopened',
    async kind => {
      const one = await opened(kind === 'sqlite' ? await file() : await ownPlace())
      await fill(one)
      await move(one, await opened(await ownPlace()), 'postgres://db/there', world)
      const kept = await digests(one)
      const write = () => transaction(one, tx => record(tx, io, { kind: 'k', subject: 's', body: null }))
      await expect(write()).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('moved'),
      })
      await expect(move(one, await opened(await ownPlace()), 'x', world)).rejects.toMatchObject({
        code: 'CONFLICT',
      })
      expect(await digests(one)).toEqual(kept)
      await transaction(one, tx => reopen(tx))
      await write()
    },
  )

  test('is refused into what is not empty, of another key, or while a run is worked on', async () => {
    const one = await opened(await filledFile())
    const taken = await opened(await ownPlace())
    await taken
      .insertInto('run')
      .values({
        id: 'r',
        kind: 'k',
        subject: '',
        state: 'done',
        input: '{}',
        result: null,
        run_key: null,
        sealed_secret: null,
        claimed_by: null,
        claim_epoch: 0,
        claim_until: null,
        created_at: 0,
        ended_at: null,
      })
      .execute()
    await expect(move(one, taken, 'x', world)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('not empty'),
    })
    const strange = await opened(await ownPlace())
    await strange.insertInto('setting').values({ name: 'public_key', value: 'other' }).execute()
    await expect(move(one, strange, 'x', world)).rejects.toMatchObject({
      message: expect.stringContaining('another key'),
    })
    await one
      .updateTable('run')
      .set({ claimed_by: 'host:1:1', claim_until: Date.now() + 60_000 })
      .execute()
    const empty = await opened(await ownPlace())
    await expect(move(one, empty, 'x', world)).rejects.toMatchObject({
      message: expect.stringContaining('host:1:1'),
    })
    expect(await transaction(empty, tx => isEmpty(tx))).toBe(true)
    await one
      .updateTable('run')
      .set({ claim_until: Date.now() - 1 })
      .execute()
    const watched = { claimed_by: 'watcher:1:1', claim_until: Date.now() + 60_000 }
    await one.updateTable('watch').set(watched).execute()
    await expect(move(one, empty, 'x', world)).rejects.toMatchObject({
      message: expect.stringContaining('watcher:1:1'),
    })
    // No process has that number: whoever claimed it on this host was killed.
    const killed = { claimed_by: `${hostname()}:${2 ** 22 + 1}:1`, claim_until: Date.now() + 60_000 }
    await one.updateTable('watch').set(killed).execute()
    await one.updateTable('run').set(killed).execute()
    await move(one, empty, 'x', world)
  })

  test('is refused into the place where everything stands, by whatever name', async () => {
    const path = await filledFile()
    const server = await ownPlace()
    for (const [one, same] of [
      [path, join(dirname(path), '.', 'firebreak.db')],
      [server, server.replace('127.0.0.1', 'localhost')],
    ] as const) {
      const [from, to] = [await opened(one), await opened(same)]
      await expect(move(from, to, 'x', world)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    }
  })

  test('of a place that cannot be opened speaks of --to, which gave it', async () => {
    const given = migrate.input.parse({ to: 'postgres://nobody@127.0.0.1:1/none' })
    const moving = migrate.run({ ...world, db: (await openEstate()).db } as World, given)
    const advice = expect.stringContaining('that --to gives')
    await expect(moving).rejects.toMatchObject({ code: 'STORE_UNREACHABLE', advice })
  })

  test('goes from one schema of a database into another', async () => {
    const place = await ownPlace()
    const admin = await opened(place)
    await sql`create schema other`.execute(admin)
    await fill(admin)
    await move(admin, await opened(`${place}?options=-csearch_path%3Dother`), 'x', world)
  })

  test('that was broken off between the two sides goes through, whatever others wrote meanwhile', async () => {
    const place = await ownPlace()
    const [from, beside, to] = [await opened(place), await opened(place), await opened(await ownPlace())]
    const write = (db: Db) =>
      transaction(db, tx => record(tx, io, { kind: 'k', subject: 's', body: null }), 'rows')
    await write(from)
    await sql
      .raw(
        `create function broken_off() returns trigger language plpgsql as $$ begin raise exception 'broken off'; end $$;
         create trigger broken_off before insert on setting for each row when (new.name = 'moved_to')
         execute function broken_off()`,
      )
      .execute(from)
    // Another process writes while what there is is being sealed.
    let writing = true
    const seals = new WeakSet<object>()
    const crowded = from.withPlugin({
      transformQuery({ node, queryId }) {
        if (JSON.stringify(node).includes('"checkpoint"') && node.kind === 'InsertQueryNode')
          seals.add(queryId)
        return node
      },
      async transformResult({ result, queryId }) {
        if (writing && seals.has(queryId)) {
          writing = false
          await write(beside)
        }
        return result
      },
    })
    await expect(move(crowded, to, 'x', world)).rejects.toThrow('broken off')
    expect(writing).toBe(false)
    expect(await transaction(to, tx => isEmpty(tx))).toBe(false)
    await sql`drop trigger broken_off on setting`.execute(from)
    await move(from, to, 'x', world)
  })

  test('holds few rows that are large at once, and goes on where the other side is lost for a moment', async () => {
    for (const place of [await file(), await ownPlace()]) {
      const [from, to] = [await opened(place), await opened(await ownPlace())]
      const text = 'x'.repeat(1_000_000)
      for (let n = 0; n < 10; n++)
        await from
          .insertInto('requirement')
          .values({ id: `r${n}`, text: `${n}${text}`, file: 'f', said_by: 'ann', at: n })
          .execute()
      let [most, lost] = [0, 0]
      const moving = new WeakSet<object>()
      const breaking = to.withPlugin({
        transformQuery({ node, queryId }) {
          // Rows of this side are being read at that moment.
          if (node.kind === 'InsertQueryNode' && node.into?.table.identifier.name === 'requirement') {
            most = Math.max(most, JSON.stringify(node).length)
            moving.add(queryId)
          }
          return node
        },
        async transformResult({ result, queryId }) {
          if (moving.has(queryId) && lost++ < 2)
            throw Object.assign(new Error('gone'), { code: 'ECONNRESET' })
          return result
        },
      })
      expect(
        (await move(from, breaking, 'x', world)).find(({ table }) => table === 'requirement')?.rows,
      ).toBe(10)
      expect(lost).toBeGreaterThan(2)
      expect(most).toBeGreaterThan(1_000_000)
      expect(most).toBeLessThan(9_000_000)
    }
  })

  test('that is killed at any moment shows nothing half, and goes through when it is run again', async () => {
    const place = await filledFile()
    const target = await ownPlace()
    const module = (path: string) =>
      JSON.stringify(fileURLToPath(new URL(`../../../${path}`, import.meta.url)))
    const program = `
      import { openStore } from ${module('src/core/store/store.ts')}
      import { realIo } from ${module('src/core/contract/io.ts')}
      import { move } from ${module('src/serve/operations/migrate.ts')}
      import { Secret } from ${module('src/core/contract/secret.ts')}
      import { deriveKeys } from ${module('src/core/keys/keys.ts')}
      import { RootKey } from ${module('src/core/keys/root-key.ts')}
      const [from, to] = [await openStore(process.argv[1]), await openStore(process.argv[2])]
      const keys = deriveKeys(new RootKey(new Secret(new Uint8Array(32).fill(7))))
      const at = process.argv[3]
      let answers = 0
      const dying = {
        // One side is committed, and the other one's mark is still to come.
        transformQuery({ node }) {
          if (at === 'between' && JSON.stringify(node).includes('"moved_to"') && node.kind === 'InsertQueryNode')
            process.kill(process.pid, 'SIGKILL')
          return node
        },
        async transformResult({ result }) {
          if (++answers === Number(at)) process.kill(process.pid, 'SIGKILL')
          return result
        },
      }
      await move(from.withPlugin(dying), to.withPlugin(dying), 'there', { io: realIo(), keys })
      await from.destroy()
      await to.destroy()`
    // After so many answers of the two stores.
    const moments = ['1', '2', '10', '40', '100', 'between', 'never']
    const signals: unknown[] = []
    for (const at of moments) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program, place, target, at], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let errors = ''
      child.stderr.on('data', bytes => (errors += bytes))
      const signal = await new Promise(resolve => child.once('close', (_, by) => resolve(by)))
      signals.push(signal ?? errors)
      const [from, to] = [await openStore(place), await openStore(target)]
      // PostgreSQL may need a moment to notice that its client is gone.
      const there = await transaction(to, async tx =>
        (await isEmpty(tx)) ? undefined : await digestTables(tx),
      )
      if (there) expect(differing(await digests(from), there)).toEqual([])
      const mark = await from.selectFrom('setting').selectAll().where('name', '=', 'moved_to').execute()
      expect([at, there !== undefined, mark.length]).toEqual([
        at,
        at === 'between' || at === 'never',
        at === 'never' ? 1 : 0,
      ])
      await Promise.all([from.destroy(), to.destroy()])
    }
    expect(signals).toEqual(moments.map(at => (at === 'never' ? '' : 'SIGKILL')))
  })
})
