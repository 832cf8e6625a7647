import { expect, test } from 'vitest'
import type { Ref } from '../../../../src/core/contract/ref.ts'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import { trustWithoutExternalId } from '../../../../src/judge/posture/checks/trust-without-external-id.ts'
import { judged, toldBy } from './judged.ts'

const OURS = '111111111111'
const VENDOR = 'arn:aws:iam::999999999999:root'
const role = (id: string): Ref => ({ system: 'aws', instance: OURS, kind: 'role', id })
const trusts = (id: string, document: unknown): Finding[] => [
  { see: 'identity', ref: role(id), names: [id], facts: {} },
  {
    see: 'policy',
    on: role(id),
    language: 'aws-iam',
    text: JSON.stringify({ kind: 'trust', name: 'trust policy', document }),
  },
]
const allow = (aws: unknown, condition?: object) => ({
  Statement: [
    {
      Effect: 'Allow',
      Action: 'sts:AssumeRole',
      Principal: { AWS: aws },
      ...(condition && { Condition: condition }),
    },
  ],
})

test('a stranger’s account that need give no external id fails; with one, and for accounts of our own, it passes or is no matter', async () => {
  const estate = await toldBy('aws', [
    ...trusts('open', allow([VENDOR, `arn:aws:iam::${OURS}:root`])),
    ...trusts('bare', allow('999999999999')),
    ...trusts('asked', allow(VENDOR, { StringEquals: { 'sts:ExternalId': 'x1' } })),
    ...trusts('other-condition', allow(VENDOR, { Bool: { 'aws:MultiFactorAuthPresent': 'true' } })),
    ...trusts('own', allow(`arn:aws:iam::${OURS}:root`)),
    ...trusts('service', { Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' } }] }),
    ...trusts('broken', null),
  ])
  const { fails, counts } = await judged(estate, trustWithoutExternalId)
  expect(Object.keys(fails).sort()).toEqual(['bare', 'open', 'other-condition'])
  expect(fails['open']).toContain('999999999999')
  expect(counts).toEqual({ fails: 3, unknown: 1, passes: 1 })
})
