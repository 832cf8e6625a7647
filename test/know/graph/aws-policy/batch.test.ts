import { describe, expect, test } from 'vitest'
import { answerLine, type BatchAnswer } from '../../../../src/know/graph/aws-policy/batch.ts'
import { ALICE, allow, DENIED, deny, named, NO, policy, ROLE, SESSION, YES } from './asking.ts'

const OBJECT = 'arn:aws:s3:::reports/2026/may.csv'
const OTHER = '999988887777'
type Line = Record<string, unknown>

function line({ request, ...rest }: Line = {}): Line {
  return {
    id: 'one',
    ...rest,
    request: {
      principal: ALICE,
      action: 's3:GetObject',
      resource: { resource: OBJECT, accountId: '111122223333' },
      context: {},
      ...(request as Line),
    },
  }
}
const answer = (given: Line) => answerLine(JSON.stringify(given))
const verdictOf = (given: Line) => (answer(given) as BatchAnswer).verdict

describe('a line of the batch', () => {
  const identityPolicies = [policy(allow())]
  const when = (condition: unknown, context: Line, more: Line = {}) =>
    line({ identityPolicies: [policy(allow({ Condition: condition }))], request: { context, ...more } })

  test.each<[string, Line, string]>([
    ['nothing but the request', line(), NO],
    ['a policy', line({ identityPolicies }), YES],
    ['a policy with a name', line({ identityPolicies: [{ name: 'p', policy: policy(allow()) }] }), YES],
    ['a policy as text', line({ identityPolicies: [JSON.stringify(policy(allow()))] }), YES],
    [
      'one statement, without a list',
      line({ identityPolicies: [{ Version: '2012-10-17', Statement: allow() }] }),
      YES,
    ],
    ['no statement', line({ identityPolicies: [{ Version: '2012-10-17', Statement: [] }] }), NO],
    ['an empty policy', line({ identityPolicies: [{}] }), NO],
    [
      'two statements of one name',
      line({ identityPolicies: [policy(allow({ Sid: 'a' }), deny({ Sid: 'a' }))] }),
      DENIED,
    ],
    ['fields that nobody knows', { ...line({ identityPolicies }), comment: [1, { a: null }] }, YES],
    [
      'nothing in all the places',
      line({
        identityPolicies,
        resourcePolicy: null,
        permissionBoundaries: null,
        serviceControlPolicies: null,
        resourceControlPolicies: [],
        endpointPolicies: [],
        sessionPolicy: null,
      }),
      YES,
    ],
    ['no boundaries are no limit', line({ identityPolicies, permissionBoundaries: [] }), YES],
    [
      'a boundary',
      line({ identityPolicies, permissionBoundaries: [policy(allow({ Action: 'ec2:*' }))] }),
      NO,
    ],
    ['an empty boundary lets nothing', line({ identityPolicies, permissionBoundaries: [policy()] }), NO],
    ['no levels', line({ identityPolicies, serviceControlPolicies: [] }), YES],
    [
      'every level',
      line({
        identityPolicies,
        serviceControlPolicies: [
          { orgIdentifier: 'r-1', policies: [policy(allow({ Action: '*' }))] },
          {
            orgIdentifier: 'ou-1',
            policies: [{ name: 'FullAWSAccess', policy: policy(allow({ Action: '*' })) }],
          },
        ],
      }),
      YES,
    ],
    [
      'a level with none',
      line({ identityPolicies, serviceControlPolicies: [{ orgIdentifier: 'r-1', policies: [] }] }),
      NO,
    ],
    [
      'a level with null',
      line({ identityPolicies, serviceControlPolicies: [{ orgIdentifier: 'r-1', policies: null }] }),
      NO,
    ],
    [
      'a level of the resource with none, where all have what allows all',
      line({ identityPolicies, resourceControlPolicies: [{ orgIdentifier: 'r-1', policies: [] }] }),
      YES,
    ],
    [
      'a level of the resource that denies',
      line({
        identityPolicies,
        resourceControlPolicies: [
          { orgIdentifier: 'r-1', policies: [policy(named('*', { Action: '*' }))] },
          { orgIdentifier: 'ou-1', policies: [policy({ ...named('*'), Effect: 'Deny' })] },
        ],
      }),
      DENIED,
    ],
    [
      'an endpoint',
      line({ identityPolicies, endpointPolicies: [policy(named('*', { Action: 'sqs:*' }))] }),
      NO,
    ],
    [
      'one of two endpoints',
      line({ identityPolicies, endpointPolicies: [policy(named('*')), policy()] }),
      YES,
    ],
    [
      'a session',
      line({ identityPolicies, sessionPolicy: policy(allow()), request: { principal: SESSION } }),
      YES,
    ],
    [
      'a session that lets nothing',
      line({ identityPolicies, sessionPolicy: policy(), request: { principal: SESSION } }),
      NO,
    ],
    ['a resource’s policy', line({ resourcePolicy: policy(named({ AWS: ALICE })) }), YES],
    [
      'another account’s',
      line({ identityPolicies, request: { resource: { resource: OBJECT, accountId: OTHER } } }),
      NO,
    ],
    [
      'an account as a number',
      line({ identityPolicies, request: { resource: { resource: OBJECT, accountId: 999988887777 } } }),
      NO,
    ],
    [
      'an account that is not given',
      line({ identityPolicies, request: { resource: { resource: OBJECT } } }),
      YES,
    ],
    [
      'an account that is empty',
      line({ identityPolicies, request: { resource: { resource: OBJECT, accountId: '' } } }),
      YES,
    ],
    ['a resource as text', line({ identityPolicies, request: { resource: OBJECT } }), YES],
    [
      'any resource',
      line({
        identityPolicies,
        request: { action: 's3:ListAllMyBuckets', resource: { resource: '*', accountId: '111122223333' } },
      }),
      YES,
    ],
    ['a principal with its ARN', line({ identityPolicies, request: { principal: { arn: ALICE } } }), YES],
    ['no context', line({ identityPolicies, request: { context: null } }), YES],
    ['a boolean', when({ Bool: { 'aws:SecureTransport': 'true' } }, { 'aws:SecureTransport': true }), YES],
    [
      'a boolean in the policy',
      when({ Bool: { 'aws:SecureTransport': true } }, { 'aws:SecureTransport': 'true' }),
      YES,
    ],
    ['a number', when({ NumericLessThan: { 's3:max-keys': 10 } }, { 's3:max-keys': 9 }), YES],
    [
      'a list',
      when({ 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'a' } }, { 'aws:TagKeys': ['b', 'a'] }),
      YES,
    ],
    ['a null is no value', when({ Null: { 'aws:TagKeys': 'true' } }, { 'aws:TagKeys': null }), YES],
    ['what is not given is absent', when({ Bool: { 'aws:MultiFactorAuthPresent': 'true' } }, {}), NO],
    [
      'what is not given, denied if it is not true',
      line({
        identityPolicies: [
          policy(allow(), deny({ Condition: { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } } })),
        ],
      }),
      DENIED,
    ],
    [
      'the principal’s ARN, not given',
      when({ ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/Al*' } }, {}),
      YES,
    ],
    [
      'the principal’s ARN, given',
      when({ ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/Al*' } }, { 'AWS:principalarn': ROLE }),
      NO,
    ],
    [
      'the principal’s ARN, said to be absent',
      when({ ArnLike: { 'aws:PrincipalArn': '*' } }, { 'aws:PrincipalArn': null }),
      NO,
    ],
    [
      'a session’s role',
      when(
        { StringEquals: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/Builder' } },
        {},
        { principal: SESSION },
      ),
      YES,
    ],
    ['its account', when({ StringEquals: { 'aws:PrincipalAccount': '111122223333' } }, {}), YES],
    [
      'its account and the resource’s',
      when({ StringEquals: { 'aws:ResourceAccount': '${aws:PrincipalAccount}' } }, {}),
      YES,
    ],
    [
      'its name',
      line({
        identityPolicies: [policy(allow({ Resource: 'arn:aws:s3:::reports/${aws:username}/*' }))],
        request: { resource: { resource: 'arn:aws:s3:::reports/Alice/x' } },
      }),
      YES,
    ],
    [
      'a deny for all but services',
      line({
        resourcePolicy: policy(named({ Service: 's3.amazonaws.com' }), {
          ...named('*'),
          Effect: 'Deny',
          Condition: { Bool: { 'aws:PrincipalIsAWSService': 'false' } },
        }),
        request: { principal: 's3.amazonaws.com' },
      }),
      YES,
    ],
    [
      'a statement that cannot be read, beside one that allows',
      line({ identityPolicies: [policy(allow(), allow({ NotAction: 'x:*' }))] }),
      YES,
    ],
    [
      'one that cannot be read and may deny',
      line({ identityPolicies: [policy(allow(), deny({ NotAction: 'x:*' }))] }),
      NO,
    ],
    ['one of which nothing can be read', line({ identityPolicies: [policy(allow()), 'no policy'] }), NO],
    ['an operator that there is not', when({ StringMatches: { a: 'b' } }, { a: 'b' }), NO],
    ['null in place of a policy', line({ identityPolicies: [null] }), NO],
    [
      'null in place of a level’s',
      line({ identityPolicies, serviceControlPolicies: [{ policies: [null] }] }),
      NO,
    ],
  ])('%s', (_, given, verdict) => expect(verdictOf(given)).toBe(verdict))

  test('the reason is a sentence, and what cannot be decided says why', () => {
    expect(answer(line({ identityPolicies: [policy(allow({ Sid: 'Read' }))] }))).toEqual({
      id: 'one',
      verdict: YES,
      because: 'allowed by Read of the identity policy identity policy 1',
    })
    const undecided = answer(line({ identityPolicies: [policy(allow(), deny({ NotAction: 'x:*' }))] }))
    expect(undecided).toMatchObject({
      verdict: NO,
      because: expect.stringContaining('has both Action and NotAction'),
    })
  })

  test.each<[string, string, object]>([
    ['no JSON', '{', { id: null, error: 'it is no JSON' }],
    ['no object', '7', { id: null }],
    ['no request', '{"id":"a"}', { id: 'a', error: expect.stringMatching(/^request/) }],
    [
      'no action',
      JSON.stringify(line({ request: { action: undefined } })),
      { id: 'one', error: expect.stringMatching(/^request\.action/) },
    ],
    [
      'policies that are none',
      '{"id":7,"identityPolicies":"x","request":{}}',
      { id: 7, error: expect.any(String) },
    ],
    [
      'a context of objects',
      JSON.stringify(line({ request: { context: { a: { b: 1 } } } })),
      { id: 'one', error: expect.stringMatching(/^request\.context\.a/) },
    ],
  ])('%s is an error of its own', (_, text, expected) => {
    const failure = answerLine(text)
    expect(failure).toMatchObject(expected)
    expect(failure).not.toHaveProperty('verdict')
  })

  test('an id of any kind comes back', () => {
    expect(answer({ ...line(), id: 7 })).toMatchObject({ id: 7, verdict: NO })
    expect(answer({ ...line(), id: null })).toMatchObject({ id: null, verdict: NO })
    expect(answer({ ...line(), id: undefined })).toMatchObject({ id: null, verdict: NO })
  })

  test('names of JavaScript’s own are names like others', () => {
    const given = line({
      identityPolicies: [policy(allow({ Condition: { StringEquals: { constructor: 'x' } } }))],
    })
    expect(verdictOf(given)).toBe(NO)
    const text = JSON.stringify(given)
      .replace('"constructor"', '"__proto__"')
      .replace('"context":{}', '"context":{"__proto__":"x"}')
    expect(answerLine(text)).toMatchObject({ verdict: expect.any(String) })
    const principal = policy({ ...named({ toString: ALICE, AWS: ALICE }) })
    expect(verdictOf(line({ resourcePolicy: principal }))).toBe(YES)
  })
})

test('a policy is read once, and called what it is called where it stands', () => {
  const denies = policy(deny())
  const because = (more: Line) => (answer(line(more)) as BatchAnswer).because
  for (let times = 0; times < 2; times++) {
    expect(because({ identityPolicies: [denies] })).toContain('identity policy 1')
    expect(because({ identityPolicies: [policy(allow()), denies] })).toContain('identity policy 2')
    expect(because({ identityPolicies: [{ name: 'mine', policy: denies }] })).toContain('mine')
    expect(because({ sessionPolicy: denies, identityPolicies: [policy(allow())] })).toContain(
      'session policy',
    )
  }
  // Nearly the same is not the same.
  expect(verdictOf(line({ identityPolicies: [policy(allow())] }))).toBe(YES)
  expect(verdictOf(line({ identityPolicies: [policy(allow({ Action: 's3:PutObject' }))] }))).toBe(NO)
})

test('a line that lies a hundred thousand times within itself is answered', () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  const text = JSON.stringify(line({ identityPolicies: ['HERE'] }))
  for (const given of [deep, `{"Version":"2012-10-17","Statement":${deep}}`])
    expect(answerLine(text.replace('"HERE"', given))).toMatchObject({
      verdict: NO,
      because: expect.stringContaining('cannot be read'),
    })
})

test('whatever stands in a line, it is answered', () => {
  const odd: unknown[] = [
    null,
    0,
    '',
    'x',
    [],
    {},
    [null],
    [[]],
    { Statement: null },
    { policy: null },
    { Statement: [{ Effect: 'Allow' }] },
    true,
  ]
  const places = [
    'identityPolicies',
    'resourcePolicy',
    'permissionBoundaries',
    'serviceControlPolicies',
    'resourceControlPolicies',
    'endpointPolicies',
    'sessionPolicy',
    'request',
    'id',
  ]
  for (const place of places)
    for (const value of odd) {
      for (const given of [value, [value], [{ policies: [value] }]]) {
        const said = answerLine(JSON.stringify({ ...line(), [place]: given }))
        expect('verdict' in said || 'error' in said).toBe(true)
      }
    }
  const statement = {
    Effect: 'Allow',
    Action: '*',
    Resource: '*',
    Principal: '*',
    Condition: { Bool: { a: true } },
  }
  for (const part of Object.keys(statement))
    for (const value of odd) {
      const said = answer(line({ resourcePolicy: policy({ ...statement, [part]: value }) }))
      expect(said).toHaveProperty('verdict')
    }
})
