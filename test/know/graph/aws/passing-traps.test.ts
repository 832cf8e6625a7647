import { describe } from 'vitest'
import { loadCrossings } from '../../../../src/know/graph/aws/crossing.ts'
import type { Fleet } from './fleet.ts'
import { ADMIN, allow, deny, testTraps, type Trap, trusting, when } from './trap.ts'

/** Accounts made to mislead about what runs as a role, and about what is made anew. */
const LAMBDA = 'lambda.amazonaws.com'
const strong = (it: Fleet, service = LAMBDA, limits: Parameters<Fleet['role']>[3] = {}) =>
  it.role('Strong', ADMIN, [trusting({ Service: service })], limits)
const named = (service: string, resource: string) => `arn:aws:${service}:*:*:${resource}`
const MAKES = ['lambda:CreateFunction', 'lambda:InvokeFunction']
const to = (...services: string[]) => when('StringEquals', 'iam:PassedToService', services)
const trap = (name: string, expected: Trap['expected'], set: (it: Fleet) => Fleet): Trap => ({
  name,
  expected,
  set,
})

const passing: Trap[] = [
  trap('code of functions may be changed, but of none that there are', 'no', it =>
    strong(it).user('Actor', [
      allow('lambda:*'),
      deny('lambda:UpdateFunctionCode', named('lambda', 'function:*')),
    ]),
  ),
  trap('code of functions may be changed, but of some', 'conditional', it =>
    strong(it).user('Actor', [
      allow('lambda:*'),
      deny('lambda:UpdateFunctionCode', named('lambda', 'function:prod-*')),
    ]),
  ),
  trap('code may be changed of functions that have a tag', 'conditional', it =>
    strong(it).user('Actor', [
      allow('lambda:UpdateFunctionCode', '*', when('StringEquals', 'aws:ResourceTag/team', 'red')),
    ]),
  ),
  trap('other functions may be called than made', 'no', it =>
    strong(it).user('Actor', [
      allow('iam:PassRole'),
      allow('lambda:CreateFunction', named('lambda', 'function:dev-*')),
      allow('lambda:InvokeFunction', named('lambda', 'function:prod-*')),
    ]),
  ),
  trap('some of those that may be called may be made', 'proven', it =>
    strong(it).user('Actor', [
      allow('iam:PassRole'),
      allow('lambda:CreateFunction', named('lambda', 'function:prod-x-*')),
      allow('lambda:InvokeFunction', named('lambda', 'function:prod-*')),
    ]),
  ),
  trap('functions may be made in all regions but one', 'proven', it =>
    strong(it).user('Actor', [
      allow(['iam:PassRole', ...MAKES]),
      deny('lambda:*', 'arn:aws:lambda:us-east-1:*:function:*'),
    ]),
  ),
  trap('functions may be made in one region', 'proven', it =>
    strong(it).user('Actor', [allow('iam:PassRole'), allow(MAKES, 'arn:aws:lambda:ap-southeast-2:*:*')]),
  ),
  trap('roles may be passed to another service only', 'no', it =>
    strong(it).user('Actor', [allow('iam:PassRole', '*', to('ec2.amazonaws.com')), allow(MAKES)]),
  ),
  trap('roles may be passed to this service, too', 'proven', it =>
    strong(it).user('Actor', [allow('iam:PassRole', '*', to('ec2.amazonaws.com', LAMBDA)), allow(MAKES)]),
  ),
  trap('roles may be passed to services that have such a name', 'proven', it =>
    strong(it).user('Actor', [
      allow('iam:PassRole', '*', when('StringLike', 'iam:PassedToService', 'lambda.*')),
      allow(MAKES),
    ]),
  ),
  trap('passing to all services but one is denied', 'no', it =>
    strong(it).user('Actor', [
      allow(['iam:PassRole', ...MAKES]),
      deny('iam:PassRole', '*', when('StringNotEquals', 'iam:PassedToService', 'ecs-tasks.amazonaws.com')),
    ]),
  ),
  trap('passing to one other service is denied', 'proven', it =>
    strong(it).user('Actor', [
      allow(['iam:PassRole', ...MAKES]),
      deny('iam:PassRole', '*', when('StringEquals', 'iam:PassedToService', 'ecs-tasks.amazonaws.com')),
    ]),
  ),
  trap('all roles may be passed but that one', 'no', it =>
    strong(it).user('Actor', [
      { Effect: 'Allow', Action: 'iam:PassRole', NotResource: it.arn('role/Strong') },
      allow(MAKES),
    ]),
  ),
  trap('all but IAM is allowed, with a role that could be passed', 'no', it =>
    strong(it).user('Actor', [
      { Effect: 'Allow', NotAction: 'iam:*', Resource: '*' },
      deny('lambda:Update*'),
    ]),
  ),
  trap('all but IAM, and passing beside', 'proven', it =>
    strong(it).user('Actor', [
      { Effect: 'Allow', NotAction: 'iam:*', Resource: '*' },
      allow('iam:PassRole', it.arn('role/Str*')),
    ]),
  ),
  trap('roles of a path may be passed', 'no', it =>
    strong(it).user('Actor', [allow('iam:PassRole', it.arn('role/app/*')), allow(MAKES)]),
  ),
  ...(['red', 'blue'] as const).map(team =>
    trap(`roles with a tag may be passed: ${team}`, team === 'red' ? 'proven' : 'no', it =>
      strong(it, LAMBDA, { tags: { team } }).user('Actor', [
        allow('iam:PassRole', '*', when('StringEquals', 'iam:ResourceTag/team', 'red')),
        allow(MAKES),
      ]),
    ),
  ),
  trap('a boundary lets functions be made, and no role be passed', 'no', it =>
    strong(it).user('Actor', [allow(['iam:PassRole', ...MAKES])], { boundary: [allow('lambda:*')] }),
  ),
  trap('a boundary on what would be passed', 'no', it =>
    strong(it, LAMBDA, { boundary: [allow('s3:*')] }).user('Actor', [allow(['iam:PassRole', ...MAKES])]),
  ),
  trap('a role that lets another service in', 'no', it =>
    strong(it, 'edgelambda.amazonaws.com').user('Actor', [allow(['iam:PassRole', ...MAKES])]),
  ),
  trap('a role that denies the service', 'no', it =>
    it
      .role('Strong', ADMIN, [
        trusting({ Service: LAMBDA }),
        { ...trusting({ Service: LAMBDA }), Effect: 'Deny' },
      ])
      .user('Actor', [allow(['iam:PassRole', ...MAKES])]),
  ),
  trap('jobs may be made and others run', 'no', it =>
    strong(it, 'glue.amazonaws.com').user('Actor', [
      allow('iam:PassRole'),
      allow('glue:CreateJob', named('glue', 'job/a*')),
      allow('glue:StartJobRun', named('glue', 'job/b*')),
    ]),
  ),
  trap('stacks of some names may be updated', 'conditional', it =>
    strong(it, 'cloudformation.amazonaws.com').user('Actor', [
      allow('cloudformation:UpdateStack', named('cloudformation', 'stack/dev-*/*')),
    ]),
  ),
  trap('a shell may be opened, but on no instance', 'no', it =>
    strong(it, 'ec2.amazonaws.com', { inInstanceProfile: true }).user('Actor', [
      allow('ssm:*'),
      deny(['ssm:StartSession', 'ssm:SendCommand'], named('ec2', 'instance/*')),
    ]),
  ),
  trap('commands may be sent by documents, and to no instance', 'no', it =>
    strong(it, 'ec2.amazonaws.com', { inInstanceProfile: true }).user('Actor', [
      allow('ssm:SendCommand', 'arn:aws:ssm:*::document/AWS-*'),
    ]),
  ),
  trap('commands may be sent to instances', 'conditional', it =>
    strong(it, 'ec2.amazonaws.com', { inInstanceProfile: true }).user('Actor', [
      allow('ssm:SendCommand', [named('ec2', 'instance/*'), 'arn:aws:ssm:*::document/AWS-*']),
    ]),
  ),
  trap('commands may be sent to instances, and the role is of none', 'no', it =>
    strong(it, 'ec2.amazonaws.com').user('Actor', [allow('ssm:SendCommand')]),
  ),
  trap('an instance may be made, and the role is in no profile', 'no', it =>
    strong(it, 'ec2.amazonaws.com').user('Actor', [allow(['iam:PassRole', 'ec2:RunInstances'])]),
  ),
  trap('and a profile, too', 'proven', it =>
    strong(it, 'ec2.amazonaws.com').user('Actor', [
      allow(['iam:PassRole', 'ec2:RunInstances', 'iam:*InstanceProfile']),
    ]),
  ),
]

const fence = (it: Fleet) => when('StringEquals', 'iam:PermissionsBoundary', it.arn('policy/fence'))
const making: Trap[] = [
  trap('roles may be made and given policies', 'proven', it =>
    it.user('Actor', [allow(['iam:CreateRole', 'iam:AttachRolePolicy'], it.arn('role/app-*'))]),
  ),
  trap('roles may be made, and others given policies', 'no', it =>
    it.user('Actor', [
      allow('iam:CreateRole', it.arn('role/app-*')),
      allow('iam:AttachRolePolicy', it.arn('role/web-*')),
    ]),
  ),
  trap('roles may be made with a boundary only', 'no', it =>
    it.user('Actor', [
      allow('iam:CreateRole', '*', fence(it)),
      allow('iam:PutRolePolicy', it.arn('role/app-*')),
    ]),
  ),
  trap('roles may be made, and policies written to those with a boundary only', 'no', it =>
    it.user('Actor', [allow('iam:CreateRole'), allow('iam:PutRolePolicy', '*', fence(it))]),
  ),
  trap('roles may be made, and only harmless policies attached', 'no', it =>
    it.user('Actor', [
      allow('iam:CreateRole'),
      allow(
        'iam:AttachRolePolicy',
        '*',
        when('ArnEquals', 'iam:PolicyARN', 'arn:aws:iam::aws:policy/ReadOnlyAccess'),
      ),
    ]),
  ),
  trap('roles may be made of which none may be assumed', 'conditional', it =>
    it.user('Actor', [
      allow(['iam:CreateRole', 'iam:PutRolePolicy'], it.arn('role/app-*')),
      deny('sts:AssumeRole'),
    ]),
  ),
  trap('users may be made, given policies and keys', 'proven', it =>
    it.user('Actor', [
      allow(['iam:CreateUser', 'iam:PutUserPolicy', 'iam:CreateAccessKey'], it.arn('user/app-*')),
    ]),
  ),
  trap('users may be made and given policies, and no keys', 'no', it =>
    it.user('Actor', [allow(['iam:CreateUser', 'iam:PutUserPolicy'], it.arn('user/app-*'))]),
  ),
  trap('users may be made with what is denied to have no tag', 'no', it =>
    it.user('Actor', [
      allow(['iam:CreateUser', 'iam:PutUserPolicy', 'iam:CreateAccessKey'], it.arn('user/app-*')),
      deny('iam:PutUserPolicy', '*', when('Null', 'iam:PermissionsBoundary', 'true')),
    ]),
  ),
  trap('keys of users with such a name, and the administrator has another', 'no', it =>
    it.user('Boss', ADMIN).user('Actor', [allow('iam:CreateAccessKey', it.arn('user/dev-*'))]),
  ),
  trap('keys of its own', 'no', it =>
    it.user('Boss', ADMIN).user('Actor', [allow('iam:*AccessKey*', it.arn('user/${aws:username}'))]),
  ),
  trap('policies of its own', 'proven', it =>
    it.user('Actor', [allow('iam:PutUserPolicy', it.arn('user/${aws:username}'))]),
  ),
  trap('a key of an administrator behind a boundary', 'no', it =>
    it.user('Boss', ADMIN, { boundary: [allow('s3:*')] }).user('Actor', [allow('iam:CreateAccessKey')]),
  ),
  trap('a password of an administrator, with MFA', 'conditional', it =>
    it
      .user('Boss', ADMIN)
      .user('Actor', [allow('iam:CreateAccessKey', '*', when('Bool', 'aws:MultiFactorAuthPresent', 'true'))]),
  ),
  trap('policies of a group that it is not in', 'no', it =>
    it.group('Readers', []).user('Actor', [allow('iam:PutGroupPolicy')]),
  ),
  trap('policies of a group that it is in', 'proven', it =>
    it.group('Readers', []).user('Actor', [allow('iam:PutGroupPolicy')], { groups: ['Readers'] }),
  ),
  trap('policies of a group that it is in, denied by the group', 'no', it =>
    it
      .group('Readers', [deny('iam:*GroupPolicy')])
      .user('Actor', [allow('iam:PutGroupPolicy')], { groups: ['Readers'] }),
  ),
  trap('a role without rights can be made to trust it', 'no', it =>
    it
      .role('Weak', [allow('s3:*')], [trusting({ Service: LAMBDA })])
      .user('Actor', [allow('iam:UpdateAssumeRolePolicy')]),
  ),
  trap('everything but what is listed is denied', 'no', it =>
    it.user('Actor', [allow('*'), { Effect: 'Deny', NotAction: ['s3:*', 'sts:*'], Resource: '*' }]),
  ),
  trap('everything, denied without MFA', 'conditional', it =>
    it.user('Actor', [
      allow('*'),
      deny('*', '*', when('BoolIfExists', 'aws:MultiFactorAuthPresent', 'false')),
    ]),
  ),
  ...(['Actor', 'Other'] as const).map(name =>
    trap(`a trust that names ${name} by a condition`, name === 'Actor' ? 'proven' : 'no', it =>
      it
        .role('Strong', ADMIN, [
          trusting({ AWS: '*' }, when('ArnEquals', 'aws:PrincipalArn', it.arn(`user/${name}`))),
        ])
        .user('Actor', []),
    ),
  ),
  trap('a trust for an organization that nobody knows', 'conditional', it =>
    it
      .role('Strong', ADMIN, [trusting({ AWS: '*' }, when('StringEquals', 'aws:PrincipalOrgID', 'o-1'))])
      .user('Actor', []),
  ),
  trap('a trust for tokens only', 'no', it =>
    it
      .role('Strong', ADMIN, [{ ...trusting({ AWS: it.account }), Action: 'sts:AssumeRoleWithWebIdentity' }])
      .user('Actor', [allow('sts:*')]),
  ),
  trap('roles with such a name may be assumed', 'no', it =>
    it
      .role('Strong', ADMIN, [trusting({ AWS: it.account })])
      .user('Actor', [allow('sts:AssumeRole', it.arn('role/dev-*'))]),
  ),
]

const crossings = await loadCrossings(new URL('../../../../rules', import.meta.url).pathname)

describe('what runs as a role', () => testTraps(crossings, passing, 310_000_000_000))
describe('what is made or changed', () => testTraps(crossings, making, 320_000_000_000))
