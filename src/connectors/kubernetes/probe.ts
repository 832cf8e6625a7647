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
    const asked = (trial.actions ?? []).flatMap(({ action, onTarget }) =>
      attributesOf(action, onTarget, trial.toNames),
    )
    if (asked.length === 0)
      return { state: 'not-tried', why: 'What would have to be allowed for it is not known.' }
    for (const attributes of asked) {
      const allowed = await mayDo(cluster, attributes, held.secret)
      const what = `${attributes.verb} ${attributes.resource}${attributes.subresource ? `/${attributes.subresource}` : ''}`
      if (allowed === undefined)
        return { state: 'unknown', why: `The server does not say whether it may ${what}.` }
      if (!allowed) return { state: 'refused', why: `The server says that ${seen.user} may not ${what}.` }
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
function attributesOf(action: string, onTarget: boolean, names: readonly string[]): Attributes[] {
  const [, verb, resource, subresource, group] =
    /^([a-z]+) ([a-z]+)(?:\/([a-z]+))?(?:\.([a-z0-9.-]+))?(?: beside [a-z-]+)?$/.exec(action) ?? []
  if (verb === undefined || resource === undefined) return []
  const target = names.map(name => /^(?:([^/:]+)\/)?([a-z]+)\/([^/]+)$/.exec(name)).find(Boolean)
  const [, namespace, kind, name] = target ?? []
  const within = kind === 'namespace' ? name : namespace
  return [
    {
      verb,
      resource,
      ...(subresource !== undefined && { subresource }),
      ...(group !== undefined && { group }),
      ...(within !== undefined && { namespace: within }),
      ...(onTarget && kind !== 'namespace' && name !== undefined && { name }),
    },
  ]
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
