import { describe, expect, test } from 'vitest'
import { transaction } from '../../../src/core/store/store.ts'
import { moveCopy, registerIssued, setCredentialState } from '../../../src/know/inventory/issued.ts'
import {
  credentialsByFingerprint,
  credentialView,
  listCredentials,
} from '../../../src/know/inventory/queries.ts'
import { sayOwner, wordsOn } from '../../../src/know/inventory/owner-word.ts'
import { loadRoots } from '../../../src/know/inventory/roots.ts'
import { say, wordsById } from '../../../src/know/inventory/word.ts'
import {
  claim,
  fingerprintOf,
  openEstate,
  password,
  role,
  sawCopy,
  sawInstance,
  sawRole,
  tree,
} from '../estate.ts'

const issue = { strengthBits: 128, runId: 'run-1' }

async function withIssued() {
  const estate = await openEstate()
  const source = await estate.source()
  await estate.fold(source, [
    sawCopy({ value: 'old', path: '.env', at: '10-13', claims: role('1') }),
    sawCopy({ value: 'old', path: '.env', at: '30-33', claims: role('1') }),
    { see: 'occurrence', document: 'sha256:.env', path: '.env', atHead: true },
  ])
  const ref = { ...password('2'), identity: role('2') }
  const id = await transaction(estate.db, tx =>
    registerIssued(tx, estate.io, source.id, { ...issue, ref, fingerprint: fingerprintOf('new') }),
  )
  return { estate, source, id, ref }
}

describe('what Firebreak issued', () => {
  test('is known with its value before a connection lists it, once', async () => {
    const { estate, source, id, ref } = await withIssued()
    const again = await transaction(estate.db, tx =>
      registerIssued(tx, estate.io, source.id, { ...issue, ref, fingerprint: fingerprintOf('new') }),
    )
    expect(again).toBe(id)
    expect(await credentialView(estate.db, estate.keys, id)).toMatchObject({
      ref,
      issuedBy: 'run-1',
      strengthBits: 128,
    })
  })

  test('has what persons said of the identity in whose place it stands, and keeps what was said of it', async () => {
    const estate = await openEstate()
    const { db, io } = estate
    const source = await estate.source()
    await estate.fold(source, [sawRole('1', ['orders']), sawRole('2', ['orders_2'])])
    const idOf = async (native: string) =>
      (await db.selectFrom('entity').select('id').where('native', '=', native).executeTakeFirstOrThrow()).id
    const [before, after] = [await idOf('1'), await idOf('2')]
    await transaction(db, async tx => {
      await sayOwner(tx, io, { entityId: before, owner: 'payments', by: 'ann' })
      await say(tx, io, { entityId: before, name: 'purpose', value: 'orders', by: 'ann' })
      await say(tx, io, { entityId: before, name: 'environment', value: 'production', by: 'ann' })
      await say(tx, io, { entityId: after, name: 'environment', value: 'test', by: 'ben' })
    })
    const issued = {
      ...issue,
      ref: { ...password('2'), identity: role('2') },
      fingerprint: fingerprintOf('new'),
      replaces: { ...password('1'), identity: role('1') },
    }
    for (const _ of ['once', 'again']) await transaction(db, tx => registerIssued(tx, io, source.id, issued))
    expect(await wordsOn(db, [after])).toEqual([{ owner: 'payments', source: 'confirmed by ann' }])
    const words = (await wordsById(db, await loadRoots(db))).get(after)!
    expect(words.map(({ name, value, by, why }) => [name, value, by, why])).toEqual([
      ['environment', 'test', 'ben', null],
      ['purpose', 'orders', 'ann', 'it stands in the place of orders'],
    ])
    expect(await wordsOn(db, [before])).toHaveLength(1)
  })

  test('is the credential of copies that are found later', async () => {
    const { estate, source, id } = await withIssued()
    await estate.fold(source, [
      sawInstance(['db:5432']),
      sawRole('2', ['app_2']),
      sawCopy({ value: 'new', path: 'other', claims: claim('db:5432', 'app_2') }),
    ])
    const views = await credentialsByFingerprint(estate.db, estate.keys, fingerprintOf('new'))
    expect(views.map(view => view.id)).toEqual([id])
    expect(views[0]?.copies.map(copy => copy.place.path)).toEqual(['other'])
  })
})

describe('a place that was rewritten', () => {
  const place = {
    in: tree,
    path: '.env',
    version: 'sha256:new',
    slots: [
      { part: 'value' as const, at: '10-16', encodings: [], line: 1 },
      { part: 'value' as const, at: '33-39', encodings: [], line: 1 },
    ],
  }

  test('holds the new value in the slots of the old, and the old copies are gone', async () => {
    const { estate, id } = await withIssued()
    const [old] = await credentialsByFingerprint(estate.db, estate.keys, fingerprintOf('old'))
    const copyIds = old!.copies.map(copy => copy.id)
    const move = () =>
      transaction(estate.db, tx => moveCopy(tx, estate.io, copyIds, place, fingerprintOf('new')))
    await move()
    await move()
    const before = await credentialView(estate.db, estate.keys, old!.id)
    expect(before.copies.map(copy => copy.goneAt !== undefined)).toEqual([true, true])
    expect(before.copies.flatMap(copy => copy.occurrences.map(({ atHead }) => atHead))).toEqual([
      false,
      false,
    ])
    const now = await credentialView(estate.db, estate.keys, id)
    expect(
      now.copies.map(copy => [copy.place.version, copy.place.slots.map(slot => slot.at), copy.claim?.id]),
    ).toEqual([
      ['sha256:new', ['10-16'], '2'],
      ['sha256:new', ['33-39'], '2'],
    ])
    expect(now.copies[0]?.occurrences).toMatchObject([{ path: '.env', atHead: true }])
  })

  test('is read again as the same copies', async () => {
    const { estate, source, id } = await withIssued()
    const [old] = await credentialsByFingerprint(estate.db, estate.keys, fingerprintOf('old'))
    const copyIds = old!.copies.map(copy => copy.id)
    await transaction(estate.db, tx => moveCopy(tx, estate.io, copyIds, place, fingerprintOf('new')))
    const found = { value: 'new', path: '.env', version: 'sha256:new', claims: role('2') }
    await estate.fold(source, [sawCopy({ ...found, at: '10-16' }), sawCopy({ ...found, at: '33-39' })])
    expect((await credentialView(estate.db, estate.keys, id)).copies).toHaveLength(2)
  })

  test('bears one copy with all slots where their number changed', async () => {
    const { estate, id } = await withIssued()
    const [old] = await credentialsByFingerprint(estate.db, estate.keys, fingerprintOf('old'))
    const copyIds = old!.copies.map(copy => copy.id)
    const fewer = { ...place, slots: place.slots.slice(0, 1) }
    await transaction(estate.db, tx => moveCopy(tx, estate.io, copyIds, fewer, fingerprintOf('new')))
    expect((await credentialView(estate.db, estate.keys, id)).copies).toHaveLength(1)
  })
})

test('a state said of a merged credential is that of what it was merged into', async () => {
  const estate = await openEstate()
  const source = await estate.source()
  await estate.fold(source, [sawCopy({ value: 'v', path: 'a' })])
  const [unclaimed] = await listCredentials(estate.db, estate.keys)
  await estate.fold(source, [sawCopy({ value: 'v', path: 'b', claims: role('1') })])
  await transaction(estate.db, tx =>
    setCredentialState(tx, estate.io, unclaimed!.id, { state: 'dead', why: 'refused twice' }),
  )
  const [credential] = await listCredentials(estate.db, estate.keys)
  expect(credential).toMatchObject({ state: 'dead', stateWhy: 'refused twice', identity: { ref: role('1') } })
  expect(credential?.id).not.toBe(unclaimed!.id)
})
