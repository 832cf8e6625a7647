import { Context } from '../aws-policy/context.ts'
import { evaluate } from '../aws-policy/evaluate.ts'
import { type Policy, readPolicy } from '../aws-policy/policy.ts'
import type { Hop } from '../graph.ts'
import {
  type AwsAccount,
  type AwsPrincipal,
  isLimitedIn,
  isServiceLinked,
  nameOf,
  newPrincipals,
} from './account.ts'
import type { Crossing } from './crossing.ts'
import { best, type May, NO, type Privilege, together, YES } from './privilege.ts'

/** All that the principals of the accounts can be asked about. */
export interface Estate {
  readonly accounts: readonly AwsAccount[]
  readonly crossings: readonly Crossing[]
  readonly privileges: ReadonlyMap<string, Privilege>
}

/** What one principal gains by each rule. */
export class Finder {
  readonly #estate: Estate
  readonly #account: AwsAccount
  readonly #may: Privilege
  readonly #actor: AwsPrincipal
  /** It is asked about as it would be after a change that it makes: no further change is followed. */
  readonly #changed: boolean
  readonly #asked = new Map<string, May>()

  constructor(estate: Estate, account: AwsAccount, may: Privilege, changed = false) {
    this.#estate = estate
    this.#account = account
    this.#may = may
    this.#actor = may.actor
    this.#changed = changed
  }

  gains(): Hop[] {
    const administers = this.#hop(
      this.#account.id,
      'administrator',
      'may do everything in the account',
      this.#may.everything(),
    )
    // Whoever may do everything needs no rule: what they gain, they gain through the account.
    if (administers.some(({ certainty }) => certainty === 'proven')) return administers
    const hops = administers
    const changes: Crossing[] = []
    for (const crossing of this.#estate.crossings)
      if (CHANGES.has(crossing.target)) changes.push(crossing)
      else hops.push(...this.#crosses(crossing))
    if (!this.#changed) for (const crossing of changes) hops.push(...this.#changes(crossing, hops))
    return hops
  }

  #crosses(crossing: Crossing): Hop[] {
    if (!this.#isActorOf(crossing)) return []
    // What concerns no target is asked first, and once.
    const own = this.#allOwn(crossing.premises.filter(it => !isOnTarget(it)))
    if (own.truth === 'no') return []
    const onTarget = crossing.premises.filter(isOnTarget)
    if (crossing.target !== 'assumed-role' && onTarget.some(({ action }) => this.#may.isSilentOn(action)))
      return []
    if (crossing.target === 'self')
      return this.#found(crossing, this.#account.id, together([own, this.#may.everythingIfGranted()]))
    const hops: Hop[] = []
    for (const target of this.#targets(crossing)) {
      const state = this.#stateOf(crossing, target)
      const premises = [own, state.may, ...onTarget.map(premise => this.#onTarget(premise, target, crossing))]
      const may = together(premises)
      if (may.truth === 'no') continue
      const gained = this.#gained(crossing, target)
      const running = this.#running(crossing, target)
      if (running) {
        const why = `${crossing.why}: ${nameOf(running.arn)} is such a one`
        hops.push(...this.#hop(target.id, crossing.id, why, together([may, running.may, gained.may])))
        continue
      }
      const needs = [
        ...(crossing.needs === undefined || state.known ? [] : [crossing.needs]),
        ...(crossing.assumes && this.#wouldAssume(target).truth === 'no'
          ? ['someone whom nothing denies to assume it']
          : []),
      ]
      const hop = this.#found(crossing, gained.to, together([may, gained.may]), needs)
      if (ONE_IS_ENOUGH.has(crossing.target) && hop.length > 0) return hop
      hops.push(...hop)
    }
    return hops
  }

  /** What it would gain after a change of itself: `already` is what it gains without. */
  #changes(crossing: Crossing, already: readonly Hop[]): Hop[] {
    if (!this.#isActorOf(crossing)) return []
    const { action, on } = crossing.premises[0]!
    if (this.#may.isSilentOn(action)) return []
    const actor = this.#actor
    if (on === 'self') {
      if (!actor.boundary) return []
      return this.#after(
        crossing,
        this.#own(crossing.premises[0]!),
        { ...actor, boundary: undefined },
        already,
      )
    }
    if (crossing.target === 'group')
      return this.#targets(crossing).flatMap(group => {
        const may = this.#may.on(action, group.arn, { target: group })
        if (may.truth === 'no' || actor.groups.some(({ id }) => id === group.id)) return []
        // Where nothing holds the actor back, what a member gains stands at the group.
        if (actor.kind === 'user' && !isLimitedIn(actor, group)) return this.#found(crossing, group.id, may)
        const groups = [...actor.groups, group]
        return this.#after(
          crossing,
          may,
          { ...actor, groups, policies: [...actor.policies, ...group.policies] },
          already,
        )
      })
    return this.#otherVersions(crossing, action, already)
  }

  #otherVersions(crossing: Crossing, action: string, already: readonly Hop[]): Hop[] {
    const actor = this.#actor
    const hops: Hop[] = []
    let isOneKnown = false
    for (const managed of this.#held(actor)) {
      const may = this.#may.on(action, managed.arn)
      if (may.truth === 'no') continue
      for (const version of managed.otherVersions) {
        isOneKnown = true
        const policies = actor.policies.map(policy => (policy === managed.policy ? version : policy))
        hops.push(...this.#after(crossing, may, { ...actor, policies }, [...already, ...hops]))
      }
    }
    if (isOneKnown) return hops
    // An export may leave out the versions that are not in force.
    const may = best(this.#held(actor).map(({ arn }) => this.#may.on(action, arn)))
    return this.#found(crossing, this.#account.id, together([may, this.#may.everythingIfGranted()]))
  }

  /** What who it would be gains, and it itself does not. */
  #after(crossing: Crossing, may: May, changed: AwsPrincipal, already: readonly Hop[]): Hop[] {
    if (may.truth === 'no') return []
    const finder = new Finder(this.#estate, this.#account, this.#may.of(changed), true)
    const gained = new Map<string, Hop>()
    const isBetter = (hop: Hop, other: Hop | undefined) =>
      other === undefined || (hop.certainty === 'proven' && other.certainty !== 'proven')
    for (const hop of finder.gains())
      if (
        already.filter(({ to }) => to === hop.to).every(other => isBetter(hop, other)) &&
        isBetter(hop, gained.get(hop.to))
      )
        gained.set(hop.to, hop)
    return [...gained.values()].flatMap(hop => {
      const then: May =
        hop.certainty === 'proven' ? YES : { truth: 'unknown', conditions: [hop.condition ?? ''] }
      const why = `${crossing.why}, and then it ${hop.why.slice(this.#subject().length + 1)}`
      return this.#hop(hop.to, crossing.id, why, together([may, then]))
    })
  }

  #isActorOf({ actor }: Crossing): boolean {
    if (actor === undefined || this.#actor.kind === actor) return true
    return this.#actor.kind === 'group' && actor === 'user'
  }

  #allOwn(premises: Crossing['premises']): May {
    const actionsOn = new Map<string, string[]>()
    const alone: May[] = []
    for (const premise of premises)
      if (premise.thing === undefined) alone.push(this.#own(premise))
      else actionsOn.set(premise.thing, [...(actionsOn.get(premise.thing) ?? []), premise.action])
    return together([
      ...alone,
      ...[...actionsOn].map(([thing, actions]) => this.#may.somewhere(actions, thing)),
    ])
  }

  #own({ action, on }: Crossing['premises'][number]): May {
    if (this.#may.isSilentOn(action)) return NO
    if (on === 'self') {
      if (action.startsWith('iam:Attach')) return this.#may.attaches(action, this.#actor)
      if (action.endsWith('PermissionsBoundary') && action.startsWith('iam:Put'))
        return this.#may.boundsItself(action)
      return this.#may.on(action, this.#actor.arn, { target: this.#actor })
    }
    if (on === 'own-policy') return this.#onPolicies(action, this.#actor)
    if (on === 'own-group')
      return best(
        this.#ownGroups().map(group =>
          action.startsWith('iam:Attach')
            ? this.#may.attaches(action, group)
            : this.#may.on(action, group.arn, { target: group }),
        ),
      )
    return this.#may.somewhere([action], undefined)
  }

  #ownGroups(): readonly AwsPrincipal[] {
    return this.#actor.kind === 'group' ? [this.#actor] : this.#actor.groups
  }

  #onPolicies(action: string, holder: AwsPrincipal): May {
    return best(this.#held(holder).map(({ arn }) => this.#may.on(action, arn)))
  }

  /** The policies of its own and of its groups that can be changed. */
  #held(holder: AwsPrincipal) {
    return [holder, ...holder.groups].flatMap(({ managed }) => managed).filter(({ canChange }) => canChange)
  }

  /** Many rules ask the same of a target. */
  #onTarget(premise: Crossing['premises'][number], target: AwsPrincipal, crossing: Crossing): May {
    const services = premise.action === 'iam:PassRole' ? crossing.services : []
    const key = [premise.action, premise.on, target.id, ...services].join(' ')
    let may = this.#asked.get(key)
    if (!may) this.#asked.set(key, (may = this.#askOnTarget(premise, target, services)))
    return may
  }

  #askOnTarget(
    { action, on }: Crossing['premises'][number],
    target: AwsPrincipal,
    services: readonly string[],
  ): May {
    if (on === 'target-policy') return this.#onPolicies(action, target)
    if (action === 'sts:AssumeRole') return this.#assumes(target)
    if (action.startsWith('iam:Attach')) return this.#may.attaches(action, target)
    if (action !== 'iam:PassRole') return this.#may.on(action, target.arn, { target })
    const trusting = services.filter(service => trusts(target, service).truth !== 'no')
    return best(trusting.map(passedTo => this.#may.on(action, target.arn, { target, passedTo })))
  }

  #targets({ target, services, instanceProfile, premises }: Crossing): AwsPrincipal[] {
    if (target === 'new-user' || target === 'new-role')
      return newPrincipals(
        target === 'new-user' ? 'user' : 'role',
        this.#account,
        this.#may.policiesOn(premises),
      )
    const isOther = (principal: AwsPrincipal) => principal.id !== this.#actor.id
    // Roles can be assumed from other accounts; all else is done within one.
    if (target === 'assumed-role')
      return this.#estate.accounts
        .flatMap(({ principals }) => principals)
        .filter(it => it.kind === 'role' && isOther(it))
    const kind =
      target === 'group' ? 'group' : target === 'user' || target === 'administrator-by-user' ? 'user' : 'role'
    return this.#account.principals.filter(
      principal =>
        principal.kind === kind &&
        isOther(principal) &&
        !isServiceLinked(principal.arn) &&
        (!instanceProfile || principal.inInstanceProfile) &&
        (services.length === 0 || services.some(service => trusts(principal, service).truth !== 'no')),
    )
  }

  /** Whether the target is as the rule takes it to be, and whether that is known. */
  #stateOf(
    { ofTarget }: Crossing,
    { hasPassword, keyCount, arn }: AwsPrincipal,
  ): { may: May; known: boolean } {
    const open = { may: YES, known: false }
    const told = (holds: boolean) => ({ may: holds ? YES : NO, known: true })
    if (ofTarget === undefined) return open
    if (ofTarget !== 'free-key-slot')
      return hasPassword === undefined ? open : told(hasPassword === (ofTarget === 'password'))
    if (keyCount === undefined || keyCount < MOST_KEYS) return open
    // Who may delete a key makes room.
    return { may: this.#may.on('iam:DeleteAccessKey', arn), known: true }
  }

  #gained(crossing: Crossing, target: AwsPrincipal): { to: string; may: May } {
    const everything = () => this.#estate.privileges.get(target.id)?.everythingIfGranted() ?? NO
    switch (crossing.target) {
      case 'passed-role':
      case 'running-role':
        return { to: target.id, may: best(crossing.services.map(service => trusts(target, service))) }
      case 'assumable-role':
        return { to: this.#account.id, may: together([this.#assumes(target), everything()]) }
      case 'administrator-by-user':
      case 'administrator-by-role':
      case 'administrator-by-any-role':
        return { to: this.#account.id, may: everything() }
      case 'new-user':
      case 'new-role':
        return { to: this.#account.id, may: this.#may.of(target).everythingIfGranted() }
      default:
        return { to: target.id, may: YES }
    }
  }

  /** A function that is known to run as the role, and to which the actor may do what it takes. */
  #running(
    { target, services, premises }: Crossing,
    role: AwsPrincipal,
  ): { arn: string; may: May } | undefined {
    if (target !== 'running-role' || !services.includes('lambda.amazonaws.com')) return undefined
    const found = this.#account.functions
      .filter(({ runsAs }) => runsAs === role.arn)
      .map(({ arn }) => ({ arn, may: together(premises.map(({ action }) => this.#may.on(action, arn))) }))
    return found.find(({ may }) => may.truth === 'yes') ?? found.find(({ may }) => may.truth === 'unknown')
  }

  #assumes(role: AwsPrincipal): May {
    if (!role.trust || !mayName(role.trust, this.#actor.account)) return NO
    const owner = this.#estate.accounts.find(({ number }) => number === role.account)
    return this.#may.on('sts:AssumeRole', role.arn, {
      target: role,
      ...(owner && { owner }),
      resourcePolicy: role.trust,
    })
  }

  /** Whether it may assume a role that lets in this very actor. */
  #wouldAssume(role: AwsPrincipal): May {
    const principal = { AWS: this.#actor.kind === 'group' ? '*' : this.#actor.arn }
    const statement = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: principal }
    const resourcePolicy = readPolicy(
      { Version: '2012-10-17', Statement: statement },
      'the trust that it writes',
    )
    return this.#may.on('sts:AssumeRole', role.arn, { target: role, resourcePolicy })
  }

  #found(
    crossing: Crossing,
    to: string,
    may: May,
    needed = [crossing.needs].filter(it => it !== undefined),
  ): Hop[] {
    if (may.truth === 'no') return []
    const needs = needed.map(need => `there is ${need}`)
    const conditional = needs.length > 0 || may.truth === 'unknown'
    return this.#hop(to, crossing.id, crossing.why, {
      truth: conditional ? 'unknown' : 'yes',
      conditions: [...needs, ...may.conditions],
    })
  }

  #subject(): string {
    const name = nameOf(this.#actor.arn)
    return this.#actor.kind === 'group' ? `a member of ${name}` : name
  }

  #hop(to: string, crossing: string, why: string, { truth, conditions }: May): Hop[] {
    if (truth === 'no' || to === this.#actor.id) return []
    return [
      {
        from: this.#actor.id,
        to,
        crossing,
        certainty: truth === 'yes' ? 'proven' : 'conditional',
        ...(truth === 'unknown' && { condition: conditions.join('; ').replace(/^if /, '') }),
        why: `${this.#subject()} ${why}`,
      },
    ]
  }
}

const MOST_KEYS = 2

/** Everything in the account is gained by whichever target there is. */
const ONE_IS_ENOUGH: ReadonlySet<Crossing['target']> = new Set([
  'administrator-by-any-role',
  'new-user',
  'new-role',
])

/** What is gained by being another afterwards. */
const CHANGES: ReadonlySet<Crossing['target']> = new Set(['group', 'self-unbounded', 'self-at-other-version'])

function isOnTarget({ on }: Crossing['premises'][number]): boolean {
  return on === 'target' || on === 'target-policy'
}

/** Whether a policy could let in anyone of an account; most roles are there for services, and need not be asked about. */
function mayName({ statements }: Policy, account: string): boolean {
  return statements.some(
    ({ effect, principals }) =>
      effect !== 'Deny' &&
      (principals === undefined ||
        principals.not ||
        principals.byType.AWS?.some(named => named === '*' || named.includes(account))),
  )
}

/** Whether a service may assume the role. */
function trusts(role: AwsPrincipal, service: string): May {
  let known = trusted.get(role)
  if (!known) trusted.set(role, (known = new Map()))
  const before = known.get(service)
  if (before) return before
  const answer = asksTrust(role, service)
  known.set(service, answer)
  return answer
}

const trusted = new WeakMap<AwsPrincipal, Map<string, May>>()

function asksTrust(role: AwsPrincipal, service: string): May {
  if (!role.trust) return NO
  const { verdict, conditions } = evaluate({
    principal: service,
    action: 'sts:AssumeRole',
    resource: { arn: role.arn, account: role.account },
    // What the actor makes is the account's own.
    context: new Context({ 'aws:SourceAccount': role.account }, { complete: false }),
    identityPolicies: [],
    resourcePolicy: role.trust,
  })
  if (verdict === 'Allowed') return YES
  return verdict === 'Conditional' ? { truth: 'unknown', conditions } : NO
}
