import { z } from 'zod'
import { namePattern } from '../../../core/contract/name-pattern.ts'
import type { Row } from '../../../core/store/schema.ts'
import type { Db } from '../../../core/store/store.ts'
import type { Roots } from '../../inventory/roots.ts'
import type { PermissionSource, Permitted } from '../joined/permission-sources.ts'
import { linksOf, thingsOf } from '../told-things.ts'
import { predefinedRole } from './predefined-roles.ts'

/**
 * What Google Cloud's allow policies permit: what is bound on a thing, or on anything that it is in. Deny policies and
 * principal access boundaries are in no export that is read, and are not asked.
 * https://cloud.google.com/iam/docs/resource-hierarchy-access-control
 */
export const gcpPermissions: PermissionSource = {
  system: 'gcp',
  async allowed(db, roots, asked) {
    const estate = await load(db, roots)
    if (estate.bindings.size === 0) return []
    const found = new Map<string, Permitted>()
    for (const target of estate.things) {
      const actions = [...asked].filter(action => kindsOf(action).includes(target.kind))
      if (actions.length === 0) continue
      for (const [place, via] of above(estate, target.id))
        for (const binding of estate.bindings.get(place) ?? [])
          for (const action of actions) {
            const permits = estate.permits(binding.role, action)
            if (permits !== true && typeof permits !== 'string') continue
            for (const from of binding.members) {
              const conditions = [permits === true ? undefined : permits, binding.when].filter(
                it => it !== undefined,
              )
              const one: Permitted = {
                from,
                to: target.id,
                action,
                certainty: conditions.length > 0 ? 'conditional' : 'proven',
                ...(conditions.length > 0 && { condition: conditions.join('; ') }),
                why: `${binding.role}${via === undefined ? '' : `, granted on ${via},`} permits ${action}`,
              }
              const key = `${from} ${action} ${target.id}`
              const before = found.get(key)
              if (!before || (before.certainty !== 'proven' && one.certainty === 'proven'))
                found.set(key, one)
            }
          }
    }
    return [...found.values()]
  },
}

/** What a permission is asked of; the rest of a project's is asked of the project. */
function kindsOf(action: string): readonly string[] {
  const exact = KINDS.find(([start]) => action.startsWith(start))
  return exact ? exact[1] : ['project']
}

const KINDS: readonly (readonly [string, readonly string[]])[] = [
  ['iam.serviceAccounts.', ['service-account']],
  ['iam.serviceAccountKeys.', ['service-account']],
  ['iam.roles.', ['role']],
  ['iam.workloadIdentityPoolProviders.', ['workload-identity-pool']],
  ['resourcemanager.folders.', ['folder']],
  ['resourcemanager.organizations.', ['organization']],
  ['secretmanager.', ['secret']],
  ['storage.hmacKeys.', ['project']],
  ['storage.', ['bucket']],
  ['compute.instances.create', ['project']],
  ['compute.instances.', ['vm']],
  ['cloudfunctions.functions.create', ['project']],
  ['cloudfunctions.functions.', ['function']],
  ['run.services.create', ['project']],
  ['run.services.', ['run-service']],
  ['run.jobs.create', ['project']],
  ['run.jobs.', ['run-job']],
]

interface Binding {
  readonly role: string
  readonly members: readonly string[]
  readonly when: string | undefined
}

interface Loaded {
  readonly things: readonly Pick<Row<'entity'>, 'id' | 'kind'>[]
  /** By what they are on. */
  readonly bindings: ReadonlyMap<string, readonly Binding[]>
  readonly parents: ReadonlyMap<string, readonly string[]>
  readonly names: ReadonlyMap<string, string>
  /** True, false, or a sentence on what it hangs. */
  permits(role: string, action: string): boolean | string
}

const policySchema = z.object({
  bindings: z.array(
    z.object({
      role: z.string(),
      members: z.array(
        z.object({ system: z.string(), instance: z.string(), kind: z.string(), id: z.string() }),
      ),
      when: z.string().optional(),
    }),
  ),
})

async function load(db: Db, roots: Roots): Promise<Loaded> {
  const { entities, idOf } = await thingsOf(db, roots, 'gcp')
  const policies = await db
    .selectFrom('policy')
    .select(['entity_id', 'source_id', 'text', 'learnt_at'])
    .where('language', '=', 'gcp-iam')
    .where('gone_at', 'is', null)
    .execute()
  // Of what one source says of a thing, the latest policy is all of it.
  const latest = new Map<string, (typeof policies)[number]>()
  for (const policy of policies) {
    const key = `${policy.entity_id} ${policy.source_id}`
    const before = latest.get(key)
    if (!before || policy.learnt_at > before.learnt_at) latest.set(key, policy)
  }
  const bindings = new Map<string, Binding[]>()
  for (const { entity_id, text } of latest.values()) {
    const read = policySchema.safeParse(JSON.parse(text))
    if (!read.success) continue
    const on = roots.of(entity_id)
    const all = bindings.get(on) ?? []
    for (const { role, members, when } of read.data.bindings)
      all.push({ role, when, members: members.flatMap(member => idOf(member) ?? []) })
    bindings.set(on, all)
  }
  const customs = await customRoles(db)
  return {
    things: entities.filter(({ merged_into }) => merged_into === null),
    bindings,
    parents: await linksOf(db, roots, 'gcp', 'inherits-from'),
    names: new Map(entities.map(({ id, native }) => [id, native.replace(/^\?/, '')])),
    permits: memoized((role, action) => permits(role, customs.get(role), action)),
  }
}

/** Roles of one's own, by name, with what they permit where that was told. */
async function customRoles(db: Db): Promise<Map<string, readonly string[]>> {
  const rows = await db
    .selectFrom('fact')
    .innerJoin('entity', 'entity.id', 'fact.entity_id')
    .select(['native', 'value', 'learnt_at'])
    .where('entity.system', '=', 'gcp')
    .where('entity.kind', '=', 'role')
    .where('fact.name', '=', 'permissions')
    .where('fact.gone_at', 'is', null)
    .execute()
  rows.sort((a, b) => a.learnt_at - b.learnt_at)
  return new Map(
    rows.map(({ native, value }) => [
      native.replace(/^\?/, ''),
      z.array(z.string()).catch([]).parse(JSON.parse(value)),
    ]),
  )
}

function permits(role: string, custom: readonly string[] | undefined, action: string): boolean | string {
  const known = role.startsWith('roles/') ? predefinedRole(role) : custom
  if (known) return known.some(pattern => namePattern(pattern).test(action))
  const service = action.slice(0, action.indexOf('.'))
  // Of a role that nobody told, or that is not known here, only what its name says can be guessed.
  if (!role.startsWith('roles/')) return `${role}, whose permissions are not told, includes ${action}`
  const isLike = role.startsWith(`roles/${service}.`) && /admin|editor|owner|developer/i.test(role)
  return isLike && `${role} includes ${action}`
}

function memoized(ask: (role: string, action: string) => boolean | string) {
  const known = new Map<string, boolean | string>()
  return (role: string, action: string) => {
    const key = `${role} ${action}`
    let answer = known.get(key)
    if (answer === undefined) known.set(key, (answer = ask(role, action)))
    return answer
  }
}

/** A thing, and all that it is in, with the name of that. */
function above({ parents, names }: Loaded, id: string): Map<string, string | undefined> {
  const all = new Map<string, string | undefined>([[id, undefined]])
  for (const one of all.keys())
    for (const parent of parents.get(one) ?? [])
      if (!all.has(parent)) all.set(parent, names.get(parent) ?? parent)
  return all
}
