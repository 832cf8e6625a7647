import { describe, expect, test } from 'vitest'
import {
  ALICE,
  allow,
  type Ask,
  ask,
  DENIED,
  deny,
  KEY,
  named,
  NO,
  policy,
  ROLE,
  SESSION,
  YES,
} from './asking.ts'
import { processorTime } from '../../../processor-time.ts'

describe('within one account', () => {
  test.each<[string, Ask, string]>([
    ['nothing allows', {}, NO],
    ['an identity policy allows', { identity: [policy(allow())] }, YES],
    ['another action', { identity: [policy(allow({ Action: 's3:PutObject' }))] }, NO],
    ['actions without regard to case', { identity: [policy(allow({ Action: 'S3:getobject' }))] }, YES],
    ['a wildcard within the action', { identity: [policy(allow({ Action: 's3:Get*' }))] }, YES],
    ['one character', { identity: [policy(allow({ Action: 's3:?etObject' }))] }, YES],
    [
      'NotAction of another',
      { identity: [policy({ ...allow(), Action: undefined, NotAction: 'iam:*' })] },
      YES,
    ],
    [
      'NotAction of this',
      { identity: [policy({ ...allow(), Action: undefined, NotAction: 's3:Get*' })] },
      NO,
    ],
    ['a deny beside', { identity: [policy(allow(), deny())] }, DENIED],
    ['a deny of another action', { identity: [policy(allow(), deny({ Action: 's3:Put*' }))] }, YES],
    ['a deny in another policy', { identity: [policy(allow()), policy(deny())] }, DENIED],
    ['its resource', { identity: [policy(allow({ Resource: 'arn:aws:s3:::reports/*' }))] }, YES],
    ['case in the resource', { identity: [policy(allow({ Resource: 'arn:aws:s3:::Reports/*' }))] }, NO],
    ['another resource', { identity: [policy(allow({ Resource: 'arn:aws:s3:::reports' }))] }, NO],
    ['an incomplete ARN', { identity: [policy(allow({ Resource: 'arn:aws:s3' }))] }, YES],
    [
      'a star that ends its part reaches over colons',
      { identity: [policy(allow({ Resource: 'arn:aws:*:reports/*' }))] },
      YES,
    ],
    [
      'one within its part does not',
      {
        identity: [policy(allow({ Resource: 'arn:aws:s*x:reports/*' }))],
        resource: 'arn:aws:s3:x:reports/1',
      },
      NO,
    ],
    [
      'NotResource of another',
      { identity: [policy({ ...allow(), Resource: undefined, NotResource: 'arn:aws:s3:::x/*' })] },
      YES,
    ],
    [
      'NotResource of this',
      { identity: [policy({ ...allow(), Resource: undefined, NotResource: 'arn:aws:s3:::rep*' })] },
      NO,
    ],
    [
      'a deny of all but',
      {
        identity: [policy(allow(), { ...deny(), Resource: undefined, NotResource: 'arn:aws:s3:::other/*' })],
      },
      DENIED,
    ],
    [
      'no resource in the request',
      {
        resource: '*',
        action: 's3:ListAllMyBuckets',
        identity: [policy(allow({ Resource: 'arn:aws:s3:::reports' }))],
      },
      NO,
    ],
    ['only the resource allows this user', { onResource: policy(named({ AWS: ALICE })) }, YES],
    ['only the resource allows everyone', { onResource: policy(named('*')) }, YES],
    ['the resource allows another user', { onResource: policy(named({ AWS: `${ALICE}2` })) }, NO],
    ['the resource allows the account', { onResource: policy(named({ AWS: '111122223333' })) }, NO],
    [
      'the account, and the identity too',
      { onResource: policy(named({ AWS: 'arn:aws:iam::111122223333:root' })), identity: [policy(allow())] },
      YES,
    ],
    [
      'the resource denies the account',
      {
        onResource: policy({ ...named({ AWS: '111122223333' }), Effect: 'Deny' }),
        identity: [policy(allow())],
      },
      DENIED,
    ],
    [
      'the resource denies another',
      { onResource: policy({ ...named({ AWS: `${ALICE}2` }), Effect: 'Deny' }), identity: [policy(allow())] },
      YES,
    ],
    ['the root user', { principal: 'arn:aws:iam::111122223333:root' }, YES],
    ['a single statement, not in a list', { identity: [{ Version: '2012-10-17', Statement: allow() }] }, YES],
  ])('%s', (_, given, verdict) => expect(ask(given).verdict).toBe(verdict))
})

describe('boundaries, sessions and organizations', () => {
  const identity = [policy(allow())]
  const nothing = policy(allow({ Action: 'ec2:*' }))
  const ANY = policy(named('*', { Action: '*' }))
  const ONLY_OURS = policy({
    ...named('*', {
      Condition: {
        StringNotEquals: { 'aws:PrincipalOrgID': 'o-ours' },
        BoolIfExists: { 'aws:PrincipalIsAWSService': 'false' },
      },
    }),
    Effect: 'Deny',
  })
  test.each<[string, Ask, string]>([
    ['a boundary that allows too', { identity, boundary: [policy(allow())] }, YES],
    ['a boundary that does not', { identity, boundary: [nothing] }, NO],
    ['a boundary alone grants nothing', { boundary: [policy(allow())] }, NO],
    ['a boundary that denies', { identity, boundary: [policy(allow(), deny())] }, DENIED],
    [
      'a user named by the resource is not limited by a boundary',
      { boundary: [nothing], onResource: policy(named({ AWS: ALICE })) },
      YES,
    ],
    ['but is by its deny', { boundary: [policy(deny())], onResource: policy(named({ AWS: ALICE })) }, DENIED],
    [
      'a session named by the resource is not limited',
      {
        principal: SESSION,
        boundary: [nothing],
        session: nothing,
        onResource: policy(named({ AWS: SESSION })),
      },
      YES,
    ],
    [
      'its role named is limited by the boundary',
      { principal: SESSION, boundary: [nothing], onResource: policy(named({ AWS: ROLE })) },
      NO,
    ],
    [
      'its role named is limited by the session',
      { principal: SESSION, session: nothing, onResource: policy(named({ AWS: ROLE })) },
      NO,
    ],
    [
      'its role named, nothing in the way',
      { principal: SESSION, onResource: policy(named({ AWS: ROLE })) },
      YES,
    ],
    ['a role of another name', { principal: SESSION, onResource: policy(named({ AWS: `${ROLE}2` })) }, NO],
    ['a session policy that allows', { principal: SESSION, identity, session: policy(allow()) }, YES],
    ['a session policy that does not', { principal: SESSION, identity, session: nothing }, NO],
    ['a session policy alone', { principal: SESSION, session: policy(allow()) }, NO],
    ['each level allows', { identity, scp: [[policy(allow({ Action: '*' }))], [policy(allow())]] }, YES],
    ['one level does not', { identity, scp: [[policy(allow({ Action: '*' }))], [nothing]] }, NO],
    ['a level without policies', { identity, scp: [[policy(allow())], []] }, NO],
    ['a level denies', { identity, scp: [[policy(allow()), policy(deny())]] }, DENIED],
    [
      'control policies bind the root user',
      { principal: 'arn:aws:iam::111122223333:root', scp: [[nothing]] },
      NO,
    ],
    ['they grant nothing', { scp: [[policy(allow())]] }, NO],
    [
      'they do not bind services',
      {
        principal: 'cloudtrail.amazonaws.com',
        scp: [[nothing]],
        onResource: policy(named({ Service: 'cloudtrail.amazonaws.com' })),
      },
      YES,
    ],
    ['a resource control policy allows', { identity, rcp: [[policy(named('*', { Action: '*' }))]] }, YES],
    [
      'a resource control policy that allows other things takes nothing away',
      { identity, rcp: [[policy(named('*', { Action: 'sqs:*' }))]] },
      YES,
    ],
    [
      'a resource control policy denies',
      { identity, rcp: [[policy(named('*'), { ...named('*'), Effect: 'Deny' })]] },
      DENIED,
    ],
    [
      'a resource control policy keeps out who is of another organization',
      { identity, rcp: [[ANY, ONLY_OURS]], context: { 'aws:PrincipalOrgID': 'o-other' } },
      DENIED,
    ],
    [
      'it lets in who is of ours',
      { identity, rcp: [[ANY, ONLY_OURS]], context: { 'aws:PrincipalOrgID': 'o-ours' } },
      YES,
    ],
    ['it keeps out who is of none', { identity, rcp: [[ANY, ONLY_OURS]] }, DENIED],
    [
      'and whom the resource lets in from elsewhere',
      {
        principal: 'arn:aws:iam::999988887777:user/x',
        identity,
        onResource: policy(named('*')),
        rcp: [[ANY, ONLY_OURS]],
        context: { 'aws:PrincipalOrgID': 'o-other' },
      },
      DENIED,
    ],
    [
      'a service that is spared is let in',
      {
        principal: 'logging.s3.amazonaws.com',
        onResource: policy(named({ Service: 'logging.s3.amazonaws.com' })),
        rcp: [[ANY, ONLY_OURS]],
        context: { 'aws:PrincipalIsAWSService': 'true' },
      },
      YES,
    ],
    [
      'a resource control policy at any level denies',
      { identity, rcp: [[ANY], [ANY, ONLY_OURS]], context: { 'aws:PrincipalOrgID': 'o-other' } },
      DENIED,
    ],
    [
      'what the session and the boundary both allow',
      { principal: SESSION, identity, session: policy(allow()), boundary: [policy(allow())] },
      YES,
    ],
    [
      'what only one of them does',
      { principal: SESSION, identity, session: policy(allow()), boundary: [nothing] },
      NO,
    ],
    [
      'a session policy denies what the resource gives the session',
      { principal: SESSION, session: policy(deny()), onResource: policy(named({ AWS: SESSION })) },
      DENIED,
    ],
    [
      'an endpoint that lets in the organization alone',
      {
        identity,
        endpoint: [policy(named('*', { Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-ours' } } }))],
        context: { 'aws:PrincipalOrgID': 'o-other' },
      },
      NO,
    ],
    [
      'an endpoint bars whom the resource lets in',
      { onResource: policy(named({ AWS: ALICE })), endpoint: [policy(named('*', { Action: 'sqs:*' }))] },
      NO,
    ],
    ['an endpoint allows', { identity, endpoint: [policy(named('*'))] }, YES],
    ['an endpoint does not', { identity, endpoint: [policy(named('*', { Action: 'sqs:*' }))] }, NO],
    [
      'an endpoint denies someone else',
      { identity, endpoint: [policy(named('*'), { ...named({ AWS: `${ALICE}2` }), Effect: 'Deny' })] },
      YES,
    ],
  ])('%s', (_, given, verdict) => expect(ask(given).verdict).toBe(verdict))
})

describe('across accounts', () => {
  const account = '999988887777'
  const identity = [policy(allow())]
  test.each<[string, Ask, string]>([
    ['only the identity allows', { account, identity }, NO],
    ['only the resource allows', { account, onResource: policy(named({ AWS: ALICE })) }, NO],
    ['both', { account, identity, onResource: policy(named({ AWS: ALICE })) }, YES],
    [
      'the resource allows the whole account',
      { account, identity, onResource: policy(named({ AWS: '111122223333' })) },
      YES,
    ],
    ['the resource allows everyone', { account, identity, onResource: policy(named('*')) }, YES],
    [
      'the boundary does not',
      {
        account,
        identity,
        boundary: [policy(allow({ Action: 'ec2:*' }))],
        onResource: policy(named({ AWS: ALICE })),
      },
      NO,
    ],
    [
      'the session policy does not',
      {
        account,
        principal: SESSION,
        identity,
        session: policy(allow({ Action: 'ec2:*' })),
        onResource: policy(named({ AWS: SESSION })),
      },
      NO,
    ],
    [
      'the account stands in the ARN',
      {
        resource: 'arn:aws:sqs:eu-west-1:999988887777:jobs',
        action: 'sqs:SendMessage',
        account: '999988887777',
        identity: [policy(allow({ Action: 'sqs:*' }))],
      },
      NO,
    ],
    ['anyone on the internet', { principal: '*', onResource: policy(named('*')) }, YES],
    [
      'anyone, where only accounts are named',
      { principal: '*', onResource: policy(named({ AWS: '111122223333' })) },
      NO,
    ],
  ])('%s', (_, given, verdict) => expect(ask(given).verdict).toBe(verdict))
})

describe('resources that decide alone', () => {
  const kms = { action: 'kms:Decrypt', resource: KEY, identity: [policy(allow({ Action: 'kms:*' }))] }
  const onKey = (principal: unknown) => policy(named(principal, { Action: 'kms:*' }))
  const assume = { action: 'sts:AssumeRole', resource: ROLE }
  const trust = (principal: unknown) => ({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' }],
  })
  const mayAssume = [policy(allow({ Action: 'sts:AssumeRole' }))]
  test.each<[string, Ask, string]>([
    [
      'a key without a policy that leaves it to the account',
      { ...kms, onResource: onKey({ AWS: `${ALICE}2` }) },
      NO,
    ],
    ['a key that leaves it to the account', { ...kms, onResource: onKey({ AWS: '111122223333' }) }, YES],
    ['a key that names the user', { ...kms, identity: [], onResource: onKey({ AWS: ALICE }) }, YES],
    ['a role that trusts the user', { ...assume, onResource: trust({ AWS: ALICE }) }, YES],
    ['a role that trusts the account', { ...assume, onResource: trust({ AWS: '111122223333' }) }, NO],
    ['and the user may', { ...assume, identity: mayAssume, onResource: trust({ AWS: '111122223333' }) }, YES],
    [
      'the user may, the role does not trust',
      { ...assume, identity: mayAssume, onResource: trust({ Service: 'ec2.amazonaws.com' }) },
      NO,
    ],
    [
      'a service that the role trusts',
      { ...assume, principal: 'ec2.amazonaws.com', onResource: trust({ Service: 'ec2.amazonaws.com' }) },
      YES,
    ],
  ])('%s', (_, given, verdict) => expect(ask(given).verdict).toBe(verdict))
})

describe('NotPrincipal', () => {
  const all = policy(allow())
  const but = (principals: unknown) => policy({ ...deny(), NotPrincipal: principals })
  test.each<[string, Ask, string]>([
    ['someone else is left out', { identity: [all], onResource: but({ AWS: `${ALICE}2` }) }, DENIED],
    [
      'this user and its account are',
      { identity: [all], onResource: but({ AWS: [ALICE, '111122223333'] }) },
      YES,
    ],
    ['only the account is', { identity: [all], onResource: but({ AWS: '111122223333' }) }, DENIED],
  ])('%s', (_, given, verdict) => expect(ask(given).verdict).toBe(verdict))
})

describe('what is not known', () => {
  const incomplete = true
  const mfa = { Bool: { 'aws:MultiFactorAuthPresent': 'true' } }

  test('an allow that hangs on it is conditional, and says on what', () => {
    const answer = ask({ incomplete, identity: [policy(allow({ Condition: mfa }))] })
    expect(answer.verdict).toBe('Conditional')
    expect(answer.conditions).toEqual(['if Bool aws:MultiFactorAuthPresent true'])
  })

  test('a deny that hangs on it makes an allow conditional', () => {
    const answer = ask({ incomplete, identity: [policy(allow(), deny({ Condition: mfa }))] })
    expect(answer.verdict).toBe('Conditional')
    expect(answer.because).toContain('unless Bool aws:MultiFactorAuthPresent true')
  })

  test('it does not matter where all else denies', () => {
    expect(ask({ incomplete, identity: [policy(deny(), allow({ Condition: mfa }))] }).verdict).toBe(DENIED)
    expect(ask({ incomplete, identity: [policy(deny({ Condition: mfa }))] }).verdict).toBe(NO)
  })

  test('a statement that cannot be read may have denied or allowed', () => {
    const broken = { Effect: 'Deny', Action: 's3:*', NotAction: 's3:*', Resource: '*' }
    expect(ask({ identity: [policy(allow(), broken)] }).verdict).toBe('Conditional')
    expect(ask({ identity: ['{ no JSON'] }).because).toContain('cannot be read')
  })

  test('an operator that there is not', () => {
    expect(ask({ identity: [policy(allow({ Condition: { constructor: { a: 'b' } } }))] }).verdict).toBe(
      'Conditional',
    )
  })
})

test('a long pattern of stars takes no time', () => {
  const worked = processorTime()
  const answer = ask({
    identity: [policy(allow({ Resource: `arn:aws:s3:::${'a*'.repeat(2000)}b` }))],
    resource: `arn:aws:s3:::${'a'.repeat(20_000)}`,
  })
  expect(answer.verdict).toBe(NO)
  expect(worked()).toBeLessThan(5000)
})

test('the answer names the statement that decided', () => {
  const answer = ask({ identity: [policy(allow({ Sid: 'Read' }), deny({ Sid: 'NoReports' }))] })
  expect(answer.because).toBe('denied by NoReports of the identity policy policy 1')
  expect(answer.matches).toHaveLength(2)
})
