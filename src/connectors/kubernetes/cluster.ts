import { z } from 'zod'
import { bodyWithin } from '../../core/contract/bounded-body.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Json, Ref } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { KubernetesConfig } from './config.ts'
import { refused, unreachable } from './failure.ts'
import { accessOf } from './kubeconfig.ts'
import { transportOf } from './transport.ts'

export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: Json
  readonly type?: string
  readonly accept?: string
  /** Whose token is shown; our own unless said. */
  readonly as?: Secret
}

export interface Answer {
  readonly status: number
  readonly json: unknown
}

/** A cluster as our own account sees it. */
export interface Cluster {
  readonly config: KubernetesConfig
  readonly io: Io
  readonly instance: string
  /** `host:port` of the API server. */
  readonly endpoint: string
  /** One call, whatever is answered. Raises UNREACHABLE, or RATE_LIMITED where the server's patience outlasts ours. */
  send(call: Call, doing: string): Promise<Answer>
  /** One call that must succeed. */
  ask(call: Call, doing: string): Promise<unknown>
  /** For what changes something: first the server shows that it is still this cluster. */
  change<T>(doing: string, work: () => Promise<T>): Promise<T>
  stillHere(): Promise<boolean>
}

const MOST_TRIES = 4
const MOST_PAUSE_MS = 20_000
const MOST_ANSWER_BYTES = 128 * 2 ** 20

/** Asks once, to learn which cluster this is: the namespace kube-system is never made anew. */
export async function openCluster(config: KubernetesConfig, io: Io): Promise<Cluster> {
  const access = accessOf(config)
  const own = transportOf(access, io.fetch, { bare: false })
  const bare = transportOf(access, io.fetch, { bare: true })

  const once = async (call: Call, doing: string) => {
    const url = new URL(call.path.slice(1), access.server.href.replace(/\/*$/, '/'))
    for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value)
    const token = call.as ?? access.token
    const signal = AbortSignal.any([io.signal, AbortSignal.timeout(config.requestTimeoutMs)])
    try {
      const response = await (call.as ? bare : own)(url, {
        method: call.method,
        headers: {
          accept: call.accept ?? 'application/json',
          ...(token && { authorization: `Bearer ${token.revealText()}` }),
          ...(call.body !== undefined && { 'content-type': call.type ?? 'application/json' }),
        },
        ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
        signal,
      })
      const { status, headers } = response
      return { status, json: await boundedJson(response), pause: headers.get('retry-after') }
    } catch (error) {
      if (io.signal.aborted) throw io.signal.reason
      throw error instanceof FirebreakError ? error : unreachable(error, doing)
    }
  }
  /** Only what the server says it did not do is tried again. */
  const send = async (call: Call, doing: string): Promise<Answer> => {
    for (let tries = 1; ; tries++) {
      const answer = await once(call, doing)
      const isBusy = answer.status === 429 || (answer.status === 503 && call.method === 'GET')
      const pause = /^\d{1,6}$/.test(answer.pause ?? '') ? Number(answer.pause) * 1000 : 500 * tries
      if (!isBusy || tries === MOST_TRIES || pause > MOST_PAUSE_MS) return answer
      await io.sleep(pause)
    }
  }
  const ask = async (call: Call, doing: string) => {
    const { status, json } = await send(call, doing)
    if (status < 200 || status >= 300) throw refused(status, doing)
    return json
  }
  const askInstance = async () => {
    const answer = await ask(
      { method: 'GET', path: '/api/v1/namespaces/kube-system' },
      'asking which cluster this is',
    )
    const read = objectSchema.safeParse(answer)
    if (!read.success) throw new FirebreakError('UNSUPPORTED', 'what answers is no API server of Kubernetes')
    return read.data.metadata.uid
  }
  const instance = await askInstance()
  return {
    config,
    io,
    instance,
    endpoint: `${access.server.hostname}:${access.server.port || (access.server.protocol === 'https:' ? 443 : 80)}`,
    send,
    ask,
    stillHere: async () => (await askInstance()) === instance,
    async change(_doing, work) {
      const now = await askInstance()
      if (now !== instance)
        throw new FirebreakError(
          'CONFLICT',
          `another cluster (${now}) answers there, expected ${instance}`,
          'Find out which cluster it is; open a new connection for that one if it is meant.',
        )
      return await work()
    },
  }
}

async function boundedJson(response: Response): Promise<unknown> {
  if (!response.body) return undefined
  const bytes = await bodyWithin(
    response,
    MOST_ANSWER_BYTES,
    () => new FirebreakError('UNSUPPORTED', 'an answer is longer than what is held', 'Take smaller pages.'),
  )
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

const texts = z.record(z.string(), z.string()).nullish()

/** What every object of the API has. */
export const objectSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    uid: z.string(),
    resourceVersion: z.string().optional(),
    generation: z.number().optional(),
    labels: texts,
    annotations: texts,
    ownerReferences: z
      .array(
        z.looseObject({
          kind: z.string().optional(),
          name: z.string().optional(),
          controller: z.boolean().optional(),
        }),
      )
      .nullish(),
  }),
})
export type ApiObject = z.infer<typeof objectSchema>

export function refIn(cluster: Pick<Cluster, 'instance'>, kind: string, id: string): Ref {
  return { system: 'kubernetes', instance: cluster.instance, kind, id }
}

/** Raises CONFLICT for another cluster's thing, UNSUPPORTED for one of another kind. */
export function mustBeHere(cluster: Pick<Cluster, 'instance'>, ref: Ref, ...kinds: string[]): void {
  if (ref.system !== 'kubernetes' || !kinds.includes(ref.kind))
    throw new FirebreakError(
      'UNSUPPORTED',
      `${ref.system} ${ref.kind} is no ${kinds.join(' or ')} of Kubernetes`,
    )
  if (ref.instance !== cluster.instance)
    throw new FirebreakError(
      'CONFLICT',
      `the reference is to cluster ${ref.instance}, this is ${cluster.instance}`,
      'Use the connection of that cluster.',
    )
}
