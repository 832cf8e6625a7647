import { describe, expect, test } from 'vitest'
import { readPrincipal } from '../../../../src/know/graph/aws-policy/principal.ts'
import { requestKeys } from '../../../../src/know/graph/aws-policy/request-keys.ts'
import { ALICE, KEY, ROLE, SESSION } from './asking.ts'

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
describe('what a request says of who makes it', () => {
  const account = '111122223333'
  test.each<[string, string, Record<string, string>]>([
    ['a user', ALICE, { PrincipalArn: ALICE, PrincipalType: 'User', username: 'Alice' }],
    ['a user with a path', `arn:aws:iam::${account}:user/a/b/Bob`, { username: 'Bob' }],
    ['a role', ROLE, { PrincipalArn: ROLE, PrincipalType: 'AssumedRole' }],
    [
      'a session, which is known by its role',
      SESSION,
      { PrincipalArn: `arn:aws:iam::${account}:role/Builder`, PrincipalType: 'AssumedRole' },
    ],
    [
      'a session elsewhere',
      `arn:aws-cn:sts::${account}:assumed-role/Builder/x`,
      { PrincipalArn: `arn:aws-cn:iam::${account}:role/Builder` },
    ],
    [
      'a federated user',
      `arn:aws:sts::${account}:federated-user/Bob`,
      { PrincipalType: 'FederatedUser', userid: `${account}:Bob` },
    ],
    ['the root user', `arn:aws:iam::${account}:root`, { PrincipalType: 'Account', userid: account }],
    ['the root user, by number', account, { PrincipalArn: `arn:aws:iam::${account}:root` }],
  ])('%s', (_, principal, expected) => {
    const keys = requestKeys(readPrincipal(principal), { arn: '*' })
    expect(keys).toMatchObject({
      'aws:PrincipalAccount': account,
      'aws:PrincipalIsAWSService': 'false',
      ...Object.fromEntries(Object.entries(expected).map(([key, value]) => [`aws:${key}`, value])),
    })
    if (!('username' in expected) && keys['aws:PrincipalType'] !== 'User')
      expect(keys).not.toHaveProperty('aws:username')
  })

  test('a service is one', () => {
    expect(requestKeys(readPrincipal('s3.amazonaws.com'), { arn: '*' })).toEqual({
      'aws:PrincipalIsAWSService': 'true',
      'aws:PrincipalServiceName': 's3.amazonaws.com',
    })
  })

  test('of nobody known, that they are', () => {
    expect(requestKeys(readPrincipal('*'), { arn: '*' })).toEqual({ 'aws:PrincipalType': 'Anonymous' })
  })
})

test('the account of the resource: as it is given, else as its ARN says', () => {
  const owner = (arn: string, account?: string) =>
    requestKeys(readPrincipal(ALICE), { arn, account })['aws:ResourceAccount']
  expect(owner(KEY)).toBe('111122223333')
  expect(owner('arn:aws:s3:::reports', '999988887777')).toBe('999988887777')
  expect(owner('arn:aws:s3:::reports')).toBeUndefined()
})
