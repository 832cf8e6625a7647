import { describe, expect, test } from 'vitest'
import { ALICE, allow, type Ask, ask, DENIED, deny, NO, type Part, policy, YES } from './asking.ts'

describe('conditions', () => {
  const when = (Condition: Part, context: Ask['context'] = {}, more: Ask = {}): Ask => ({
    identity: [policy(allow({ Condition }))],
    context,
    ...more,
  })
  const tag = 'aws:ResourceTag/team'
  test.each<[string, Ask, string]>([
    ['equal', when({ StringEquals: { [tag]: 'red' } }, { [tag]: 'red' }), YES],
    ['case of the value', when({ StringEquals: { [tag]: 'red' } }, { [tag]: 'Red' }), NO],
    ['case of the key', when({ StringEquals: { 'AWS:resourcetag/TEAM': 'red' } }, { [tag]: 'red' }), YES],
    ['one of several', when({ StringEquals: { [tag]: ['blue', 'red'] } }, { [tag]: 'red' }), YES],
    ['absent', when({ StringEquals: { [tag]: 'red' } }), NO],
    ['absent, if it exists', when({ StringEqualsIfExists: { [tag]: 'red' } }), YES],
    ['another, if it exists', when({ StringEqualsIfExists: { [tag]: 'red' } }, { [tag]: 'blue' }), NO],
    ['not equal', when({ StringNotEquals: { [tag]: 'red' } }, { [tag]: 'blue' }), YES],
    [
      'not equal to any of several',
      when({ StringNotEquals: { [tag]: ['red', 'blue'] } }, { [tag]: 'blue' }),
      NO,
    ],
    ['not equal, absent', when({ StringNotEquals: { [tag]: 'red' } }), YES],
    ['ignoring case', when({ StringEqualsIgnoreCase: { [tag]: 'RED' } }, { [tag]: 'red' }), YES],
    ['not, ignoring case', when({ StringNotEqualsIgnoreCase: { [tag]: 'RED' } }, { [tag]: 'red' }), NO],
    ['like', when({ StringLike: { [tag]: 'r*d?' } }, { [tag]: 'round1' }), YES],
    ['a star where it is none', when({ StringEquals: { [tag]: 'r*' } }, { [tag]: 'red' }), NO],
    ['not like', when({ StringNotLike: { [tag]: 'r*' } }, { [tag]: 'red' }), NO],
    ['all conditions', when({ StringEquals: { a: '1', b: '2' } }, { a: '1', b: '3' }), NO],
    [
      'all operators',
      when(
        { StringEquals: { a: '1' }, Bool: { 'aws:SecureTransport': 'true' } },
        { a: '1', 'aws:SecureTransport': 'true' },
      ),
      YES,
    ],
    ['less', when({ NumericLessThan: { 's3:max-keys': '10' } }, { 's3:max-keys': '9' }), YES],
    ['numbers, not texts', when({ NumericLessThan: { 's3:max-keys': '10' } }, { 's3:max-keys': '9.5' }), YES],
    ['no number', when({ NumericEquals: { 's3:max-keys': '10' } }, { 's3:max-keys': 'ten' }), NO],
    ['greater or equal', when({ NumericGreaterThanEquals: { n: '10' } }, { n: '10' }), YES],
    ['a number given as one', when({ NumericEquals: { n: 10 } }, { n: '10.0' }), YES],
    [
      'before',
      when(
        { DateLessThan: { 'aws:CurrentTime': '2026-12-01T00:00:00Z' } },
        { 'aws:CurrentTime': '2026-11-24T10:00:00Z' },
      ),
      YES,
    ],
    [
      'seconds',
      when({ DateGreaterThan: { 'aws:EpochTime': '1764000000' } }, { 'aws:EpochTime': '1763000000' }),
      NO,
    ],
    [
      'seconds beside ISO',
      when(
        { DateGreaterThan: { 'aws:TokenIssueTime': '2020-01-01T00:00:00Z' } },
        { 'aws:TokenIssueTime': '1763000000' },
      ),
      YES,
    ],
    [
      'an address in the range',
      when({ IpAddress: { 'aws:SourceIp': '203.0.113.0/24' } }, { 'aws:SourceIp': '203.0.113.9' }),
      YES,
    ],
    [
      'a single address',
      when({ IpAddress: { 'aws:SourceIp': '203.0.113.9' } }, { 'aws:SourceIp': '203.0.113.9' }),
      YES,
    ],
    [
      'outside',
      when(
        { IpAddress: { 'aws:SourceIp': ['203.0.113.0/24', '198.51.100.0/24'] } },
        { 'aws:SourceIp': '192.0.2.1' },
      ),
      NO,
    ],
    [
      'not in it',
      when({ NotIpAddress: { 'aws:SourceIp': '203.0.113.0/24' } }, { 'aws:SourceIp': '192.0.2.1' }),
      YES,
    ],
    [
      'IPv6',
      when(
        { IpAddress: { 'aws:SourceIp': '2001:DB8:1234:5678::/64' } },
        { 'aws:SourceIp': '2001:db8:1234:5678::1' },
      ),
      YES,
    ],
    [
      'no address',
      when({ IpAddress: { 'aws:SourceIp': '203.0.113.0/33' } }, { 'aws:SourceIp': '203.0.113.9' }),
      NO,
    ],
    [
      'an ARN',
      when(
        { ArnLike: { 'aws:SourceArn': 'arn:aws:s3:::rep*' } },
        { 'aws:SourceArn': 'arn:aws:s3:::reports' },
      ),
      YES,
    ],
    [
      'ArnEquals is the same',
      when({ ArnEquals: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/*' } }, { 'aws:PrincipalArn': ALICE }),
      YES,
    ],
    [
      'a star does not reach over a colon',
      when(
        { ArnLike: { 'aws:SourceArn': 'arn:aws:*:eu-west-1:1:a' } },
        { 'aws:SourceArn': 'arn:aws:sns:sqs:eu-west-1:1:a' },
      ),
      NO,
    ],
    [
      'not that ARN',
      when({ ArnNotLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/*' } }, { 'aws:PrincipalArn': ALICE }),
      YES,
    ],
    [
      'true',
      when({ Bool: { 'aws:MultiFactorAuthPresent': 'true' } }, { 'aws:MultiFactorAuthPresent': 'false' }),
      NO,
    ],
    [
      'absent, as a deny has it',
      {
        identity: [
          policy(allow(), deny({ Condition: { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } } })),
        ],
      },
      DENIED,
    ],
    [
      'absent, without IfExists',
      {
        identity: [policy(allow(), deny({ Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'false' } } }))],
      },
      YES,
    ],
    ['bytes', when({ BinaryEquals: { k: 'QmluYXJ5' } }, { k: 'QmluYXJ5' }), YES],
    ['null and absent', when({ Null: { [tag]: 'true' } }), YES],
    ['null and there', when({ Null: { [tag]: 'true' } }, { [tag]: 'x' }), NO],
    ['not null and there', when({ Null: { [tag]: 'false' } }, { [tag]: 'x' }), YES],
    ['not null, given as a boolean', when({ Null: { [tag]: false } }, {}), NO],
    [
      'every value',
      when({ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, { 'aws:TagKeys': ['a', 'b'] }),
      YES,
    ],
    [
      'one value too many',
      when({ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, { 'aws:TagKeys': ['a', 'c'] }),
      NO,
    ],
    ['every value of none', when({ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a'] } }), YES],
    [
      'every value of an empty list',
      when({ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a'] } }, { 'aws:TagKeys': [] }),
      YES,
    ],
    [
      'any value',
      when({ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['a'] } }, { 'aws:TagKeys': ['c', 'a'] }),
      YES,
    ],
    ['any value of none', when({ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['a'] } }), NO],
    [
      'any that is not',
      when({ 'ForAnyValue:StringNotEquals': { 'aws:TagKeys': ['a'] } }, { 'aws:TagKeys': ['a', 'b'] }),
      YES,
    ],
    [
      'all that are not',
      when({ 'ForAllValues:StringNotEquals': { 'aws:TagKeys': ['a'] } }, { 'aws:TagKeys': ['a', 'b'] }),
      NO,
    ],
    [
      'all like',
      when(
        { 'ForAllValues:StringLike': { 'aws:TagKeys': ['team-*'] } },
        { 'aws:TagKeys': ['team-a', 'team-b'] },
      ),
      YES,
    ],
  ])('%s', (_, given, verdict) => expect(ask(given).verdict).toBe(verdict))
})

describe('variables', () => {
  const home = 'arn:aws:s3:::homes/${aws:username}/*'
  const of = (Resource: string, context: Ask['context'], resource = 'arn:aws:s3:::homes/Alice/x'): Ask => ({
    identity: [policy(allow({ Resource }))],
    context,
    resource,
  })
  test.each<[string, Ask, string]>([
    ['its own', of(home, { 'aws:username': 'Alice' }), YES],
    ["another's", of(home, { 'aws:username': 'Bob' }), NO],
    ['absent', of(home, {}), NO],
    ['with a default', of("arn:aws:s3:::homes/${aws:username, 'Alice'}/*", {}), YES],
    ['a star in the value is a star', of(home, { 'aws:username': '*' }), NO],
    ['the star itself', of('arn:aws:s3:::homes/${*}/*', {}, 'arn:aws:s3:::homes/*/x'), YES],
    [
      'not in the old version',
      {
        ...of(home, { 'aws:username': 'Alice' }),
        identity: [{ Version: '2008-10-17', Statement: [allow({ Resource: home })] }],
      },
      NO,
    ],
    [
      'in a condition',
      {
        identity: [
          policy(allow({ Condition: { StringEquals: { 'aws:ResourceTag/owner': '${aws:username}' } } })),
        ],
        context: { 'aws:ResourceTag/owner': 'Alice', 'aws:username': 'Alice' },
      },
      YES,
    ],
    [
      'in a condition, like',
      {
        identity: [policy(allow({ Condition: { StringLike: { 's3:prefix': 'home/${aws:username}/*' } } }))],
        context: { 's3:prefix': 'home/Alice/a', 'aws:username': 'Alice' },
      },
      YES,
    ],
    ['several values are none', of(home, { 'aws:username': ['Alice', 'Bob'] }), NO],
  ])('%s', (_, given, verdict) => expect(ask(given).verdict).toBe(verdict))
})
