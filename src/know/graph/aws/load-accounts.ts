import { z } from 'zod'
import type { Row } from '../../../core/store/schema.ts'
import type { Db } from '../../../core/store/store.ts'
import type { Roots } from '../../inventory/roots.ts'
import type { OrganizationLevel } from '../aws-policy/evaluate.ts'
import { type Policy, readPolicy } from '../aws-policy/policy.ts'
import type { AwsAccount, AwsPrincipal, ManagedPolicy } from './account.ts'

/** As readers say a policy of AWS: see know/readers/aws-iam.ts. `level` is a service control policy's. */
const saidSchema = z.object({
  kind: z.enum(['identity', 'boundary', 'trust', 'version', 'none', 'service-control']),
  name: z.string(),
  arn: z.string().optional(),
  level: z.string().optional(),
  document: z.unknown(),
})
type Said = z.infer<typeof saidSchema>

/** The AWS accounts that are known, with their principals. */
export async function loadAccounts(db: Db, roots: Roots): Promise<AwsAccount[]> {
  const entities = await db
    .selectFrom('entity')
    .selectAll()
    .where('system', '=', 'aws')
    .where('kind', 'in', ['user', 'role', 'group', 'account', 'function'])
    .where('merged_into', 'is', null)
    .where('gone_at', 'is', null)
    .orderBy('id')
    .execute()
  if (entities.length === 0) return []
  const said = await policiesSaid(db, roots)
  const arns = await arnsOf(db)
  const facts = await factsOf(db)
  const memberships = Map.groupBy(
    await db
      .selectFrom('edge')
      .select(['from_id', 'to_id'])
      .where('crossing', '=', 'member-of')
      .where('gone_at', 'is', null)
      .execute(),
    ({ from_id }) => roots.of(from_id),
  )
  const accounts: AwsAccount[] = []
  for (const [number, members] of Map.groupBy(entities, entity => entity.instance)) {
    const everything = members.find(({ kind }) => kind === 'account')
    if (!everything) continue
    const principals = new Map<string, AwsPrincipal>()
    const build = (entity: Row<'entity'>, groups: AwsPrincipal[]) => {
      const arn = arns.get(entity.id)
      if (arn !== undefined)
        principals.set(
          entity.id,
          principalOf(entity, arn, said.get(entity.id) ?? [], groups, facts.get(entity.id)),
        )
    }
    for (const entity of members) if (entity.kind === 'group') build(entity, [])
    for (const entity of members) {
      if (entity.kind !== 'user' && entity.kind !== 'role') continue
      const groups = (memberships.get(entity.id) ?? []).flatMap(
        ({ to_id }) => principals.get(roots.of(to_id)) ?? [],
      )
      build(entity, groups)
    }
    const [first] = principals.values()
    accounts.push({
      id: everything.id,
      number,
      partition: first?.arn.split(':')[1] ?? 'aws',
      principals: [...principals.values()],
      functions: members.flatMap(({ kind, id, native }) => {
        const runsAs = kind === 'function' ? facts.get(id)?.get('runsAs') : undefined
        return typeof runsAs === 'string' ? [{ arn: native, runsAs }] : []
      }),
      serviceControlPolicies: levelsOf(said.get(everything.id) ?? []),
    })
  }
  return accounts
}

function principalOf(
  entity: Row<'entity'>,
  arn: string,
  said: readonly Said[],
  groups: readonly AwsPrincipal[],
  facts: ReadonlyMap<string, unknown> | undefined,
): AwsPrincipal {
  const own = said.filter(({ kind }) => kind === 'identity')
  const boundary = said.find(({ kind }) => kind === 'boundary')
  const trust = said.find(({ kind }) => kind === 'trust')
  const profiles = facts?.get('instanceProfiles')
  return {
    id: entity.id,
    kind: entity.kind as AwsPrincipal['kind'],
    arn,
    account: entity.instance,
    policies: [...own.map(read), ...groups.flatMap(group => group.policies)],
    managed: own.flatMap(managedOf),
    groups,
    boundary: boundary && read(boundary),
    trust: trust && read(trust),
    inInstanceProfile: Array.isArray(profiles) && profiles.length > 0,
    tags: z.record(z.string(), z.string()).catch({}).parse(facts?.get('tags')),
  }
}

function read({ name, arn, document }: Said): Policy {
  return readPolicy(document, arn ?? name)
}

function managedOf({ arn }: Said): ManagedPolicy[] {
  return arn === undefined ? [] : [{ arn, canChange: arn.split(':')[4] !== 'aws' }]
}

function levelsOf(said: readonly Said[]): OrganizationLevel[] | undefined {
  const control = said.filter(({ kind }) => kind === 'service-control')
  if (control.length === 0) return undefined
  return [...Map.groupBy(control, ({ level }) => level ?? '')].map(([orgIdentifier, policies]) => ({
    orgIdentifier,
    policies: policies.map(read),
  }))
}

/** A source says all policies of a thing at once: what it said before is no longer so. */
async function policiesSaid(db: Db, roots: Roots): Promise<Map<string, Said[]>> {
  const rows = await db.selectFrom('policy').selectAll().where('language', '=', 'aws-iam').execute()
  const said = new Map<string, Said[]>()
  for (const group of Map.groupBy(rows, row => `${row.entity_id} ${row.source_id}`).values()) {
    const latest = Math.max(...group.map(row => row.learnt_at))
    for (const row of group.filter(({ learnt_at }) => learnt_at === latest)) {
      const parsed = saidSchema.safeParse(JSON.parse(row.text))
      if (!parsed.success) continue
      const id = roots.of(row.entity_id)
      const all = said.get(id) ?? []
      // Two sources may say the same.
      if (!all.some(other => JSON.stringify(other) === JSON.stringify(parsed.data))) all.push(parsed.data)
      said.set(id, all)
    }
  }
  return said
}

async function arnsOf(db: Db): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('name')
    .innerJoin('entity', 'entity.id', 'name.entity_id')
    .select(['entity_id', 'name'])
    .where('entity.system', '=', 'aws')
    .where('name', 'like', 'arn:%')
    .orderBy('name.last_seen')
    .execute()
  return new Map(rows.map(row => [row.entity_id, row.name]))
}

async function factsOf(db: Db): Promise<Map<string, Map<string, unknown>>> {
  const rows = await db
    .selectFrom('fact')
    .innerJoin('entity', 'entity.id', 'fact.entity_id')
    .select(['entity_id', 'name', 'value'])
    .where('entity.system', '=', 'aws')
    .where('name', 'in', ['tags', 'instanceProfiles', 'runsAs'])
    .orderBy('learnt_at')
    .execute()
  const facts = new Map<string, Map<string, unknown>>()
  for (const row of rows) {
    const known = facts.get(row.entity_id) ?? new Map<string, unknown>()
    facts.set(row.entity_id, known.set(row.name, JSON.parse(row.value)))
  }
  return facts
}
