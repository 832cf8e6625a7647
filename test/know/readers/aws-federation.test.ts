import { describe, expect, test } from 'vitest'
import type { Ref } from '../../../src/core/contract/ref.ts'
import { githubFederation, tellFederation } from '../../../src/know/readers/aws-federation.ts'

const GITHUB = 'arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com'
const AUDIENCE = { 'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com' }
const SUBJECT = 'token.actions.githubusercontent.com:sub'
const trust = (Condition?: object, Federated: unknown = GITHUB, Effect = 'Allow') => [
  {
    Effect,
    Action: 'sts:AssumeRoleWithWebIdentity',
    Principal: { Federated },
    ...(Condition && { Condition }),
  },
]
const loose = (condition?: object) => githubFederation(trust(condition)).map(one => one.loose !== undefined)

describe('whom at GitHub a role lets in', () => {
  test.each([
    ['no condition', undefined],
    ['an audience only', { StringEquals: AUDIENCE }],
    ['every subject', { StringLike: { [SUBJECT]: '*' } }],
    ['every repository', { StringLike: { [SUBJECT]: 'repo:*' } }],
    ['a name that anyone can take', { StringLike: { [SUBJECT]: 'repo:*/shop:*' } }],
    ['every repository of an owner', { StringLike: { [SUBJECT]: 'repo:acme/*' } }],
    ['a beginning of a name', { StringLike: { [SUBJECT]: ['repo:acme/shop*'] } }],
    ['one of two', { StringLike: { [SUBJECT]: ['repo:acme/shop:*', 'repo:*'] } }],
    ['some are kept out', { StringNotLike: { [SUBJECT]: 'repo:evil/*' } }],
    ['the key in capitals', { StringLike: { [SUBJECT.toUpperCase()]: 'repo:*' } }],
  ])('%s is loose', (_, condition) => {
    expect(loose(condition)).toContain(true)
  })

  test.each([
    ['one branch', { StringEquals: { ...AUDIENCE, [SUBJECT]: 'repo:acme/shop:ref:refs/heads/main' } }],
    ['one repository', { StringLike: { [SUBJECT]: 'repo:acme/shop:*' } }],
    [
      'both operators, one of them narrow',
      { StringLike: { [SUBJECT]: 'repo:*' }, StringEquals: { [SUBJECT]: 'repo:acme/shop:environment:prod' } },
    ],
    ['if it is there, and it always is', { 'ForAnyValue:StringLike': { [SUBJECT]: 'repo:acme/shop:*' } }],
    ['another claim', { StringEquals: { 'token.actions.githubusercontent.com:repository': 'acme/shop' } }],
  ])('%s is not', (_, condition) => {
    expect(loose(condition)).toEqual([false])
  })

  test('another provider, and a denial, let in nobody of GitHub', () => {
    expect(githubFederation(trust(undefined, 'arn:aws:iam::111122223333:oidc-provider/gitlab.com'))).toEqual(
      [],
    )
    expect(githubFederation(trust(undefined, GITHUB, 'Deny'))).toEqual([])
    expect(githubFederation([null, 'x', { Effect: 'Allow', Principal: '*' }])).toEqual([])
  })

  test('is told as edges: of a repository, with the branch as a condition, and of strangers', () => {
    const role: Ref = { system: 'aws', instance: '111122223333', kind: 'role', id: 'AROA1' }
    const told = (condition?: object) =>
      [...tellFederation(role, githubFederation(trust(condition)))].flatMap(one =>
        one.see === 'edge' ? [[one.from.kind, one.crossing, one.to.kind, one.certainty, one.when]] : [],
      )
    expect(told({ StringEquals: { [SUBJECT]: 'repo:acme/shop:ref:refs/heads/main' } })).toEqual([
      ['role', 'admits-jobs-of', expect.any(String), 'conditional', 'it runs for refs/heads/main'],
    ])
    expect(told()).toEqual([['anyone', 'federates-into', 'role', 'proven', undefined]])
    expect(told({ StringLike: { [SUBJECT]: 'repo:acme/*' } })).toEqual([
      ['anyone', 'federates-into', 'role', 'conditional', 'they can make or change a repository of acme'],
    ])
  })
})
