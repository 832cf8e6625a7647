import type * as S3 from '@aws-sdk/client-s3'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { type Account, refIn } from './account.ts'
import { type BucketAccess, effectivePolicy } from './bucket-access.ts'
import { awsCode } from './failure.ts'
import { policyWithAccounts, unsupported } from './policy-on.ts'

/** S3's buckets of all regions, with the policy of each, and what its ACL adds to that and its block of public access takes away. */
export async function* buckets(account: Account): AsyncGenerator<Observation> {
  const sdk = await import('@aws-sdk/client-s3')
  const { S3Client, ListBucketsCommand, GetBucketPolicyCommand } = sdk
  const { call, config } = account
  const s3 = new S3Client({
    ...account.settingsOf('s3'),
    // Each bucket answers in its own region only.
    followRegionRedirects: true,
    // Other servers than AWS's have no host name for each bucket.
    forcePathStyle: config.endpoint !== undefined,
  })
  try {
    let ContinuationToken: string | undefined
    do {
      const page = await call('listing buckets', () =>
        s3.send(new ListBucketsCommand({ ContinuationToken, MaxBuckets: config.pageSize })),
      )
      for (const { Name } of page.Buckets ?? []) {
        const arn = `arn:${partitionOf(config.region)}:s3:::${Name}`
        const answer = await call('reading the policy of a bucket', () =>
          s3.send(new GetBucketPolicyCommand({ Bucket: Name! })).catch(noPolicy),
        ).catch(goneOrUnsupported)
        const access = await bucketAccess(account, sdk, s3, Name!)
        const { aclsDisabled, block } = access
        yield {
          see: 'resource',
          ref: refIn(account, 'bucket', Name!),
          names: [arn, Name!],
          facts: factsOf({
            aclsDisabled,
            ignoresPublicAcls: block === undefined ? undefined : block?.IgnorePublicAcls === true,
            restrictsPublic: block === undefined ? undefined : block?.RestrictPublicBuckets === true,
          }),
        }
        const policy = answer === null ? undefined : (answer?.Policy ?? null)
        yield* policyWithAccounts(
          account,
          'bucket',
          Name!,
          effectivePolicy(policy, access, arn, account.instance),
        )
      }
      ContinuationToken = page.ContinuationToken
    } while (ContinuationToken)
  } finally {
    s3.destroy()
  }
}

/** What has no effect is not asked for. */
async function bucketAccess(
  { call }: Account,
  sdk: typeof S3,
  s3: S3.S3Client,
  Bucket: string,
): Promise<BucketAccess> {
  const ask = async <T, N>(doing: string, send: () => Promise<T>, code: string, none: N) =>
    (await call(doing, () =>
      send().catch((error: unknown) => {
        if (awsCode(error) === code) return none
        throw error
      }),
    ).catch(goneOrUnsupported)) ?? undefined
  const owned = await ask(
    'reading who owns what is put into a bucket',
    () => s3.send(new sdk.GetBucketOwnershipControlsCommand({ Bucket })),
    'OwnershipControlsNotFoundError',
    { OwnershipControls: undefined },
  )
  const aclsDisabled = owned && owned.OwnershipControls?.Rules?.[0]?.ObjectOwnership === 'BucketOwnerEnforced'
  const block = await ask(
    'reading what a bucket keeps from the public',
    () => s3.send(new sdk.GetPublicAccessBlockCommand({ Bucket })),
    'NoSuchPublicAccessBlockConfiguration',
    { PublicAccessBlockConfiguration: null },
  )
  const acl = aclsDisabled
    ? undefined
    : await ask(
        'reading the ACL of a bucket',
        () => s3.send(new sdk.GetBucketAclCommand({ Bucket })),
        'AccessControlListNotSupported',
        { Grants: [] },
      )
  return { aclsDisabled, acl, block: block && (block.PublicAccessBlockConfiguration ?? null) }
}

/** SQS's queues of the region, with the policy of each. */
export async function* queues(account: Account): AsyncGenerator<Observation> {
  const { SQSClient, ListQueuesCommand, GetQueueAttributesCommand } = await import('@aws-sdk/client-sqs')
  const { call, config } = account
  const sqs = new SQSClient(account.settingsOf('sqs'))
  try {
    let NextToken: string | undefined
    do {
      const page = await call('listing queues', () =>
        sqs.send(new ListQueuesCommand({ NextToken, MaxResults: config.pageSize })),
      )
      for (const QueueUrl of page.QueueUrls ?? []) {
        const name = QueueUrl.slice(QueueUrl.lastIndexOf('/') + 1)
        const arn = `arn:${partitionOf(config.region)}:sqs:${config.region}:${account.instance}:${name}`
        yield { see: 'resource', ref: refIn(account, 'queue', arn), names: [arn, name], facts: {} }
        const answer = await call('reading the policy of a queue', () =>
          sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['Policy'] })),
        ).catch(goneOrUnsupported)
        yield* policyWithAccounts(
          account,
          'queue',
          arn,
          answer === null ? undefined : (answer.Attributes?.Policy ?? null),
        )
      }
      NextToken = page.NextToken
    } while (NextToken)
  } finally {
    sqs.destroy()
  }
}

/** SNS's topics of the region, with the policy of each. */
export async function* topics(account: Account): AsyncGenerator<Observation> {
  const { SNSClient, ListTopicsCommand, GetTopicAttributesCommand } = await import('@aws-sdk/client-sns')
  const { call } = account
  const sns = new SNSClient(account.settingsOf('sns'))
  try {
    let NextToken: string | undefined
    do {
      const page = await call('listing topics', () => sns.send(new ListTopicsCommand({ NextToken })))
      for (const { TopicArn } of page.Topics ?? []) {
        const name = TopicArn!.slice(TopicArn!.lastIndexOf(':') + 1)
        yield {
          see: 'resource',
          ref: refIn(account, 'topic', TopicArn!),
          names: [TopicArn!, name],
          facts: {},
        }
        const answer = await call('reading the policy of a topic', () =>
          sns.send(new GetTopicAttributesCommand({ TopicArn: TopicArn! })),
        ).catch(goneOrUnsupported)
        yield* policyWithAccounts(
          account,
          'topic',
          TopicArn!,
          answer === null ? undefined : (answer.Attributes?.['Policy'] ?? null),
        )
      }
      NextToken = page.NextToken
    } while (NextToken)
  } finally {
    sns.destroy()
  }
}

/** Without a policy there is none, which is no failure. */
function noPolicy(error: unknown): undefined {
  if (awsCode(error) === 'NoSuchBucketPolicy') return undefined
  throw error
}

/** Deleted since it was listed, it has no policy that anyone could tell. */
function goneOrUnsupported(error: unknown): null {
  return isFirebreakError(error, 'NOT_FOUND') ? null : unsupported(error)
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn'
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
}
