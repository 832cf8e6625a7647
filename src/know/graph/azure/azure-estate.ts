import { z } from 'zod'
import type { Row } from '../../../core/store/schema.ts'
import type { Db } from '../../../core/store/store.ts'
import type { Roots } from '../../inventory/roots.ts'
import { linksOf, thingsOf } from '../told-things.ts'
import type { Block } from './permission-blocks.ts'

/** The principal that a deny assignment for everyone names. */
const EVERYONE = '00000000-0000-0000-0000-000000000000'

const refSchema = z.object({ system: z.string(), instance: z.string(), kind: z.string(), id: z.string() })
const strings = z.array(z.string())
const blockSchema = z.object({
  actions: strings,
  notActions: strings,
  dataActions: strings,
  notDataActions: strings,
})
const rbacSchema = z.object({
  assignments: z
    .array(
      z.object({
        principal: refSchema,
        role: z.string(),
        name: z.string().optional(),
        when: z.string().optional(),
      }),
    )
    .default([]),
  denies: z
    .array(
      z.object({
        name: z.string(),
        permissions: z.array(blockSchema),
        principals: z.array(refSchema),
        excluded: z.array(refSchema),
        onlyHere: z.boolean(),
      }),
    )
    .default([]),
})
const directorySchema = z.object({
  assignments: z.array(
    z.object({ principal: refSchema, role: z.string(), scope: z.string(), when: z.string().optional() }),
  ),
})
const grantsSchema = z.object({
  grants: z.array(z.object({ principal: refSchema, permission: z.string() })),
})

export interface Assignment {
  readonly principal: string
  /** Its definition's id, and its name where that is told with it. */
  readonly role: string
  readonly name: string | undefined
  readonly when: string | undefined
}

interface DirectoryAssignment {
  readonly principal: string
  readonly role: string
  readonly scope: string
  readonly when?: string | undefined
}

interface Deny {
  readonly name: string
  readonly permissions: readonly Block[]
  readonly principals: readonly string[]
  readonly excluded: readonly string[]
  readonly excludesGroups: boolean
  readonly isForAll: boolean
  readonly onlyHere: boolean
}

/** What is known of Azure and Entra, by the entities' ids, merges followed. */
export interface AzureEstate {
  readonly things: readonly Pick<Row<'entity'>, 'id' | 'kind' | 'native'>[]
  readonly tenants: readonly string[]
  /** By what they are on. */
  readonly assignments: ReadonlyMap<string, readonly Assignment[]>
  readonly denies: ReadonlyMap<string, readonly Deny[]>
  readonly roles: ReadonlyMap<string, readonly Block[]>
  readonly roleNames: ReadonlyMap<string, string>
  readonly directoryAssignments: readonly DirectoryAssignment[]
  readonly directoryRoles: ReadonlyMap<
    string,
    { readonly title: string | undefined; readonly actions: readonly string[] }
  >
  readonly grants: readonly { readonly principal: string; readonly permission: string }[]
  /** Principals by the object ids that are among their names. */
  readonly byName: ReadonlyMap<string, string>
  /** A thing, and all that it is in, with the name of that. */
  above(id: string): ReadonlyMap<string, string | undefined>
  groupsOf(principal: string): ReadonlySet<string>
  /** Who has what is given to it: itself, and of a group its applications, with how. */
  bearers(principal: string): readonly (readonly [id: string, via: string])[]
}

export async function loadAzure(db: Db, roots: Roots): Promise<AzureEstate> {
  const { entities, idOf } = await thingsOf(db, roots, 'azure')
  const assignments = new Map<string, Assignment[]>()
  const denies = new Map<string, Deny[]>()
  const directoryAssignments: DirectoryAssignment[] = []
  const grants: { principal: string; permission: string }[] = []
  for (const { entity_id, language, text } of await policiesOf(db)) {
    const on = roots.of(entity_id)
    const told: unknown = JSON.parse(text)
    if (language === 'azure-rbac') {
      const read = rbacSchema.parse(told)
      const given = read.assignments.flatMap(({ principal, ...one }) => {
        const id = idOf(principal)
        return id === undefined ? [] : { principal: id, role: one.role, name: one.name, when: one.when }
      })
      const taken = read.denies.map(({ principals, excluded, ...one }) => ({
        ...one,
        principals: principals.flatMap(ref => idOf(ref) ?? []),
        excluded: excluded.flatMap(ref => idOf(ref) ?? []),
        excludesGroups: excluded.some(({ kind }) => kind === 'group'),
        isForAll: principals.some(({ id }) => id.replace('?', '') === EVERYONE),
      }))
      assignments.set(on, [...(assignments.get(on) ?? []), ...given])
      denies.set(on, [...(denies.get(on) ?? []), ...taken])
    } else if (language === 'entra-roles')
      for (const { principal, ...one } of directorySchema.parse(told).assignments) {
        const id = idOf(principal)
        if (id !== undefined) directoryAssignments.push({ principal: id, ...one })
      }
    else
      for (const { principal, permission } of grantsSchema.parse(told).grants) {
        const id = idOf(principal)
        if (id !== undefined) grants.push({ principal: id, permission })
      }
  }
  const kindOf = new Map(entities.map(({ id, kind }) => [id, kind]))
  const nameOf = new Map(
    entities.map(({ id, native }) => [id, native.slice(native.lastIndexOf('/') + 1) || '/']),
  )
  const parents = await linksOf(db, roots, 'azure', 'inherits-from')
  const groups = await linksOf(db, roots, 'azure', 'member-of')
  const members = new Map<string, string[]>()
  for (const [member, all] of groups)
    for (const group of all) {
      const known = members.get(group)
      if (known) known.push(member)
      else members.set(group, [member])
    }
  const facts = await factsOf(db)
  return {
    things: entities.filter(({ merged_into }) => merged_into === null),
    tenants: entities
      .filter(({ kind, merged_into }) => kind === 'tenant' && merged_into === null)
      .map(({ id }) => id),
    assignments,
    denies,
    roles: new Map(facts.permissions.map(([id, value]) => [id, z.array(blockSchema).catch([]).parse(value)])),
    roleNames: await roleNamesOf(db),
    directoryAssignments,
    directoryRoles: new Map(
      facts.actions.map(([id, value]) => [
        id,
        {
          title: z.string().optional().catch(undefined).parse(facts.titles.get(id)),
          actions: strings.catch([]).parse(value),
        },
      ]),
    ),
    grants,
    byName: await principalsByName(db, roots),
    above: id => closure(parents, id, nameOf),
    groupsOf: principal =>
      new Set([...closure(groups, principal, nameOf).keys()].filter(one => one !== principal)),
    bearers: principal => [
      [principal, ''],
      ...(members.get(principal) ?? [])
        .filter(one => kindOf.get(one) === 'service-principal')
        .map(one => [one, `as a member of the group ${nameOf.get(principal)}, `] as const),
    ],
  }
}

/** Of what one document of a source says of a thing, the latest policy is all of it. */
async function policiesOf(db: Db) {
  const policies = await db
    .selectFrom('policy')
    .select(['entity_id', 'source_id', 'document', 'language', 'text', 'learnt_at'])
    .where('language', 'in', ['azure-rbac', 'entra-roles', 'entra-permissions'])
    .where('gone_at', 'is', null)
    .execute()
  const latest = new Map<string, (typeof policies)[number]>()
  for (const policy of policies) {
    const key = `${policy.entity_id} ${policy.source_id} ${policy.language} ${policy.document}`
    const before = latest.get(key)
    if (!before || policy.learnt_at > before.learnt_at) latest.set(key, policy)
  }
  return latest.values()
}

/** What roles permit, by their ids. */
async function factsOf(db: Db) {
  const rows = await db
    .selectFrom('fact')
    .innerJoin('entity', 'entity.id', 'fact.entity_id')
    .select(['native', 'name', 'value', 'learnt_at'])
    .where('entity.system', '=', 'azure')
    .where('entity.kind', 'in', ['azure-role', 'directory-role'])
    .where('fact.gone_at', 'is', null)
    .execute()
  rows.sort((a, b) => a.learnt_at - b.learnt_at)
  const of = (name: string) =>
    rows
      .filter(row => row.name === name)
      .map(({ native, value }): [string, unknown] => [native, JSON.parse(value)])
  return { permissions: of('permissions'), actions: of('actions'), titles: new Map(of('title')) }
}

async function roleNamesOf(db: Db): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('name')
    .innerJoin('entity', 'entity.id', 'name.entity_id')
    .select(['name.name', 'entity.native'])
    .where('entity.system', '=', 'azure')
    .where('entity.kind', '=', 'azure-role')
    .execute()
  return new Map(rows.filter(({ name, native }) => name !== native).map(({ name, native }) => [native, name]))
}

async function principalsByName(db: Db, roots: Roots): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('name')
    .innerJoin('entity', 'entity.id', 'name.entity_id')
    .select(['name.name', 'entity.id'])
    .where('entity.system', '=', 'azure')
    .where('entity.kind', '=', 'service-principal')
    .execute()
  return new Map(rows.map(({ name, id }) => [name, roots.of(id)]))
}

function closure(
  links: ReadonlyMap<string, readonly string[]>,
  id: string,
  nameOf: ReadonlyMap<string, string>,
): Map<string, string | undefined> {
  const all = new Map<string, string | undefined>([[id, undefined]])
  for (const one of all.keys())
    for (const next of links.get(one) ?? []) if (!all.has(next)) all.set(next, nameOf.get(next) ?? next)
  return all
}
