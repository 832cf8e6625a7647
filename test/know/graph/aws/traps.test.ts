import { describe } from 'vitest'
import { loadCrossings } from '../../../../src/know/graph/aws/crossing.ts'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import type { Fleet } from './fleet.ts'
import { ADMIN, allow, deny, testTraps, type Trap, trusting, when } from './trap.ts'

/** What looks like a way and is none, what looks closed and is open. */
const factsOf = (fleet: Fleet, name: string, facts: Record<string, boolean | number>): Finding => ({
  see: 'identity',
  ref: { system: 'aws', instance: fleet.account, kind: 'user', id: fleet.idOf('user', name) },
  names: [],
  facts: Object.fromEntries(Object.entries(facts).map(([fact, value]) => [fact, { value }])),
})

const traps: Trap[] = [
  {
    name: 'a member of the administrators whose own policy denies everything',
    expected: 'no',
    set: it => it.group('Admins', ADMIN).user('Actor', [deny('*')], { groups: ['Admins'] }),
  },
  {
    name: 'a member of the administrators behind a boundary',
    expected: 'no',
    set: it => it.group('Admins', ADMIN).user('Actor', [], { groups: ['Admins'], boundary: [allow('s3:*')] }),
  },
  {
    name: 'a member of the administrators whom nothing limits',
    expected: 'proven',
    set: it => it.group('Admins', ADMIN).user('Actor', [], { groups: ['Admins'] }),
  },
  {
    name: 'who may join the administrators, behind a boundary',
    expected: 'no',
    set: it =>
      it
        .group('Admins', ADMIN)
        .user('Actor', [allow('iam:AddUserToGroup')], { boundary: [allow(['iam:AddUserToGroup', 's3:*'])] }),
  },
  {
    name: 'who may join the administrators, and is denied all of IAM but that',
    expected: 'no',
    set: it =>
      it
        .group('Admins', [allow('iam:*')])
        .user('Actor', [
          allow('iam:AddUserToGroup'),
          { Effect: 'Deny', NotAction: 'iam:AddUserToGroup', Resource: '*' },
        ]),
  },
  {
    name: 'who may join the administrators',
    expected: 'proven',
    set: it => it.group('Admins', ADMIN).user('Actor', [allow('iam:AddUserToGroup')]),
  },
  {
    name: 'who may join only a group that may do little',
    expected: 'no',
    set: it =>
      it
        .group('Admins', ADMIN)
        .group('Readers', [allow('s3:Get*')])
        .user('Actor', [allow('iam:AddUserToGroup', it.arn('group/Readers'))]),
  },
  {
    name: 'what is granted does not outweigh what a policy that cannot be taken away denies',
    expected: 'no',
    set: it =>
      it.user('Actor', [
        allow('iam:PutUserPolicy'),
        { Effect: 'Deny', NotAction: ['iam:PutUserPolicy', 's3:*'], Resource: '*' },
      ]),
  },
  {
    name: 'a deny of making keys, which who may write policies of its own takes away again',
    expected: 'proven',
    set: it => it.user('Actor', [allow('iam:PutUserPolicy'), deny('iam:CreateAccessKey')]),
  },
  {
    name: 'a boundary that lets itself be deleted',
    expected: 'proven',
    set: it => it.user('Actor', ADMIN, { boundary: [allow(['iam:DeleteUserPermissionsBoundary', 's3:*'])] }),
  },
  {
    name: 'a boundary that nobody may delete',
    expected: 'no',
    set: it =>
      it.user('Actor', [allow('*'), deny('iam:DeleteUserPermissionsBoundary')], {
        boundary: [allow(['iam:Delete*', 's3:*'])],
      }),
  },
  {
    name: 'policies may be written of those who have a boundary only, and the actor has none',
    expected: 'no',
    set: it =>
      it.user('Actor', [
        allow(
          'iam:PutUserPolicy',
          '*',
          when('StringEquals', 'iam:PermissionsBoundary', it.arn('policy/fence')),
        ),
      ]),
  },
  {
    name: 'policies may be written of those who have no such boundary',
    expected: 'proven',
    set: it =>
      it.user('Actor', [
        allow(
          'iam:PutUserPolicy',
          '*',
          when('StringNotEquals', 'iam:PermissionsBoundary', it.arn('policy/fence')),
        ),
      ]),
  },
  {
    name: 'only harmless policies may be attached',
    expected: 'no',
    set: it =>
      it.user('Actor', [
        allow(
          'iam:AttachUserPolicy',
          '*',
          when('ArnEquals', 'iam:PolicyARN', 'arn:aws:iam::aws:policy/ReadOnlyAccess'),
        ),
      ]),
  },
  {
    name: 'only a policy of the account’s own may be attached, which allows everything',
    expected: 'proven',
    set: it =>
      it
        .managed('Breakglass', ADMIN)
        .user('Actor', [
          allow('iam:AttachUserPolicy', '*', when('ArnEquals', 'iam:PolicyARN', it.arn('policy/Breakglass'))),
        ]),
  },
  {
    name: 'every policy may be attached but AdministratorAccess',
    expected: 'proven',
    set: it =>
      it.user('Actor', [
        allow('iam:AttachUserPolicy'),
        deny(
          'iam:AttachUserPolicy',
          '*',
          when('ArnEquals', 'iam:PolicyARN', 'arn:aws:iam::aws:policy/AdministratorAccess'),
        ),
      ]),
  },
  {
    name: 'an older version of a policy of its own allows everything',
    expected: 'proven',
    set: it =>
      it
        .managed('Mine', [allow('iam:SetDefaultPolicyVersion')], [ADMIN])
        .user('Actor', [], { attached: ['Mine'] }),
  },
  {
    name: 'an older version lets it write policies, and that everything',
    expected: 'proven',
    set: it =>
      it
        .managed('Mine', [allow('iam:SetDefaultPolicyVersion')], [[allow('iam:PutUserPolicy')]])
        .user('Actor', [], { attached: ['Mine'] }),
  },
  {
    name: 'the older versions of a policy of its own allow no more',
    expected: 'no',
    set: it =>
      it
        .managed('Mine', [allow('iam:SetDefaultPolicyVersion')], [[allow('s3:*')], []])
        .user('Actor', [], { attached: ['Mine'] }),
  },
  {
    name: 'a policy version that can be made, of a policy that nobody has',
    expected: 'no',
    set: it => it.managed('Loose', [allow('s3:*')]).user('Actor', [allow('iam:CreatePolicyVersion')]),
  },
  {
    name: 'a policy version that can be made, of a policy of another user whose key can be made',
    expected: 'proven',
    set: it =>
      it
        .managed('Theirs', [allow('s3:*')])
        .user('Other', [], { attached: ['Theirs'] })
        .user('Actor', [
          allow('iam:CreatePolicyVersion', it.arn('policy/Theirs')),
          allow('iam:CreateAccessKey', it.arn('user/Other')),
        ]),
  },
  {
    name: 'a key of an administrator who has two',
    expected: 'no',
    set: it => it.user('Boss', ADMIN).user('Actor', [allow('iam:CreateAccessKey')]),
    told: it => [factsOf(it, 'Boss', { accessKeys: 2 })],
  },
  {
    name: 'a key of an administrator who has two, and who may delete one',
    expected: 'proven',
    set: it => it.user('Boss', ADMIN).user('Actor', [allow(['iam:CreateAccessKey', 'iam:DeleteAccessKey'])]),
    told: it => [factsOf(it, 'Boss', { accessKeys: 2 })],
  },
  {
    name: 'a first password for an administrator who has one',
    expected: 'no',
    set: it => it.user('Boss', ADMIN).user('Actor', [allow('iam:CreateLoginProfile')]),
    told: it => [factsOf(it, 'Boss', { hasConsolePassword: true })],
  },
  {
    name: 'another password for an administrator who has one',
    expected: 'proven',
    set: it => it.user('Boss', ADMIN).user('Actor', [allow('iam:UpdateLoginProfile')]),
    told: it => [factsOf(it, 'Boss', { hasConsolePassword: true })],
  },
  {
    name: 'another password for an administrator who has none',
    expected: 'no',
    set: it => it.user('Boss', ADMIN).user('Actor', [allow('iam:UpdateLoginProfile')]),
    told: it => [factsOf(it, 'Boss', { hasConsolePassword: false })],
  },
  {
    name: 'NotAction leaves out all that gains anything',
    expected: 'no',
    set: it =>
      it.user('Actor', [
        { Effect: 'Allow', NotAction: ['iam:*', 'sts:*', 'organizations:*'], Resource: '*' },
      ]),
  },
  {
    name: 'NotAction leaves out something else',
    expected: 'proven',
    set: it =>
      it.user('Actor', [{ Effect: 'Allow', NotAction: ['s3:*', 'iam:CreateAccessKey'], Resource: '*' }]),
  },
  {
    name: 'NotResource leaves out the actor itself and all administrators',
    expected: 'no',
    set: it =>
      it.user('Boss', ADMIN).user('Actor', [
        {
          Effect: 'Allow',
          Action: ['iam:PutUserPolicy', 'iam:CreateAccessKey'],
          NotResource: [it.arn('user/Boss'), it.arn('user/Actor')],
        },
      ]),
  },
  {
    name: 'a role that may be passed, and is not privileged',
    expected: 'no',
    set: it =>
      it
        .role('Weak', [allow('s3:*')], [trusting({ Service: 'lambda.amazonaws.com' })])
        .role('Strong', ADMIN, [trusting({ Service: 'lambda.amazonaws.com' })])
        .user('Actor', [
          allow('iam:PassRole', it.arn('role/Weak')),
          allow(['lambda:CreateFunction', 'lambda:InvokeFunction']),
        ]),
  },
  {
    name: 'a service that may only act for this account',
    expected: 'proven',
    set: it =>
      it
        .role('Strong', ADMIN, [
          trusting(
            { Service: 'lambda.amazonaws.com' },
            when('StringEquals', 'aws:SourceAccount', it.account),
          ),
        ])
        .user('Actor', [allow('iam:PassRole'), allow('lambda:*')]),
  },
  {
    name: 'a trust that asks for what only a caller of AWS’s own services has',
    expected: 'no',
    set: it =>
      it
        .role('Strong', ADMIN, [
          trusting({ AWS: it.account }, when('StringEquals', 'aws:SourceAccount', it.account)),
        ])
        .user('Actor', [allow('sts:AssumeRole')]),
  },
  ...(['sts:ExternalId', 'aws:SourceIp', 'aws:MultiFactorAuthPresent'] as const).map(
    (key): Trap => ({
      name: `a trust that asks for ${key}`,
      expected: 'conditional',
      set: it =>
        it
          .role('Strong', ADMIN, [
            trusting(
              { AWS: it.account },
              when(
                key === 'aws:SourceIp' ? 'IpAddress' : 'StringEquals',
                key,
                key === 'aws:SourceIp' ? '192.0.2.0/24' : 'true',
              ),
            ),
          ])
          .user('Actor', [allow('sts:AssumeRole')]),
    }),
  ),
  ...(['shop', 'bank'] as const).map(
    (team): Trap => ({
      name: `a trust that asks for a tag that the actor has ${team === 'shop' ? 'so' : 'otherwise'}`,
      expected: team === 'shop' ? 'proven' : 'no',
      set: it =>
        it
          .role('Strong', ADMIN, [
            trusting({ AWS: it.account }, when('StringEquals', 'aws:PrincipalTag/team', 'shop')),
          ])
          .user('Actor', [allow('sts:AssumeRole')], { tags: { team } }),
    }),
  ),
  {
    name: 'a trust that the role denies to the actor',
    expected: 'no',
    set: it =>
      it
        .role('Strong', ADMIN, [
          trusting({ AWS: it.account }),
          { ...trusting({ AWS: it.arn('user/Actor') }), Effect: 'Deny' },
        ])
        .user('Actor', [allow('sts:AssumeRole')]),
  },
  {
    name: 'a role that may be assumed, of which the actor is denied that very one',
    expected: 'no',
    set: it =>
      it
        .role('Strong', ADMIN, [trusting({ AWS: it.account })])
        .user('Actor', [allow('sts:AssumeRole'), deny('sts:AssumeRole', it.arn('role/Strong'))]),
  },
  {
    name: 'a role that can be made to trust, and that the actor is denied to assume',
    expected: 'conditional',
    set: it =>
      it
        .role('Strong', ADMIN, [trusting({ Service: 'nothing.amazonaws.com' })])
        .user('Actor', [allow('iam:UpdateAssumeRolePolicy'), deny('sts:AssumeRole')]),
  },
  {
    name: 'a chain of three roles, of which the middle one lets nobody in',
    expected: 'no',
    set: it =>
      it
        .role('First', [allow('sts:AssumeRole')], [trusting({ AWS: it.arn('user/Actor') })])
        .role('Second', [allow('sts:AssumeRole')], [trusting({ AWS: it.arn('role/Other') })])
        .role('Third', ADMIN, [trusting({ AWS: it.arn('role/Second') })])
        .user('Actor', []),
  },
  {
    name: 'a chain of three roles',
    expected: 'proven',
    set: it =>
      it
        .role('First', [allow('sts:AssumeRole')], [trusting({ AWS: it.arn('user/Actor') })])
        .role('Second', [allow('sts:AssumeRole')], [trusting({ AWS: it.arn('role/First') })])
        .role('Third', ADMIN, [trusting({ AWS: it.arn('role/Second') })])
        .user('Actor', []),
  },
  {
    name: 'a deny with a condition that nothing is known of',
    expected: 'conditional',
    set: it =>
      it.user('Actor', [allow('*'), deny('*', '*', when('StringNotEquals', 'aws:SourceVpc', 'vpc-1'))]),
  },
  {
    name: 'a deny with a condition that does not hold for the actor',
    expected: 'proven',
    set: it =>
      it.user('Actor', [
        allow('*'),
        deny('*', '*', when('ArnNotLike', 'aws:PrincipalArn', it.arn('user/Act*'))),
      ]),
  },
]

const crossings = await loadCrossings(new URL('../../../../rules', import.meta.url).pathname)

describe('accounts made to mislead', () => testTraps(crossings, traps, 300_000_000_000))
