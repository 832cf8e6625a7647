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

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html, and of several values
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
describe('operators, as they are documented', () => {
  /** Whether a statement with one condition applies. */
  const holds = (operator: string, wanted: unknown, given?: string | string[], version = '2012-10-17') =>
    ask({
      identity: [{ Version: version, Statement: allow({ Condition: { [operator]: { k: wanted } } }) }],
      context: { ...(given !== undefined && { k: given }), me: 'Alice', arn: ALICE },
    }).verdict === YES
  const all = (name: string) => `ForAllValues:${name}`
  const some = (name: string) => `ForAnyValue:${name}`
  const BASE = 'StringEquals StringEqualsIgnoreCase StringLike ArnEquals ArnLike IpAddress Bool BinaryEquals '
    .concat('NumericEquals NumericLessThan NumericGreaterThanEquals DateEquals DateLessThan')
    .split(' ')
  const NEGATED = 'StringNotEquals StringNotEqualsIgnoreCase StringNotLike ArnNotEquals ArnNotLike '
    .concat('NotIpAddress NumericNotEquals DateNotEquals')
    .split(' ')
  test.each(BASE)('%s of a key that is not there', name => {
    expect(holds(name, '1')).toBe(false)
    expect(holds(`${name}IfExists`, '1')).toBe(true)
    expect(holds(all(name), '1')).toBe(true)
    expect(holds(some(name), '1')).toBe(false)
    expect(holds(some(`${name}IfExists`), '1')).toBe(false)
    expect(holds(all(name), '1', [])).toBe(true)
    expect(holds(some(name), '1', [''])).toBe(false)
  })
  test.each(NEGATED)('%s of a key that is not there', name => {
    expect(holds(name, '1')).toBe(true)
    expect(holds(`${name}IfExists`, '1')).toBe(true)
    expect(holds(all(name), '1')).toBe(true)
    expect(holds(some(name), '1')).toBe(false)
  })

  type Case = [operator: string, wanted: unknown, given: string | string[], expected: boolean]
  test.each<Case>([
    ['StringEquals', '', '', true],
    ['StringEquals', 'a', ['b', 'a'], true],
    ['StringNotEquals', ['a', 'b'], 'c', true],
    ['StringNotEquals', 'a', ['a', 'b'], false],
    ['StringNotEquals', 'a', 'A', true],
    ['StringEquals', [], 'a', false],
    ['StringNotEquals', [], 'a', true],
    ['stringequals', 'a', 'a', true],
    ['StringEquals', 'a?', 'ab', false],
    ['StringLike', 'a?', 'ab', true],
    ['StringLike', 'a?', 'a', false],
    ['StringLike', 'A*', 'abc', false],
    ['StringLike', '*', '', true],
    ['StringLike', 'a*:*c', 'a:b:c', true],
    ['StringLike', ['', 'home/', 'home/${me}/*'], '', true],
    ['StringLike', ['', 'home/', 'home/${me}/*'], 'home/Bob/x', false],
    ['StringLikeIfExists', 'a*', 'b', false],
    ['StringNotLike', ['a*', 'b*'], 'bc', false],
    ['StringEquals', '${me}', 'Alice', true],
    ['StringEquals', '${me}', '${me}', false],
    ['StringNotEquals', '${none}', 'x', true],
    ['StringEquals', '${none}', '', false],
    ['StringLike', '${none}*', 'x', false],
    ['StringNotLike', '${none}*', 'x', true],
    ['StringEquals', "${none, 'x'}", 'x', true],
    ['StringEquals', 'a${*}', 'a*', true],
    ['StringLike', 'a${*}', 'ab', false],
    ['StringEqualsIgnoreCase', '${me}', 'ALICE', true],
    ['ArnEquals', '${arn}', ALICE, true],
    ['ArnLike', 'arn:aws:iam::*:user/${me}', ALICE, true],
    ['ArnLike', 'arn:aws:iam::*:role/*', ALICE, false],
    ['ArnLike', 'arn:aws:iam::111122223333:user/?lice', ALICE, true],
    ['ArnLike', 'arn:aws:iam::*', ALICE, false],
    ['ArnLike', 'arn:aws:*:user/Alice', ALICE, false],
    ['ArnLike', 'arn:aws:iam', ALICE, false],
    ['ArnLike', 'arn:*:iam::*:*', ALICE, true],
    ['ArnLike', '*', ALICE, true],
    ['ArnEquals', 'arn:aws:iam::*:user/A*', ALICE, true],
    ['ArnNotEquals', 'arn:aws:iam::*:user/A*', ALICE, false],
    ['ArnNotLike', ['arn:aws:iam::*:role/*', 'arn:aws:iam::*:user/B*'], ALICE, true],
    ['ArnLike', 'arn:aws:iam::111122223333:user/Alice', 'no arn', false],
    ['NumericEquals', '10', '10.0', true],
    ['NumericEquals', ['1', '2'], '2', true],
    ['NumericNotEquals', ['1', '2'], '3', true],
    ['NumericNotEquals', ['1', '2'], '2', false],
    ['NumericLessThan', '10', '10', false],
    ['NumericLessThanEquals', '10', '10', true],
    ['NumericGreaterThan', '-1', '0', true],
    ['NumericGreaterThan', '9', '10', true],
    ['NumericLessThanIfExists', '10', '11', false],
    ['NumericEquals', '${k}', '10', false],
    ['DateEquals', '${k}', '2026', false],
    ['IpAddress', '${k}', '203.0.113.9', false],
    ['NumericEquals', '', '0', false],
    ['DateEquals', '2026-11-24T10:00:00Z', '2026-11-24T11:00:00+01:00', true],
    ['DateEquals', '2026-11-24T10:00:00Z', '2026-11-24T10:00:00', true],
    ['DateEquals', '2026-11-24', '2026-11-24T00:00:00.000Z', true],
    ['DateEquals', '2026-11', '2026-11-01T00:00Z', true],
    ['DateEquals', '2026', '2026-01-01T00:00:00Z', true],
    ['DateEquals', '2026-11-24T10:00:00Z', '1795514400', true],
    ['DateNotEquals', '2026-11-24T10:00:00Z', '2026-11-24T10:00:01Z', true],
    ['DateLessThan', '2026-11-24T10:00:00Z', '2026-11-24T10:00:00Z', false],
    ['DateLessThanEquals', '2026-11-24T10:00:00Z', '2026-11-24T10:00:00Z', true],
    ['DateGreaterThan', '2026-11-24T10:00:00Z', '2026-11-24T10:00:00.5Z', true],
    ['DateGreaterThanEquals', '2026-12-01', '2026-11-30T23:59:59Z', false],
    ['DateLessThan', '0', '-1', true],
    ['DateLessThan', '2026-11-24T10:00:00Z', 'yesterday', false],
    ['Bool', 'true', 'true', true],
    ['Bool', 'True', 'true', true],
    ['Bool', 'false', 'true', false],
    ['Bool', ['true', 'false'], 'false', true],
    ['BoolIfExists', 'true', 'false', false],
    ['BinaryEquals', 'QmluYXJ5', 'QmluYXJ5', true],
    ['BinaryEquals', 'QmluYXJ5', 'QmluYXJ6', false],
    ['IpAddress', '0.0.0.0/0', '203.0.113.9', true],
    ['IpAddress', '203.0.113.0/24', '203.0.114.0', false],
    ['IpAddress', '203.0.113.128/25', '203.0.113.127', false],
    ['IpAddress', '203.0.113.7/24', '203.0.113.200', true],
    ['IpAddress', '203.0.113.9/32', '203.0.113.9', true],
    ['IpAddress', ['203.0.113.0/24', '2001:db8::/32'], '2001:db8:1::1', true],
    ['IpAddress', '2001:db8::/32', '2001:db9::1', false],
    ['IpAddress', '2001:db8::1', '2001:0db8:0:0:0:0:0:1', true],
    ['IpAddress', '::/0', '203.0.113.9', false],
    ['IpAddress', '203.0.113.0/24', 'here', false],
    ['NotIpAddress', ['203.0.113.0/24', '198.51.100.0/24'], '198.51.100.1', false],
    ['NotIpAddress', '203.0.113.0/24', '2001:db8::1', true],
    ['IpAddressIfExists', '203.0.113.0/24', '192.0.2.1', false],
    ['Null', 'true', 'x', false],
    ['Null', 'false', 'x', true],
    ['Null', 'false', ['x', 'y'], true],
    ['Null', 'true', [], true],
    ['Null', 'True', [], true],
    ['Null', ['true', 'false'], 'x', true],
    [all('StringEquals'), ['a', 'b'], 'a', true],
    [all('StringEquals'), ['a', 'b'], ['b', 'a', 'b'], true],
    [all('StringEquals'), 'a', ['', 'a'], true],
    [all('StringNotEquals'), ['a', 'b'], ['c', 'd'], true],
    [all('StringNotLike'), 'key1*', ['key1:legal', 'key2:x'], false],
    [all('NumericLessThan'), '10', ['1', '11'], false],
    [all('ArnLike'), 'arn:aws:iam::*:user/*', [ALICE, `${ALICE}2`], true],
    [all('Bool'), 'true', ['true', 'false'], false],
    [some('StringEquals'), ['a', 'b'], ['c', 'd'], false],
    [some('StringLike'), ['a*'], ['c', 'ab'], true],
    [some('StringNotEquals'), ['a', 'b'], ['a', 'b'], false],
    [some('StringNotEquals'), ['a', 'b'], ['a', 'c'], true],
    [some('StringNotLike'), 'a*', ['ab', 'ac'], false],
    [some('NumericGreaterThan'), '10', ['1', '11'], true],
    [some('IpAddress'), '203.0.113.0/24', ['192.0.2.1', '203.0.113.1'], true],
    [some('StringEqualsIgnoreCase'), 'A', ['b', 'a'], true],
  ])('%s %j, given %j: %s', (operator, wanted, given, expected) => {
    expect(holds(operator, wanted, given)).toBe(expected)
  })

  test('variables are texts in the old version, and where no version is given', () => {
    expect(holds('StringEquals', '${me}', '${me}', '2008-10-17')).toBe(true)
    expect(holds('StringEquals', '${me}', 'Alice', '2008-10-17')).toBe(false)
    expect(holds('StringLike', 'a${*}', 'a${b}', '2008-10-17')).toBe(true)
    const identity = [{ Statement: allow({ Condition: { StringEquals: { k: '${me}' } } }) }]
    expect(ask({ identity, context: { k: '${me}', me: 'x' } }).verdict).toBe(YES)
  })
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
