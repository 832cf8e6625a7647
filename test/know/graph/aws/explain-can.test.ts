import { describe, expect, test } from 'vitest'
import { readPolicy } from '../../../../src/know/graph/aws-policy/policy.ts'
import type { AwsAccount, AwsPrincipal } from '../../../../src/know/graph/aws/account.ts'
import { explainCan } from '../../../../src/know/graph/aws/explain-can.ts'

const NUMBER = '111122223333'
const NOW = Date.UTC(2026, 10, 28)

function principal(
  kind: 'user' | 'role' | 'group',
  name: string,
  statements: object[],
  trust?: object,
): AwsPrincipal {
  const read = (all: object[], of: string) => readPolicy({ Version: '2012-10-17', Statement: all }, of)
  return {
    id: name,
    uniqueId: name,
    kind,
    arn: `arn:aws:iam::${NUMBER}:${kind}/${name}`,
    account: NUMBER,
    policies: [read(statements, `${name}'s`)],
    managed: [],
    groups: [],
    boundary: undefined,
    trust: trust && read([trust], 'trust'),
    inInstanceProfile: false,
    tags: {},
    hasPassword: undefined,
    keyCount: undefined,
  }
}

const allow = (Action: string, more: object = {}) => ({ Effect: 'Allow', Action, Resource: '*', ...more })

function may(
  action: string,
  resource: string,
  statements: object[],
  context: Record<string, string[]> = {},
  kind: 'user' | 'group' = 'user',
) {
  const builder = principal('role', 'Builder', [], {
    Effect: 'Allow',
    Principal: { AWS: NUMBER },
    Action: 'sts:AssumeRole',
  })
  const account: AwsAccount = {
    id: 'account',
    number: NUMBER,
    partition: 'aws',
    principals: [principal(kind, 'Actor', statements), builder],
    rootUser: undefined,
    functions: [],
    managed: new Map(),
    stores: [],
    providers: new Map(),
    organization: { id: undefined, serviceControlPolicies: undefined, resourceControlPolicies: undefined },
  }
  return explainCan([account], 'Actor', action, resource, context, NOW)!
}

describe('whether a user may', () => {
  const key = `arn:aws:kms:eu-west-1:${NUMBER}:key/0b6f0c2e`

  test('what needs a policy of the resource that is not known hangs on it', () => {
    for (const [action, resource] of [
      ['kms:Decrypt', key],
      ['sqs:SendMessage', 'arn:aws:sqs:eu-west-1:999988887777:jobs'],
      ['sts:AssumeRole', 'arn:aws:iam::999988887777:role/Theirs'],
      ['sts:AssumeRole', `arn:aws:iam::${NUMBER}:role/NotRead`],
    ] as const) {
      const { verdict, because } = may(action, resource, [allow('*')])
      expect(verdict).toBe('Conditional')
      expect(because).toContain(
        `if the policy that ${resource} has in account ${resource.split(':')[4]}, which cannot be read`,
      )
    }
  })

  test('nor across accounts if its own policies do not allow it', () => {
    const theirs = 'arn:aws:sqs:eu-west-1:999988887777:jobs'
    expect(may('sqs:SendMessage', theirs, [allow('s3:*')]).verdict).toBe('ImplicitlyDenied')
  })

  test('what is of its own account, and a role whose trust is known', () => {
    expect(may('sqs:SendMessage', `arn:aws:sqs:eu-west-1:${NUMBER}:jobs`, [allow('sqs:*')]).verdict).toBe(
      'Allowed',
    )
    const role = `arn:aws:iam::${NUMBER}:role/Builder`
    expect(may('sts:AssumeRole', role, [allow('sts:*')]).verdict).toBe('Allowed')
    expect(may('sts:AssumeRole', role, []).verdict).toBe('ImplicitlyDenied')
  })

  test('a key given several values has them all, and what is not given stays open', () => {
    const teams = [allow('s3:*', { Condition: { 'ForAllValues:StringEquals': { 'x:Teams': ['a', 'b'] } } })]
    expect(may('s3:GetObject', '*', teams, { 'x:Teams': ['a', 'b'] }).verdict).toBe('Allowed')
    expect(may('s3:GetObject', '*', teams, { 'x:Teams': ['a', 'c'] }).verdict).toBe('ImplicitlyDenied')
    expect(may('s3:GetObject', '*', teams)).toMatchObject({
      verdict: 'Conditional',
      because: 'if ForAllValues:StringEquals x:Teams a or b',
    })
  })

  test('the time, as a number too', () => {
    const until = (seconds: number) => [
      allow('s3:*', { Condition: { NumericLessThan: { 'aws:EpochTime': String(seconds) } } }),
    ]
    expect(may('s3:GetObject', '*', until(NOW / 1000 + 60)).verdict).toBe('Allowed')
    expect(may('s3:GetObject', '*', until(NOW / 1000 - 60)).verdict).toBe('ImplicitlyDenied')
  })

  test('who a member of a group is stays open', () => {
    const some = [allow('s3:*', { Condition: { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/A*' } } })]
    expect(may('s3:GetObject', '*', some).verdict).toBe('Allowed')
    expect(may('s3:GetObject', '*', some, {}, 'group').verdict).toBe('Conditional')
  })

  test('a statement about the action that does not fit says what of it does not', () => {
    const { matches } = may('s3:GetObject', 'arn:aws:s3:::a', [
      allow('s3:*', { Resource: 'arn:aws:s3:::b' }),
      allow('ec2:*'),
    ])
    expect(matches.map(({ speaks, why }) => [speaks, why])).toEqual([
      [true, 'its Resource leaves out arn:aws:s3:::a'],
      [false, 'its Action leaves out s3:GetObject'],
    ])
  })
})
