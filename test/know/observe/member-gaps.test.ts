import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { directory } from '../../../src/connectors/directory/connector.ts'
import { pathOf } from '../../../src/core/contract/ref.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Row } from '../../../src/core/store/schema.ts'
import { type Db, openStore, transaction } from '../../../src/core/store/store.ts'
import { coverageOf, listCredentials } from '../../../src/know/inventory/queries.ts'
import { dropUnread, keepWithin } from '../../../src/know/inventory/standing.ts'
import { MemberGaps } from '../../../src/know/observe/member-gaps.ts'
import { type ObserveResult, observe } from '../../../src/know/observe/observe.ts'
import { fewRules } from '../../built-in-rules.ts'
import { ownDirectory, testKeys } from '../estate.ts'
import { made } from '../readers/archive/looking.ts'
import { keptReading } from './kept-reading.ts'
import { rules } from '../readers/secrets/rules/rule-directory.ts'

const token = rules.find(rule => rule.id === 'github-token')!.examples.positive[0]!.value
const kept = keptReading(() => fewRules('github-token'))
let home: string
let db: Db
let source: Row<'source'>
let clock = Date.UTC(2026, 0, 1)

beforeEach(async () => {
  home = await ownDirectory()
  await mkdir(join(home, 'tree'))
  db = await openStore(join(home, 'db'))
  onTestFinished(() => db.destroy())
  source = {
    id: 'source-1',
    system: 'directory',
    instance: 'tree-1',
    label: '/tree',
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

async function run(): Promise<ObserveResult> {
  clock += 60_000
  const io = { ...realIo(), now: () => new Date(clock) }
  const connection = await directory.open({ path: join(home, 'tree') }, io)
  try {
    return await observe(db, source, connection, { keys: testKeys, io, reading: await kept() })
  } finally {
    await connection.close()
  }
}

async function standing(): Promise<string[]> {
  const views = await listCredentials(db, testKeys)
  const copies = views.flatMap(view => view.copies).filter(copy => copy.goneAt === undefined)
  return copies.map(copy => pathOf(copy.place)).sort()
}

const skipped = async () => (await coverageOf(db)).skipped.map(({ what, why }) => `${what}: ${why}`)

test('copies and gaps within archives stand as long as the archive does, and it is read once', async () => {
  const zip = await made(
    { 'conf/app.env': `TOKEN=${token}\n`, 'locked.txt': 'x' },
    'a.zip',
    'zip -q a.zip conf/app.env && zip -qP y a.zip locked.txt',
  )
  await writeFile(join(home, 'tree', 'a.zip'), zip)
  await writeFile(join(home, 'tree', 'conf.txt'), 'nothing')
  expect(await run()).toMatchObject({ documents: 2, finds: 1, skippedAsRead: 0 })
  const gap = '/tree/a.zip!/locked.txt: it is encrypted'
  expect(await standing()).toEqual(['a.zip!/conf/app.env'])
  expect(await skipped()).toEqual([`directory:${gap}`])

  const second = await run()
  expect(second).toMatchObject({ documents: 2, finds: 0, skippedAsRead: 2, bytes: 0 })
  expect(second.coverage.filter(({ complete }) => !complete)).toHaveLength(1)
  expect(await standing()).toEqual(['a.zip!/conf/app.env'])
  expect(await skipped()).toEqual([`directory:${gap}`])

  // The same archive at a second path has the same copies there, and its gap is told once.
  await writeFile(join(home, 'tree', 'b.zip'), zip)
  await run()
  expect(await standing()).toEqual(['a.zip!/conf/app.env', 'b.zip!/conf/app.env'])
  expect(await skipped()).toEqual([`directory:${gap}`])

  await rm(join(home, 'tree', 'a.zip'))
  await run()
  expect(await standing()).toEqual(['b.zip!/conf/app.env'])
  expect(await skipped()).toEqual([`directory:${gap.replace('a.zip', 'b.zip')}`])

  await rm(join(home, 'tree', 'b.zip'))
  await run()
  expect(await standing()).toEqual([])
  expect(await skipped()).toEqual([])
})

test('what is told of a member says nothing about a file with the same path', async () => {
  const zip = await made({ 'app.env': 'x' }, 'a.zip', 'zip -qP y a.zip app.env')
  await writeFile(join(home, 'tree', 'a.zip'), zip)
  await writeFile(join(home, 'tree', 'app.env'), `TOKEN=${token}\n`)
  await run()
  expect(await standing()).toEqual(['app.env'])
  await rm(join(home, 'tree', 'app.env'))
  await run()
  expect(await standing()).toEqual([])
})

test('where another reader stops at a limit, what an earlier one found behind it still stands', async () => {
  const zip = await made({ 'a.env': `TOKEN=${token}\n` }, 'a.zip', 'zip -q a.zip a.env')
  await writeFile(join(home, 'tree', 'a.zip'), zip)
  await run()
  const { document } = await db.selectFrom('copy').select('document').executeTakeFirstOrThrow()
  const at = clock + 1
  await transaction(db, async tx => {
    await keepWithin(tx, source.id, document, [{ member: 'b', why: 'w' }], at)
    await keepWithin(tx, source.id, document, [{ member: '0', why: 'w', rest: true }], at + 1)
    await dropUnread(tx, source.id, [document], at + 1)
  })
  expect(await standing()).toEqual(['a.zip!/a.env'])
  await transaction(db, async tx => {
    await keepWithin(tx, source.id, document, [{ member: 'b', why: 'w' }], at + 2)
    await dropUnread(tx, source.id, [document], at + 2)
  })
  expect(await standing()).toEqual([])
})

test('an archive larger than what is handed over at once is streamed', async () => {
  const noise = Buffer.from(
    Array.from({ length: 9_000_000 }, (_, i) => (Math.imul(i ^ 0x5bd1e995, 0x1b873593) >>> 13) & 0xff),
  )
  for (const [name, command] of [
    ['a.tar', 'tar cf a.tar noise z.env'],
    ['b.zip', 'zip -q0 b.zip noise z.env'],
    ['c.tar.zst', 'tar c noise z.env | zstd -q > c.tar.zst'],
  ] as const)
    await writeFile(
      join(home, 'tree', name),
      await made({ noise, 'z.env': `TOKEN=${token}\n` }, name, command),
    )
  await run()
  expect(await standing()).toEqual(['a.tar!/z.env', 'b.zip!/z.env', 'c.tar.zst!/z.env'])
  expect(await skipped()).toEqual([])
})

test('a document without gaps any more has none', () => {
  const gaps = new MemberGaps()
  gaps.add('d', 'a.zip', [{ member: 'x', why: 'w' }])
  expect(gaps.coverage(path => `s/${path}`)).toEqual([{ scope: 's/a.zip!/x', complete: false, why: 'w' }])
  gaps.add('d', 'a.zip', [])
  expect(gaps.coverage(path => `s/${path}`)).toEqual([])
})
