import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checks } from '../../../src/judge/posture/all.ts'
import { type Check, type Judgement } from '../../../src/judge/posture/check.ts'
import { runChecks } from '../../../src/judge/posture/run-checks.ts'
import type { Row } from '../../../src/core/store/schema.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { openStore, transaction } from '../../../src/core/store/store.ts'
import type { Finding } from '../../../src/know/inventory/fold.ts'
import { mergeIdentities } from '../../../src/know/inventory/link.ts'
import { entityByRef } from '../../../src/know/inventory/queries.ts'
import { markGone } from '../../../src/know/inventory/standing.ts'
import { openEstate, ownDirectory, role, sawCopy, sawRole, testKeys, tree, WEAK } from '../../know/estate.ts'

describe('findings', () => {
  /** One check whose word is ours, on the roles of one source. */
  async function judged() {
    const estate = await openEstate()
    await estate.fold(await estate.source(), [sawRole('1', ['app']), sawRole('2', ['other'])])
    const idOf = async (oid: string) => (await entityByRef(estate.db, 'identity', role(oid)))!.id
    const [one, two] = [await idOf('1'), await idOf('2')]
    let says: Judgement[] = []
    const check: Check = {
      id: 'ours',
      title: 'ours',
      why: '',
      fix: '',
      severity: 'low',
      frameworks: [],
      population: async () => new Map([one, two].map(id => [id, undefined])),
      find: async () => says,
    }
    const run = async (...judgements: Judgement[]) => {
      says = judgements
      estate.clock.ms += 1000
      return await runChecks(estate.db, estate, [check])
    }
    const stored = async () =>
      await estate.db.selectFrom('finding').select(['entity_id', 'why', 'first_seen', 'ended_at']).execute()
    return { ...estate, one, two, run, stored }
  }

  test('begin once, are kept up, end, and begin again', async () => {
    const { one, two, run, stored, clock } = await judged()
    const fails = (why: string): Judgement => ({ entityId: one, outcome: 'fails', why })
    expect(await run(fails('first'))).toEqual({
      changes: [{ check: 'ours', entityId: one, change: 'begun', why: 'first' }],
      counts: [{ check: 'ours', fails: 1, unknown: 0, passes: 1 }],
    })
    const began = clock.ms
    expect((await run(fails('second'))).changes).toEqual([])
    expect(await stored()).toEqual([{ entity_id: one, why: 'second', first_seen: began, ended_at: null }])
    const news = ['since 1', 'since 2']
    expect((await run({ ...fails('a since 1'), news: news.slice(0, 1) })).changes).toMatchObject([
      { entityId: one, change: 'spread', why: 'a since 1' },
    ])
    expect((await run({ ...fails('b since 2, a since 1'), news })).changes).toMatchObject([
      { change: 'spread' },
    ])
    // A line that moves, and a place that is left.
    expect((await run({ ...fails('b since 2, c since 1'), news })).changes).toEqual([])
    expect((await run({ ...fails('b since 2'), news: news.slice(1) })).changes).toEqual([])
    expect((await run()).changes).toMatchObject([{ entityId: one, change: 'ended' }])
    expect((await run()).changes).toEqual([])
    expect((await run(fails('third'), { ...fails('x'), entityId: two })).changes).toMatchObject([
      { entityId: one, change: 'begun' },
      { entityId: two, change: 'begun' },
    ])
    expect(await stored()).toHaveLength(2)
  })

  test('that are unknown neither begin nor end', async () => {
    const { one, run, stored } = await judged()
    const unknown: Judgement = { entityId: one, outcome: 'unknown', why: '?' }
    expect(await run(unknown)).toMatchObject({ changes: [], counts: [{ fails: 0, unknown: 1, passes: 1 }] })
    await run({ ...unknown, outcome: 'fails' })
    expect((await run(unknown)).changes).toEqual([])
    expect(await stored()).toMatchObject([{ ended_at: null }])
  })

  test('of what became one thing are one', async () => {
    const { db, io, one, two, run, stored } = await judged()
    const fails = (entityId: string): Judgement => ({ entityId, outcome: 'fails', why: 'w' })
    await run(fails(one), fails(two))
    await transaction(db, tx => mergeIdentities(tx, io, one, two, 'ann says so'))
    expect((await run(fails(two))).changes).toEqual([])
    expect((await stored()).filter(row => row.ended_at === null)).toHaveLength(1)
  })

  test('are told to one of several that check at once, and stand in evidence', async () => {
    const { db, one, run } = await judged()
    const all = await Promise.all([1, 2, 3].map(() => run({ entityId: one, outcome: 'fails', why: 'w' })))
    expect(all.flatMap(({ changes }) => changes)).toHaveLength(1)
    const evidence = await db.selectFrom('evidence').select(['kind', 'subject']).execute()
    expect(evidence).toEqual([{ kind: 'finding.begun', subject: one }])
  })
})

test('what somebody writes while checks are asked waits for none of them, and what was found out since stands', async () => {
  const file = join(await ownDirectory(), 'store')
  const [db, other] = [await openStore(file), await openStore(file)]
  const at = { first_seen: 0, last_seen: 0, gone_at: null }
  const [entityId, now] = ['thing', 1000]
  const ref = { system: 'test', instance: '', kind: 'k', native: 'n' }
  await db
    .insertInto('entity')
    .values({ id: entityId, type: 'identity', ...ref, ...at, merged_into: null })
    .execute()
  const check: Check = {
    id: 'ours',
    title: 'ours',
    why: '',
    fix: '',
    severity: 'low',
    frameworks: [],
    population: async () => new Map([[entityId, undefined]]),
    async find() {
      // By a connection of its own, as another process has it.
      const seen = { first_seen: now + 1, last_seen: now + 1, ended_at: null }
      await other
        .insertInto('finding')
        .values({ id: 'f', check: 'ours', entity_id: entityId, why: 'newer', ...seen })
        .execute()
      return [{ entityId, outcome: 'fails', why: 'older' }]
    },
  }
  expect(
    (await runChecks(db, { io: { ...realIo(), now: () => new Date(now) }, keys: testKeys }, [check])).changes,
  ).toEqual([])
  expect(await db.selectFrom('finding').select('why').execute()).toEqual([{ why: 'newer' }])
  await db.destroy()
  await other.destroy()
})

describe('copy-outside-approved-store', () => {
  async function watched() {
    const estate = await openEstate()
    const sources = new Map<string, Row<'source'>>()
    /** A run of a source to its end: what it does not say again is gone. */
    const observe = async (name: string, findings: Finding[], config: object = {}) => {
      let source = sources.get(name)
      if (!source) {
        source = await estate.source(name)
        sources.set(name, source)
        const change = { system: 'directory', config: JSON.stringify(config) }
        await estate.db.updateTable('source').set(change).where('id', '=', source.id).execute()
        await estate.db
          .insertInto('watch')
          .values({
            source_id: source.id,
            next_at: 0,
            failures: 0,
            error: null,
            baseline_at: null,
            claimed_by: null,
            claim_epoch: 0,
            claim_until: null,
          })
          .execute()
      }
      await estate.fold(source, findings)
      const at = estate.clock.ms
      await transaction(estate.db, tx =>
        markGone(tx, source.id, at, [{ scope: 's', complete: true }], {
          listsAll: true,
          readsDocuments: true,
        }),
      )
      await estate.db
        .updateTable('watch')
        .set({ baseline_at: at })
        .where('source_id', '=', source.id)
        .where('baseline_at', 'is', null)
        .execute()
    }
    const approve = (path: string): Finding => ({
      see: 'resource',
      ref: { ...tree, kind: 'file', id: path },
      names: [],
      facts: { approved: { value: true } },
    })
    const run = async () => {
      const { changes, counts } = await runChecks(estate.db, estate, checks)
      return { changes: changes.map(({ change, why }) => `${change} ${why}`), ...counts[0]! }
    }
    return { ...estate, observe, approve, run }
  }
  const copy = (path: string, more: object = {}) => sawCopy({ value: 'v', path, claims: role('1'), ...more })

  test('what was there from the beginning is no news; what comes later is, until it is gone', async () => {
    const { observe, run } = await watched()
    await observe('a', [copy('old')])
    expect(await run()).toMatchObject({ changes: [], fails: 0, passes: 1, unknown: 0 })
    await observe('a', [copy('old'), copy('new')])
    expect((await run()).changes).toEqual([
      expect.stringMatching(/^begun it stands, unapproved, in directory:a\/new:1 since 2026-/),
    ])
    await observe('a', [copy('old'), copy('new')])
    expect(await run()).toMatchObject({ changes: [], fails: 1 })
    await observe('a', [copy('old')])
    expect((await run()).changes).toEqual([expect.stringContaining('ended')])
  })

  test('a file that is changed around the secret is the same place', async () => {
    const { observe, run } = await watched()
    await observe('a', [copy('old', { version: 'sha256:1' })])
    await observe('a', [copy('old', { version: 'sha256:2', at: '9-17' })])
    expect((await run()).changes).toEqual([])
    await observe('a', [])
    await observe('a', [copy('old', { version: 'sha256:3' })])
    expect((await run()).changes).toEqual([expect.stringContaining('directory:a/old')])
  })

  test('a source that is read for the first time is news where the credential has an approved store already', async () => {
    const { observe, approve, run, db } = await watched()
    await observe('store', [approve('.env'), copy('.env')])
    expect(await run()).toMatchObject({ changes: [], passes: 1 })
    await observe('repo', [copy('src/config.js')])
    expect((await run()).changes).toEqual([expect.stringContaining('directory:repo/src/config.js:1')])
    await db.updateTable('credential').set({ state: 'dead' }).execute()
    expect((await run()).changes).toEqual([expect.stringContaining('ended')])
  })

  test('an approved file is approved whichever source sees it', async () => {
    const { observe, approve, run } = await watched()
    await observe('store', [approve('.env'), copy('.env')], { path: '/srv/app/deploy' })
    await observe('all', [copy('deploy/.env')], { path: '/srv/app' })
    expect(await run()).toMatchObject({ changes: [], passes: 1 })
    await observe('all', [copy('deploy/.env'), copy('deploy/.env.bak')], { path: '/srv/app' })
    expect((await run()).changes).toEqual([expect.stringContaining('.env.bak')])
  })

  test('where its source was never read to the end, it is unknown', async () => {
    const { observe, run, db } = await watched()
    await observe('a', [copy('x')])
    await db.updateTable('watch').set({ baseline_at: null }).execute()
    expect(await run()).toMatchObject({ changes: [], fails: 0, unknown: 1, passes: 0 })
  })

  test('what is hardly a secret raises no alarm', async () => {
    const { observe, run } = await watched()
    await observe('a', [copy('old')])
    await observe('a', [copy('old'), copy('new', { confidence: 0.3, strengthBits: WEAK })])
    expect((await run()).changes).toEqual([])
  })

  test('what someone allowed with a reason raises none, and without a reason it does', async () => {
    const { observe, run, db } = await watched()
    await observe('a', [copy('old')])
    await observe('a', [copy('old'), copy('new')])
    const allow = (allowance: string) =>
      db.updateTable('copy').set({ allowance }).where('path', '=', 'new').execute()
    await allow('a test needs it')
    expect(await run()).toMatchObject({ changes: [], fails: 0 })
    await allow('')
    expect(await run()).toMatchObject({ fails: 1 })
  })

  test('many places are told in part, with how many more', async () => {
    const { observe, run } = await watched()
    await observe('a', [])
    await observe(
      'a',
      Array.from({ length: 9 }, (_, n) => copy(`f${n}`)),
    )
    const [begun = ''] = (await run()).changes
    expect(begun).toContain('directory:a/f0:1')
    expect(begun).toContain(', and 4 more')
  })
})
