import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { isEnded } from '../../../src/act/incident/subject.ts'
import type { Connector } from '../../../src/core/contract/connector.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import type { Row } from '../../../src/core/store/schema.ts'
import { Connections } from '../../../src/know/connections/registry.ts'
import { coverageOf, listCredentials } from '../../../src/know/inventory/queries.ts'
import { disconnect, forgetUnread } from '../../../src/know/observe/disconnect.ts'
import { observe } from '../../../src/know/observe/observe.ts'
import { claimSource, enrol } from '../../../src/know/observe/schedule.ts'
import { type Estate, openEstate, password, role, testKeys } from '../estate.ts'
import { Files } from './files.ts'
import { keptReading } from './kept-reading.ts'

const token = (n: number) => `tok_${createHash('sha256').update(`token ${n}`).digest('hex').slice(0, 32)}`
const SAID = { by: 'ann', why: 'it is gone for good' }

let estate: Estate
let files: Files
let connections: Connections
let source: Row<'source'>
const kept = keptReading()

beforeEach(async () => {
  estate = await openEstate()
  files = new Files()
  files.files = { 'a.env': token(1), 'b.txt': 'nothing' }
  files.extra = [
    { see: 'identity', ref: role('1'), names: ['app'], facts: { superuser: { value: true } } },
    { see: 'credential', ref: { ...password('1'), identity: role('1') }, facts: {} },
    { see: 'edge', from: role('1'), to: role('2'), crossing: 'member', certainty: 'proven', why: 'it is' },
    { see: 'owner', of: role('1'), owner: 'payments', source: 'tag', weight: 1 },
    { see: 'policy', on: role('1'), language: 'sql', text: 'grant' },
  ]
  const connector = {
    system: 'directory',
    summary: 'a tree in memory',
    config: z.strictObject({ path: z.string(), token: z.instanceof(Secret) }),
    open: async () => files.connection(),
  } satisfies Connector
  connections = new Connections([connector], testKeys, estate.io)
  source = await add()
})

async function add(): Promise<Row<'source'>> {
  return await connections.add(estate.db, 'directory', { path: '/srv/app', token: new Secret('hunter2!') })
}

async function run() {
  estate.clock.ms += 60_000
  files.read = []
  const { db, io } = estate
  const connection = await connections.open(db, source.id)
  return await observe(db, source, connection, { keys: testKeys, io, reading: await kept() })
}

async function leave() {
  estate.clock.ms += 60_000
  return await disconnect(estate.db, estate.io, source.id, SAID)
}

const TOLD = ['sighting', 'fact', 'edge', 'owner', 'policy', 'copy'] as const

/** How many rows of each table there are, and how many of them stand. */
async function rows() {
  const counted: Record<string, { all: number; standing: number }> = {}
  for (const table of TOLD) {
    const found = await estate.db.selectFrom(table).select('gone_at').execute()
    counted[table] = {
      all: found.length,
      standing: found.filter(({ gone_at }) => gone_at === null).length,
    }
  }
  return counted
}

const passwordId = async () =>
  (await estate.db.selectFrom('entity').select('id').where('kind', '=', 'password').executeTakeFirstOrThrow())
    .id

test('nothing that a disconnected source told stands, and all of it is known as what was', async () => {
  await run()
  const before = await rows()
  for (const table of TOLD) expect(before[table]!.standing, table).toBeGreaterThan(0)
  expect(await leave()).toEqual({ at: estate.clock.ms, already: false, copies: 1 })
  const after = await rows()
  for (const table of TOLD) expect(after[table], table).toEqual({ all: before[table]!.all, standing: 0 })
  expect(await connections.list(estate.db)).toEqual([])
  expect(await connections.forInstance(estate.db, 'directory', 'tree-1')).toEqual([])
  await expect(connections.open(estate.db, source.id)).resolves.toBeDefined()
  await connections.leave(source.id)
  await expect(connections.open(estate.db, source.id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(await coverageOf(estate.db)).toEqual({ searched: [], skipped: [] })
  const found = (await listCredentials(estate.db, testKeys)).find(({ kind }) => kind === 'test-token')
  expect(found?.copies).toMatchObject([{ place: { path: 'a.env' }, goneAt: estate.clock.ms }])
  const evidence = await estate.db
    .selectFrom('evidence')
    .selectAll()
    .where('kind', '=', 'source.disconnected')
    .execute()
  expect(evidence.map(({ subject, body }) => [subject, JSON.parse(body)])).toEqual([
    [source.id, { system: 'directory', instance: 'tree-1', label: '/srv/app', copies: 1, ...SAID }],
  ])
})

test('the second time changes nothing, and says since when', async () => {
  await run()
  const { at } = await leave()
  const before = await rows()
  expect(await leave()).toEqual({ at, already: true, copies: 0 })
  expect(await rows()).toEqual(before)
  const evidence = await estate.db.selectFrom('evidence').select('kind').execute()
  expect(evidence.filter(({ kind }) => kind === 'source.disconnected')).toHaveLength(1)
})

test('the secret that it was connected with is erased, and where it lay is not', async () => {
  const config = async () =>
    (await estate.db.selectFrom('source').select('config').executeTakeFirstOrThrow()).config
  expect(JSON.parse(await config())).toEqual({ path: '/srv/app', token: { $sealed: expect.any(String) } })
  await leave()
  expect(JSON.parse(await config())).toEqual({ path: '/srv/app', token: null })
})

test('what a source alone listed is out of sight, and not ended; what it saw go is', async () => {
  await run()
  const id = await passwordId()
  await leave()
  const gone = await estate.db.selectFrom('entity').select('gone_at').where('id', '=', id).executeTakeFirst()
  expect(gone?.gone_at).toBe(estate.clock.ms)
  expect(await isEnded(estate.db, id)).toBe(false)
  source = await add()
  // Nobody has looked yet.
  expect(await isEnded(estate.db, id)).toBe(false)
  files.extra = []
  await run()
  expect(await isEnded(estate.db, id)).toBe(true)
  files.extra = [{ see: 'credential', ref: { ...password('1'), identity: role('1') }, facts: {} }]
  await run()
  expect(await isEnded(estate.db, id)).toBe(false)
  files.extra = []
  await run()
  await leave()
  expect(await isEnded(estate.db, id)).toBe(true)
})

test('connected again it is the same source: what stands there stands again, unread where it was read', async () => {
  await run()
  const before = await rows()
  await leave()
  source = await add()
  expect(source).toMatchObject({ disconnected_at: null, cursor: null })
  expect((await coverageOf(estate.db)).skipped).toEqual([
    { what: 'directory /srv/app', why: 'it was not observed since it was connected again' },
  ])
  await run()
  expect(files.read).toEqual([])
  expect(await rows()).toEqual(before)
  delete files.files['a.env']
  await run()
  expect((await rows())['copy']).toEqual({ all: 1, standing: 0 })
})

test('connected again, what could not be looked at is not told to be gone', async () => {
  files.files = { 'a.env': token(1), 'shut/b.env': token(2) }
  await run()
  const before = await rows()
  const id = await passwordId()
  await leave()
  source = await add()
  files.failAfter = 0
  await expect(run()).rejects.toMatchObject({ code: 'UNREACHABLE' })
  expect(await isEnded(estate.db, id)).toBe(false)
  files.failAfter = Infinity
  delete files.files['shut/b.env']
  files.extra = files.extra.filter(({ see }) => see !== 'credential')
  files.gaps = [
    { see: 'covered', scope: 'shut', complete: false, why: 'permission denied' },
    { see: 'covered', scope: 'passwords', complete: false, why: 'permission denied', hides: ['password'] },
  ]
  await run()
  expect(await isEnded(estate.db, id)).toBe(false)
  expect((await rows())['copy']).toEqual(before['copy'])
  files.gaps = []
  await run()
  expect(await isEnded(estate.db, id)).toBe(true)
  expect((await rows())['copy']).toEqual({ all: 2, standing: 1 })
})

test('what comes later counts as new since the source was first read, not since it was connected again', async () => {
  await run()
  await enrol(estate.db, estate.io)
  const watch = () => estate.db.selectFrom('watch').selectAll().executeTakeFirstOrThrow()
  const { baseline_at } = await watch()
  expect(baseline_at).toBe(estate.clock.ms)
  await estate.db.updateTable('watch').set({ failures: 7, error: 'it is away' }).execute()
  await leave()
  source = await add()
  await enrol(estate.db, estate.io)
  expect(await watch()).toMatchObject({ baseline_at, failures: 0, error: null })
})

test('a source that was disconnected has no place in the schedule', async () => {
  await leave()
  await enrol(estate.db, estate.io)
  expect(await estate.db.selectFrom('watch').selectAll().execute()).toEqual([])
})

test('while a watch reads it, it is refused; not once that has read it, nor when its process is gone', async () => {
  await enrol(estate.db, estate.io)
  const claim = await claimSource(estate.db, estate.io, [source.id], 'now')
  const refused = disconnect(estate.db, estate.io, source.id, SAID)
  await expect(refused).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining('directory:/srv/app is being read by the watch'),
  })
  expect(await connections.list(estate.db)).toHaveLength(1)
  expect(await forgetUnread(estate.db, estate.io, source.id)).toBe(false)
  await claim!.release()
  expect(await disconnect(estate.db, estate.io, source.id, SAID)).toMatchObject({ already: false })
  source = await add()
  // No process has that number.
  const claimed_by = `${hostname()}:${2 ** 22 + 1}:1`
  await estate.db
    .updateTable('watch')
    .set({ claimed_by, claim_until: estate.clock.ms + 30_000 })
    .execute()
  expect(await disconnect(estate.db, estate.io, source.id, SAID)).toMatchObject({ already: false })
})

test('while a run has something left to do there, it is refused', async () => {
  const run = { subject: '', input: '{}', result: null, run_key: null, sealed_secret: null, ended_at: null }
  const claim = { claimed_by: null, claim_epoch: 0, claim_until: null }
  await estate.db
    .insertInto('run')
    .values({ ...run, ...claim, id: 'r', kind: 'lease', state: 'running', created_at: 0 })
    .execute()
  const step = {
    before: null,
    result: null,
    sealed_secret: null,
    error: null,
    next_at: null,
    not_before: null,
  }
  const args = JSON.stringify({ sourceId: source.id, credential: {} })
  await estate.db
    .insertInto('step')
    .values({
      ...step,
      run_id: 'r',
      key: 'revoke',
      ordinal: 0,
      verb: 'revoke',
      title: 'revoke the lease',
      args,
      needs: '[]',
      state: 'pending',
      attempts: 0,
      epoch: 0,
      started_at: null,
      ended_at: null,
    })
    .execute()
  const refused = { code: 'CONFLICT', message: expect.stringContaining('revoke the lease') }
  for (const state of ['running', 'stuck'] as const) {
    await estate.db.updateTable('run').set({ state }).execute()
    await expect(leave()).rejects.toMatchObject(refused)
  }
  await estate.db.updateTable('step').set({ state: 'verified' }).execute()
  expect(await leave()).toMatchObject({ already: false })
})

test('who reads it meanwhile ends with what happened, and writes nothing more', async () => {
  await run()
  files.files['c.env'] = token(2)
  const connection = files.connection()
  const { db, io } = estate
  const reading = observe(
    db,
    source,
    {
      ...connection,
      async *documents(since) {
        yield* connection.documents!(since)
        await leave()
      },
    },
    { keys: testKeys, io, reading: await kept() },
  )
  await expect(reading).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining('directory:/srv/app was disconnected'),
  })
  for (const { standing } of Object.values(await rows())) expect(standing).toBe(0)
  expect(await coverageOf(db)).toEqual({ searched: [], skipped: [] })
})

test('who reads it meanwhile writes nothing more where it was connected again, either', async () => {
  await run()
  files.files['c.env'] = token(2)
  const connection = files.connection()
  const { db, io } = estate
  const reading = observe(
    db,
    source,
    {
      ...connection,
      async *documents(since) {
        yield* connection.documents!(since)
        await leave()
        source = await add()
      },
    },
    { keys: testKeys, io, reading: await kept() },
  )
  await expect(reading).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining('was disconnected while it was read, and connected again'),
  })
  for (const { standing } of Object.values(await rows())) expect(standing).toBe(0)
  expect((await coverageOf(db)).skipped).toEqual([
    { what: 'directory /srv/app', why: 'it was not observed since it was connected again' },
  ])
  await run()
  expect((await rows())['copy']).toEqual({ all: 2, standing: 2 })
})

test('connecting it once more, without an end between, keeps nobody from reading it', async () => {
  const connection = files.connection()
  const { db, io } = estate
  await observe(
    db,
    source,
    {
      ...connection,
      async *documents(since) {
        yield* connection.documents!(since)
        source = await add()
      },
    },
    { keys: testKeys, io, reading: await kept() },
  )
  expect((await rows())['copy']).toEqual({ all: 1, standing: 1 })
})

test('a source of which nothing was ever read is taken back whole; one that told of anything is kept', async () => {
  await enrol(estate.db, estate.io)
  files.failAfter = 0
  files.failDiscover = true
  files.extra = []
  await expect(run()).rejects.toMatchObject({ code: 'UNREACHABLE' })
  expect((await coverageOf(estate.db)).skipped).not.toEqual([])
  expect(await forgetUnread(estate.db, estate.io, source.id)).toBe(true)
  expect(await estate.db.selectFrom('source').selectAll().execute()).toEqual([])
  expect(await coverageOf(estate.db)).toEqual({ searched: [], skipped: [] })
  source = await add()
  files.failAfter = Infinity
  files.failDiscover = false
  await run()
  expect(await forgetUnread(estate.db, estate.io, source.id)).toBe(false)
  expect(await connections.list(estate.db)).toHaveLength(1)
})
