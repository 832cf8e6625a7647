import type { Request } from './access.ts'

/**
 * What a rule asks by `may`, in the words of the API with what is gained by it:
 *
 * - `get secrets`: each Secret that may be read
 * - `create pods/exec beside workload`: each workload of the namespaces where it is allowed
 * - `create deployments.apps beside service-account`: the group of the API follows the resource
 * - `create pods in namespace`, `patch configmaps in cluster`: the namespace, or the cluster if it is allowed everywhere
 * - `get|list secrets`, `create deployments.apps|jobs.batch beside secret`: any one of these
 * - `bind clusterroles.rbac.authorization.k8s.io in cluster with cluster-admin`: also where only that one is named
 *
 * and of what stands where, which no policy says:
 *
 * - `be bound to cluster-role`: the roles that one has
 * - `cluster hold secret`: all Secrets of it; `workload run on nodes`: the nodes of its cluster
 */
export type Question = { readonly action: string } & (
  | {
      readonly about: 'policy'
      /** Any one of them is enough. */
      readonly requests: readonly Request[]
      readonly target: Target
      readonly withNames: readonly string[]
    }
  | { readonly about: 'bound-to'; readonly kind: string }
  | { readonly about: 'standing'; readonly from: string; readonly kind: string }
)

export interface Target {
  readonly where: 'own' | 'beside' | 'in'
  readonly kind: string
  readonly isNamespaced: boolean
}

/** What the inventory calls the things of a resource. */
const OWN_KINDS: Readonly<Record<string, readonly [kind: string, isNamespaced: boolean]>> = {
  secrets: ['secret', true],
  serviceaccounts: ['service-account', true],
  configmaps: ['config-map', true],
  roles: ['role', true],
  clusterroles: ['cluster-role', false],
  users: ['user', false],
  groups: ['group', false],
}

const POLICY =
  /^(?<verbs>[a-z*|]+) (?<resources>[a-z0-9*./|-]+)(?<rest>(?: (?<where>beside|in) (?<kind>[a-z-]+))?(?: with (?<names>\S+))?)$/
const RESOURCE = /^(?<resource>[a-z*]+)(?:\/(?<subresource>[a-z]+))?(?:\.(?<group>[a-z0-9.*-]+))?$/

/** Each of the things of which any one is asked for, by itself. */
export function alternatives(action: string): string[] {
  const { verbs = '', resources = '', rest = '' } = POLICY.exec(action)?.groups ?? {}
  return verbs.split('|').flatMap(verb => resources.split('|').map(resource => `${verb} ${resource}${rest}`))
}

function requestsOf(verbs: string, resources: string): Request[] {
  return verbs.split('|').flatMap(verb =>
    resources.split('|').flatMap(each => {
      const { resource, subresource, group } = RESOURCE.exec(each)?.groups ?? {}
      return resource === undefined ? [] : [{ verb, resource, subresource, group: group ?? '' }]
    }),
  )
}

/** Raises on what is none: rules are part of the program. */
export function questionOf(action: string): Question {
  const bound = /^be bound to ([a-z-]+)$/.exec(action)?.[1]
  if (bound !== undefined) return { action, about: 'bound-to', kind: bound }
  const [, from, kind] = /^([a-z-]+) (?:hold|run on|belong to) ([a-z-]+)$/.exec(action) ?? []
  if (from !== undefined && kind !== undefined) return { action, about: 'standing', from, kind }
  const said = POLICY.exec(action)?.groups
  const requests = requestsOf(said?.['verbs'] ?? '', said?.['resources'] ?? '')
  const own = OWN_KINDS[requests[0]?.resource ?? '']
  const { where, kind: named } = said ?? {}
  const target: Target | undefined =
    where !== undefined && named !== undefined
      ? { where: where as 'beside' | 'in', kind: named, isNamespaced: true }
      : own && { where: 'own', kind: own[0], isNamespaced: own[1] }
  if (!said || !target || requests.length === 0)
    throw new Error(`no question to the roles of Kubernetes: ${action}`)
  return {
    action,
    about: 'policy',
    requests,
    target,
    withNames: said['names'] === undefined ? [] : [said['names']],
  }
}
