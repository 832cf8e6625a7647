import type { Ms } from '../../../core/contract/ref.ts'
import { Context } from '../aws-policy/context.ts'
import { evaluate } from '../aws-policy/evaluate.ts'
import type { Hop } from '../graph.ts'
import type { AwsAccount, AwsPrincipal } from './account.ts'
import type { Crossing } from './crossing.ts'
import { best, type May, NO, Privilege, together, YES } from './privilege.ts'

/**
 * Every way from one principal of the accounts to another, or to everything in its account: what a principal may do as
 * it is, and what each crossing's premises let it gain. Computed from the policies, never stored.
 */
export function awsCrossings(
  accounts: readonly AwsAccount[],
  crossings: readonly Crossing[],
  now: Ms,
): Hop[] {
  const everyone = accounts.flatMap(account =>
    account.principals.map(actor => ({ account, privilege: new Privilege(actor, account, now) })),
  )
  const privileges = new Map(everyone.map(({ privilege }) => [privilege.actor, privilege]))
  const hops: Hop[] = []
  for (const { account, privilege } of everyone) {
    const finder = new Finder(account, accounts, privilege, privileges)
    const administers = finder.administers()
    hops.push(...administers)
    // Whoever may do everything needs no rule: what they gain, they gain through the account.
    if (administers.some(({ certainty }) => certainty === 'proven')) continue
    for (const crossing of crossings) hops.push(...finder.crosses(crossing))
  }
  return [...hops, ...accounts.flatMap(insideOf)]
}

/** From everything in an account to each of its principals. */
function insideOf(account: AwsAccount): Hop[] {
  return account.principals
    .filter(({ kind, arn }) => kind !== 'group' && !isServiceLinked(arn))
    .map(({ id, arn }) => ({
      from: account.id,
      to: id,
      crossing: 'administers',
      certainty: 'proven',
      why: `who may do everything in the account can make keys of ${nameOf(arn)}, or let themselves assume it`,
    }))
}

/** AWS lets no one but itself change or pass the roles that it keeps for its services. */
function isServiceLinked(arn: string): boolean {
  return arn.includes(':role/aws-service-role/')
}

/** `user/team/Alice` */
function nameOf(arn: string): string {
  return arn.split(':').slice(5).join(':')
}

class Finder {
  readonly #account: AwsAccount
  readonly #accounts: readonly AwsAccount[]
  readonly #may: Privilege
  readonly #actor: AwsPrincipal
  readonly #privileges: ReadonlyMap<AwsPrincipal, Privilege>

  constructor(
    account: AwsAccount,
    accounts: readonly AwsAccount[],
    may: Privilege,
    privileges: ReadonlyMap<AwsPrincipal, Privilege>,
  ) {
    this.#account = account
    this.#accounts = accounts
    this.#may = may
    this.#actor = may.actor
    this.#privileges = privileges
  }

  administers(): Hop[] {
    const may = this.#may.everything('as it is')
    return this.#hop(this.#account.id, 'administrator', 'may do everything in the account', may)
  }

  crosses(crossing: Crossing): Hop[] {
    if (crossing.actor && this.#actor.kind !== crossing.actor && this.#actor.kind !== 'group') return []
    if (crossing.actor === 'role' && this.#actor.kind === 'group') return []
    // What concerns no target is asked first, and once.
    const own = together(
      crossing.premises
        .filter(({ on }) => on !== 'target' && on !== 'target-policy')
        .map(it => this.#own(it)),
    )
    if (own.truth === 'no') return []
    const onTarget = crossing.premises.filter(({ on }) => on === 'target' || on === 'target-policy')
    if (crossing.target !== 'assumed-role' && onTarget.some(({ action }) => this.#may.isSilentOn(action)))
      return []
    if (crossing.target === 'self')
      return this.#found(crossing, this.#account.id, together([own, this.#may.everything('granted')]))
    const hops: Hop[] = []
    for (const target of this.#targets(crossing)) {
      const may = together([own, ...onTarget.map(premise => this.#onTarget(premise, target, crossing))])
      if (may.truth === 'no') continue
      const gained = this.#gained(crossing, target)
      const running = this.#running(crossing, target)
      if (running) {
        const why = `${crossing.why}: ${nameOf(running.arn)} is such a one`
        hops.push(...this.#hop(target.id, crossing.id, why, together([may, running.may, gained.may])))
        continue
      }
      const hop = this.#found(crossing, gained.to, together([may, gained.may]))
      if (crossing.target === 'administrator-by-any-role' && hop.length > 0) return hop
      hops.push(...hop)
    }
    return hops
  }

  #own({ action, on }: Crossing['premises'][number]): May {
    if (this.#may.isSilentOn(action)) return NO
    if (on === 'self') return this.#may.on(action, this.#actor.arn, { target: this.#actor })
    if (on === 'own-policy') return this.#onPolicies(action, this.#actor)
    if (on === 'own-group')
      return best(this.#ownGroups().map(group => this.#may.on(action, group.arn, { target: group })))
    return this.#may.somewhere(action)
  }

  #ownGroups(): readonly AwsPrincipal[] {
    return this.#actor.kind === 'group' ? [this.#actor] : this.#actor.groups
  }

  #onPolicies(action: string, holder: AwsPrincipal): May {
    const held = [holder, ...holder.groups].flatMap(({ managed }) => managed)
    return best(held.filter(({ canChange }) => canChange).map(({ arn }) => this.#may.on(action, arn)))
  }

  #onTarget({ action, on }: Crossing['premises'][number], target: AwsPrincipal, crossing: Crossing): May {
    if (on === 'target-policy') return this.#onPolicies(action, target)
    if (action === 'sts:AssumeRole') return this.#assumes(target)
    if (action !== 'iam:PassRole') return this.#may.on(action, target.arn, { target })
    const trusting = crossing.services.filter(service => trusts(target, service).truth !== 'no')
    return best(trusting.map(passedTo => this.#may.on(action, target.arn, { target, passedTo })))
  }

  #targets({ target, services, instanceProfile }: Crossing): AwsPrincipal[] {
    const isOther = (principal: AwsPrincipal) => principal !== this.#actor
    // Roles can be assumed from other accounts; all else is done within one.
    if (target === 'assumed-role')
      return this.#accounts
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

  #gained(crossing: Crossing, target: AwsPrincipal): { to: string; may: May } {
    const everything = () => this.#privileges.get(target)?.everything('granted') ?? NO
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
    if (!role.trust) return NO
    return this.#may.on('sts:AssumeRole', role.arn, {
      target: role,
      account: role.account,
      trust: role.trust,
    })
  }

  #found(crossing: Crossing, to: string, may: May): Hop[] {
    if (may.truth === 'no') return []
    const needs = crossing.needs === undefined ? [] : [`there is ${crossing.needs}`]
    const conditional = needs.length > 0 || may.truth === 'unknown'
    return this.#hop(to, crossing.id, crossing.why, {
      truth: conditional ? 'unknown' : 'yes',
      conditions: [...needs, ...may.conditions],
    })
  }

  #hop(to: string, crossing: string, why: string, { truth, conditions }: May): Hop[] {
    if (truth === 'no' || to === this.#actor.id) return []
    const name = nameOf(this.#actor.arn)
    const subject = this.#actor.kind === 'group' ? `a member of ${name}` : name
    return [
      {
        from: this.#actor.id,
        to,
        crossing,
        certainty: truth === 'yes' ? 'proven' : 'conditional',
        ...(truth === 'unknown' && { condition: conditions.join('; ').replace(/^if /, '') }),
        why: `${subject} ${why}`,
      },
    ]
  }
}

/** Whether a service may assume the role. */
function trusts(role: AwsPrincipal, service: string): May {
  if (!role.trust) return NO
  const { verdict, conditions } = evaluate({
    principal: service,
    action: 'sts:AssumeRole',
    resource: { arn: role.arn, account: role.account },
    context: new Context({}, { complete: false }),
    identityPolicies: [],
    resourcePolicy: role.trust,
  })
  if (verdict === 'Allowed') return YES
  return verdict === 'Conditional' ? { truth: 'unknown', conditions } : NO
}
