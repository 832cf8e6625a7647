import { expect, test } from 'vitest'
import { staticKeyBesideFederation } from '../../../../src/judge/posture/checks/static-key-beside-federation.ts'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import { role, sawRole } from '../../../know/estate.ts'
import { copyOf, judged, toldBy, withPassword } from './judged.ts'

const job = { system: 'github', instance: 'github.com', kind: 'job', id: 'acme/app/deploy.yml#build' }
const federates = (oid: string): Finding[] => [
  { see: 'workload', ref: job, names: ['deploy'], facts: {} },
  {
    see: 'edge',
    from: job,
    to: role(oid),
    crossing: 'federates-into',
    certainty: 'proven',
    why: 'the job deploy asks for a token of its own',
  },
]

test('a key is found where its identity is federated into, and what has one or the other is not', async () => {
  const estate = await toldBy('postgres', [
    ...withPassword('1', { created: '2025-12-01T00:00:00Z' }),
    ...withPassword('2', { created: '2025-12-01T00:00:00Z' }),
    sawRole('3', ['role3']),
    ...federates('1'),
    ...federates('3'),
  ])
  expect(await judged(estate, staticKeyBesideFederation)).toEqual({
    fails: {
      role1: 'its identity is used without a key already: the job deploy asks for a token of its own',
    },
    counts: { fails: 1, unknown: 0, passes: 0 },
  })
})

test('of one that only a text tells of it is not known, until it is tried', async () => {
  const estate = await toldBy('postgres', [sawRole('1', ['role1']), copyOf('1', '.env'), ...federates('1')])
  expect((await judged(estate, staticKeyBesideFederation)).counts).toEqual({
    fails: 0,
    unknown: 1,
    passes: 0,
  })
  await estate.db.updateTable('credential').set({ state: 'live' }).execute()
  expect((await judged(estate, staticKeyBesideFederation)).counts).toMatchObject({ fails: 1 })
  await estate.db.updateTable('credential').set({ state: 'dead' }).execute()
  expect((await judged(estate, staticKeyBesideFederation)).counts).toEqual({
    fails: 0,
    unknown: 0,
    passes: 0,
  })
})
