import { expect, test } from 'vitest'
import { type BucketAccess, effectivePolicy } from '../../../src/connectors/aws/bucket-access.ts'
import { answerLine } from '../../../src/know/graph/aws-policy/batch.ts'

const ARN = 'arn:aws:s3:::reports'
const OWN = '111122223333'
const ALL = 'http://acs.amazonaws.com/groups/global/AllUsers'
const SIGNED_IN = 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers'
const grant = (Permission: string, grantee: { URI?: string; ID?: string }) => ({
  Permission: Permission as 'READ',
  Grantee: { Type: 'Group' as const, ...grantee },
})
const acl = (...Grants: ReturnType<typeof grant>[]): BucketAccess => ({
  aclsDisabled: false,
  acl: { Owner: { ID: 'owner' }, Grants: [grant('FULL_CONTROL', { ID: 'owner' }), ...Grants] },
  block: null,
})
const statements = (access: BucketAccess, policy: string | null = null) => {
  const text = effectivePolicy(policy, access, ARN, OWN)
  return text == null ? text : (JSON.parse(text) as { Statement: Record<string, unknown>[] }).Statement
}

test('what an ACL grants is told as statements, and what its owner has is nothing new', () => {
  expect(statements(acl())).toBeNull()
  expect(statements(acl(grant('READ', { URI: ALL })))).toEqual([
    {
      Sid: 'Acl2Bucket',
      Effect: 'Allow',
      Principal: '*',
      Action: ['s3:ListBucket', 's3:ListBucketVersions', 's3:ListBucketMultipartUploads'],
      Resource: [ARN],
    },
  ])
  // Not an object of it can be read by that.
  expect(JSON.stringify(statements(acl(grant('READ', { URI: ALL }))))).not.toContain('GetObject')
  expect(statements(acl(grant('FULL_CONTROL', { ID: 'other' })))).toMatchObject([
    { Principal: { CanonicalUser: 'other' }, Action: expect.arrayContaining(['s3:PutBucketAcl']) },
    { Action: ['s3:PutObject'], Resource: [`${ARN}/*`] },
  ])
  expect(statements(acl(grant('WRITE', { URI: SIGNED_IN })))).toMatchObject([{ Principal: { AWS: '*' } }])
})

test('nothing follows from one that is disabled, or public and ignored', () => {
  const open = acl(grant('WRITE', { URI: ALL }))
  expect(statements({ ...open, aclsDisabled: true })).toBeNull()
  expect(statements({ ...open, block: { IgnorePublicAcls: true } })).toBeNull()
  const named = acl(grant('WRITE', { ID: 'other' }))
  expect(statements({ ...named, block: { IgnorePublicAcls: true } })).toHaveLength(1)
  // What the policy is is not known: then neither is what it is together with the ACL.
  expect(effectivePolicy(undefined, open, ARN, OWN)).toBeUndefined()
})

test('a policy that lets everybody in lets in the account alone where the public is kept out', () => {
  const everyone = (more = {}) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `${ARN}/*`, ...more },
    })
  const restricted = { ...acl(), block: { RestrictPublicBuckets: true } }
  const told = statements(restricted, everyone())
  expect(told?.map(({ Sid, Effect }) => [Sid, Effect])).toEqual([
    [undefined, 'Allow'],
    ['RestrictPublicBuckets', 'Deny'],
  ])
  const narrow = everyone({ Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } })
  expect(effectivePolicy(narrow, restricted, ARN, OWN)).toBe(narrow)
  expect(effectivePolicy(everyone(), acl(), ARN, OWN)).toBe(everyone())
  // As AWS answers it, of one from elsewhere and of the account's own.
  const verdict = (access: BucketAccess, principal: string) =>
    answerLine(
      JSON.stringify({
        id: 1,
        identityPolicies: [
          { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 's3:*', Resource: '*' } },
        ],
        resourcePolicy: JSON.parse(effectivePolicy(everyone(), access, ARN, OWN)!) as unknown,
        request: {
          principal,
          action: 's3:GetObject',
          resource: { resource: `${ARN}/a`, accountId: OWN },
          context: {},
        },
      }),
    )
  const stranger = 'arn:aws:iam::999988887777:user/x'
  expect(verdict(acl(), stranger)).toMatchObject({ verdict: 'Allowed' })
  expect(verdict(restricted, stranger)).toMatchObject({ verdict: 'ExplicitlyDenied' })
  expect(verdict(restricted, `arn:aws:iam::${OWN}:user/y`)).toMatchObject({ verdict: 'Allowed' })
})
