import { describe, expect, test } from 'vitest'
import { allow, type Ask, ask, DENIED, deny, NO, policy, YES } from './asking.ts'

const S3 = 'arn:aws:s3:::reports/2026/may.csv'
const QUEUE = 'arn:aws:sqs:eu-west-1:111122223333:jobs'
const FUNCTION = 'arn:aws:lambda:eu-west-1:111122223333:function:send:live'

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
describe('resources', () => {
  const of = (Resource: unknown, resource: string, context: Ask['context'] = {}): Ask => ({
    identity: [policy(allow({ Action: '*', Resource }))],
    resource,
    action: 'x:Do',
    context,
  })
  test.each<[string, Ask, string]>([
    ['everything', of('*', S3), YES],
    ['itself', of(S3, S3), YES],
    ['one of several', of([QUEUE, S3], S3), YES],
    ['none of several', of([QUEUE, FUNCTION], S3), NO],
    ['no list', of([], S3), NO],
    ['a star over slashes', of('arn:aws:s3:::reports/*', S3), YES],
    ['a star for nothing', of('arn:aws:s3:::reports/2026/may.csv*', S3), YES],
    ['stars within', of('arn:aws:s3:::*/*/may.*', S3), YES],
    ['one character', of('arn:aws:s3:::reports/202?/may.csv', S3), YES],
    ['one character that is none', of('arn:aws:s3:::reports/2026/may.csv?', S3), NO],
    ['the bucket is not its objects', of('arn:aws:s3:::reports', S3), NO],
    ['the objects are not the bucket', of('arn:aws:s3:::reports/*', 'arn:aws:s3:::reports'), NO],
    ['the case of a name', of('arn:aws:s3:::reports/2026/May.csv', S3), NO],
    ['a star for the region', of('arn:aws:sqs:*:111122223333:jobs', QUEUE), YES],
    ['a star for the account', of('arn:aws:sqs:eu-west-1:*:jobs', QUEUE), YES],
    ['a star in the region', of('arn:aws:sqs:eu-*-1:*:jobs', QUEUE), YES],
    ['another region', of('arn:aws:sqs:us-*:*:jobs', QUEUE), NO],
    ['another account', of('arn:aws:sqs:*:999988887777:jobs', QUEUE), NO],
    ['another partition', of('arn:aws-cn:sqs:*:*:jobs', QUEUE), NO],
    ['any partition', of('arn:*:sqs:*:*:jobs', QUEUE), YES],
    ['another service', of('arn:aws:sns:*:*:jobs', QUEUE), NO],
    ['colons of the resource', of('arn:aws:lambda:*:*:function:send:*', FUNCTION), YES],
    ['a star over colons of the resource', of('arn:aws:lambda:*:*:function:*', FUNCTION), YES],
    ['a function is not its versions', of('arn:aws:lambda:*:*:function:send', FUNCTION), NO],
    ['a star at the end, for all parts that follow', of('arn:aws:sqs:*', QUEUE), YES],
    ['a star at the end of a part, for several', of('arn:aws:sqs:*:jobs', QUEUE), YES],
    ['a star at the end of a part, for the wrong ones', of('arn:aws:sqs:*:mails', QUEUE), NO],
    ['parts left out', of('arn:aws:sqs', QUEUE), YES],
    ['parts left out, another service', of('arn:aws:sq', QUEUE), NO],
    [
      'characters that mean something elsewhere',
      of('arn:aws:s3:::a.b+(c)[d]', 'arn:aws:s3:::a.b+(c)[d]'),
      YES,
    ],
    ['a dot is a dot', of('arn:aws:s3:::reports/2026/may.csv', S3.replace('.', '-')), NO],
    ['an action without a resource', of('*', '*'), YES],
    ['an action without a resource, one named', of(S3, '*'), NO],
    ['an action without a resource, all of S3', of('arn:aws:s3:::*', '*'), NO],
    [
      'a tag of the principal',
      of('arn:aws:s3:::reports/${aws:PrincipalTag/year}/*', S3, { 'aws:PrincipalTag/year': '2026' }),
      YES,
    ],
    ['a tag that is not there', of('arn:aws:s3:::reports/${aws:PrincipalTag/year}/*', S3), NO],
    [
      'a tag in another case',
      of('arn:aws:s3:::reports/${AWS:principaltag/YEAR}/*', S3, { 'aws:PrincipalTag/year': '2026' }),
      YES,
    ],
    ['two variables', of('arn:aws:s3:::${a}/${b}/*', S3, { a: 'reports', b: '2026' }), YES],
    ['a value with colons', of('arn:aws:s3:::${a}', 'arn:aws:s3:::AROA:me', { a: 'AROA:me' }), YES],
    ['a variable of a wildcard is none', of('arn:aws:s3:::${a}/*', S3, { a: 're?orts' }), NO],
    ['a default', of("arn:aws:s3:::${a, 'reports'}/*", S3), YES],
    ['a default that is not needed', of("arn:aws:s3:::${a, 'reports'}/*", S3, { a: 'mails' }), NO],
    ['a question mark itself', of('arn:aws:s3:::a${?}', 'arn:aws:s3:::a?'), YES],
    ['only that', of('arn:aws:s3:::a${?}', 'arn:aws:s3:::ab'), NO],
    ['a dollar itself', of('arn:aws:s3:::${$}{a}', 'arn:aws:s3:::${a}', { a: 'x' }), YES],
    ['a star itself', of('arn:aws:s3:::${*}', 'arn:aws:s3:::x'), NO],
    ['a brace that is not closed', of('arn:aws:s3:::${a', 'arn:aws:s3:::${a', { a: 'x' }), YES],
  ])('%s', (_, given, verdict) => expect(ask(given).verdict).toBe(verdict))
})

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notresource.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html
describe('all but', () => {
  const but = (part: object, effect = allow()) => {
    const { Action: _action, Resource: _resource, ...rest } = effect
    return { Action: 's3:*', ...('NotResource' in part ? {} : { Resource: '*' }), ...rest, ...part }
  }
  const without = ({ Action: _action, ...rest }: Record<string, unknown>) => rest
  test.each<[string, Ask, string]>([
    ['a resource, and it is that', { identity: [policy(but({ NotResource: S3 }))] }, NO],
    ['resources, and it is none', { identity: [policy(but({ NotResource: [QUEUE, FUNCTION] }))] }, YES],
    [
      'resources, and it is one',
      { identity: [policy(but({ NotResource: [QUEUE, 'arn:aws:s3:::reports/*'] }))] },
      NO,
    ],
    ['a resource, where there is none', { resource: '*', identity: [policy(but({ NotResource: S3 }))] }, YES],
    [
      'a resource whose variable has no value is no resource',
      { identity: [policy(but({ NotResource: 'arn:aws:s3:::reports/${aws:PrincipalTag/none}/*' }))] },
      YES,
    ],
    [
      'a deny outside of what is one’s own',
      { identity: [policy(allow(), but({ NotResource: 'arn:aws:s3:::mine/*' }, deny()))] },
      DENIED,
    ],
    ['actions, in another case', { identity: [policy(without(but({ NotAction: 'S3:GETOBJECT' })))] }, NO],
    [
      'actions, none of which it is',
      { identity: [policy(without(but({ NotAction: ['iam:*', 'sts:*'] })))] },
      YES,
    ],
    ['all actions', { identity: [policy(without(but({ NotAction: '*' })))] }, NO],
    [
      'a deny of all but reading',
      { action: 's3:PutObject', identity: [policy(allow(), without(but({ NotAction: 's3:Get*' }, deny())))] },
      DENIED,
    ],
    [
      'both at once',
      { identity: [policy(without(but({ NotAction: 's3:Put*', NotResource: 'arn:aws:s3:::other/*' })))] },
      YES,
    ],
    [
      'both at once, the action left out',
      { identity: [policy(without(but({ NotAction: 's3:Get*', NotResource: 'arn:aws:s3:::other/*' })))] },
      NO,
    ],
  ])('%s', (_, given, verdict) => expect(ask(given).verdict).toBe(verdict))
})

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
describe('actions', () => {
  const of = (Action: unknown, action = 's3:GetObject'): Ask => ({
    action,
    identity: [policy(allow({ Action }))],
  })
  test.each<[string, Ask, string]>([
    ['everything', of('*'), YES],
    ['everything of a service', of('s3:*'), YES],
    ['everything, spelled out', of('*:*'), YES],
    ['of another service', of('s3express:*'), NO],
    ['the end', of('s3:*Object'), YES],
    ['the middle', of('s3:G*t'), YES],
    ['a longer one', of('s3:GetObject', 's3:GetObjectVersion'), NO],
    ['a longer one, with a star', of('s3:GetObject*', 's3:GetObjectVersion'), YES],
    ['a single character', of('s3:GetObjec?'), YES],
    ['a single character too many', of('s3:GetObject?'), NO],
    ['upper case', of('S3:GETOBJECT'), YES],
    ['asked in upper case', of('s3:GetObject', 'S3:getobject'), YES],
    ['a list', of(['s3:PutObject', 's3:GetObject']), YES],
    ['an empty list', of([]), NO],
    ['a service without its actions', of('s3'), NO],
    ['a variable is none', { ...of('s3:${a}'), context: { a: 'GetObject' } }, NO],
  ])('%s', (_, given, verdict) => expect(ask(given).verdict).toBe(verdict))
})
