import type { Ms } from '../../../core/contract/ref.ts'
import { Context } from '../aws-policy/context.ts'
import { type Answer, evaluate } from '../aws-policy/evaluate.ts'
import { type Policy, readPolicy } from '../aws-policy/policy.ts'
import { speakingOf } from '../aws-policy/statement.ts'
import { all, type Truth } from '../aws-policy/truth.ts'
import { type AwsAccount, type AwsPrincipal, anyArn, resourcesOf } from './account.ts'

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

/** What one principal may do, each question about an action answered from the statements that speak of it. */
export class Privilege {
  readonly actor: AwsPrincipal
  readonly #account: AwsAccount
  readonly #now: Ms
  readonly #speaking = new Map<string, readonly Policy[]>()
  readonly #somewhere = new Map<string, May>()
  readonly #contexts = new Map<AwsPrincipal | undefined, Context>()
  #everything: May | undefined

  constructor(actor: AwsPrincipal, account: AwsAccount, now: Ms) {
    this.actor = actor
    this.#account = account
    this.#now = now
  }

  /** Whether no policy of its own speaks of the action: then nothing but a resource's policy could allow it. */
  isSilentOn(action: string): boolean {
    return this.#policiesOn(action).length === 0
  }

  on(action: string, arn: string, asked: Asked = {}): May {
    return may(this.answer(action, arn, { policies: this.#policiesOn(action), ...asked }))
  }

  /** The answer with every statement that was looked at. */
  answer(action: string, arn: string, asked: Asked): Answer {
    return evaluate({
      principal: this.#principalArn(),
      action,
      resource: { arn, account: asked.account ?? this.#account.number },
      context: asked.context ? this.#newContext(asked) : this.#context(asked),
      identityPolicies: asked.policies ?? this.actor.policies,
      resourcePolicy: asked.trust,
      ...this.#limits(),
    })
  }

  /** Whether it may be done to anything at all that there may be. */
  somewhere(action: string): May {
    const known = this.#somewhere.get(action)
    if (known) return known
    const policies = this.#policiesOn(action)
    const answer =
      policies.length === 0
        ? NO
        : best(resourcesOf(action, this.#account, policies).map(arn => this.on(action, arn)))
    this.#somewhere.set(action, answer)
    return answer
  }

  /** Whether it may do everything; `granted` if it was granted everything, as far as what limits it lets it. */
  everything(granted: 'as it is' | 'granted'): May {
    if (granted === 'granted') return this.#administers([EVERYTHING])
    return (this.#everything ??= this.#administers(undefined))
  }

  #administers(policies: readonly Policy[] | undefined): May {
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
      const answer = this.on(action, arn, policies ? { policies } : {})
      truth = all([truth, answer.truth])
      if (truth === 'no') return NO
      for (const condition of answer.conditions) conditions.add(condition)
    }
    return { truth, conditions: [...conditions] }
  }

  #policiesOn(action: string): readonly Policy[] {
    let policies = this.#speaking.get(action)
    if (!policies) this.#speaking.set(action, (policies = speakingOf(action, this.actor.policies)))
    return policies
  }

  #limits() {
    return {
      permissionBoundaries: this.actor.boundary && [this.actor.boundary],
      serviceControlPolicies: this.#account.serviceControlPolicies,
    }
  }

  /** A group is no principal: what its policies allow, a member may. */
  #principalArn(): string {
    return this.actor.kind === 'group' ? anyArn(this.#account, 'user') : this.actor.arn
  }

  #context(asked: Asked): Context {
    if (asked.passedTo !== undefined) return this.#newContext(asked)
    let context = this.#contexts.get(asked.target)
    if (!context) this.#contexts.set(asked.target, (context = this.#newContext({ target: asked.target })))
    return context
  }

  #newContext({ passedTo, target, context }: Asked): Context {
    const { actor } = this
    const now = new Date(this.#now).toISOString()
    const values: Record<string, string | readonly string[]> = {
      'aws:PrincipalArn': this.#principalArn(),
      'aws:PrincipalAccount': actor.account,
      'aws:PrincipalType': actor.kind === 'role' ? 'AssumedRole' : 'User',
      'aws:PrincipalIsAWSService': 'false',
      'aws:ViaAWSService': 'false',
      'aws:SecureTransport': 'true',
      'aws:CurrentTime': now,
      'aws:EpochTime': now,
      // Whoever has a key can have a session of it issued now.
      'aws:TokenIssueTime': now,
      'aws:ResourceAccount': target?.account ?? this.#account.number,
      // What an attacker would attach.
      'iam:PolicyARN': `arn:${this.#account.partition}:iam::aws:policy/AdministratorAccess`,
      ...(passedTo !== undefined && { 'iam:PassedToService': passedTo }),
      ...(actor.kind === 'user' && { 'aws:username': actor.arn.slice(actor.arn.lastIndexOf('/') + 1) }),
    }
    for (const [key, value] of Object.entries(actor.tags)) values[`aws:PrincipalTag/${key}`] = value
    for (const [key, value] of Object.entries(target?.tags ?? {}))
      for (const prefix of ['aws:ResourceTag', 'iam:ResourceTag']) values[`${prefix}/${key}`] = value
    Object.assign(values, context)
    return new Context(values, {
      complete: [
        ...(actor.kind === 'group' ? [] : ['aws:PrincipalTag/']),
        ...(target ? ['aws:ResourceTag/', 'iam:ResourceTag/'] : []),
        'aws:PrincipalServiceName',
      ],
      chosen: ['aws:RequestedRegion', 'aws:RequestTag/', 'aws:TagKeys', 'sts:RoleSessionName'],
    })
  }
}

interface Asked {
  readonly passedTo?: string
  readonly target?: AwsPrincipal | undefined
  readonly context?: Readonly<Record<string, readonly string[]>>
  readonly account?: string
  readonly trust?: Policy | undefined
  readonly policies?: readonly Policy[]
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
