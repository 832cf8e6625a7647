import { expect, test } from 'vitest'
import type { Ref } from '../../../../src/core/contract/ref.ts'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import { workloadsShareIdentity } from '../../../../src/judge/posture/checks/workloads-share-identity.ts'
import { judged, toldBy } from './judged.ts'

const ref = (kind: string, id: string): Ref => ({ system: 'kubernetes', instance: 'c1', kind, id })
const account = (id: string): Finding => ({
  see: 'identity',
  ref: ref('service-account', id),
  names: [id],
  facts: {},
})
const runs = (kind: string, id: string, as: string): Finding[] => [
  { see: 'workload', ref: ref(kind, id), names: [id], facts: {} },
  {
    see: 'edge',
    from: ref(kind, id),
    to: ref('service-account', as),
    crossing: 'runs-as',
    certainty: 'proven',
    why: 'it does',
  },
]

test('what two workloads run as fails; one with its own pod passes', async () => {
  const estate = await toldBy('kubernetes', [
    account('shared'),
    account('own'),
    account('idle'),
    ...runs('deployment', 'orders', 'shared'),
    ...runs('deployment', '?mail', 'shared'),
    ...runs('deployment', 'stock', 'own'),
    ...runs('pod', 'stock-1', 'own'),
  ])
  const { fails, counts } = await judged(estate, workloadsShareIdentity)
  expect(fails).toEqual({ shared: '2 workloads run as it: mail, orders' })
  expect(counts).toEqual({ fails: 1, unknown: 0, passes: 1 })
})
