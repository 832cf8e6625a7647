import { createHash } from 'node:crypto'
import { type Action, type Answer, type MemoryAccount, type MemoryValue, refuse } from './memory-account.ts'

/** As a new bucket has it. */
const OWNERS_ACL =
  '<AccessControlPolicy><Owner><ID>owner</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>owner</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>'

const NOT_FOUND = refuse(400, 'ResourceNotFoundException')

function page<T>(
  all: readonly T[],
  input: Record<string, unknown>,
  key: string,
  shape: (item: T) => unknown,
): Answer {
  const from = Number(input['NextToken'] ?? 0)
  const to = from + Number(input['MaxResults'] ?? 50)
  const more = to < all.length ? { NextToken: String(to) } : {}
  return { output: { [key]: all.slice(from, to).map(shape), ...more } }
}

/** A name with the policy on it. */
const named = (all: ReadonlyMap<string, string | undefined>, input: Record<string, unknown>, key: string) => {
  const asked = String(input[key])
  return [...all].find(([name]) => asked === name || asked.endsWith(`/${name}`) || asked.endsWith(`:${name}`))
}

/** Secrets Manager, Parameter Store, Lambda, Organizations, and what has policies of its own: S3, SQS, SNS. */
export const storeActions: Readonly<Record<string, Action>> = {
  'secretsmanager.ListSecrets': ({ secrets }, { input }) =>
    page([...secrets.values()], input, 'SecretList', ({ id, name }) => ({ ARN: id, Name: name })),
  'secretsmanager.GetSecretValue': (account, { input }, key) => {
    const secret = account.secrets.get(String(input['SecretId']))
    if (secret && !account.permits(account.callerOf(key), 'secretsmanager:GetSecretValue', secret.id))
      return refuse(400, 'AccessDeniedException')
    const current = secret?.versions.at(-1)
    if (!secret || !current) return NOT_FOUND
    return {
      output: {
        ARN: secret.id,
        Name: secret.name,
        VersionId: current.id,
        SecretString: current.text,
        VersionStages: ['AWSCURRENT'],
      },
    }
  },
  'secretsmanager.PutSecretValue': ({ secrets }, { input }) => {
    const secret = secrets.get(String(input['SecretId']))
    if (!secret) return NOT_FOUND
    const version = { id: String(input['ClientRequestToken']), text: String(input['SecretString']) }
    const stages = (input['VersionStages'] ?? ['AWSCURRENT']) as string[]
    const same = [...secret.versions, secret.pending].find(one => one?.id === version.id)
    if (same && same.text !== version.text) return refuse(400, 'ResourceExistsException')
    if (!same && stages.includes('AWSPENDING')) secret.pending = version
    else if (!same) secret.versions.push(version)
    return { output: { ARN: secret.id, Name: secret.name, VersionId: version.id, VersionStages: stages } }
  },
  'secretsmanager.UpdateSecretVersionStage': ({ secrets }, { input }) => {
    const secret = secrets.get(String(input['SecretId']))
    if (!secret) return NOT_FOUND
    const current = secret.versions.at(-1)?.id
    const { pending } = secret
    if (input['VersionStage'] === 'AWSPREVIOUS') {
      const previous = secret.versions.at(-2)
      if (previous?.id !== input['RemoveFromVersionId']) return refuse(400, 'InvalidParameterException')
      secret.versions.splice(-2, 1)
      return { output: { ARN: secret.id, Name: secret.name } }
    }
    if (input['RemoveFromVersionId'] !== current || pending?.id !== input['MoveToVersionId'])
      return refuse(400, 'InvalidParameterException')
    secret.versions.push(pending!)
    secret.pending = undefined
    return { output: { ARN: secret.id, Name: secret.name } }
  },
  'secretsmanager.DeleteSecret': ({ secrets }, { input }) => {
    const secret = secrets.get(String(input['SecretId']))
    if (!secret) return NOT_FOUND
    if (Number(input['RecoveryWindowInDays']) < 7) return refuse(400, 'InvalidParameterException')
    secrets.delete(String(input['SecretId']))
    return { output: { ARN: secret.id, Name: secret.name } }
  },
  'secretsmanager.DescribeSecret': ({ secrets }, { input }) => {
    const secret = secrets.get(String(input['SecretId']))
    if (!secret) return NOT_FOUND
    const stages = ['AWSCURRENT', 'AWSPREVIOUS']
    const VersionIdsToStages = Object.fromEntries([
      ...secret.versions.toReversed().flatMap(({ id }, age) => (stages[age] ? [[id, [stages[age]]]] : [])),
      ...(secret.pending ? [[secret.pending.id, ['AWSPENDING']]] : []),
    ]) as Record<string, string[]>
    return { output: { ARN: secret.id, Name: secret.name, VersionIdsToStages } }
  },
  'secretsmanager.GetResourcePolicy': ({ secrets }, { input }) => {
    const secret = secrets.get(String(input['SecretId']))
    if (!secret) return NOT_FOUND
    return { output: { ARN: secret.id, Name: secret.name, ResourcePolicy: secret.policy } }
  },
  'AmazonSSM.DescribeParameters': ({ parameters }, { input }) =>
    page([...parameters.values()], input, 'Parameters', ({ name }) => ({ Name: name, Type: 'SecureString' })),
  'AmazonSSM.GetParameter': (account, { input }, key) => {
    const parameter = account.parameters.get(String(input['Name']))
    const arn = `arn:aws:ssm:us-east-1:${account.number}:parameter/${String(input['Name']).replace(/^\//, '')}`
    if (!account.permits(account.callerOf(key), 'ssm:GetParameter', arn))
      return refuse(400, 'AccessDeniedException')
    const current = parameter?.versions.at(-1)
    if (!parameter || !current) return refuse(400, 'ParameterNotFound')
    return {
      output: { Parameter: { Name: parameter.name, Value: current.text, Version: Number(current.id) } },
    }
  },
  'AmazonSSM.PutParameter': ({ parameters }, { input }) => {
    const parameter = parameters.get(String(input['Name']))
    if (!parameter) return refuse(400, 'ParameterNotFound')
    const version = String(parameter.versions.length + 1)
    return put(parameter, version, String(input['Value']), id => ({ Version: Number(id) }))
  },
  'AmazonSSM.DeleteParameter': ({ parameters }, { input }) =>
    parameters.delete(String(input['Name'])) ? { output: {} } : refuse(400, 'ParameterNotFound'),
  'lambda.ListFunctions': account => ({
    output: { Functions: account.functions.map(one => configurationOf(account, one)) },
  }),
  'lambda.GetFunctionConfiguration': withFunction(configurationOf),
  'lambda.UpdateFunctionConfiguration': withFunction((account, one, input) => {
    if (input['RevisionId'] !== revisionOf(one)) return refuse(412, 'PreconditionFailedException')
    one.variables = (input['Environment'] as { Variables: Record<string, string> }).Variables
    return configurationOf(account, one)
  }),
  'lambda.GetPolicy': withFunction((_, { policy }) =>
    policy === undefined ? refuse(404, 'ResourceNotFoundException') : { Policy: policy },
  ),
  's3.ListBuckets': ({ buckets }, { input }) => {
    const all = [...buckets.keys()]
    const from = Number(input['continuation-token'] ?? 0)
    const to = from + Number(input['max-buckets'] ?? 100)
    const more = to < all.length ? `<ContinuationToken>${to}</ContinuationToken>` : ''
    const found = all.slice(from, to).map(name => `<Bucket><Name>${name}</Name></Bucket>`)
    return { output: { body: `<Result><Buckets>${found.join('')}</Buckets>${more}</Result>` } }
  },
  's3.GetBucketPolicy': ({ buckets }, { input }) => {
    const found = named(buckets, input, 'Bucket')
    if (!found) return refuse(404, 'NoSuchBucket')
    return found[1] === undefined ? refuse(404, 'NoSuchBucketPolicy') : { output: { body: found[1] } }
  },
  's3.GetBucketAcl': settingOf('acl', OWNERS_ACL),
  's3.GetBucketOwnershipControls': settingOf('ownershipControls', 'OwnershipControlsNotFoundError'),
  's3.GetPublicAccessBlock': settingOf('publicAccessBlock', 'NoSuchPublicAccessBlockConfiguration'),
  'AmazonSQS.ListQueues': ({ queues, number }, { input }) =>
    page(
      [...queues.keys()],
      input,
      'QueueUrls',
      name => `https://sqs.us-east-1.amazonaws.com/${number}/${name}`,
    ),
  'AmazonSQS.GetQueueAttributes': ({ queues }, { input }) => {
    const found = named(queues, input, 'QueueUrl')
    if (!found) return refuse(400, 'QueueDoesNotExist')
    return { output: { Attributes: found[1] === undefined ? {} : { Policy: found[1] } } }
  },
  'sns.ListTopics': ({ topics, number }, { input }) => {
    const all = [...topics.keys()]
    const from = Number(input['NextToken'] ?? 0)
    const to = from + 2
    const Topics = all.slice(from, to).map(name => ({ TopicArn: `arn:aws:sns:us-east-1:${number}:${name}` }))
    return { output: { Topics, ...(to < all.length && { NextToken: String(to) }) } }
  },
  'sns.GetTopicAttributes': ({ topics }, { input }) => {
    const found = named(topics, input, 'TopicArn')
    if (!found) return refuse(404, 'NotFound')
    const entry = found[1] === undefined ? [] : [{ key: 'Policy', value: found[1] }]
    return { output: { Attributes: { entry } } }
  },
  'AWSOrganizationsV20161128.DescribeOrganization': ({ organization, managementNumber }) =>
    organization.length === 0
      ? refuse(400, 'AWSOrganizationsNotInUseException')
      : { output: { Organization: { Id: 'o-exampleorg', MasterAccountId: managementNumber } } },
  'AWSOrganizationsV20161128.ListAccounts': ({ managementNumber, number }) =>
    number === managementNumber
      ? {
          output: {
            Accounts: [
              { Id: number, Arn: `arn:aws:organizations::${number}:account/o-exampleorg/${number}` },
            ],
          },
        }
      : refuse(400, 'AccessDeniedException'),
  'AWSOrganizationsV20161128.ListPoliciesForTarget': (account, { input }) => {
    const level = levelOf(account.organization, account.number, String(input['TargetId']))
    if (!level) return refuse(400, 'AWSOrganizationsNotInUseException')
    const found = level.policies.filter(({ type = 'SERVICE_CONTROL_POLICY' }) => type === input['Filter'])
    return page(found, input, 'Policies', ({ id, name }) => ({ Id: id, Name: name, Type: input['Filter'] }))
  },
  'AWSOrganizationsV20161128.DescribePolicy': ({ organization }, { input }) => {
    const policy = organization.flatMap(({ policies }) => policies).find(({ id }) => id === input['PolicyId'])
    if (!policy) return refuse(400, 'PolicyNotFoundException')
    return {
      output: { Policy: { PolicySummary: { Id: policy.id, Name: policy.name }, Content: policy.content } },
    }
  },
  'AWSOrganizationsV20161128.ListParents': ({ organization, number }, { input }) => {
    const at = organization.findIndex(
      ({ id }) => id === input['ChildId'] || (id === 'account' && input['ChildId'] === number),
    )
    const parent = organization[at - 1]
    if (!parent) return refuse(400, 'ChildNotFoundException')
    return {
      output: {
        Parents: [{ Id: parent.id, Type: parent.id.startsWith('r-') ? 'ROOT' : 'ORGANIZATIONAL_UNIT' }],
      },
    }
  },
}

/** What S3 gives of a bucket, or what there is without it: an answer, or the code of an error. */
function settingOf(name: string, otherwise: string): Action {
  return ({ buckets, bucketSettings }, { input }) => {
    const found = named(buckets, input, 'Bucket')
    if (!found) return refuse(404, 'NoSuchBucket')
    const body = bucketSettings.get(found[0])?.[name] ?? otherwise
    return body.startsWith('<') ? { output: { body } } : refuse(404, body)
  }
}

type MemoryFunction = MemoryAccount['functions'][number]

function withFunction(
  work: (
    account: MemoryAccount,
    one: MemoryFunction,
    input: Record<string, unknown>,
  ) => Record<string, unknown> | Answer,
): Action {
  return (account, { input }) => {
    const named = String(input['FunctionName'])
    const one = account.functions.find(({ name }) => named === name || named.endsWith(`:function:${name}`))
    if (!one) return refuse(404, 'ResourceNotFoundException')
    const done = work(account, one, input)
    return 'status' in done && 'code' in done ? (done as Answer) : { output: done as Record<string, unknown> }
  }
}

function configurationOf({ number }: MemoryAccount, one: MemoryFunction): Record<string, unknown> {
  return {
    FunctionName: one.name,
    FunctionArn: `arn:aws:lambda:us-east-1:${number}:function:${one.name}`,
    Role: one.role,
    Runtime: 'nodejs24.x',
    Environment: { Variables: one.variables },
    RevisionId: revisionOf(one),
  }
}

function revisionOf({ variables }: MemoryFunction): string {
  return createHash('sha256').update(JSON.stringify(variables)).digest('hex')
}

function levelOf<T extends { id: string }>(
  organization: readonly T[],
  number: string,
  target: string,
): T | undefined {
  return organization.find(({ id }) => id === target || (id === 'account' && target === number))
}

/** A version that is there already with the same text is the same one; with another text it is refused. */
function put(
  value: MemoryValue,
  version: string,
  text: string,
  shape: (version: string) => Record<string, unknown>,
): Answer {
  const same = value.versions.find(({ id }) => id === version)
  if (same && same.text !== text) return refuse(400, 'ResourceExistsException')
  if (!same) value.versions.push({ id: version, text })
  return { output: shape(version) }
}
