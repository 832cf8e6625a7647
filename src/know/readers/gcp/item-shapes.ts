import { z } from 'zod'
import type { Item } from '../json-items.ts'

const text = z.string().optional().catch(undefined)
const flag = z.boolean().optional().catch(undefined)
const strings = z.array(z.string()).catch([])

export const bindingSchema = z.looseObject({
  role: z.string(),
  members: strings,
  condition: z.looseObject({ title: text, expression: z.string() }).optional().catch(undefined),
})
export const policySchema = z.looseObject({ bindings: z.array(z.unknown()).default([]) })

/** What is told of one thing: its full name, and what its own API says of it. */
export interface Told {
  readonly name: string
  readonly data: Item
  /** The nearest one first, the thing itself left out where it is one. */
  readonly ancestors: readonly string[]
}

const assetSchema = z.looseObject({
  name: z.string(),
  resource: z.looseObject({ data: z.record(z.string(), z.unknown()), parent: text }).optional(),
  iamPolicy: z.unknown().optional(),
  iam_policy: z.unknown().optional(),
  ancestors: strings,
})
const foundPolicySchema = z.looseObject({
  resource: z.string(),
  policy: z.unknown(),
  project: text,
  folders: strings,
  organization: text,
})

/** What one item is: the policy on a thing, what there is to say of a thing, or both. */
export function readItem(item: Item): { on?: string; policy?: unknown; told?: Told } {
  const found = foundPolicySchema.safeParse(item)
  if (found.success && found.data.policy !== undefined) {
    const { resource, policy, project, folders, organization } = found.data
    const ancestors = [project, ...folders, organization].filter(one => one !== undefined)
    return { on: resource, policy, told: { name: resource, data: {}, ancestors } }
  }
  const asset = assetSchema.safeParse(item)
  if (asset.success && asset.data.name.startsWith('//')) {
    const { name, resource, ancestors } = asset.data
    const policy = asset.data.iamPolicy ?? asset.data.iam_policy
    const parent = resource?.parent?.replace(/^\/\/cloudresourcemanager\.googleapis\.com\//, '')
    return {
      ...(policy !== undefined && { on: name, policy }),
      told: {
        name,
        data: resource?.data ?? {},
        ancestors: ancestors.length > 0 ? ancestors : parent ? [parent] : [],
      },
    }
  }
  const name = nameOf(item)
  if (name !== undefined) return { told: { name, data: item, ancestors: [] } }
  return 'bindings' in item ? { policy: item } : {}
}

const knative = z.looseObject({
  apiVersion: z.string().startsWith('serving.knative.dev/'),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    labels: z.record(z.string(), z.string()),
  }),
})

/** The full name of what an API itself lists, which says only the end of it. */
function nameOf(item: Item): string | undefined {
  const { name, projectId, projectNumber, selfLink } = item
  if (typeof projectId === 'string' && typeof projectNumber === 'string')
    return `//cloudresourcemanager.googleapis.com/projects/${projectId}`
  if (typeof selfLink === 'string' && item['kind'] === 'compute#instance')
    return `//compute.googleapis.com/${selfLink.replace(/^https:\/\/[^/]+\/compute\/[^/]+\//, '')}`
  const service = knative.safeParse(item)
  if (service.success) {
    const { name, namespace, labels } = service.data.metadata
    const location = labels['cloud.googleapis.com/location'] ?? 'unknown'
    return `//run.googleapis.com/projects/${namespace}/locations/${location}/services/${name}`
  }
  if (typeof name !== 'string') return undefined
  const host = HOSTS.find(({ pattern }) => pattern.test(name))?.host
  return host === undefined ? undefined : `//${host}.googleapis.com/${name}`
}

const HOSTS: readonly { readonly host: string; readonly pattern: RegExp }[] = [
  { host: 'iam', pattern: /^projects\/[^/]+\/serviceAccounts\// },
  { host: 'iam', pattern: /^(?:projects|organizations)\/[^/]+\/roles\// },
  { host: 'iam', pattern: /^projects\/[^/]+\/locations\/[^/]+\/workloadIdentityPools\// },
  { host: 'secretmanager', pattern: /^projects\/[^/]+\/secrets\// },
  { host: 'cloudfunctions', pattern: /^projects\/[^/]+\/locations\/[^/]+\/functions\// },
  { host: 'run', pattern: /^projects\/[^/]+\/locations\/[^/]+\/(?:services|jobs)\// },
]

export const accountSchema = z.looseObject({
  email: z.string(),
  uniqueId: text,
  displayName: text,
  description: text,
  disabled: flag,
})
/** Of everything that can be labelled. */
export const labelsSchema = z.looseObject({ labels: z.record(z.string(), z.string()).catch({}) })
export const keySchema = z.looseObject({
  keyType: text,
  validAfterTime: text,
  validBeforeTime: text,
  keyOrigin: text,
  disabled: flag,
})
export const roleSchema = z.looseObject({
  includedPermissions: z.array(z.string()).optional().catch(undefined),
  title: text,
  stage: text,
  deleted: flag,
})
export const projectSchema = z.looseObject({
  projectId: text,
  projectNumber: z.union([z.string(), z.number()]).transform(String).optional().catch(undefined),
  name: text,
  lifecycleState: text,
  parent: z
    .union([z.string(), z.looseObject({ type: z.string(), id: z.string() })])
    .transform(parent => (typeof parent === 'string' ? parent : `${parent.type}s/${parent.id}`))
    .optional()
    .catch(undefined),
})
export const providerSchema = z.looseObject({
  attributeCondition: text,
  attributeMapping: z.record(z.string(), z.string()).catch({}),
  oidc: z.looseObject({ issuerUri: z.string(), allowedAudiences: strings }).optional().catch(undefined),
  aws: z.looseObject({ accountId: z.string() }).optional().catch(undefined),
  disabled: flag,
  state: text,
})
/** What runs as a service account: a machine, a function, a service. */
export const runningSchema = z.looseObject({
  serviceAccounts: z
    .array(z.looseObject({ email: z.string(), scopes: strings }))
    .optional()
    .catch(undefined),
  serviceAccountEmail: text,
  serviceConfig: z.looseObject({ serviceAccountEmail: text }).optional().catch(undefined),
  template: z
    .looseObject({ serviceAccount: text, template: z.looseObject({ serviceAccount: text }).optional() })
    .optional()
    .catch(undefined),
  spec: z
    .looseObject({
      template: z.looseObject({
        spec: z.looseObject({ serviceAccountName: text }),
      }),
    })
    .optional()
    .catch(undefined),
})
