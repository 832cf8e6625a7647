import { z } from 'zod'
import type { Row } from '../../../core/store/schema.ts'
import type { Db } from '../../../core/store/store.ts'
import type { Roots } from '../../inventory/roots.ts'
import { type Policy, readPolicy } from '../aws-policy/policy.ts'
import type { AwsAccount, AwsPrincipal, AwsStore, ManagedPolicy } from './account.ts'
import {
  type Attachment,
  type ControlKind,
  organizationOf,
  type OrganizationNode,
  type Organizations,
} from './load-organization.ts'

/**
 * As readers say a policy of AWS: see know/readers/aws-iam.ts and aws-organizations.ts. `id` is an organization's policy's.
 */
const saidSchema = z.object({
  kind: z.enum([
    'identity',
    'boundary',
    'trust',
    'default',
    'version',
    'none',
    'resource',
    'service-control',
    'resource-control',
    'control-document',
  ]),
  name: z.string(),
  arn: z.string().optional(),
  id: z.string().optional(),
  document: z.unknown(),
})
type Said = z.infer<typeof saidSchema>

const KINDS = [
  'user',
  'role',
  'group',
  'root',
  'account',
  'policy',
  'secret',
  'parameter',
  'function',
  'bucket',
  'queue',
  'topic',
  'oidc-provider',
  'saml-provider',
  'organization-root',
  'organizational-unit',
  'organization-policy',
]
const STORES: ReadonlySet<string> = new Set(['secret', 'parameter', 'function', 'bucket', 'queue', 'topic'])

/** All that the inventory says of AWS, by entity. */
interface Known {
  readonly said: ReadonlyMap<string, readonly Said[]>
  readonly arns: ReadonlyMap<string, string>
  readonly facts: ReadonlyMap<string, ReadonlyMap<string, unknown>>
}

/** The AWS accounts that are known, with their principals. */
export async function loadAccounts(db: Db, roots: Roots): Promise<AwsAccount[]> {
  const entities = await db
    .selectFrom('entity')
    .selectAll()
    .where('system', '=', 'aws')
    .where('kind', 'in', KINDS)
    .where('merged_into', 'is', null)
    .where('gone_at', 'is', null)
    .orderBy('id')
    .execute()
  if (entities.length === 0) return []
  const known: Known = {
    said: await policiesSaid(db, roots),
    arns: await arnsOf(db, roots),
    facts: await factsOf(db, roots),
  }
  const memberships = Map.groupBy(
    await db
      .selectFrom('entity')
      .innerJoin('edge', 'edge.from_id', 'entity.id')
      .select(['from_id', 'to_id'])
      .where('entity.system', '=', 'aws')
      .where('crossing', '=', 'member-of')
      .where('edge.gone_at', 'is', null)
      .execute(),
    ({ from_id }) => roots.of(from_id),
  )
  const organizations = organizationsOf(entities, known)
  const accounts: AwsAccount[] = []
  for (const [number, members] of Map.groupBy(entities, entity => entity.instance)) {
    const everything = members.find(({ kind, native }) => kind === 'account' && native === number)
    if (!everything) continue
    const managed = managedOf(members, known)
    const principals = new Map<string, AwsPrincipal>()
    const build = (entity: Row<'entity'>, groups: AwsPrincipal[]) => {
      const arn = known.arns.get(entity.id)
      if (arn !== undefined) principals.set(entity.id, principalOf(entity, arn, groups, managed, known))
    }
    for (const entity of members) if (entity.kind === 'group') build(entity, [])
    for (const entity of members) {
      // What a report names by its ARN alone has policies that nobody told.
      if ((entity.kind !== 'user' && entity.kind !== 'role') || entity.native.startsWith('?')) continue
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
      rootUser: members.find(({ kind }) => kind === 'root')?.id,
      principals: [...principals.values()],
      managed: new Map([...managed].map(([arn, { policy }]) => [arn, policy])),
      functions: members.flatMap(({ kind, id, native }) => {
        const runsAs = kind === 'function' ? known.facts.get(id)?.get('runsAs') : undefined
        return typeof runsAs === 'string' ? [{ arn: native, runsAs }] : []
      }),
      stores: members.filter(({ kind }) => STORES.has(kind)).flatMap(entity => storeOf(entity, known)),
      providers: new Map(
        members.flatMap(({ kind, id, native }) =>
          kind.endsWith('-provider') ? [[native, id] as const] : [],
        ),
      ),
      organization: organizationOf(number, organizations),
    })
  }
  return accounts
}

function principalOf(
  entity: Row<'entity'>,
  arn: string,
  groups: readonly AwsPrincipal[],
  managed: ReadonlyMap<string, ManagedPolicy>,
  known: Known,
): AwsPrincipal {
  const said = known.said.get(entity.id) ?? []
  const facts = known.facts.get(entity.id)
  const own = said.filter(({ kind }) => kind === 'identity').map(one => ({ arn: one.arn, policy: read(one) }))
  const boundary = said.find(({ kind }) => kind === 'boundary')
  const trust = said.find(({ kind }) => kind === 'trust')
  const profiles = facts?.get('instanceProfiles')
  const [hasPassword, keyCount] = [facts?.get('hasConsolePassword'), facts?.get('accessKeys')]
  return {
    id: entity.id,
    uniqueId: entity.native,
    kind: entity.kind as AwsPrincipal['kind'],
    arn,
    account: entity.instance,
    policies: [...own.map(({ policy }) => policy), ...groups.flatMap(group => group.policies)],
    managed: own.flatMap(({ arn, policy }) =>
      arn === undefined
        ? []
        : [
            {
              arn,
              policy,
              canChange: arn.split(':')[4] !== 'aws',
              otherVersions: managed.get(arn)?.otherVersions ?? [],
            },
          ],
    ),
    groups,
    boundary: boundary && { arn: boundary.arn ?? boundary.name, policy: read(boundary) },
    trust: trust && read(trust),
    inInstanceProfile: Array.isArray(profiles) && profiles.length > 0,
    tags: z.record(z.string(), z.string()).catch({}).parse(facts?.get('tags')),
    hasPassword: typeof hasPassword === 'boolean' ? hasPassword : undefined,
    keyCount: typeof keyCount === 'number' ? keyCount : undefined,
  }
}

function read({ name, arn, document }: Said): Policy {
  return readPolicy(document, arn ?? name)
}

/** The managed policies of the account's own, by ARN. */
function managedOf(members: readonly Row<'entity'>[], known: Known): Map<string, ManagedPolicy> {
  return new Map(
    members.flatMap(({ kind, id }) => {
      const arn = kind === 'policy' ? known.arns.get(id) : undefined
      if (arn === undefined) return []
      const said = known.said.get(id) ?? []
      const inForce = said.find(one => one.kind === 'default')
      const otherVersions = said
        .filter(one => one.kind === 'version')
        .map(one => readPolicy(one.document, `${arn} ${one.name}`))
      const policy = inForce ? readPolicy(inForce.document, arn) : readPolicy(null, arn)
      return [[arn, { arn, canChange: true, policy, otherVersions }] as const]
    }),
  )
}

function storeOf(entity: Row<'entity'>, known: Known): AwsStore[] {
  const arn = known.arns.get(entity.id) ?? entity.native
  if (!arn.startsWith('arn:')) return []
  const policy = known.said.get(entity.id)?.find(({ kind }) => kind === 'resource')
  const kmsKey = known.facts.get(entity.id)?.get('kmsKey')
  return [
    {
      id: entity.id,
      kind: entity.kind as AwsStore['kind'],
      arn,
      kmsKey: typeof kmsKey === 'string' ? kmsKey : undefined,
      policy: policy && readPolicy(policy.document, `the policy of ${entity.native}`),
    },
  ]
}

function organizationsOf(entities: readonly Row<'entity'>[], known: Known): Organizations {
  const nodes = new Map<string, OrganizationNode>()
  const attachments: Attachment[] = []
  const documents = new Map<string, unknown>()
  for (const { id, kind, native } of entities) {
    const said = known.said.get(id) ?? []
    const text = (name: string) => {
      const value = known.facts.get(id)?.get(name)
      return typeof value === 'string' ? value : undefined
    }
    if (kind === 'organization-policy') {
      for (const { kind, document } of said) if (kind === 'control-document') documents.set(native, document)
      const type = text('type')
      for (const name of known.facts.get(id)?.keys() ?? [])
        if (name.startsWith(TARGET) && isControl(type))
          attachments.push({ target: name.slice(TARGET.length), kind: type, policyId: native, name: native })
    } else if (kind === 'account' || kind.startsWith('organization')) {
      nodes.set(native, {
        id: native,
        parent: text('parent'),
        organization: text('organization'),
        managementAccount: text('managementAccount'),
      })
      for (const { kind, name, id: policyId } of said)
        if (isControl(kind) && policyId !== undefined)
          attachments.push({ target: native, kind, policyId, name })
    }
  }
  const managed = new Map(
    [...nodes.values()].flatMap(({ managementAccount, organization }) =>
      managementAccount === undefined || organization === undefined
        ? []
        : [[managementAccount, organization] as const],
    ),
  )
  return { nodes, managed, attachments, documents }
}

function isControl(kind: string | undefined): kind is ControlKind {
  return kind === 'service-control' || kind === 'resource-control'
}

/** A source says all policies of a thing at once, an organization's by their kind: what it said before is no longer so. */
async function policiesSaid(db: Db, roots: Roots): Promise<Map<string, Said[]>> {
  const rows = await db
    .selectFrom('policy')
    .selectAll()
    .where('language', '=', 'aws-iam')
    .where('gone_at', 'is', null)
    .execute()
  const said = new Map<string, Said[]>()
  const parsed = rows.flatMap(row => {
    const read = saidSchema.safeParse(JSON.parse(row.text))
    return read.success ? [{ row, one: read.data }] : []
  })
  const seen = new Set<string>()
  const groups = Map.groupBy(
    parsed,
    ({ row, one }) => `${row.entity_id} ${row.source_id} ${isControl(one.kind) ? one.kind : ''}`,
  )
  for (const group of groups.values()) {
    const latest = Math.max(...group.map(({ row }) => row.learnt_at))
    for (const { row, one } of group) {
      if (row.learnt_at !== latest) continue
      const id = roots.of(row.entity_id)
      // Two sources may say the same.
      const key = `${id} ${row.text}`
      if (seen.has(key)) continue
      seen.add(key)
      const all = said.get(id) ?? []
      all.push(one)
      said.set(id, all)
    }
  }
  return said
}

async function arnsOf(db: Db, roots: Roots): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('name')
    .innerJoin('entity', 'entity.id', 'name.entity_id')
    .select(['entity_id', 'name'])
    .where('entity.system', '=', 'aws')
    .where('name', 'like', 'arn:%')
    .orderBy('name.last_seen')
    .execute()
  return new Map(rows.map(row => [roots.of(row.entity_id), row.name]))
}

const FACTS = [
  'tags',
  'instanceProfiles',
  'runsAs',
  'hasConsolePassword',
  'accessKeys',
  'kmsKey',
  'parent',
  'organization',
  'managementAccount',
  'type',
]

/** A fact of an organization's policy for each thing that it is attached to. */
const TARGET = 'target:'

async function factsOf(db: Db, roots: Roots): Promise<Map<string, Map<string, unknown>>> {
  const rows = await db
    .selectFrom('fact')
    .innerJoin('entity', 'entity.id', 'fact.entity_id')
    .select(['entity_id', 'name', 'value', 'at', 'learnt_at'])
    .where('entity.system', '=', 'aws')
    .where(eb => eb.or([eb('name', 'in', FACTS), eb('name', 'like', `${TARGET}%`)]))
    .where('fact.gone_at', 'is', null)
    .execute()
  // What does not say of when it is, is of when it was learnt.
  rows.sort((a, b) => a.learnt_at - b.learnt_at || (a.at ?? a.learnt_at) - (b.at ?? b.learnt_at))
  const facts = new Map<string, Map<string, unknown>>()
  for (const row of rows) {
    const id = roots.of(row.entity_id)
    const known = facts.get(id) ?? new Map<string, unknown>()
    facts.set(id, known.set(row.name, JSON.parse(row.value)))
  }
  return facts
}
