import type { GetBucketAclCommandOutput, PublicAccessBlockConfiguration } from '@aws-sdk/client-s3'
import { canonicalJson } from '../../core/contract/canonical-json.ts'

/** What stands on a bucket beside its policy; undefined where that could not be read. */
export interface BucketAccess {
  /** Whether its ACL has no effect (BucketOwnerEnforced, as new buckets have it). */
  readonly aclsDisabled: boolean | undefined
  readonly acl: Pick<GetBucketAclCommandOutput, 'Grants' | 'Owner'> | undefined
  /** Null where the bucket has none. */
  readonly block: PublicAccessBlockConfiguration | null | undefined
}

interface Statement {
  readonly Sid: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Principal: '*' | Readonly<Record<string, string>>
  readonly Action: readonly string[]
  readonly Resource: readonly string[]
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** What a grant on a bucket permits, in the words of policies: https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html */
const ON_BUCKET: Readonly<Record<string, readonly string[]>> = {
  READ: ['s3:ListBucket', 's3:ListBucketVersions', 's3:ListBucketMultipartUploads'],
  READ_ACP: ['s3:GetBucketAcl'],
  WRITE_ACP: ['s3:PutBucketAcl'],
}
/** An ACL on the bucket does not let anyone read an object: each has its own. */
const ON_OBJECTS: Readonly<Record<string, readonly string[]>> = { WRITE: ['s3:PutObject'] }
const RIGHTS = ['READ', 'WRITE', 'READ_ACP', 'WRITE_ACP']

/**
 * The policy as it works together with the ACL and with the block of public access: what the ACL grants is allowed by statements
 * named after it, and what the block keeps out is denied by one. Null where there is neither a policy nor a grant.
 */
export function effectivePolicy(
  policy: string | null | undefined,
  { aclsDisabled, acl, block }: BucketAccess,
  arn: string,
  account: string,
): string | null | undefined {
  const added = [
    ...(aclsDisabled ? [] : grantsOf(acl, block?.IgnorePublicAcls === true, arn)),
    ...(block?.RestrictPublicBuckets && isPublic(policy) ? [keptOut(arn, account)] : []),
  ]
  if (added.length === 0 || policy === undefined) return policy
  const { Statement: own = [], ...rest } = policy === null ? { Version: '2012-10-17' } : parsed(policy)
  return canonicalJson({ ...rest, Statement: [...[own].flat(), ...added] } as never)
}

function grantsOf(acl: BucketAccess['acl'], ignoresPublic: boolean, arn: string): Statement[] {
  return (acl?.Grants ?? []).flatMap(({ Grantee, Permission = '' }, index): Statement[] => {
    const group = /\/groups\/(?:global|s3)\/(\w+)$/.exec(Grantee?.URI ?? '')?.[1]
    const isPublic = group === 'AllUsers' || group === 'AuthenticatedUsers'
    if (Grantee?.ID === acl?.Owner?.ID || (isPublic && ignoresPublic)) return []
    const principal: Statement['Principal'] | undefined =
      group === 'AllUsers'
        ? '*'
        : group === 'AuthenticatedUsers'
          ? { AWS: '*' }
          : group === 'LogDelivery'
            ? { Service: 'logging.s3.amazonaws.com' }
            : Grantee?.ID === undefined
              ? undefined
              : { CanonicalUser: Grantee.ID }
    if (principal === undefined) return []
    const rights = Permission === 'FULL_CONTROL' ? RIGHTS : [Permission]
    const about = (what: string, Action: readonly string[], Resource: string): Statement[] =>
      Action.length === 0
        ? []
        : [
            {
              Sid: `Acl${index + 1}${what}`,
              Effect: 'Allow',
              Principal: principal,
              Action,
              Resource: [Resource],
            },
          ]
    return [
      ...about(
        'Bucket',
        rights.flatMap(right => ON_BUCKET[right] ?? []),
        arn,
      ),
      ...about(
        'Objects',
        rights.flatMap(right => ON_OBJECTS[right] ?? []),
        `${arn}/*`,
      ),
    ]
  })
}

/** Of a policy that lets everybody in, a block leaves only the account itself and services of AWS. */
function keptOut(arn: string, account: string): Statement {
  return {
    Sid: 'RestrictPublicBuckets',
    Effect: 'Deny',
    Principal: '*',
    Action: ['s3:*'],
    Resource: [arn, `${arn}/*`],
    Condition: {
      StringNotEquals: { 'aws:PrincipalAccount': account },
      BoolIfExists: { 'aws:PrincipalIsAWSService': 'false' },
    },
  }
}

/** As far as it can be told: for everybody, and under no condition. */
function isPublic(policy: string | null | undefined): boolean {
  const { Statement: own = [] } = parsed(policy ?? '{}')
  return [own].flat().some(one => {
    const { Effect, Principal, Condition } = one as Record<string, unknown>
    const aws = [(Principal as Record<string, unknown> | undefined)?.['AWS']].flat()
    return Effect === 'Allow' && Condition === undefined && (Principal === '*' || aws.includes('*'))
  })
}

function parsed(policy: string): { readonly Statement?: unknown } {
  try {
    return JSON.parse(policy) as { Statement?: unknown }
  } catch {
    return {}
  }
}
