import { randomBytes, randomUUID } from 'node:crypto'
import { BreakableCalls, brokenFetch } from '../../core/contract/breakable-calls.ts'
import type { Connector } from '../../core/contract/connector.ts'
import type { Json } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type KubernetesConfig, kubernetesConfig } from './config.ts'
import { kubernetes } from './connector.ts'
import { type Members, type MemoryObject, MemoryObjects, subjectOf } from './memory-objects.ts'

/**
 * An API server in memory, at the wire: it takes requests and answers as Kubernetes' documentation says, with pages, versions, tokens
 * that end with what they are bound to, and rollouts that take a while.
 */
export interface MemoryKubernetes extends BreakableCalls {
  readonly connector: Connector<KubernetesConfig>
  readonly fetch: typeof fetch
  readonly objects: MemoryObjects
  instance: string
  /** Of each request the method and path. */
  readonly log: readonly string[]
  /** What an account may do, as `verb resource`; everything else is refused to it. */
  readonly allowed: Map<string, ReadonlySet<string>>
  /** Resources that our own account may not list, with what is answered instead; and for how many pages it goes well. */
  readonly refusals: Map<string, { status: number; afterPages: number; times: number; retryAfter?: string }>
  /** Resources that an operator has added, beside those that every cluster has. */
  readonly added: Set<string>
  /** Called when all pods of a workload are new. */
  onRolledOut: (object: MemoryObject) => void
  /** How often a workload is looked at until it has come up. */
  rolloutLooks: number
}

const KINDS: Readonly<Record<string, string>> = {
  namespaces: 'Namespace',
  nodes: 'Node',
  persistentvolumes: 'PersistentVolume',
  serviceaccounts: 'ServiceAccount',
  secrets: 'Secret',
  configmaps: 'ConfigMap',
  pods: 'Pod',
  replicationcontrollers: 'ReplicationController',
  deployments: 'Deployment',
  statefulsets: 'StatefulSet',
  daemonsets: 'DaemonSet',
  replicasets: 'ReplicaSet',
  jobs: 'Job',
  cronjobs: 'CronJob',
  clusterroles: 'ClusterRole',
  clusterrolebindings: 'ClusterRoleBinding',
  roles: 'Role',
  rolebindings: 'RoleBinding',
  mutatingwebhookconfigurations: 'MutatingWebhookConfiguration',
}
const PATH =
  /^(?:\/api\/v1|\/apis\/[a-z0-9.-]+\/v1)(?:\/namespaces\/(?<namespace>[^/]+)(?=\/))?\/(?<resource>[a-z]+)(?:\/(?<name>[^/]+))?(?:\/(?<sub>[a-z]+))?$/

export function memoryKubernetes(overrides: Partial<KubernetesConfig> = {}): MemoryKubernetes {
  const objects = new MemoryObjects()
  const adminToken = randomBytes(32).toString('base64url')
  const config = kubernetesConfig.parse({
    server: 'https://cluster.test:6443',
    token: new Secret(adminToken),
    settleSeconds: 0,
    ...overrides,
  })
  const log: string[] = []
  const twin: MemoryKubernetes = Object.assign(new BreakableCalls(brokenFetch), {
    objects,
    log,
    instance: randomUUID(),
    allowed: new Map(),
    refusals: new Map(),
    added: new Set(),
    onRolledOut: () => {},
    rolloutLooks: 2,
    connector: {
      ...kubernetes,
      summary: 'Kubernetes in memory',
      open: (given, io) => kubernetes.open({ ...config, ...given }, { ...io, fetch: twin.fetch }),
    },
    fetch: async (input, init) =>
      twin.run(() => {
        const url = new URL(String(input))
        const method = init?.method ?? 'GET'
        log.push(`${method} ${url.pathname}`)
        const headers = new Headers(init?.headers)
        const body = typeof init?.body === 'string' ? (JSON.parse(init.body) as Members) : {}
        return new Serving(twin, adminToken).answer({ method, url, headers, body })
      }),
  } satisfies Omit<MemoryKubernetes, keyof BreakableCalls>)
  return twin
}

interface Asked {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly body: Members
}

/** Answers one request. */
class Serving {
  readonly #twin: MemoryKubernetes
  readonly #adminToken: string

  constructor(twin: MemoryKubernetes, adminToken: string) {
    this.#twin = twin
    this.#adminToken = adminToken
  }

  answer(asked: Asked): Response {
    const token = asked.headers.get('authorization')?.replace(/^Bearer /, '') ?? ''
    const account = this.#twin.objects.bearer(token, Date.now())
    if (token !== this.#adminToken && !account) return status(401)
    const { namespace, resource = '', name, sub } = PATH.exec(asked.url.pathname)?.groups ?? {}
    if (resource === 'selfsubjectreviews') return json(201, { status: { userInfo: this.#user(account) } })
    if (resource === 'selfsubjectaccessreviews')
      return json(201, { status: { allowed: this.#may(account, asked.body) } })
    if (account) return status(403)
    if (resource === 'namespaces' && name === 'kube-system')
      return json(200, { metadata: { name, uid: this.#twin.instance } })
    if (!KINDS[resource] && !this.#twin.added.has(resource)) return status(404)
    if (sub === 'token' && asked.method === 'POST') return this.#giveToken(namespace, name ?? '', asked.body)
    if (name === undefined)
      return asked.method === 'POST'
        ? this.#create(resource, namespace, asked.body)
        : this.#list(resource, namespace, asked)
    const object = this.#twin.objects.get(resource, namespace, name)
    if (!object) return status(404)
    if (asked.method === 'DELETE') return this.#delete(resource, object, asked.body)
    if (asked.method === 'PATCH') return this.#patch(object, asked.body)
    this.#rollOut(object)
    return json(200, shown(object))
  }

  #user(account: MemoryObject | undefined): Json {
    return account
      ? { username: subjectOf(account), uid: account.metadata.uid }
      : { username: 'system:serviceaccount:firebreak:firebreak', uid: 'firebreak' }
  }

  #may(account: MemoryObject | undefined, { spec }: Members): boolean {
    const { verb, resource } = (spec as { resourceAttributes: { verb: string; resource: string } })
      .resourceAttributes
    return !account || this.#twin.allowed.get(account.metadata.uid)?.has(`${verb} ${resource}`) === true
  }

  #create(resource: string, namespace: string | undefined, body: Members): Response {
    const made = this.#twin.objects.add(resource, KINDS[resource]!, namespace, body)
    if (!made) return status(409)
    // The token comes a moment later.
    const { data: _, ...rest } = shown(made)
    return json(201, rest)
  }

  #delete(resource: string, object: MemoryObject, body: Members): Response {
    const { uid } = (body['preconditions'] ?? {}) as { uid?: string }
    if (uid !== undefined && uid !== object.metadata.uid) return status(409)
    this.#twin.objects.remove(resource, object)
    return json(200, { kind: 'Status', status: 'Success' })
  }

  #patch(object: MemoryObject, { metadata, ...changes }: Members): Response {
    const { uid, resourceVersion } = (metadata ?? {}) as { uid?: string; resourceVersion?: string }
    if (uid !== undefined && uid !== object.metadata.uid) return status(409)
    if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion)
      return status(409)
    object.body = merged(object.body, changes) as Members
    this.#twin.objects.changed(object)
    if ('spec' in changes) {
      object.metadata.generation++
      object.body['looksLeft'] = this.#twin.rolloutLooks
    }
    return json(200, shown(object))
  }

  /** Each look finds it a little further. */
  #rollOut(object: MemoryObject): void {
    const left = object.body['looksLeft']
    const replicas = Number((object.body['spec'] as Members | undefined)?.['replicas'] ?? 1)
    if (typeof left !== 'number') return
    const isUp = left <= 0
    object.body['looksLeft'] = left - 1
    object.body['status'] = {
      observedGeneration: object.metadata.generation,
      replicas: isUp ? replicas : replicas + 1,
      updatedReplicas: isUp ? replicas : 1,
      availableReplicas: replicas,
    }
    if (!isUp) return
    delete object.body['looksLeft']
    this.#twin.onRolledOut(object)
  }

  #giveToken(namespace: string | undefined, name: string, body: Members): Response {
    const account = this.#twin.objects.get('serviceaccounts', namespace, name)
    if (!account) return status(404)
    const { expirationSeconds, boundObjectRef } = body['spec'] as {
      expirationSeconds: number
      boundObjectRef?: { uid: string }
    }
    if (expirationSeconds < 600) return status(422)
    const bound = boundObjectRef && this.#twin.objects.byUid(boundObjectRef.uid)
    if (boundObjectRef && !bound) return status(404)
    const expires = Date.now() + expirationSeconds * 1000
    const token = this.#twin.objects.give(account, bound && { resource: 'secret', object: bound }, expires)
    // The API tells the time in seconds.
    const expirationTimestamp = new Date(Math.floor(expires / 1000) * 1000).toISOString()
    return json(201, { status: { token, expirationTimestamp } })
  }

  #list(resource: string, namespace: string | undefined, { url, headers }: Asked): Response {
    const from = Number(url.searchParams.get('continue') ?? 0)
    const limit = Number(url.searchParams.get('limit') ?? 0) || Infinity
    const refusal = this.#twin.refusals.get(resource)
    if (refusal && refusal.times > 0 && from / limit >= refusal.afterPages) {
      refusal.times--
      return status(refusal.status, refusal.retryAfter)
    }
    const type = /^type=(.*)$/.exec(url.searchParams.get('fieldSelector') ?? '')?.[1]
    const label = url.searchParams.get('labelSelector')
    const all = this.#twin.objects
      .list(resource, namespace)
      .filter(({ body }) => type === undefined || body['type'] === type)
      .filter(({ metadata }) => label === null || label in metadata.labels)
    const metadataOnly = headers.get('accept')?.includes('PartialObjectMetadataList')
    const items = all
      .slice(from, from + limit)
      .map(object => (metadataOnly ? { metadata: shown(object)['metadata']! } : shown(object)))
    const next = from + limit < all.length ? String(from + limit) : ''
    return json(200, { metadata: { resourceVersion: '1', continue: next }, items })
  }
}

function shown({ metadata, body }: MemoryObject): Members {
  const { looksLeft: _, ...rest } = body
  return { metadata: { ...metadata } as unknown as Json, ...rest }
}

/** RFC 7386. */
function merged(target: Json | undefined, patch: Json): Json {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const result: Members =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch))
    if (value === null) delete result[name]
    else result[name] = merged(result[name], value)
  return result
}

function status(code: number, retryAfter?: string): Response {
  return json(code, { kind: 'Status', status: 'Failure', code }, retryAfter)
}

function json(code: number, body: Json, retryAfter?: string): Response {
  return new Response(JSON.stringify(body), {
    status: code,
    headers: {
      'content-type': 'application/json',
      ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
    },
  })
}
