import { expect, test } from 'vitest'
import type { Ref } from '../../../src/core/contract/ref.ts'
import { workloadGone } from '../../../src/judge/posture/checks/workload-gone.ts'
import { workflowUses } from '../../../src/judge/requirements/workflow-uses.ts'
import type { Finding } from '../../../src/know/inventory/fold.ts'
import { entityByRef } from '../../../src/know/inventory/queries.ts'
import { loadRoots } from '../../../src/know/inventory/roots.ts'
import { disconnect } from '../../../src/know/observe/disconnect.ts'
import { openEstate, role, sawCopy, sawRole, tree } from '../../know/estate.ts'
import { judged, withPassword } from '../posture/checks/judged.ts'

const cluster = { system: 'kubernetes', instance: '?directory:tree-1' }

/** A manifest with one Secret, or with several: then which value is whose is not told. */
function manifest(name: string, certainty: 'proven' | 'conditional'): Finding[] {
  const path = `${name}.yaml`
  const secret: Ref = { ...cluster, kind: 'secret', id: `?shop/secret/${name}` }
  const job: Ref = { ...cluster, kind: 'cronjob', id: `?shop/cronjob/${name}` }
  const file: Ref = { ...tree, kind: 'file', id: path }
  return [
    { see: 'workload', ref: job, names: [name], facts: {} },
    { see: 'resource', ref: secret, names: [], facts: {} },
    { see: 'resource', ref: file, names: [], facts: {} },
    {
      see: 'edge',
      from: job,
      to: secret,
      crossing: 'reads-secret',
      certainty: 'proven',
      why: 'in its environment',
    },
    { see: 'edge', from: secret, to: file, crossing: 'written-in', certainty, why: 'it stands there' },
    sawCopy({ value: name, path, claims: role(name) }),
    sawRole(name, [name]),
  ]
}

test('who reads a Secret uses what stands in its manifest, where that is the Secret’s alone', async () => {
  const estate = await openEstate()
  await estate.fold(await estate.source(), [...manifest('one', 'proven'), ...manifest('two', 'conditional')])
  const roots = await loadRoots(estate.db)
  const id = async (name: string) => (await entityByRef(estate.db, 'identity', role(name)))!.id
  const ids = [await id('one'), await id('two')]
  // Of many it is asked in another way.
  for (const others of [[], Array.from({ length: 120 }, (_, at) => `other-${at}`)]) {
    const found = await workflowUses(estate.db, roots, [...ids, ...others])
    expect([...found].map(([of, uses]) => [of, uses.map(({ name, why }) => [name, why])])).toEqual([
      [ids[0], [['one', 'in its environment']]],
    ])
  }
})

test('whoever used it and is out of sight, as its source was disconnected, is not told to be gone', async () => {
  const estate = await openEstate()
  const job: Ref = { ...cluster, kind: 'cronjob', id: '?shop/cronjob/nightly' }
  const told: Finding[] = [
    { see: 'workload', ref: job, names: ['nightly'], facts: {} },
    { see: 'edge', from: job, to: role('1'), crossing: 'runs-as', certainty: 'proven', why: 'it says so' },
  ]
  const source = await estate.source()
  await estate.fold(source, told)
  await estate.fold(await estate.source(), withPassword('1', {}))
  await estate.db.updateTable('source').set({ observed_at: estate.clock.ms }).execute()
  const uses = async () => {
    const { id } = (await entityByRef(estate.db, 'identity', role('1')))!
    const found = await workflowUses(estate.db, await loadRoots(estate.db), [id])
    return found.get(id)?.map(({ isGone, isOutOfSight }) => ({ isGone, isOutOfSight }))
  }
  expect(await uses()).toEqual([{ isGone: false, isOutOfSight: false }])
  expect((await judged(estate, workloadGone)).counts).toEqual({ fails: 0, unknown: 0, passes: 1 })
  await disconnect(estate.db, estate.io, source.id, { by: 'ann' })
  expect(await uses()).toEqual([{ isGone: true, isOutOfSight: true }])
  expect((await judged(estate, workloadGone)).counts).toEqual({ fails: 0, unknown: 1, passes: 0 })
})
