import { describe, expect, test } from 'vitest'
import { transaction } from '../../../src/core/store/store.ts'
import { confirmCredential } from '../../../src/know/inventory/confirm.ts'
import {
  credentialsByFingerprint,
  credentialView,
  listCredentials,
} from '../../../src/know/inventory/queries.ts'
import {
  claim,
  type Estate,
  fingerprintOf,
  openEstate,
  password,
  role,
  sawCopy,
  sawPassword,
  sawRole,
} from '../estate.ts'

async function twoCredentials(claims = role('1')) {
  const estate = await openEstate()
  const source = await estate.source()
  await estate.fold(source, [
    sawRole('1', ['app']),
    sawPassword('1'),
    sawCopy({ value: 'v', path: 'a', claims }),
  ])
  const [copy] = await credentialsByFingerprint(estate.db, estate.keys, fingerprintOf('v'))
  const discovered = (await listCredentials(estate.db, estate.keys)).find(view => view.copies.length === 0)
  return { estate, source, copyId: copy!.id, discoveredId: discovered!.id }
}

const say = (
  estate: Estate,
  copy: string,
  discovered: string | undefined,
  state: 'live' | 'dead' | 'unknown',
) =>
  transaction(estate.db, tx =>
    confirmCredential(tx, estate.io, copy, discovered, { state, why: `it is ${state}` }),
  )

describe('a value that a system was asked about', () => {
  test('is the discovered credential’s own when it is live', async () => {
    const { estate, copyId, discoveredId } = await twoCredentials()
    await say(estate, copyId, discoveredId, 'live')
    const [credential, ...others] = await listCredentials(estate.db, estate.keys)
    expect(others).toEqual([])
    expect(credential).toMatchObject({
      id: discoveredId,
      ref: { ...password('1'), identity: role('1') },
      state: 'live',
      stateWhy: 'it is live',
      strengthBits: 120,
    })
    expect(credential?.copies).toHaveLength(1)
    expect((await credentialView(estate.db, estate.keys, copyId)).id).toBe(discoveredId)
  })

  test.each(['dead', 'unknown'] as const)('stays its own credential when it is %s', async state => {
    const { estate, copyId, discoveredId } = await twoCredentials()
    await say(estate, copyId, discoveredId, state)
    expect(await credentialView(estate.db, estate.keys, copyId)).toMatchObject({ id: copyId, state })
    expect(await credentialView(estate.db, estate.keys, discoveredId)).toMatchObject({
      state: 'unknown',
      copies: [],
    })
  })

  test('tells whom the text meant when it is live', async () => {
    const { estate, copyId, discoveredId } = await twoCredentials(claim('somewhere:5432', 'app'))
    await say(estate, copyId, discoveredId, 'live')
    const views = await listCredentials(estate.db, estate.keys)
    expect(views.map(({ identity }) => identity?.ref)).toEqual([role('1')])
    const merges = await estate.db.selectFrom('merge').select('reason').execute()
    const reasons = merges.map(row => row.reason)
    expect(reasons).toHaveLength(2)
    for (const reason of ['said live', 'accepted the value'])
      expect(reasons).toContainEqual(expect.stringContaining(reason))
  })

  test('has no credential to become where none was discovered', async () => {
    const { estate, copyId } = await twoCredentials()
    await say(estate, copyId, undefined, 'live')
    expect(await credentialView(estate.db, estate.keys, copyId)).toMatchObject({ id: copyId, state: 'live' })
  })

  test('leaves the former value behind when the password was changed', async () => {
    const { estate, source, copyId, discoveredId } = await twoCredentials()
    await say(estate, copyId, discoveredId, 'live')
    await estate.fold(source, [sawCopy({ value: 'w', path: 'b', claims: role('1') })])
    const [changed] = await credentialsByFingerprint(estate.db, estate.keys, fingerprintOf('w'))
    expect(changed?.id).not.toBe(discoveredId)
    await say(estate, changed!.id, discoveredId, 'live')
    const now = await credentialView(estate.db, estate.keys, discoveredId)
    expect(now.copies.map(copy => copy.place.path)).toEqual(['b'])
    const former = await credentialView(estate.db, estate.keys, copyId)
    expect(former).toMatchObject({ id: copyId })
    expect(former.copies.map(copy => copy.place.path)).toEqual(['a'])
  })

  test('asked twice, says the same', async () => {
    const { estate, copyId, discoveredId } = await twoCredentials()
    await say(estate, copyId, discoveredId, 'live')
    await say(estate, copyId, discoveredId, 'live')
    expect(await estate.db.selectFrom('merge').selectAll().execute()).toHaveLength(1)
    await say(estate, copyId, discoveredId, 'dead')
    expect(await credentialView(estate.db, estate.keys, discoveredId)).toMatchObject({ state: 'dead' })
  })
})
