import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Connection } from '../../../src/core/contract/connector.ts'
import { FirebreakError } from '../../../src/core/contract/errors.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import type { Row } from '../../../src/core/store/schema.ts'
import { type Db, openStore } from '../../../src/core/store/store.ts'
import { coverageOf, listCredentials } from '../../../src/know/inventory/queries.ts'
import { type ObserveOptions, observe } from '../../../src/know/observe/observe.ts'
import { engineName, openOwnStore } from '../../own-store.ts'
import { ownDirectory, role, testKeys, tree } from '../estate.ts'
import { Files } from './files.ts'
import { keptReading, ownRule } from './kept-reading.ts'
import { RULE } from './test-rule.ts'

const token = (n: number) => `tok_${createHash('sha256').update(`token ${n}`).digest('hex').slice(0, 32)}`

const kept = keptReading()
let home: string
let db: Db
let source: Row<'source'>
let files: Files
let clock: number

beforeEach(async () => {
  home = await ownDirectory()
  db = (await openOwnStore()).db
  clock = Date.UTC(2026, 0, 1)
  files = new Files()
  source = {
    id: 'source-1',
    system: 'directory',
    instance: 'tree-1',
    label: 'tree',
    config: '{}',
    cursor: null,
    created_at: clock,
    observed_at: null,
    disconnected_at: null,
    connected_at: null,
    epoch: 0,
  }
  await db.insertInto('source').values(source).execute()
})

/** A file, which may be bounded. */
async function open(options: { maxPageCount?: number } = {}): Promise<Db> {
  const opened = await openStore(join(home, 'db'), options)
  onTestFinished(() => opened.destroy())
  return opened
}

async function run(
  options: Partial<Pick<ObserveOptions, 'io' | 'onProgress' | 'full'>> = {},
  rulesDirectory?: string,
) {
  clock += 60_000
  const io = { ...realIo(), now: () => new Date(clock) }
  files.read = []
  return await observe(db, source, files.connection(), {
    keys: testKeys,
    io,
    ...(rulesDirectory === undefined ? { reading: await kept() } : { rulesDirectory, workers: 1 }),
    ...options,
  })
}

async function standing(): Promise<Record<string, string[]>> {
  const paths: Record<string, string[]> = {}
  for (const { copies, publicFingerprint } of await listCredentials(db, testKeys))
    paths[publicFingerprint ?? ''] = copies
      .filter(copy => copy.goneAt === undefined)
      .map(copy => copy.place.path)
      .sort()
  return paths
}

const places = async () => Object.values(await standing()).sort()

describe('observing', () => {
  test('finds what readers find, and says what it looked at', async () => {
    files.files = { 'a.env': `A=${token(1)}\n`, 'b.txt': 'nothing', 'c.env': `C=${token(2)} and ${token(1)}` }
    const extra = (n: number): Observation => ({ see: 'identity', ref: role(`${n}`), names: [], facts: {} })
    files.extra = Array.from({ length: 320 }, (_, n) => extra(n))
    const progress: number[] = []
    const result = await run({ onProgress: ({ documents }) => progress.push(documents) })
    expect(result).toMatchObject({ documents: 3, finds: 3, skippedAsRead: 0 })
    expect(result.bytes).toBe(Object.values(files.files).join('').length)
    expect(await places()).toEqual([['a.env', 'c.env'], ['c.env']])
    const [credential] = await listCredentials(db, testKeys)
    expect(credential).toMatchObject({ preview: `tok_…${token(1).slice(-4)}`, kind: 'test-token' })
    expect(credential?.copies[0]?.occurrences).toEqual([{ path: 'a.env', atHead: true }])
    expect(await coverageOf(db)).toEqual({ searched: ['tree'], skipped: [] })
    expect(progress.at(-1)).toBe(3)
    expect(progress.length, 'also while what there is is listed').toBeGreaterThan(5)
    const evidence = await db.selectFrom('evidence').selectAll().execute()
    expect(evidence.map(({ kind, body }) => [kind, JSON.parse(body)])).toEqual([
      ['observed', expect.objectContaining({ documents: 3, finds: 3, finished: true, gaps: 0 })],
    ])
  })

  test('a second time reads nothing, and what stands still stands', async () => {
    files.files = { 'a.env': token(1), 'b.txt': 'nothing' }
    await run()
    const result = await run()
    expect(files.read).toEqual([])
    expect(result).toMatchObject({ documents: 2, skippedAsRead: 2, bytes: 0 })
    expect(await places()).toEqual([['a.env']])
  })

  test('reads again what was read by other rules, and drops what these do not find', async () => {
    files.files = { 'a.env': token(1), 'b.txt': 'nothing' }
    const rulesDirectory = await ownRule()
    await run({}, rulesDirectory)
    await writeFile(join(rulesDirectory, 'secrets', 'test-token.yaml'), RULE.replaceAll('tok_', 'tik_'))
    await run({}, rulesDirectory)
    expect(files.read).toEqual(['a.env', 'b.txt'])
    expect(await places()).toEqual([[]])
    await run({}, rulesDirectory)
    expect(files.read).toEqual([])
    expect(await places()).toEqual([[]])
  })

  test('a rule that cannot be read is a gap', async () => {
    const rulesDirectory = await ownRule()
    await writeFile(join(rulesDirectory, 'secrets', 'broken.yaml'), 'id: [')
    await run({}, rulesDirectory)
    expect((await coverageOf(db)).skipped).toMatchObject([{ what: 'rule broken.yaml' }])
  })

  test('large documents come to the reader piece by piece, positions intact', async () => {
    const filler = `${'x'.repeat(1023)}\n`.repeat(12 * 1024)
    files.files = { 'big.log': `${filler}T=${token(1)}\n${filler}`, 'z.env': token(1) }
    const result = await run()
    expect(result.bytes).toBeGreaterThan(24 * 1024 * 1024)
    const [credential] = await listCredentials(db, testKeys)
    const big = credential?.copies.find(copy => copy.place.path === 'big.log')
    const at = filler.length + 2
    expect(big?.place.slots).toMatchObject([{ at: `${at}-${at + 36}`, line: 12 * 1024 + 1 }])
    expect(credential?.copies).toHaveLength(2)
  })

  test('the same content at two paths is read once and stands twice', async () => {
    files.files = { 'a.env': token(1), 'b.env': token(1) }
    await run()
    expect(files.read).toEqual(['a.env'])
    expect(await places()).toEqual([['a.env', 'b.env']])
    files.files['c.env'] = token(1)
    await run()
    expect(files.read).toEqual([])
    expect(await places()).toEqual([['a.env', 'b.env', 'c.env']])
    delete files.files['a.env']
    await run()
    expect(await places()).toEqual([['b.env', 'c.env']])
    const [credential] = await listCredentials(db, testKeys)
    expect(credential?.copies.map(copy => copy.occurrences.filter(({ atHead }) => atHead).length)).toEqual([
      0, 1, 1,
    ])
  })

  test.each([false, true])(
    'the same text at two places of jobs tells of two, also where a source gives each text once: %s',
    async once => {
      files.givesOnce = once
      const workflow = `on: push\njobs: { build: { runs-on: x, env: { A: ${token(1)} } } }\n`
      const jobs = async () =>
        (
          await db
            .selectFrom('entity')
            .select('native')
            .where('kind', '=', 'job')
            .where('gone_at', 'is', null)
            .orderBy('native')
            .execute()
        ).map(({ native }) => native)
      const [a, b, c] = ['a', 'b', 'c'].map(name => `.github/workflows/${name}.yml`) as [
        string,
        string,
        string,
      ]
      files.files = { 'a.txt': workflow, [a]: workflow, [b]: workflow }
      await run()
      expect(await jobs()).toEqual([`${a}#build`, `${b}#build`])
      expect(await places()).toEqual([[a, b, 'a.txt']])
      await run()
      expect(files.read).toEqual([])
      expect(await jobs()).toEqual([`${a}#build`, `${b}#build`])
      delete files.files[a]
      files.files[c] = workflow
      await run()
      expect(files.read).toEqual([c])
      expect(await jobs()).toEqual([`${b}#build`, `${c}#build`])
      expect(await places()).toEqual([[b, c, 'a.txt']])
      const [credential] = await listCredentials(db, testKeys)
      expect(credential?.copies.filter(({ goneAt }) => goneAt === undefined)).toHaveLength(3)
    },
  )

  test('secrets that a system itself tells are fingerprinted like those of documents', async () => {
    files.files = { 'a.env': token(1) }
    files.extra = [
      {
        see: 'copy',
        place: { in: tree, path: 'store/key', version: 'v1', slots: [] },
        kind: 'test-token',
        secret: new Secret(token(1)),
        confidence: 1,
      },
    ]
    await run()
    expect(await places()).toEqual([['a.env', 'store/key']])
  })
})

describe('what is gone', () => {
  test('is marked, kept, and cleared when it comes back', async () => {
    files.files = { 'a.env': token(1), 'b.env': token(2) }
    files.extra = [{ see: 'identity', ref: role('1'), names: ['app'], facts: {} }]
    await run()
    delete files.files['a.env']
    files.extra = []
    await run()
    expect(await places()).toEqual([[], ['b.env']])
    expect(await db.selectFrom('copy').selectAll().execute()).toHaveLength(2)
    const gone = await db.selectFrom('entity').select('native').where('gone_at', 'is not', null).execute()
    expect(gone).toEqual([{ native: '1' }])
    files.files['a.env'] = token(1)
    files.extra = [{ see: 'identity', ref: role('1'), names: ['app'], facts: {} }]
    await run()
    expect(files.read).toEqual([])
    expect(await places()).toEqual([['a.env'], ['b.env']])
    expect(await db.selectFrom('entity').select('native').where('gone_at', 'is not', null).execute()).toEqual(
      [],
    )
  })

  test('is not what an incomplete run did not see', async () => {
    files.files = { 'a.env': token(1), 'locked/b.env': token(2), 'c.env': token(3) }
    await run()
    files.files = { 'c.env': token(3) }
    files.gaps = [{ see: 'covered', scope: 'tree/locked', complete: false, why: 'no right to read it' }]
    await run()
    expect(await places()).toEqual([[], ['c.env'], ['locked/b.env']])
  })

  test('is nothing where no scope is complete', async () => {
    files.files = { 'a.env': token(1) }
    await run()
    files.files = {}
    files.gaps = [{ see: 'covered', scope: 'tree', complete: false, why: 'half of it' }]
    const connection = files.connection()
    const discover = async function* (): AsyncGenerator<Observation> {
      for await (const observation of connection.discover!())
        if (observation.see !== 'covered' || !observation.complete) yield observation
    }
    clock += 1000
    const io = { ...realIo(), now: () => new Date(clock) }
    await observe(db, source, { ...connection, discover }, { keys: testKeys, io, reading: await kept() })
    expect(await places()).toEqual([['a.env']])
  })

  test('is not what an incremental run did not list but discover() still states', async () => {
    files.incremental = true
    files.files = { 'a.env': token(1), 'b.env': token(2) }
    await run()
    files.files = { 'a.env': token(1), 'b.env': token(2), 'c.env': token(3) }
    files.listed = 0
    await run()
    expect(files.sinces).toEqual([undefined, 'b.env'])
    expect(files.listed).toBe(1)
    expect(await places()).toEqual([['a.env'], ['b.env'], ['c.env']])
    delete files.files['a.env']
    await run()
    expect(await places()).toEqual([[], ['b.env'], ['c.env']])
    await run({ full: true })
    expect(files.sinces.at(-1)).toBeUndefined()
    expect(files.read).toEqual([])
    expect(await places()).toEqual([[], ['b.env'], ['c.env']])
  })

  test('at one source may stand at another', async () => {
    files.files = { 'a.env': token(1) }
    await run()
    const other = { ...source, id: 'source-2', label: 'clone', instance: 'tree-2' }
    await db.insertInto('source').values(other).execute()
    const io = { ...realIo(), now: () => new Date(clock) }
    await observe(db, other, files.connection(), { keys: testKeys, io, reading: await kept() })
    files.files = {}
    await run()
    expect(await places()).toEqual([['a.env']])
  })
})

describe('two runs over one source at once', () => {
  const edges = async () =>
    await db.selectFrom('edge').select('crossing').where('gone_at', 'is', null).execute()
  const gone = async () =>
    await db.selectFrom('entity').select('native').where('gone_at', 'is not', null).execute()

  /**
   * Both begin before either has folded anything. The newer one states all, then the older one states the same, and
   * whichever is named ends first.
   */
  async function runTwo(first: 'older' | 'newer'): Promise<void> {
    const newerHasStated = Promise.withResolvers<void>()
    const olderHasStated = Promise.withResolvers<void>()
    const newerHasEnded = Promise.withResolvers<void>()
    const olderHasEnded = Promise.withResolvers<void>()
    const { documents, discover, ...connection } = files.connection() as Required<Connection>
    const older = {
      ...connection,
      async *documents(since?: string) {
        yield* documents(since)
        await newerHasStated.promise
      },
      async *discover() {
        yield* flushed(discover())
        olderHasStated.resolve()
        if (first === 'newer') await newerHasEnded.promise
      },
    }
    const newer = {
      ...connection,
      documents,
      async *discover() {
        yield* flushed(discover())
        newerHasStated.resolve()
        await olderHasStated.promise
        if (first === 'older') await olderHasEnded.promise
      },
    }
    const io = (at: number) => ({ ...realIo(), now: () => new Date(at) })
    clock += 60_000
    const options = { keys: testKeys, rulesDirectory: await ownRule(), workers: 1 }
    await Promise.all([
      observe(db, source, older, { ...options, io: io(clock) }).then(() => olderHasEnded.resolve()),
      observe(db, source, newer, { ...options, io: io(clock + 1) }).then(() => newerHasEnded.resolve()),
    ])
  }

  /** As many as are folded at once, so that what came before is folded when this ends. */
  async function* flushed(observations: AsyncIterable<Observation>): AsyncGenerator<Observation> {
    let count = 0
    for await (const observation of observations) {
      yield observation
      if (observation.see !== 'covered') count++
    }
    for (; count % 1000 !== 0; count++) yield { see: 'resource', ref: tree, names: ['tree'], facts: {} }
  }

  beforeEach(() => {
    files.files = { 'a.env': token(1), 'b.env': token(2), 'c.env': token(1) }
    files.extra = [
      { see: 'identity', ref: role('1'), names: ['app'], facts: {} },
      { see: 'edge', from: role('1'), to: tree, crossing: 'may-read', certainty: 'proven', why: 'it may' },
    ]
  })

  test.each(['older', 'newer'] as const)(
    'lose nothing that both saw, when the %s ends first',
    async first => {
      await runTwo(first)
      expect(await places()).toEqual([['a.env', 'c.env'], ['b.env']])
      const [credential] = await listCredentials(db, testKeys)
      expect(credential?.copies.map(copy => copy.occurrences)).toEqual([
        [{ path: 'a.env', atHead: true }],
        [{ path: 'c.env', atHead: true }],
      ])
      expect(await edges()).toHaveLength(1)
      expect(await gone()).toEqual([])
    },
  )

  test.each(['older', 'newer'] as const)('nor what was read before, when the %s ends first', async first => {
    files.incremental = true
    await run()
    await runTwo(first)
    expect(files.read).toHaveLength(2)
    expect(await places()).toEqual([['a.env', 'c.env'], ['b.env']])
    expect(await edges()).toHaveLength(1)
    expect(await gone()).toEqual([])
  })

  test('what is not there any more is gone', async () => {
    await run()
    delete files.files['b.env']
    files.extra = []
    await runTwo('newer')
    expect(await places()).toEqual([[], ['a.env', 'c.env']])
    expect(await edges()).toEqual([])
    expect(await gone()).toEqual([{ native: '1' }])
  })
})

describe('a run that breaks off', () => {
  test('keeps what it found, says so, and is gone on with', async () => {
    files.files = Object.fromEntries(
      Array.from({ length: 600 }, (_, n) => [`f${n}`, `${n} ${n % 10 ? '' : token(n)}`]),
    )
    files.failAfter = 300
    await expect(run()).rejects.toMatchObject({ code: 'UNREACHABLE' })
    expect(await places()).toHaveLength(30)
    expect((await coverageOf(db)).skipped).toMatchObject([
      { what: 'directory:tree', why: expect.stringContaining('disk went away') },
    ])
    const [row] = await db.selectFrom('evidence').select('body').execute()
    expect(JSON.parse(row?.body ?? '')).toMatchObject({ finished: false, gaps: 1 })
    files.failAfter = Infinity
    const result = await run()
    expect(files.read).toHaveLength(300)
    expect(result).toMatchObject({ documents: 600, skippedAsRead: 300 })
    expect(await places()).toHaveLength(60)
    expect((await coverageOf(db)).skipped).toEqual([])
  })

  test('in discover() marks nothing gone', async () => {
    files.files = { 'a.env': token(1) }
    await run()
    files.files = {}
    files.failDiscover = true
    await expect(run()).rejects.toMatchObject({ code: 'DENIED' })
    expect(await places()).toEqual([['a.env']])
  })

  test('by its signal leaves what was folded', async () => {
    files.files = Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`f${n}`, `${n} ${token(n)}`]))
    const abort = new AbortController()
    const io = { ...realIo(abort.signal), now: () => new Date(clock) }
    const stop = run({ io, onProgress: ({ finds }) => finds > 0 && abort.abort(new Error('stop')) })
    await expect(stop).rejects.toThrow('stop')
    const found = (await places()).length
    expect(found).toBeGreaterThan(0)
    await run()
    expect(files.read.length).toBe(600 - found)
    expect(await places()).toHaveLength(600)
  })

  if (engineName() === 'sqlite')
    test('because the database is full keeps what was committed', async () => {
      db = await open({ maxPageCount: 400 })
      await db.insertInto('source').values(source).execute()
      files.files = Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`f${n}`, `${n} ${token(n)}`]))
      await expect(run()).rejects.toMatchObject({ code: 'STORE_FULL' })
      const found = await db.selectFrom('copy').selectAll().execute()
      const read = await db.selectFrom('document').selectAll().execute()
      expect(found.length).toBeGreaterThan(0)
      expect(found.length).toBe(read.length)
      await db.destroy()
      db = await open()
      await run()
      expect(files.read).toHaveLength(2000 - found.length)
      expect(await places()).toHaveLength(2000)
    })
})

if (engineName() === 'sqlite')
  test('no plaintext reaches the database', async () => {
    db = await open()
    await db.insertInto('source').values(source).execute()
    const secrets = Array.from({ length: 50 }, (_, n) => token(n))
    files.files = Object.fromEntries(secrets.map((secret, n) => [`f${n}`, `key = ${secret}\n`]))
    await run()
    expect(await listCredentials(db, testKeys)).toHaveLength(50)
    const names = await readdir(home)
    expect(names).toContain('db-wal')
    for (const name of names.filter(name => name.startsWith('db'))) {
      const bytes = await readFile(join(home, name))
      for (const secret of secrets)
        expect(bytes.includes(secret.slice(4)), `${name} holds a secret`).toBe(false)
    }
  })

test('documents of which the source breaks off midway are read again', async () => {
  const broken: Connection = {
    ...files.connection(),
    async *documents() {
      yield {
        id: 'sha256:x',
        in: tree,
        path: 'big',
        cursor: '',
        async *bytes() {
          for (let n = 0; n < 10; n++) yield Buffer.alloc(1024 * 1024, 'x')
          throw new FirebreakError('UNREACHABLE', 'it broke off')
        },
      }
    },
  }
  const io = { ...realIo(), now: () => new Date(clock) }
  await expect(
    observe(db, source, broken, { keys: testKeys, io, reading: await kept() }),
  ).rejects.toMatchObject({ code: 'UNREACHABLE' })
  expect(await db.selectFrom('document').selectAll().execute()).toEqual([])
})
