import type { Ms } from '../../../core/contract/ref.ts'
import type { AwsAccount, AwsPrincipal } from './account.ts'
import { isServiceLinked, nameOf } from './account.ts'
import { Privilege } from './privilege.ts'

/** A role of which an identity may have sessions, and how it came by them. */
export interface Assumable {
  readonly role: AwsPrincipal
  /** `user/deployer may assume role/ops, which may assume role/audit` */
  readonly why: string
}

/**
 * Every role that a principal may assume, by itself or by another role, whatever else it may do. A session of a role goes
 * on without the key that it was begun with.
 */
export function assumableRoles(accounts: readonly AwsAccount[], entityId: string, now: Ms): Assumable[] {
  const accountOf = new Map(
    accounts.flatMap(account => account.principals.map(it => [it.id, account] as const)),
  )
  const roles = [...accountOf.keys()].flatMap(id => {
    const account = accountOf.get(id)!
    return account.principals.filter(it => it.id === id && it.kind === 'role' && !isServiceLinked(it.arn))
  })
  const start = accountOf.get(entityId)?.principals.find(({ id }) => id === entityId)
  const found = new Map<string, Assumable>()
  const queue: { principal: AwsPrincipal; why: string }[] = start
    ? [{ principal: start, why: nameOf(start.arn) }]
    : []
  for (const { principal, why } of queue) {
    const privilege = new Privilege(principal, accountOf.get(principal.id)!, now)
    for (const role of roles) {
      if (role.id === entityId || found.has(role.id) || !role.trust) continue
      const owner = accountOf.get(role.id)!
      const may = privilege.on('sts:AssumeRole', role.arn, {
        target: role,
        owner,
        resourcePolicy: role.trust,
      })
      if (may.truth === 'no') continue
      const one = { role, why: `${why} may assume ${nameOf(role.arn)}` }
      found.set(role.id, one)
      queue.push({ principal: role, why: `${one.why}, which` })
    }
  }
  return [...found.values()]
}
