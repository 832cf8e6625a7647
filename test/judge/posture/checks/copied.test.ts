import { once } from 'node:events'
import { join } from 'node:path'
import { MessageChannel, Worker } from 'node:worker_threads'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { realIo } from '../../../../src/core/contract/io.ts'
import { nonHumans } from '../../../../src/judge/ownership/non-human.ts'
import { checks } from '../../../../src/judge/posture/all.ts'
import type { Check } from '../../../../src/judge/posture/check.ts'
import { runChecks } from '../../../../src/judge/posture/run-checks.ts'
import { weighAll } from '../../../../src/judge/posture/checks/owners.ts'
import { placesInCode } from '../../../../src/judge/posture/checks/copies-in-code.ts'
import { owned } from '../../../../src/judge/posture/checks/owned.ts'
import type { OwnersTask } from '../../../../src/judge/posture/checks/owners-thread.ts'
import { inThreads } from '../../../../src/judge/posture/checks/reading.ts'
import { readCopies } from '../../../../src/judge/posture/checks/copied-values.ts'
import {
  GROUP,
  NONE,
  SORTS,
  type ValuesKept,
  ValuesOfCopies,
} from '../../../../src/judge/posture/checks/values-of-copies.ts'
import { type Db, openStore } from '../../../../src/core/store/store.ts'
import { Draws } from '../../organisation/draws.ts'
import { ownDirectory, testKeys } from '../../../know/estate.ts'
import { openOwnStore } from '../../../own-store.ts'

const SYSTEMS = ['git', 'directory', 'slack', 'report', 'directory']
/** Among them one that has what separates the values of a page, and one that no single byte can hold. */
const PATHS = [
  'prod/a.env',
  'dev/a.env',
  'x.staging',
  '.netrc',
  'a\x1fb',
  'schlüssel/日本/test/k',
  'docs/a-live/b',
]

/** Copies of a few values, of which each claim, source, path and sign is drawn. */
async function writeCopies(db: Db, seed: string, count: number): Promise<void> {
  const draws = new Draws(seed)
  const below = (count: number) => draws.below(count)
  const chance = (part: number) => below(1000) < part * 1000
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)]!
  await db
    .insertInto('source')
    .values(
      SYSTEMS.map((system, at) => ({
        id: `s${at}`,
        system,
        instance: `i${at}`,
        label: `l${at}`,
        // One lies in the other.
        config: JSON.stringify(system === 'directory' ? { path: at === 1 ? '/srv' : '/srv/prod/' } : {}),
        cursor: null,
        created_at: 0,
        observed_at: null,
      })),
    )
    .execute()
  await db
    .insertInto('entity')
    .values(
      ['c0', 'c1', 'c2', 'box'].map(id => ({
        id,
        type: 'identity' as const,
        system: 'test',
        instance: '',
        kind: 'k',
        native: id,
        first_seen: 0,
        last_seen: 0,
        gone_at: null,
        merged_into: null,
      })),
    )
    .execute()
  await db
    .insertInto('sighting')
    .values(
      ['c0', 'c1', 'c2'].map(entity_id => ({ entity_id, source_id: 's0', last_seen: 0, gone_at: null })),
    )
    .execute()
  for (const source_id of ['s0', 's1'])
    await db
      .insertInto('watch')
      .values({
        source_id,
        next_at: 0,
        failures: 0,
        error: null,
        baseline_at: 500,
        claimed_by: null,
        claim_epoch: 0,
        claim_until: null,
      })
      .execute()
  const rows = Array.from({ length: count }, (_, at) => ({
    id: `copy-${String(at).padStart(6, '0')}`,
    source_id: `s${below(SYSTEMS.length)}`,
    container_id: 'box',
    document: `d${at}`,
    path: pick(PATHS),
    member: chance(0.2) ? 'in/it' : '',
    version: chance(0.2) ? 'reported:1' : null,
    slots: '[]',
    kind: 'k',
    fingerprint: `f${below(20)}`,
    claim_id: pick(['c0', 'c1', 'c2', null, null]),
    confidence: chance(0.8) ? 0.9 : 0.2,
    allowance: pick([null, null, '', 'a test needs it']),
    facts: null,
    reasons: null,
    first_seen: below(1000),
    last_seen: 1000,
    gone_at: chance(0.3) ? 1000 : null,
  }))
  for (let at = 0; at < rows.length; at += 500)
    await db
      .insertInto('copy')
      .values(rows.slice(at, at + 500))
      .execute()
}

/** The same by a statement for each question. */
async function asked(db: Db) {
  const rows = await db
    .selectFrom('copy')
    .innerJoin('source', 'source.id', 'copy.source_id')
    .leftJoin('watch', 'watch.source_id', 'copy.source_id')
    .selectAll('copy')
    .select(['source.system', 'watch.baseline_at'])
    .execute()
  const root: Record<string, string> = { s1: '/srv/', s4: '/srv/prod/' }
  return rows.map(row => ({
    ...row,
    key: `${root[row.source_id] ?? `${row.source_id} `}${row.path}${row.member === '' ? '' : `!/${row.member}`}`,
    isFree: (row.allowance ?? '') === '',
    isReported: row.version !== null,
  }))
}

/** All that is kept of them, as texts. */
function told(kept: ValuesKept) {
  const values = new ValuesOfCopies(kept)
  const claims = values.claims()
  return Array.from({ length: values.count }, (_, value) => ({
    fingerprint: values.fingerprintOf(value),
    places: values.groupsOf(value).length > 1 ? values.placesIn(value, values.groupsOf(value)) : undefined,
    firstSeen: values.firstSeen(value),
    exposedSince: values.exposedSince(value),
    groups: values.groupsOf(value).map(group => ({
      claimId: values.claimOf(group) === NONE ? null : claims[values.claimOf(group)],
      places: values.placesIn(value, [group]),
      first: values.firstPlaceOf(group),
      last: values.placeOf(group, GROUP.last),
      unsettledPlaces: values.unsettledPlaces(group),
      unsettled: values.placeOf(group, GROUP.unsettled),
      sorts: Object.fromEntries(SORTS.map(sort => [sort, values.placeOfSort(group, sort)])),
    })),
  }))
}

test('of each value and claim it is told in how many places it stands, and of which sorts', async () => {
  const { db, close } = await openOwnStore()
  await writeCopies(db, 'copies', 2500)
  const { values, newKeys, inCode } = await readCopies(db)
  const byFingerprint = new Map(told(values).map(value => [value.fingerprint, value]))
  const rows = await asked(db)
  const keysOf = (own: typeof rows) => [...new Set(own.map(({ key }) => key))].sort()
  for (const [fingerprint, all] of Map.groupBy(rows, row => row.fingerprint)) {
    const value = byFingerprint.get(fingerprint)!
    const counted = all.filter(row => row.gone_at === null && row.confidence > 0.5 && row.system !== 'report')
    expect(value.places).toBe(keysOf(counted).length)
    const seen = all.filter(
      row => row.confidence > 0.5 && row.isFree && ['git', 'slack'].includes(row.system),
    )
    expect(value.firstSeen).toBe(Math.min(...all.map(row => row.first_seen)))
    expect(value.exposedSince).toBe(Math.min(...seen.map(row => row.first_seen)))
    for (const group of value.groups) {
      const own = counted.filter(row => row.claim_id === group.claimId)
      const first = (is: (row: (typeof rows)[number]) => boolean) => keysOf(own.filter(is))[0]
      const unsettled = all.filter(
        row =>
          row.claim_id === group.claimId &&
          row.gone_at === null &&
          row.confidence > 0.5 &&
          row.baseline_at === null &&
          row.isFree &&
          !row.isReported,
      )
      expect(group).toMatchObject({
        places: keysOf(own).length,
        first: keysOf(own)[0],
        last: keysOf(own).at(-1),
        unsettledPlaces: keysOf(unsettled).length,
      })
      expect(group.sorts).toEqual({
        code: first(row => row.isFree && row.system === 'git'),
        chat: first(row => row.isFree && row.system === 'slack'),
        production: first(({ path }) => path.startsWith('prod/') || path.includes('-live/')),
        other: first(({ path }) => /^dev\/|\.staging$|\/test\//.test(path)),
        unnamed: first(({ path }) => !/prod\/|-live\/|^dev\/|\.staging$|\/test\//.test(path)),
        personal: first(({ path }) => path === '.netrc'),
      })
    }
  }
  // What is new, and what stands, or stood, of the same value in the same document.
  const fresh = rows.filter(
    row =>
      row.gone_at === null && (row.baseline_at === null ? row.isReported : row.first_seen > row.baseline_at),
  )
  const same = new Set(fresh.map(row => `${row.fingerprint} ${row.key}`))
  expect(newKeys.length).toBe(rows.filter(row => same.has(`${row.fingerprint} ${row.key}`)).length)
  const places = Map.groupBy(placesInCode(inCode), ({ entity_id }) => entity_id)
  expect([...places.keys()]).toEqual(['c0', 'c1', 'c2'])
  for (const own of places.values()) {
    expect(own.length).toBeLessThanOrEqual(8)
    expect(own.every(({ path, container_id }) => PATHS.includes(path) && container_id === 'box')).toBe(true)
  }
  await close()
})

test('threads find out the same', async () => {
  const file = join(await ownDirectory(), 'store')
  const db = await openStore(file)
  await writeCopies(db, 'thread', 600)
  const here = await readCopies(db)
  const { copies, owners, machines } = inThreads(file, 0)
  expect(await machines()).toBeUndefined()
  const there = await copies
  expect(told(there.values)).toEqual(told(here.values))
  expect(there.newKeys).toEqual(here.newKeys)
  const weighed = await weighAll(db, 0, await nonHumans(db), async () => placesInCode(here.inCode))
  expect([...weighed.keys()]).toEqual(['c0', 'c1', 'c2'])
  const asked = owners()
  expect(await machines()).toEqual(await nonHumans(db))
  expect(await asked).toEqual(weighed)
  await db.destroy()
})

test('of very many copies the same is found, and whoever writes does not wait while it is looked for', async () => {
  const file = join(await ownDirectory(), 'store')
  const [db, other] = [await openStore(file), await openStore(file)]
  await writeCopies(db, 'many', 600)
  const world = { io: { ...realIo(), now: () => new Date(0) }, keys: testKeys }
  const { counts } = await runChecks(db, world, checks)
  const findings = () =>
    other.selectFrom('finding').select(['check', 'entity_id', 'why']).orderBy('id').execute()
  const found = await findings()
  expect(found.length).toBeGreaterThan(0)
  // By that number their size is told.
  await sql`update copy set rowid = 1000000 where rowid = (select max(rowid) from copy)`.execute(db)
  expect(await runChecks(db, world, checks)).toEqual({ changes: [], counts })
  const writing: Check = {
    id: 'writing',
    title: '',
    why: '',
    fix: '',
    severity: 'low',
    frameworks: [],
    population: async () => new Map([['c0', undefined]]),
    async find(context) {
      await owned(context)
      await sql`begin immediate`.execute(other)
      await sql`rollback`.execute(other)
      expect(await findings()).toEqual(found)
      return [{ entityId: 'c0', outcome: 'fails', why: 'w' }]
    },
  }
  const { changes } = await runChecks(db, world, [...checks, writing])
  expect(changes.map(({ check }) => check)).toEqual(['writing'])
  await db.destroy()
  await other.destroy()
})

test('a thread that cannot read says so, to whoever asks for owners too', async () => {
  const file = join(await ownDirectory(), 'store')
  const db = await openStore(file)
  await sql`drop table copy`.execute(db)
  const { copies, owners } = inThreads(file, 0)
  await expect(owners()).rejects.toThrow('no such table: copy')
  await expect(copies).rejects.toThrow('no such table: copy')
  await db.destroy()
})

test('the thread that weighs owners ends with an error where the other one is gone', async () => {
  const file = join(await ownDirectory(), 'store')
  await (await openStore(file)).destroy()
  const [copies, read] = [new MessageChannel(), new MessageChannel()]
  const program = new URL('../../../../src/judge/posture/checks/owners-thread.ts', import.meta.url)
  const task: OwnersTask = { file, now: 0, fromCopies: copies.port2, whenRead: read.port1 }
  const worker = new Worker(program, { workerData: task, transferList: [copies.port2, read.port1] })
  copies.port1.close()
  await expect(once(worker, 'exit')).rejects.toThrow('nobody tells of copies any more')
  read.port2.close()
})
