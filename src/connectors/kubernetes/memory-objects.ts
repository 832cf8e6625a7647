import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Json } from '../../core/contract/ref.ts'

export type Members = { [name: string]: Json }

/** An object as the API stores it. */
export interface MemoryObject {
  readonly kind: string
  readonly metadata: {
    name: string
    namespace?: string
    uid: string
    resourceVersion: string
    generation: number
    labels: Record<string, string>
    annotations: Record<string, string>
    ownerReferences?: Json
  }
  /** All but kind and metadata. */
  body: Members
}

/** What a token was given for; it is good as long as all of that is there. */
interface MemoryToken {
  readonly account: string
  readonly bound: string | undefined
  readonly expires: number | undefined
}

const TOKEN_TYPE = 'kubernetes.io/service-account-token'

/** Everything that a cluster stores, and the tokens that it gave. */
export class MemoryObjects {
  readonly #objects = new Map<string, MemoryObject>()
  readonly #tokens = new Map<string, MemoryToken>()
  #version = 0

  /** Refused where one of that name is there. */
  add(
    resource: string,
    kind: string,
    namespace: string | undefined,
    said: Members,
  ): MemoryObject | undefined {
    const { metadata, ...body } = said as { metadata: Partial<MemoryObject['metadata']> } & Members
    const name = metadata.name ?? ''
    if (this.get(resource, namespace, name)) return undefined
    const object: MemoryObject = {
      kind,
      metadata: {
        name,
        ...(namespace !== undefined && { namespace }),
        uid: metadata.uid ?? randomUUID(),
        resourceVersion: String(++this.#version),
        generation: 1,
        labels: metadata.labels ?? {},
        annotations: metadata.annotations ?? {},
        ...(metadata.ownerReferences !== undefined && { ownerReferences: metadata.ownerReferences }),
      },
      body: withoutType(body),
    }
    this.#objects.set(keyOf(resource, namespace, name), object)
    if (body['type'] === TOKEN_TYPE) this.#fill(object)
    return object
  }

  get(resource: string, namespace: string | undefined, name: string): MemoryObject | undefined {
    return this.#objects.get(keyOf(resource, namespace, name))
  }

  list(resource: string, namespace: string | undefined): MemoryObject[] {
    return [...this.#objects]
      .filter(([key]) => key.startsWith(`${resource} ${namespace === undefined ? '' : `${namespace} `}`))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object)
  }

  byUid(uid: string): MemoryObject | undefined {
    return [...this.#objects.values()].find(({ metadata }) => metadata.uid === uid)
  }

  changed(object: MemoryObject): void {
    object.metadata.resourceVersion = String(++this.#version)
  }

  /** Secrets with tokens of an account go with it. */
  remove(resource: string, { metadata: { namespace, name, uid } }: MemoryObject): void {
    this.#objects.delete(keyOf(resource, namespace, name))
    if (resource !== 'serviceaccounts') return
    for (const secret of this.list('secrets', namespace))
      if (
        secret.metadata.annotations['kubernetes.io/service-account.uid'] === uid &&
        secret.body['type'] === TOKEN_TYPE
      )
        this.remove('secrets', secret)
  }

  /** A token for the account; with what it is bound to, it ends. */
  give(
    account: MemoryObject,
    bound: { resource: 'secret' | 'pod'; object: MemoryObject } | undefined,
    expires?: number,
  ): string {
    const reference = ({ metadata: { name, uid } }: MemoryObject) => ({ name, uid })
    const token = jwt({
      sub: subjectOf(account),
      ...(expires !== undefined && { exp: Math.floor(expires / 1000) }),
      'kubernetes.io': {
        namespace: account.metadata.namespace ?? '',
        serviceaccount: reference(account),
        ...(bound && { [bound.resource]: reference(bound.object) }),
      },
    })
    this.#tokens.set(token, {
      account: account.metadata.uid,
      bound: bound?.object.metadata.uid,
      expires,
    })
    return token
  }

  /** Whose the token is, if it is still good. */
  bearer(token: string, now: number): MemoryObject | undefined {
    const known = this.#tokens.get(token)
    if (!known || (known.expires !== undefined && known.expires <= now)) return undefined
    if (known.bound !== undefined && !this.byUid(known.bound)) return undefined
    return this.byUid(known.account)
  }

  /** All that stands, as text that holds no secret. */
  snapshot(): string {
    const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex')
    return [...this.#objects]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([key, { metadata, body }]) =>
          `${key} ${metadata.uid} ${digest([metadata.labels, metadata.annotations, body])}`,
      )
      .join('\n')
  }

  /** What the controller does: only for an account that is there. */
  #fill(secret: MemoryObject): void {
    const { namespace, annotations } = secret.metadata
    const account = this.get(
      'serviceaccounts',
      namespace,
      annotations['kubernetes.io/service-account.name'] ?? '',
    )
    if (!account) return
    annotations['kubernetes.io/service-account.uid'] = account.metadata.uid
    const token = jwt({
      iss: 'kubernetes/serviceaccount',
      sub: subjectOf(account),
      'kubernetes.io/serviceaccount/secret.name': secret.metadata.name,
      'kubernetes.io/serviceaccount/service-account.uid': account.metadata.uid,
    })
    this.#tokens.set(token, {
      account: account.metadata.uid,
      bound: secret.metadata.uid,
      expires: undefined,
    })
    secret.body['data'] = {
      token: Buffer.from(token).toString('base64'),
      namespace: Buffer.from(namespace ?? '').toString('base64'),
    }
  }
}

export function subjectOf({ metadata: { namespace, name } }: MemoryObject): string {
  return `system:serviceaccount:${namespace}:${name}`
}

function keyOf(resource: string, namespace: string | undefined, name: string): string {
  return `${resource} ${namespace === undefined ? '' : `${namespace} `}${name}`
}

function withoutType({ apiVersion: _, kind: __, ...body }: Members): Members {
  return body
}

function jwt(claims: Members): string {
  const part = (value: Json) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256', kid: 'memory' })}.${part(claims)}.${randomBytes(64).toString('base64url')}`
}
