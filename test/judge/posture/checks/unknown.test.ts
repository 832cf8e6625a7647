import { expect, test } from 'vitest'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import { administrator } from '../../../../src/judge/posture/checks/administrator.ts'
import { copyInChat } from '../../../../src/judge/posture/checks/copy-in-chat.ts'
import { leakedInCode } from '../../../../src/judge/posture/checks/leaked-in-code.ts'
import { looseFederation } from '../../../../src/judge/posture/checks/loose-federation.ts'
import { ownerDeparted } from '../../../../src/judge/posture/checks/owner-departed.ts'
import { thirdPartyAppEverywhere } from '../../../../src/judge/posture/checks/third-party-app-everywhere.ts'
import { unused } from '../../../../src/judge/posture/checks/unused.ts'
import { workloadGone } from '../../../../src/judge/posture/checks/workload-gone.ts'
import { role, sawRole } from '../../../know/estate.ts'
import { copyOf, judged, toldBy, withPassword } from './judged.ts'

const counts = (fails: number, unknown: number, passes: number) => ({ fails, unknown, passes })

test('where no chat and no code was read, whether something stands in one is not known', async () => {
  const estate = await toldBy('postgres', withPassword('1', {}))
  await toldBy('bucket', [copyOf('1', 'a')], estate)
  expect((await judged(estate, copyInChat)).counts).toEqual(counts(0, 1, 0))
  expect((await judged(estate, leakedInCode)).counts).toEqual(counts(0, 1, 0))
  await toldBy('slack', [], estate)
  await toldBy('git', [], estate)
  expect((await judged(estate, copyInChat)).counts).toEqual(counts(0, 0, 1))
  expect((await judged(estate, leakedInCode)).counts).toEqual(counts(0, 0, 1))
})

test('where nothing tells who left, nobody is said to be there', async () => {
  const owned: Finding[] = [
    sawRole('1', ['role1']),
    { see: 'owner', of: role('1'), owner: 'ann@acme.example', source: 'the tag owner', weight: 0.9 },
  ]
  const estate = await toldBy('postgres', owned)
  expect((await judged(estate, ownerDeparted)).counts).toEqual(counts(0, 1, 0))
  const person = (isActive: boolean): Finding => ({
    see: 'resource',
    ref: { system: 'people', instance: 'hr', kind: 'person', id: 'ann' },
    names: ['Ann'],
    facts: { mails: { value: ['ann@acme.example'] }, isActive: { value: isActive } },
  })
  await toldBy('directory', [person(true)], estate)
  expect((await judged(estate, ownerDeparted)).counts).toEqual(counts(0, 0, 1))
  await toldBy('directory', [person(false)], estate)
  expect((await judged(estate, ownerDeparted)).counts).toMatchObject({ passes: 0 })
})

test('an app of which is not told what it may do, and where, is not passed', async () => {
  const app = (id: string, facts: Record<string, unknown>): Finding => ({
    see: 'identity',
    ref: { system: 'github', instance: 'github.com', kind: 'app-installation', id },
    names: [id],
    facts: Object.fromEntries(
      Object.entries(facts).map(([name, value]) => [name, { value: value as string }]),
    ),
  })
  const estate = await toldBy('github', [
    app('untold', {}),
    app('few', { repositories: 'selected' }),
    app('all', { repositories: 'all', permissions: { secrets: 'write' } }),
  ])
  expect((await judged(estate, thirdPartyAppEverywhere)).counts).toEqual(counts(1, 1, 1))
})

test('what was never used, of which is not told when it was made, may be new', async () => {
  const estate = await toldBy('postgres', [
    ...withPassword('1', { lastUsed: 'never' }),
    ...withPassword('2', { lastUsed: 'never', created: '2025-01-01T00:00:00Z' }),
    ...withPassword('3', { lastUsed: '2025-12-31T00:00:00Z' }),
    ...withPassword('4', { lastUsed: 'some time' }),
  ])
  expect((await judged(estate, unused)).counts).toEqual(counts(1, 2, 1))
})

test('where nothing tells what uses an identity, nobody can say that it is gone', async () => {
  const estate = await toldBy('postgres', withPassword('1', {}))
  expect((await judged(estate, workloadGone)).counts).toEqual(counts(0, 1, 0))
})

test('who may do everything under a condition may or may not be an administrator', async () => {
  const user = (id: string, statements: readonly Record<string, unknown>[]): Finding[] => {
    const of = { system: 'aws', instance: '1', kind: 'user', id }
    const document = {
      Version: '2012-10-17',
      Statement: statements.map(one => ({ Effect: 'Allow', ...one })),
    }
    const text = JSON.stringify({ kind: 'identity', name: 'own', document })
    return [
      { see: 'identity', ref: of, names: [id], facts: {} },
      { see: 'policy', on: of, language: 'aws-iam', text },
    ]
  }
  const all = { Action: '*', Resource: '*' }
  const withMfa = { ...all, Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } }
  const estate = await toldBy('aws', [
    ...user('always', [withMfa, all]),
    ...user('perhaps', [withMfa]),
    ...user('never', [{ Action: 's3:GetObject', Resource: '*' }]),
  ])
  const { fails, counts: told } = await judged(estate, administrator)
  expect(told).toEqual(counts(1, 1, 1))
  expect(Object.keys(fails)).toEqual(['always'])
})

test('a condition that only who reads it can tell keeps strangers out, or does not', async () => {
  const provider = (id: string, facts: Record<string, string>): Finding => ({
    see: 'resource',
    ref: { system: 'gcp', instance: '1', kind: 'workload-identity-provider', id },
    names: [id],
    facts: Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, { value }])),
  })
  const estate = await toldBy('gcp', [
    provider('ours', {}),
    provider('everyones', { loose: 'it has no condition', unclear: 'it is so' }),
    provider('whose', { unclear: 'its condition lets them in' }),
  ])
  expect((await judged(estate, looseFederation)).counts).toEqual(counts(1, 1, 1))
})
