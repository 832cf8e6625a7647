import type { Db } from '../../../core/store/store.ts'
import type { Roots } from '../../inventory/roots.ts'
import type { Permitted, PermissionSource } from '../joined/permission-sources.ts'
import { type AccessRule, isEverything, namesAllowed, type Request, rulesOf, type Subject } from './access.ts'
import { type Cluster, loadClusters, type Thing } from './cluster.ts'
import { type Question, questionOf } from './question.ts'
import { USUAL_ROLES } from './usual-roles.ts'

/**
 * Who may do what in clusters, by their roles and bindings. Rules ask as question.ts says. Kubernetes only ever allows: what no
 * role lets be done is refused. https://kubernetes.io/docs/reference/access-authn-authz/rbac/
 */
export const kubernetesPermissions: PermissionSource = {
  system: 'kubernetes',
  async allowed(db: Db, roots: Roots, asked: ReadonlySet<string>): Promise<Permitted[]> {
    const questions = [...asked].map(questionOf)
    const found = new Map<string, Permitted>()
    for (const cluster of await loadClusters(db, roots))
      for (const permitted of permissionsIn(cluster, questions)) {
        const key = `${permitted.action} ${permitted.from} ${permitted.to}`
        if (permitted.from !== permitted.to && found.get(key)?.certainty !== 'proven')
          found.set(key, permitted)
      }
    return [...found.values()]
  },
}

/** What a binding gives to whom. */
interface Grant {
  readonly holders: readonly Thing[]
  readonly rules: readonly AccessRule[]
  readonly role: { readonly kind: string; readonly name: string }
  /** Undefined where it holds everywhere. */
  readonly namespace: string | undefined
  readonly condition?: string
  readonly why: string
}

export function* permissionsIn(cluster: Cluster, questions: readonly Question[]): Generator<Permitted> {
  const index = new Index(cluster)
  for (const grant of grantsOf(cluster, index))
    for (const question of questions) yield* answers(index, grant, question)
  for (const question of questions) yield* standing(index, question)
}

function* grantsOf(cluster: Cluster, index: Index): Generator<Grant> {
  const clusterRoles = cluster.roles.filter(({ kind }) => kind === 'clusterrole')
  for (const { kind, name, namespace, role, subjects } of cluster.bindings) {
    const holders = [...new Set(subjects.flatMap(subject => index.holders(subject)))]
    if (holders.length === 0) continue
    const bound = cluster.roles.filter(
      each =>
        each.kind === role.kind &&
        each.name === role.name &&
        (each.kind === 'clusterrole' || each.namespace === namespace),
    )
    const usual = role.kind === 'clusterrole' && bound.length === 0 ? USUAL_ROLES.get(role.name) : undefined
    const where = kind === 'rolebinding' ? (namespace ?? undefined) : undefined
    yield {
      holders,
      rules: usual ?? bound.flatMap(each => rulesOf(each, clusterRoles)),
      role,
      namespace: where,
      ...(usual &&
        role.name !== 'cluster-admin' && {
          condition: `the role ${role.name} lets be done what it does in a new cluster`,
        }),
      why: `${role.name} is bound to it by ${where === undefined ? '' : `${where}/`}${name}`,
    }
  }
  // Whoever is in it may do everything, whatever is bound to it.
  const masters = index.holders({ kind: 'group', namespace: null, name: 'system:masters' })
  if (masters.length > 0)
    yield {
      holders: masters,
      rules: USUAL_ROLES.get('cluster-admin')!,
      role: { kind: 'clusterrole', name: 'cluster-admin' },
      namespace: undefined,
      why: 'it is the group system:masters',
    }
}

function* answers(index: Index, grant: Grant, question: Question): Generator<Permitted> {
  const { holders, namespace, condition, why } = grant
  const targets = targetsOf(index, grant, question)
  const said = {
    action: question.action,
    certainty: condition === undefined ? ('proven' as const) : ('conditional' as const),
    ...(condition !== undefined && { condition }),
    why: namespace === undefined ? `${why}, everywhere` : why,
  }
  for (const to of targets) for (const from of holders) yield { from: from.id, to: to.id, ...said }
}

function targetsOf(index: Index, grant: Grant, question: Question): readonly Thing[] {
  if (question.about === 'bound-to')
    return index
      .of(question.kind)
      .filter(({ name, namespace }) => isRole(grant, question.kind, name, namespace))
  if (question.about !== 'policy') return []
  const { requests, target } = question
  // Who may do everything has the cluster, and so whatever else is asked for.
  if (grant.namespace === undefined && isEverything(grant.rules) && target.where !== 'in') return []
  const { names, mayChange } = allowedBy(grant.rules, requests)
  if (names !== 'all' && names.size === 0) return []
  if (target.where === 'own') {
    if (!target.isNamespaced && grant.namespace !== undefined) return []
    return index
      .of(target.kind)
      .filter(({ namespace }) => grant.namespace === undefined || namespace === grant.namespace)
      .filter(({ name }) => names === 'all' || names.has(name))
  }
  // One thing that may be changed is enough.
  if (names !== 'all' && !mayChange && !question.withNames.some(name => names.has(name))) return []
  if (target.kind === 'cluster') return grant.namespace === undefined ? index.of('cluster') : []
  if (target.kind === 'nodes') return index.of('nodes')
  if (target.kind === 'namespace')
    return index
      .of('namespace')
      .filter(({ name }) => grant.namespace === undefined || name === grant.namespace)
  return index
    .of(target.kind)
    .filter(({ namespace }) => grant.namespace === undefined || namespace === grant.namespace)
}

/** The names to which any one of the requests is allowed, and whether some of what is there may be changed. */
function allowedBy(
  rules: readonly AccessRule[],
  requests: readonly Request[],
): { names: 'all' | ReadonlySet<string>; mayChange: boolean } {
  const all = new Set<string>()
  let mayChange = false
  for (const request of requests) {
    const names = namesAllowed(rules, request)
    if (names === 'all') return { names, mayChange: true }
    for (const name of names) all.add(name)
    mayChange ||= names.size > 0 && ['patch', 'update'].includes(request.verb)
  }
  return { names: all, mayChange }
}

function isRole(
  { role, namespace: where }: Grant,
  kind: string,
  name: string,
  namespace: string | undefined,
): boolean {
  if (role.name !== name) return false
  // Bound in one namespace, a cluster role that is changed gives no more than that.
  if (kind === 'cluster-role') return role.kind === 'clusterrole' && where === undefined
  return role.kind === 'role' && where === namespace
}

/** What follows from where things stand, and from no policy. */
function* standing(index: Index, question: Question): Generator<Permitted> {
  if (question.about !== 'standing') return
  const said = { action: question.action, certainty: 'proven' as const, why: 'it stands there' }
  for (const from of index.of(question.from))
    for (const to of index.of(question.kind)) {
      const isWithin =
        from.kind === 'namespace'
          ? to.namespace === from.name || ['nodes', 'cluster'].includes(to.kind)
          : to.kind !== 'namespace' || from.namespace === to.name
      if (isWithin || from.kind === 'cluster') yield { from: from.id, to: to.id, ...said }
    }
}

/** The things of a cluster, by what they are. */
class Index {
  readonly #byKind: ReadonlyMap<string, readonly Thing[]>

  constructor({ things }: Cluster) {
    this.#byKind = Map.groupBy(things, ({ kind }) => kind)
    this.#workloads = things.filter(({ type }) => type === 'workload')
  }
  readonly #workloads: readonly Thing[]

  of(kind: string): readonly Thing[] {
    return kind === 'workload' ? this.#workloads : (this.#byKind.get(kind) ?? [])
  }

  /** Whoever a binding’s subject means: of a group, itself and all that are known to be in it. */
  holders({ kind, namespace, name }: Subject): Thing[] {
    if (kind === 'serviceaccount')
      return this.of('service-account').filter(one => one.name === name && one.namespace === namespace)
    const own = this.of(kind).filter(one => one.name === name)
    if (kind === 'user') return own
    const inNamespace = /^system:serviceaccounts:(.+)$/.exec(name)?.[1]
    if (name === 'system:serviceaccounts') return [...own, ...this.of('service-account')]
    if (inNamespace !== undefined)
      return [...own, ...this.of('service-account').filter(one => one.namespace === inNamespace)]
    if (name === 'system:authenticated') return [...own, ...this.of('service-account'), ...this.of('user')]
    return own
  }
}
