import type { OrganizationLevel } from '../aws-policy/evaluate.ts'
import type { Policy } from '../aws-policy/policy.ts'

/** A policy that stands by itself; only one of the account's own can be changed. */
export interface ManagedPolicy {
  readonly arn: string
  readonly canChange: boolean
}

/** A user, role or group, with all that bears on what it may do. `id` is that of its entity. */
export interface AwsPrincipal {
  readonly id: string
  readonly kind: 'user' | 'role' | 'group'
  readonly arn: string
  readonly account: string
  /** Its own and, for a user, its groups'. */
  readonly policies: readonly Policy[]
  readonly managed: readonly ManagedPolicy[]
  readonly groups: readonly AwsPrincipal[]
  readonly boundary: Policy | undefined
  /** Who may assume a role. */
  readonly trust: Policy | undefined
  readonly inInstanceProfile: boolean
  readonly tags: Readonly<Record<string, string>>
}

/** What is known of the principals of one AWS account. `id` is the entity that stands for everything in it. */
export interface AwsAccount {
  readonly id: string
  readonly number: string
  readonly partition: string
  readonly principals: readonly AwsPrincipal[]
  /** The Lambda functions that a connection listed, each with the ARN of the role that it runs as. */
  readonly functions: readonly { readonly arn: string; readonly runsAs: string }[]
  readonly serviceControlPolicies: readonly OrganizationLevel[] | undefined
}

/** A name that nothing bears, for what an actor would make. */
const NEW = 'firebreak-any'

/** What a service's actions are done to, where a premise names nothing. */
const RESOURCES: Readonly<Record<string, readonly string[]>> = {
  apprunner: ['service/NEW/0'],
  'bedrock-agentcore': ['code-interpreter/NEW'],
  cloudformation: ['stack/NEW/0', 'stackset/NEW:0'],
  codebuild: ['project/NEW'],
  datapipeline: ['pipeline/NEW'],
  ec2: ['instance/i-NEW', 'launch-template/NEW'],
  'ec2-instance-connect': ['instance/i-NEW'],
  ecs: ['service/NEW/NEW', 'task-definition/NEW:1', 'cluster/NEW', 'container-instance/NEW/0'],
  glue: ['devEndpoint/NEW', 'job/NEW', 'trigger/NEW'],
  lambda: ['function:NEW', 'event-source-mapping:NEW'],
  sagemaker: ['notebook-instance/NEW', 'training-job/NEW', 'processing-job/NEW'],
  ssm: ['document/NEW', 'managed-instance/NEW'],
}

/** Things of an action's service that may be: of any name, and of the names that policies which allow it speak of. */
export function resourcesOf(action: string, account: AwsAccount, allowing: readonly Policy[]): string[] {
  const service = action.slice(0, action.indexOf(':'))
  // Instance Connect and Session Manager act on instances of EC2.
  const owner = service === 'ec2-instance-connect' ? 'ec2' : service
  const plain = (RESOURCES[service] ?? ['NEW']).map(
    name => `arn:${account.partition}:${owner}:us-east-1:${account.number}:${name.replaceAll('NEW', NEW)}`,
  )
  const spokenOf = allowing
    .flatMap(policy => policy.statements)
    .filter(statement => statement.effect === 'Allow' && statement.resources?.not === false)
    .flatMap(statement => statement.resources!.patterns)
    .filter(
      pattern => pattern.startsWith('arn:') && !pattern.includes('${') && pattern.split(':').length >= 6,
    )
    .map(pattern => instanceOf(pattern, account))
  return [...new Set([...plain, ...spokenOf])]
}

/** One ARN that fits a pattern. */
function instanceOf(pattern: string, account: AwsAccount): string {
  const [arn, partition, service, region, number, ...rest] = pattern.split(':')
  const filled = (part: string | undefined, by: string) =>
    part?.replaceAll('*', by).replaceAll('?', 'x') ?? ''
  return [
    arn,
    filled(partition, account.partition),
    service,
    region === '*' ? 'us-east-1' : filled(region, 'x'),
    number === '*' ? account.number : filled(number, '0'),
    ...rest.map(part => filled(part, NEW)),
  ].join(':')
}

/** An ARN that nothing has, for asking what may be done to whatever there may be. */
export function anyArn(account: AwsAccount, kind: 'user' | 'role' | 'policy'): string {
  return `arn:${account.partition}:iam::${account.number}:${kind}/${NEW}`
}
