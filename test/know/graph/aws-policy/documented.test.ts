import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { answerLine } from '../../../../src/know/graph/aws-policy/batch.ts'
import { ALICE, allow, named, NO, type Part, policy, YES } from './asking.ts'

const OURS = '111122223333'
const OBJECT = 'arn:aws:s3:::reports/2026/may.csv'
const EC2 = allow({ Action: 'ec2:*' })

/** Where AWS says what the cases of each group follow from. */
const USER_GUIDE = 'https://docs.aws.amazon.com/IAM/latest/UserGuide'
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  'who is named on the resource, and what limits it within one account': [
    `${USER_GUIDE}/reference_policies_evaluation-logic_policy-eval-denyallow.html`,
  ],
  'another account': [`${USER_GUIDE}/reference_policies_evaluation-logic-cross-account.html`],
  organizations: [
    'https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html',
    'https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html',
  ],
  'all principals but': [`${USER_GUIDE}/reference_policies_elements_notprincipal.html`],
  'who may assume a role': [
    `${USER_GUIDE}/id_roles_create_for-user_externalid.html`,
    `${USER_GUIDE}/id_roles_providers_create_oidc.html`,
    `${USER_GUIDE}/id_session-tags.html`,
  ],
  keys: ['https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html'],
  'policies as they are recommended': [
    `${USER_GUIDE}/access_policies_examples.html`,
    'https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html',
  ],
}
const caseSchema = z.looseObject({ id: z.string(), expected: z.string() })
const lines = readFileSync(new URL('documented-verdicts.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
const cases = lines.map(line => {
  const { id, expected } = caseSchema.parse(JSON.parse(line))
  return { id, expected, line }
})

describe('verdicts that follow from the documentation', () => {
  test.each(cases)('$id', ({ line, expected }) =>
    expect(answerLine(line)).toMatchObject({ verdict: expected }),
  )

  test('each says what it follows from', () => {
    const groups = new Set(cases.map(({ id }) => id.slice(0, id.indexOf(': '))))
    expect([...groups].sort()).toEqual(Object.keys(SOURCES).sort())
  })
})

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html: one or a list, numbers and booleans bare
describe('documents in every form that there may be', () => {
  const ask = (given: Part, more: Part = {}) =>
    answerLine(
      JSON.stringify({
        ...given,
        request: {
          principal: ALICE,
          action: 's3:GetObject',
          resource: { resource: OBJECT, accountId: OURS },
          ...more,
        },
      }),
    )
  const Version = '2012-10-17'
  test.each<[string, Part, string, Part?]>([
    ['a list that is one', { identityPolicies: policy(allow()) }, YES],
    [
      'a boundary that is one',
      { identityPolicies: [policy(allow())], permissionBoundaries: policy(EC2) },
      NO,
    ],
    [
      'an endpoint’s policy that is one',
      { identityPolicies: [policy(allow())], endpointPolicies: policy(named('*', { Action: 'sqs:*' })) },
      NO,
    ],
    [
      'a level that is one',
      {
        identityPolicies: [policy(allow())],
        serviceControlPolicies: { orgIdentifier: 'r', policies: policy(EC2) },
      },
      NO,
    ],
    ['one with its name that is one', { identityPolicies: { name: 'p', policy: policy(allow()) } }, YES],
    ['a statement that is one', { identityPolicies: [{ Version, Statement: allow() }] }, YES],
    ['lists of one', { identityPolicies: [policy(allow({ Action: ['s3:*'], Resource: ['*'] }))] }, YES],
    [
      'a principal of lists',
      { resourcePolicy: policy(named({ AWS: [ALICE], Service: ['s3.amazonaws.com'] })) },
      YES,
    ],
    [
      'an id, and what nobody knows',
      { identityPolicies: [{ Version, Id: 'x', Statement: [{ ...allow(), Comment: 1 }] }] },
      YES,
    ],
    ['no version', { identityPolicies: [{ Statement: allow() }] }, YES],
    ['an empty condition', { identityPolicies: [policy(allow({ Condition: {} }))] }, YES],
    [
      'a bare boolean',
      { identityPolicies: [policy(allow({ Condition: { Bool: { a: true } } }))] },
      YES,
      { context: { a: 'true' } },
    ],
    [
      'a bare number',
      { identityPolicies: [policy(allow({ Condition: { NumericEquals: { a: 5 } } }))] },
      YES,
      { context: { a: '5' } },
    ],
    [
      'a list of both',
      { identityPolicies: [policy(allow({ Condition: { StringEquals: { a: [5, true, 'x'] } } }))] },
      YES,
      { context: { a: 5 } },
    ],
    [
      'values of one key in two operators',
      {
        identityPolicies: [
          policy(allow({ Condition: { StringLike: { a: 'x*' }, StringNotLike: { a: '*y' } } })),
        ],
      },
      NO,
      { context: { a: 'x-y' } },
    ],
  ])('%s', (_, given, verdict, more) => expect(ask(given, more)).toMatchObject({ verdict }))

  test('a mark at the beginning of a text is no part of it', () => {
    const text = JSON.stringify({
      identityPolicies: [policy(allow())],
      request: { principal: ALICE, action: 's3:GetObject', resource: OBJECT },
    })
    expect(answerLine(`\uFEFF${text}`)).toMatchObject({ verdict: YES })
  })
})
