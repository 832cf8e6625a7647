import { describe, expect, test } from 'vitest'
import { ALICE, allow, type Ask, ask, DENIED, deny, named, NO, policy, ROLE, SESSION, YES } from './asking.ts'

const ACCOUNT = '111122223333'
const ROOT = `arn:aws:iam::${ACCOUNT}:root`
const FEDERATED = `arn:aws:sts::${ACCOUNT}:federated-user/Bob`
const PROVIDER = `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com`
const nothing = policy(allow({ Action: 'ec2:*' }))
const limits: Ask = { boundary: [nothing], session: nothing }
const on = (principal: unknown): Ask => ({ onResource: policy(named(principal)) })

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
describe('whom a policy of a resource names, within the account', () => {
  const by = (principal: string, wanted: unknown, more: Ask = {}): Ask => ({
    principal,
    ...on(wanted),
    ...more,
  })
  test.each<[string, Ask, string]>([
    ['a user in a list', by(ALICE, { AWS: [`${ALICE}2`, ALICE] }), YES],
    ['a user in another case', by(ALICE, { AWS: ALICE.replace('Alice', 'alice') }), NO],
    ['part of a name', by(ALICE, { AWS: ALICE.replace('Alice', '*') }), NO],
    ['part of a session', by(SESSION, { AWS: SESSION.replace('one', '*') }), NO],
    ['another session of the role', by(SESSION, { AWS: SESSION.replace('one', 'two') }), NO],
    ['a role of that name elsewhere', by(SESSION, { AWS: ROLE.replace(ACCOUNT, '999988887777') }), NO],
    ['a role itself', by(ROLE, { AWS: ROLE }), YES],
    ['one session, asked about the role', by(ROLE, { AWS: SESSION }), NO],
    ['everyone, as AWS', by(ALICE, { AWS: '*' }), YES],
    ['everyone, in a list', by(ALICE, { AWS: ['*'] }), YES],
    ['a federated user', by(FEDERATED, { AWS: FEDERATED }), YES],
    ['the user of the same name', by(FEDERATED, { AWS: `arn:aws:iam::${ACCOUNT}:user/Bob` }), NO],
    ['the account, to its root user', by(ROOT, { AWS: ACCOUNT }), YES],
    ['the account, to a session', by(SESSION, { AWS: ROOT }), NO],
    ['the account, to a session that may', by(SESSION, { AWS: ROOT }, { identity: [policy(allow())] }), YES],
    ['another account', by(ALICE, { AWS: '999988887777' }), NO],
    ['no one', by(ALICE, {}), NO],
    ['an empty list', by(ALICE, { AWS: [] }), NO],
    ['a statement without principals', { onResource: policy(allow()) }, NO],
    ['a service', by('sns.amazonaws.com', { Service: ['s3.amazonaws.com', 'sns.amazonaws.com'] }), YES],
    ['another service', by('sns.amazonaws.com', { Service: 's3.amazonaws.com' }), NO],
    ['everyone, to a service', by('sns.amazonaws.com', '*'), YES],
    ['a service, to a user', by(ALICE, { Service: 'sns.amazonaws.com' }), NO],
    [
      'a service outside its usual domain',
      by('lightsail.aws.amazon.com', { Service: 'lightsail.aws.amazon.com' }),
      YES,
    ],
    [
      'a service that asks alone needs no identity policy',
      by('s3.amazonaws.com', { Service: 's3.amazonaws.com' }, { account: '999988887777' }),
      YES,
    ],
    ['a canonical user', by('79a59df900b949e5', { CanonicalUser: '79a59df900b949e5' }), YES],
    ['nobody known, as AWS', by('*', { AWS: '*' }), YES],
    ['nobody known, by another name', by('anonymous', '*'), YES],
    ['nobody known, where a user is named', by('*', { AWS: ALICE }), NO],
    ['nobody known, across accounts', by('*', '*', { account: '999988887777' }), YES],
  ])('%s', (_, given, verdict) => expect(ask(given).verdict).toBe(verdict))
})

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
describe('what limits whom a resource lets in, within the account', () => {
  test.each<[string, Ask, string]>([
    ['a user by name, past a boundary', { ...on({ AWS: ALICE }), boundary: [nothing] }, YES],
    ['a session by name, past both', { principal: SESSION, ...on({ AWS: SESSION }), ...limits }, YES],
    [
      'a federated user by name, past both',
      { principal: FEDERATED, ...on({ AWS: FEDERATED }), ...limits },
      YES,
    ],
    [
      'a session by its role, not past a boundary',
      { principal: SESSION, ...on({ AWS: ROLE }), boundary: [nothing] },
      NO,
    ],
    [
      'a session by its role, not past its policy',
      { principal: SESSION, ...on({ AWS: ROLE }), session: nothing },
      NO,
    ],
    [
      'a session by its role, where both let it',
      { principal: SESSION, ...on({ AWS: ROLE }), boundary: [policy(allow())], session: policy(allow()) },
      YES,
    ],
    [
      'a role by name, not past a boundary',
      { principal: ROLE, ...on({ AWS: ROLE }), boundary: [nothing] },
      NO,
    ],
    ['everyone, past a boundary', { ...on('*'), boundary: [nothing] }, YES],
    ['everyone, a session past both', { principal: SESSION, ...on('*'), ...limits }, YES],
    [
      'everyone whose role is this, past both',
      {
        principal: SESSION,
        ...limits,
        context: { 'aws:PrincipalArn': ROLE },
        onResource: policy(named('*', { Condition: { ArnEquals: { 'aws:PrincipalArn': ROLE } } })),
      },
      YES,
    ],
    [
      'the account, a boundary limits',
      { ...on({ AWS: ROOT }), identity: [policy(allow())], boundary: [nothing] },
      NO,
    ],
    ['past no deny of a boundary', { ...on({ AWS: ALICE }), boundary: [policy(allow(), deny())] }, DENIED],
    [
      'past no deny of a session',
      { principal: SESSION, ...on({ AWS: SESSION }), session: policy(deny()) },
      DENIED,
    ],
    ['past no deny of an identity policy', { ...on({ AWS: ALICE }), identity: [policy(deny())] }, DENIED],
    ['past no service control policy', { ...on({ AWS: ALICE }), scp: [[nothing]] }, NO],
    ['past no endpoint', { ...on({ AWS: ALICE }), endpoint: [policy(named('*', { Action: 'ec2:*' }))] }, NO],
    [
      'a deny of the role, to its session',
      {
        principal: SESSION,
        identity: [policy(allow())],
        onResource: policy({ ...named({ AWS: ROLE }), Effect: 'Deny' }),
      },
      DENIED,
    ],
    [
      'a deny of the account, to its root user',
      { principal: ROOT, onResource: policy({ ...named({ AWS: ACCOUNT }), Effect: 'Deny' }) },
      DENIED,
    ],
    [
      'a deny of another session',
      {
        principal: SESSION,
        identity: [policy(allow())],
        onResource: policy({ ...named({ AWS: SESSION.replace('one', 'two') }), Effect: 'Deny' }),
      },
      YES,
    ],
  ])('%s', (_, given, verdict) => expect(ask(given).verdict).toBe(verdict))
})

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
describe('NotPrincipal', () => {
  const identity = [policy(allow())]
  const but = (AWS: unknown): Ask => ({ identity, onResource: policy({ ...deny(), NotPrincipal: { AWS } }) })
  const allowBut = (principals: unknown): Ask => ({ onResource: policy(allow({ NotPrincipal: principals })) })
  test.each<[string, Ask, string]>([
    ['a deny spares the user and the account named', but([ALICE, ROOT]), YES],
    ['it does not spare another user of the account', { ...but([`${ALICE}2`, ROOT]) }, DENIED],
    ['nor one of whom only the account is named', but([ROOT]), DENIED],
    [
      'it spares the session, role and account named',
      { ...but([SESSION, ROLE, ROOT]), principal: SESSION },
      YES,
    ],
    [
      'it does not spare a session of which only the role is',
      { ...but([ROLE, ROOT]), principal: SESSION },
      DENIED,
    ],
    ['it spares a role asked about by itself', { ...but([ROLE, ROOT]), principal: ROLE }, YES],
    ['it spares the root user', { ...but([ROOT]), principal: ROOT }, YES],
    ['it spares no one with a boundary', { ...but([ALICE, ROOT]), boundary: [policy(allow())] }, DENIED],
    [
      'it does not spare a service that is not named',
      {
        principal: 's3.amazonaws.com',
        onResource: policy(named('*'), { ...deny(), NotPrincipal: { Service: 'sns.amazonaws.com' } }),
      },
      DENIED,
    ],
    [
      'it spares the service named',
      {
        principal: 's3.amazonaws.com',
        onResource: policy(named('*'), { ...deny(), NotPrincipal: { Service: 's3.amazonaws.com' } }),
      },
      YES,
    ],
    ['an allow is for everyone else', allowBut({ AWS: `${ALICE}2` }), YES],
    ['for nobody known too', { ...allowBut({ AWS: ALICE }), principal: '*' }, YES],
    ['not for the one named', allowBut({ AWS: ALICE }), NO],
    ['nor for whom the account is', allowBut({ AWS: ROOT }), NO],
    ['nor for a session of the role', { ...allowBut({ AWS: ROLE }), principal: SESSION }, NO],
  ])('%s', (_, given, verdict) => expect(ask(given).verdict).toBe(verdict))
})

// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html, and for tags
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
describe('whom a role trusts', () => {
  const trust = (principal: unknown, action = 'sts:AssumeRole', more: object = {}) => ({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: principal, Action: action, ...more }],
  })
  const assume = (onResource: unknown, more: Ask = {}): Ask => ({
    action: 'sts:AssumeRole',
    resource: ROLE,
    onResource,
    ...more,
  })
  const may = { identity: [policy(allow({ Action: 'sts:*' }))] }
  const web = 'sts:AssumeRoleWithWebIdentity'
  const foreign = 'arn:aws:iam::999988887777:user/Mallory'
  test.each<[string, Ask, string]>([
    ['no policy at all', assume(undefined, may), NO],
    ['everyone', assume(trust('*')), YES],
    ['the account alone does not let in who may not', assume(trust({ AWS: ROOT })), NO],
    [
      'a user of another account, who may',
      assume(trust({ AWS: foreign }), { principal: foreign, ...may }),
      YES,
    ],
    ['a user of another account, who may not', assume(trust({ AWS: foreign }), { principal: foreign }), NO],
    [
      'another account, by a user who may',
      assume(trust({ AWS: '999988887777' }), { principal: foreign, ...may }),
      YES,
    ],
    [
      'a session of another role',
      assume(trust({ AWS: ROLE }), { principal: SESSION, resource: `${ROLE}2` }),
      YES,
    ],
    ['another action', assume(trust({ AWS: ALICE }), { action: 'sts:TagSession', ...may }), NO],
    [
      'tags, where it allows them',
      assume(trust({ AWS: ALICE }, 'sts:TagSession'), { action: 'sts:TagSession' }),
      YES,
    ],
    [
      'an identity provider',
      assume(trust({ Federated: PROVIDER }, web), { action: web, principal: PROVIDER }),
      YES,
    ],
    [
      'another provider',
      assume(trust({ Federated: PROVIDER }, web), { action: web, principal: PROVIDER.replace('token', 't') }),
      NO,
    ],
    [
      'Cognito, which is a provider here',
      assume(trust({ Federated: 'cognito-identity.amazonaws.com' }, web), {
        action: web,
        principal: 'cognito-identity.amazonaws.com',
      }),
      YES,
    ],
    [
      'a provider, if the claim is right',
      assume(
        trust({ Federated: PROVIDER }, web, {
          Condition: { StringLike: { 'token.actions.githubusercontent.com:sub': 'repo:acme/app:*' } },
        }),
        {
          action: web,
          principal: PROVIDER,
          context: { 'token.actions.githubusercontent.com:sub': 'repo:acme/app:ref:refs/heads/main' },
        },
      ),
      YES,
    ],
    [
      'a provider, whom no service control policy of ours binds',
      assume(trust({ Federated: PROVIDER }, web), { action: web, principal: PROVIDER, scp: [[]] }),
      YES,
    ],
    [
      'an external id that is not given',
      assume(
        trust({ AWS: foreign }, 'sts:AssumeRole', {
          Condition: { StringEquals: { 'sts:ExternalId': 'x7' } },
        }),
        { principal: foreign, ...may },
      ),
      NO,
    ],
    [
      'an identity policy of the role is no trust',
      { ...may, action: 'iam:PassRole', resource: ROLE, onResource: trust({ AWS: ALICE }) },
      NO,
    ],
  ])('%s', (_, given, verdict) => expect(ask(given).verdict).toBe(verdict))
})
