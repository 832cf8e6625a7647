import { z } from 'zod'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Held, Trial, Tried } from '../../core/contract/probe.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type Cluster, mustBeHere } from './cluster.ts'
import { offer } from './verify.ts'

const answerSchema = z.looseObject({
  status: z.looseObject({ allowed: z.boolean(), denied: z.boolean().optional() }),
})

/**
 * Asks the API, as the tester, whether each thing that the hop is made of is allowed. Nothing is done: what is gained is not held
 * afterwards. https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/
 */
export async function probe(cluster: Cluster, trial: Trial, held: Held): Promise<Tried> {
  try {
    mustBeHere(cluster, held.by, 'token', 'service-account')
    if (!(await cluster.stillHere())) return { state: 'unknown', why: 'Another cluster answers there.' }
    const wrong = new Secret(Buffer.from(cluster.io.random(48)).toString('base64url'))
    if ((await offer(cluster, wrong)).state === 'live')
      return { state: 'unknown', why: 'The server takes a wrong token too.' }
    const seen = await offer(cluster, held.secret)
    if (seen.state !== 'live') return { state: seen.state === 'dead' ? 'refused' : 'unknown', why: seen.why }
    const asked = (trial.actions ?? []).map(({ action, or = [], onTarget }) =>
      [action, ...or].map(each => attributesOf(each, onTarget, trial.toNames)),
    )
    if (asked.length === 0 || asked.some(ways => ways.includes(undefined)))
      return { state: 'not-tried', why: 'What would have to be allowed for it is not known.' }
    for (const ways of asked) {
      const answer = await mayDoOne(cluster, ways as Attributes[], held.secret)
      if (answer === undefined)
        return { state: 'unknown', why: `The server does not say whether it may ${wordsOf(ways[0]!)}.` }
      if (!answer)
        return { state: 'refused', why: `The server says that ${seen.user} may not ${wordsOf(ways[0]!)}.` }
    }
    return { state: 'confirmed', why: `The server says that ${seen.user} may do what it takes.` }
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: `${error.message}.` }
    throw error
  }
}

interface Attributes {
  readonly verb: string
  readonly resource: string
  readonly subresource?: string
  readonly group?: string
  readonly namespace?: string
  readonly name?: string
}

/** `create pods/exec` on `shop/pod/api`: the API's words for it. */
function attributesOf(action: string, onTarget: boolean, names: readonly string[]): Attributes | undefined {
  const [, verb, resource, subresource, group, place, only] =
    /^([a-z*]+) ([a-z*]+)(?:\/([a-z]+))?(?:\.([a-z0-9.*-]+))?(?: (?:beside|in) ([a-z-]+))?(?: with (\S+))?$/.exec(
      action,
    ) ?? []
  if (verb === undefined || resource === undefined) return undefined
  const target = names.map(name => /^(?:([^/:]+)\/)?([a-z]+)\/([^/]+)$/.exec(name)).find(Boolean)
  const [, namespace, kind, name] = target ?? []
  const within = place === 'cluster' ? undefined : kind === 'namespace' ? name : namespace
  const named = only ?? (onTarget && kind !== 'namespace' ? (name ?? names[0]) : undefined)
  return {
    verb,
    resource,
    ...(subresource !== undefined && { subresource }),
    ...(group !== undefined && { group }),
    ...(within !== undefined && { namespace: within }),
    ...(named !== undefined && { name: named }),
  }
}

function wordsOf({ verb, resource, subresource }: Attributes): string {
  return `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`
}

/** Undefined where none is allowed, and of one the server does not say. */
async function mayDoOne(
  cluster: Cluster,
  ways: readonly Attributes[],
  as: Secret,
): Promise<boolean | undefined> {
  let answer: boolean | undefined = false
  for (const attributes of ways) {
    const allowed = await mayDo(cluster, attributes, as)
    if (allowed === true) return true
    if (allowed === undefined) answer = undefined
  }
  return answer
}

async function mayDo(cluster: Cluster, attributes: Attributes, as: Secret): Promise<boolean | undefined> {
  const { status, json } = await cluster.send(
    {
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { ...attributes } },
      },
      as,
    },
    'asking what is allowed',
  )
  const read = answerSchema.safeParse(json)
  return (status === 201 || status === 200) && read.success ? read.data.status.allowed : undefined
}
