import { z } from 'zod'
import type { Ref } from '../../../core/contract/ref.ts'
import { loadRoots } from '../../../know/inventory/roots.ts'
import type { CheckContext } from '../check.ts'

/** Edges by which a connector or a reader says that all is allowed. */
const CROSSINGS = ['superuser', 'administrator', 'administers']

const refSchema = z.object({ system: z.string(), instance: z.string(), kind: z.string(), id: z.string() })
const awsPolicy = z.looseObject({
  kind: z.string(),
  name: z.string(),
  arn: z.string().optional(),
  document: z.unknown(),
})
const statements = z.looseObject({
  Statement: z.union([z.array(z.unknown()), z.unknown().transform(one => [one])]),
})
const statement = z.looseObject({
  Effect: z.string(),
  Action: z.unknown(),
  Resource: z.unknown(),
  Condition: z.unknown().optional(),
})
const gcpPolicy = z.looseObject({
  bindings: z.array(
    z.looseObject({ role: z.string(), members: z.array(refSchema), when: z.string().optional() }),
  ),
})
const azurePolicy = z.looseObject({
  assignments: z
    .array(z.looseObject({ principal: refSchema, name: z.string().optional(), when: z.string().optional() }))
    .default([]),
})
const kubernetesBinding = z.looseObject({
  role: z.looseObject({ name: z.string() }).optional(),
  subjects: z
    .array(z.looseObject({ kind: z.string(), namespace: z.string().optional(), name: z.string() }))
    .default([]),
})

/** Why somebody may do everything: always, or under a condition, of which only who reads it can tell whether it holds. */
export interface Granted {
  readonly why: string
  readonly when?: string
}

/** Who may do everything at a system, a server or an account, with why, by the identity's id. */
export async function everythingGranted({
  db,
}: CheckContext): Promise<ReadonlyMap<string, readonly Granted[]>> {
  const roots = await loadRoots(db)
  const found = new Map<string, Granted[]>()
  const add = (id: string | undefined, why: string, when?: string) => {
    if (id === undefined) return
    const root = roots.of(id)
    found.set(root, [...(found.get(root) ?? []), { why, ...(when !== undefined && { when }) }])
  }
  const edges = await db
    .selectFrom('edge')
    .select(['from_id', 'why', 'certainty', 'condition'])
    .where('crossing', 'in', CROSSINGS)
    .where('certainty', 'in', ['proven', 'conditional'])
    .where('gone_at', 'is', null)
    .execute()
  for (const { from_id, why, certainty, condition } of edges)
    add(from_id, why, certainty === 'conditional' ? (condition ?? 'its condition holds') : undefined)
  const policies = await db
    .selectFrom('policy')
    .innerJoin('entity', 'entity.id', 'policy.entity_id')
    .select(['policy.entity_id', 'policy.language', 'policy.text', 'entity.kind', 'entity.instance'])
    .where('policy.gone_at', 'is', null)
    // Only what could be such a policy is read: of a large estate that is a few in a hundred.
    .where(({ or, and, eb }) =>
      or([
        and([
          eb('policy.language', '=', 'aws-iam'),
          or([
            eb('policy.text', 'like', '%"Action":"*"%'),
            eb('policy.text', 'like', '%"Action":["*"]%'),
            eb('policy.text', 'like', '%:policy/AdministratorAccess"%'),
          ]),
        ]),
        and([eb('policy.language', '=', 'gcp-iam'), eb('policy.text', 'like', '%"roles/owner"%')]),
        and([eb('policy.language', '=', 'azure-rbac'), eb('policy.text', 'like', '%"Owner"%')]),
        and([eb('policy.language', '=', 'kubernetes-rbac'), eb('policy.text', 'like', '%"cluster-admin"%')]),
      ]),
    )
    .execute()
  const idOf = policies.some(({ language }) => language !== 'aws-iam')
    ? await identities(db)
    : () => undefined
  for (const { entity_id, language, text, kind, instance } of policies) {
    const parsed: unknown = JSON.parse(text)
    if (language === 'aws-iam') {
      const all = awsAll(parsed)
      if (all) add(entity_id, all.why, all.when)
    } else if (language === 'gcp-iam') {
      if (!['project', 'folder', 'organization'].includes(kind)) continue
      for (const { role, members, when } of gcpPolicy.safeParse(parsed).data?.bindings ?? [])
        if (role === 'roles/owner')
          for (const member of members) add(idOf(keyOf(member)), `it has roles/owner on the ${kind}`, when)
    } else if (language === 'azure-rbac') {
      if (!['subscription', 'management-group'].includes(kind)) continue
      for (const { principal, name, when } of azurePolicy.safeParse(parsed).data?.assignments ?? [])
        if (name === 'Owner') add(idOf(keyOf(principal)), `it is Owner of the ${kind}`, when)
    } else if (kind === 'cluster-role-binding') {
      const { role, subjects = [] } = kubernetesBinding.safeParse(parsed).data ?? {}
      if (role?.name !== 'cluster-admin') continue
      for (const { kind: what, namespace, name } of subjects)
        if (what === 'serviceaccount')
          add(
            idOf(`kubernetes ${instance} ${namespace ?? ''}/serviceaccount/${name}`),
            'a binding of the cluster gives it cluster-admin',
          )
    }
  }
  return found
}

function awsAll(parsed: unknown): Granted | undefined {
  const { data: policy } = awsPolicy.safeParse(parsed)
  if (policy?.kind !== 'identity') return undefined
  if (policy.arn === 'arn:aws:iam::aws:policy/AdministratorAccess')
    return { why: 'the policy AdministratorAccess is attached to it' }
  const has = (value: unknown) => [value].flat().includes('*')
  const conditions = (statements.safeParse(policy.document).data?.Statement ?? []).flatMap(one => {
    const { data } = statement.safeParse(one)
    return data?.Effect === 'Allow' && has(data.Action) && has(data.Resource) ? [data.Condition] : []
  })
  if (conditions.length === 0) return undefined
  const why = `its policy ${policy.name} allows every action on everything`
  return conditions.includes(undefined) ? { why } : { why, when: JSON.stringify(conditions[0]) }
}

function keyOf({ system, instance, kind, id }: Ref): string {
  return JSON.stringify([system, instance, kind, id])
}

/** By reference; accounts of a cluster also by their name, as bindings have it. */
async function identities(db: CheckContext['db']): Promise<(key: string) => string | undefined> {
  const rows = await db
    .selectFrom('entity')
    .select(['id', 'system', 'instance', 'kind', 'native'])
    .where('system', 'in', ['gcp', 'azure'])
    .execute()
  const found = new Map(rows.map(({ id, native, ...ref }) => [keyOf({ ...ref, id: native }), id]))
  const accounts = await db
    .selectFrom('entity')
    .innerJoin('name', 'name.entity_id', 'entity.id')
    .select(['entity.id', 'entity.instance', 'name.name'])
    .where('entity.system', '=', 'kubernetes')
    .where('entity.kind', '=', 'service-account')
    .execute()
  for (const { id, instance, name } of accounts) found.set(`kubernetes ${instance} ${name}`, id)
  return key => found.get(key)
}
