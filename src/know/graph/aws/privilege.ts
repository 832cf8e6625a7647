import type { Ms } from '../../../core/contract/ref.ts'
import { Context } from '../aws-policy/context.ts'
import { type Answer, evaluate } from '../aws-policy/evaluate.ts'
import { type Policy, readPolicy } from '../aws-policy/policy.ts'
import { speakingOf } from '../aws-policy/statement.ts'
import { all, type Truth } from '../aws-policy/truth.ts'
import { type AwsAccount, type AwsPrincipal, anyArn, denies, resourcesOf } from './account.ts'

/** Whether something may be done, and on what it hangs where that is not known. */
export interface May {
  readonly truth: Truth
  readonly conditions: readonly string[]
}

export const NO: May = { truth: 'no', conditions: [] }
export const YES: May = { truth: 'yes', conditions: [] }

const EVERYTHING = readPolicy(
  { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } },
  'everything',
)

/** Whose actions resource control policies bear on: the others know none. */
const RESOURCE_CONTROLLED = new Set([
  'aoss',
  'cognito-identity',
  'cognito-idp',
  'dynamodb',
  'ecr',
  'kms',
  'logs',
  's3',
  'secretsmanager',
  'sqs',
  'sts',
])

/** What one principal may do, each question about an action answered from the statements that speak of it. */
export class Privilege {
  readonly actor: AwsPrincipal
  readonly #account: AwsAccount
  readonly #now: Ms
  readonly #speaking = new Map<string, readonly Policy[]>()
  readonly #somewhere = new Map<string, May>()
  readonly #contexts = new Map<AwsPrincipal | undefined, Context>()
  #everything: May | undefined
  #granted: May | undefined

  constructor(actor: AwsPrincipal, account: AwsAccount, now: Ms) {
    this.actor = actor
    this.#account = account
    this.#now = now
  }

  /** The same for the actor as it would be then. */
  of(actor: AwsPrincipal): Privilege {
    return new Privilege(actor, this.#account, this.#now)
  }

  /** Whether no policy of its own speaks of the action: then nothing but a resource's policy could allow it. */
  isSilentOn(action: string): boolean {
    return this.#policiesOn(action).length === 0
  }

  /** Of its policies, what speaks of any of the actions. */
  policiesOn(asked: readonly { readonly action: string }[]): readonly Policy[] {
    return [...new Set(asked.flatMap(({ action }) => this.#policiesOn(action)))]
  }

  on(action: string, arn: string, asked: Asked = {}): May {
    return may(this.answer(action, arn, { policies: this.#policiesOn(action), ...asked }))
  }

  /** Whether it may attach a policy by which everything is allowed: AWS's own or one of the account's. */
  attaches(action: string, target: AwsPrincipal): May {
    return best(
      powerfulPolicies(this.#account).map(attaching => this.on(action, target.arn, { target, attaching })),
    )
  }

  /** Whether it may set a boundary of its own that allows everything. */
  boundsItself(action: string): May {
    const { actor } = this
    return this.on(action, actor.arn, { target: actor, bounding: administratorAccess(this.#account) })
  }

  /** The answer with every statement that was looked at. */
  answer(action: string, arn: string, asked: Asked): Answer {
    const owner = asked.owner ?? this.#account
    const [, , , , number = ''] = arn.split(':')
    const policies = asked.policies ?? this.actor.policies
    const service = action.slice(0, action.indexOf(':'))
    return evaluate({
      principal: this.#principalArn(),
      action,
      resource: { arn, account: !asked.owner && /^\d{12}$/.test(number) ? number : owner.number },
      context: this.#contextFor(asked, policies, owner),
      identityPolicies: policies,
      resourcePolicy: asked.resourcePolicy,
      permissionBoundaries: this.actor.boundary && [this.actor.boundary.policy],
      serviceControlPolicies: this.#account.organization.serviceControlPolicies,
      resourceControlPolicies: RESOURCE_CONTROLLED.has(service)
        ? owner.organization.resourceControlPolicies
        : undefined,
    })
  }

  /** Whether all of that may be done to one and the same thing of that kind, of all that there may be. */
  somewhere(actions: readonly string[], thing: string | undefined): May {
    const key = [thing, ...actions].join(' ')
    const known = this.#somewhere.get(key)
    if (known) return known
    const answer = actions.some(action => this.isSilentOn(action)) ? NO : this.#onOneThing(actions, thing)
    this.#somewhere.set(key, answer)
    return answer
  }

  /** Whether it may do everything as it is. */
  everything(): May {
    return (this.#everything ??= this.#administers())
  }

  /** Whether it could do everything if it was granted everything: what limits it would go on, unless it can take that away. */
  everythingIfGranted(): May {
    return (this.#granted ??= this.#administersIfGranted())
  }

  #administersIfGranted(): May {
    const { actor } = this
    const limits = actor.policies.map(denies).filter(({ statements }) => statements.length > 0)
    const held = this.of({ ...actor, policies: [EVERYTHING, ...limits] })
    const asItIs = held.everything()
    if (asItIs.truth === 'yes' || (limits.length === 0 && !actor.boundary)) return asItIs
    const suffix = actor.kind === 'role' ? 'Role' : 'User'
    const lets = (action: string) =>
      held.on(`iam:${action.replace('X', suffix)}`, actor.arn, { target: actor })
    const escapes = [
      ...(limits.length > 0 ? [lets('DetachXPolicy'), lets('DeleteXPolicy')] : []),
      ...(actor.boundary ? [lets('DeleteXPermissionsBoundary')] : []),
    ]
    const free = this.of({ ...actor, policies: [EVERYTHING], boundary: undefined })
    return best([asItIs, together([...escapes, free.everything()])])
  }

  #administers(): May {
    const user = anyArn(this.#account, 'user')
    const role = anyArn(this.#account, 'role')
    // An action that there is not stands for all that nobody names; the others are what denies aim at.
    const probes: [string, string][] = [
      ['firebreak:AnyAction', '*'],
      ['iam:PutUserPolicy', user],
      ['iam:AttachUserPolicy', user],
      ['iam:CreateAccessKey', user],
      ['iam:PutRolePolicy', role],
      ['iam:AttachRolePolicy', role],
      ['iam:CreatePolicyVersion', anyArn(this.#account, 'policy')],
      ['iam:PassRole', role],
    ]
    const conditions = new Set<string>()
    let truth: Truth = 'yes'
    for (const [action, arn] of probes) {
      const answer = this.on(action, arn, { attaching: administratorAccess(this.#account) })
      truth = all([truth, answer.truth])
      if (truth === 'no') return NO
      for (const condition of answer.conditions) conditions.add(condition)
    }
    return { truth, conditions: [...conditions] }
  }

  #onOneThing(actions: readonly string[], thing: string | undefined): May {
    const allowing = this.policiesOn(actions.map(action => ({ action })))
    let found = NO
    for (const arn of resourcesOf(thing, this.#account, allowing)) {
      found = best([found, together(actions.map(action => this.on(action, arn)))])
      if (found.truth === 'yes') break
    }
    return found
  }

  #policiesOn(action: string): readonly Policy[] {
    let policies = this.#speaking.get(action)
    if (!policies) this.#speaking.set(action, (policies = speakingOf(action, this.actor.policies)))
    return policies
  }

  /** A group is no principal: what its policies allow, a member may. */
  #principalArn(): string {
    return this.actor.kind === 'group' ? anyArn(this.#account, 'user') : this.actor.arn
  }

  /** Most policies ask for nothing of the kind; then it need not be put together, which takes longer than all the rest. */
  #contextFor(asked: Asked, policies: readonly Policy[], owner: AwsAccount): Context {
    if (asked.context) return this.#newContext(asked)
    const { serviceControlPolicies = [] } = this.#account.organization
    const levels = [...serviceControlPolicies, ...(owner.organization.resourceControlPolicies ?? [])]
    const asks =
      policies.some(asksContext) ||
      levels.some(level => level.policies.some(asksContext)) ||
      (this.actor.boundary !== undefined && asksContext(this.actor.boundary.policy)) ||
      (asked.resourcePolicy !== undefined && asksContext(asked.resourcePolicy))
    return asks ? this.#context(asked) : NOTHING_ASKED
  }

  #context(asked: Asked): Context {
    const special = asked.passedTo ?? asked.attaching ?? asked.bounding ?? asked.owner
    if (special !== undefined) return this.#newContext(asked)
    let context = this.#contexts.get(asked.target)
    if (!context) this.#contexts.set(asked.target, (context = this.#newContext({ target: asked.target })))
    return context
  }

  #newContext({ passedTo, attaching, bounding, target, owner, context }: Asked): Context {
    const { actor } = this
    const now = new Date(this.#now).toISOString()
    const organization = this.#account.organization.id
    const values: Record<string, string | readonly string[]> = {
      // Of a group's members nothing is known but their account.
      ...(actor.kind !== 'group' && { 'aws:PrincipalArn': actor.arn }),
      'aws:PrincipalAccount': actor.account,
      'aws:PrincipalType': actor.kind === 'role' ? 'AssumedRole' : 'User',
      'aws:PrincipalIsAWSService': 'false',
      'aws:ViaAWSService': 'false',
      'aws:SecureTransport': 'true',
      'aws:CurrentTime': now,
      'aws:EpochTime': String(Math.floor(this.#now / 1000)),
      // Whoever has a key can have a session of it issued now.
      'aws:TokenIssueTime': now,
      'aws:ResourceAccount': target?.account ?? owner?.number ?? this.#account.number,
      ...(organization !== undefined && { 'aws:PrincipalOrgID': organization }),
      ...(target?.boundary && { 'iam:PermissionsBoundary': target.boundary.arn }),
      ...(bounding !== undefined && { 'iam:PermissionsBoundary': bounding }),
      ...(attaching !== undefined && { 'iam:PolicyARN': attaching }),
      ...(passedTo !== undefined && { 'iam:PassedToService': passedTo }),
      ...(actor.kind === 'user' && {
        'aws:username': actor.arn.slice(actor.arn.lastIndexOf('/') + 1),
        'aws:userid': actor.uniqueId,
      }),
    }
    for (const [key, value] of Object.entries(actor.tags)) values[`aws:PrincipalTag/${key}`] = value
    for (const [key, value] of Object.entries(target?.tags ?? {}))
      for (const prefix of ['aws:ResourceTag', 'iam:ResourceTag']) values[`${prefix}/${key}`] = value
    Object.assign(values, context)
    return new Context(values, {
      complete: [
        ...(actor.kind === 'group' ? [] : ['aws:PrincipalTag/']),
        ...(target ? ['aws:ResourceTag/', 'iam:ResourceTag/', 'iam:PermissionsBoundary'] : []),
        // Only what a service asks for has these.
        'aws:PrincipalServiceName',
        'aws:SourceArn',
        'aws:SourceAccount',
        'aws:SourceOrg',
      ],
      chosen: ['aws:RequestedRegion', 'aws:RequestTag/', 'aws:TagKeys', 'sts:RoleSessionName'],
    })
  }
}

interface Asked {
  readonly passedTo?: string
  /** The policy that is being attached. */
  readonly attaching?: string
  /** The permission boundary that is being set. */
  readonly bounding?: string
  readonly target?: AwsPrincipal | undefined
  readonly context?: Readonly<Record<string, readonly string[]>>
  /** Whose the resource is, where it is another account's. */
  readonly owner?: AwsAccount
  readonly resourcePolicy?: Policy | undefined
  readonly policies?: readonly Policy[]
}

const NOTHING_ASKED = new Context({}, { complete: true })
const asking = new WeakMap<Policy, boolean>()

/** Whether a policy has a condition or a variable. */
function asksContext(policy: Policy): boolean {
  let asks = asking.get(policy)
  if (asks === undefined) {
    asks = policy.statements.some(
      ({ conditions, resources }) =>
        conditions.length > 0 || resources?.patterns.some(pattern => pattern.includes('${')) === true,
    )
    asking.set(policy, asks)
  }
  return asks
}

function administratorAccess({ partition }: AwsAccount): string {
  return `arn:${partition}:iam::aws:policy/AdministratorAccess`
}

const powerful = new WeakMap<AwsAccount, string[]>()

/** Managed policies that allow everything, or all of IAM, by which everything is granted next. */
function powerfulPolicies(account: AwsAccount): readonly string[] {
  const known = powerful.get(account)
  if (known) return known
  const found = [administratorAccess(account), `arn:${account.partition}:iam::aws:policy/IAMFullAccess`]
  const context = new Context({}, { complete: true })
  for (const [arn, policy] of account.managed) {
    const allows = (action: string) =>
      evaluate({
        principal: anyArn(account, 'user'),
        action,
        resource: { arn: anyArn(account, 'user') },
        context,
        identityPolicies: [policy],
      }).verdict === 'Allowed'
    if (allows('iam:PutUserPolicy') && allows('iam:AttachUserPolicy') && !found.includes(arn)) found.push(arn)
  }
  powerful.set(account, found)
  return found
}

function may({ verdict, conditions }: Answer): May {
  if (verdict === 'Allowed') return YES
  return verdict === 'Conditional' ? { truth: 'unknown', conditions } : NO
}

/** The surest. */
export function best(all: readonly May[]): May {
  return all.find(({ truth }) => truth === 'yes') ?? all.find(({ truth }) => truth === 'unknown') ?? NO
}

/** All of them. */
export function together(all: readonly May[]): May {
  if (all.some(({ truth }) => truth === 'no')) return NO
  const open = all.filter(({ truth }) => truth === 'unknown')
  if (open.length === 0) return YES
  return { truth: 'unknown', conditions: [...new Set(open.flatMap(({ conditions }) => conditions))] }
}
