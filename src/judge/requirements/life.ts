import { DAY_MS, type Ms } from '../../core/contract/ref.ts'
import { isRelation } from '../../core/contract/relations.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import type { Graph } from '../../know/graph/graph.ts'
import { certaintyAt, nodeAt, reach } from '../../know/graph/reach.ts'
import { membersOf } from '../../know/inventory/merge.ts'
import { namesById } from '../../know/inventory/queries.ts'
import { loadRoots, type Roots } from '../../know/inventory/roots.ts'
import { profilesOf } from './profiles.ts'
import { workflowUses } from './workflow-uses.ts'

/** One answer about an identity, and by what it is known; nothing where nobody tells. */
export interface LifeAnswer {
  readonly asked: (typeof ASKED)[number]
  readonly value: string | null
  readonly why: string
}

const ASKED = [
  'class',
  'purpose',
  'environment',
  'vendor',
  'vendor contact',
  'issued by',
  'may do',
  'really used',
  'dies',
  'kind of credentials',
  'runtime',
  'highest data',
] as const

const MOST_SHOWN = 5
/** What lives no longer than this is given out anew all the time. */
const SHORT_MS = DAY_MS

/** What a person asks of an identity besides whose it is. `graph` is asked for only where it is needed. */
export async function lifeOf(
  db: Db,
  entity: Row<'entity'>,
  now: Ms,
  graph: () => Promise<Graph>,
): Promise<LifeAnswer[]> {
  const roots = await loadRoots(db)
  const members = await membersOf(db, [entity.id])
  const profile = (await profilesOf(db, roots, [entity])).get(entity.id)!
  const credentials = await credentialsOf(db, roots, members)
  const said = (asked: LifeAnswer['asked'], one: { value: string; why: string } | undefined): LifeAnswer => ({
    asked,
    value: one?.value ?? null,
    why: one?.why ?? 'nobody tells',
  })
  return [
    said('class', profile.class),
    said('purpose', profile.purpose),
    said('environment', profile.environment),
    ...(profile.vendor || profile.class.value === 'third-party'
      ? [said('vendor', profile.vendor), said('vendor contact', profile.vendorContact)]
      : []),
    said('issued by', await issuerOf(db, members, credentials)),
    said('may do', await mayDo(db, roots, members)),
    said('really used', lastUse(credentials)),
    said('dies', profile.expiry ? dated(profile.expiry, now) : endOf(credentials, now)),
    said(
      'kind of credentials',
      kindOf(credentials) ?? reportedKeys(credentials) ?? (await becomesOf(db, entity, members)),
    ),
    said('runtime', await runtimeOf(db, roots, entity.id)),
    said('highest data', await highestData(db, roots, entity.id, graph)),
  ]
}

interface Held {
  readonly id: string
  readonly kind: string
  readonly issuedBy: string | null
  readonly access: readonly string[]
  readonly facts: ReadonlyMap<string, { value: unknown; source: string }>
}

/** The identity itself, and its credentials that stand. */
async function credentialsOf(db: Db, roots: Roots, members: readonly string[]): Promise<Held[]> {
  const rows = await db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .select(['entity.id', 'entity.kind', 'credential.issued_by', 'credential.access', 'credential.state'])
    .where('credential.identity_id', 'in', members)
    .where('entity.gone_at', 'is', null)
    .where('entity.merged_into', 'is', null)
    .orderBy('entity.id')
    .execute()
  const ids = [...members, ...rows.flatMap(({ id }) => [id, ...roots.membersOf(id)])]
  const facts = await db
    .selectFrom('fact')
    .innerJoin('source', 'source.id', 'fact.source_id')
    .select(['fact.entity_id', 'fact.name', 'fact.value', 'source.label', 'source.system'])
    .where('fact.entity_id', 'in', ids)
    .where('fact.gone_at', 'is', null)
    .orderBy('fact.learnt_at')
    .execute()
  const own = (of: readonly string[]) =>
    new Map(
      facts
        .filter(({ entity_id }) => of.includes(entity_id))
        .map(({ name, value, label, system }) => [
          name,
          { value: JSON.parse(value) as unknown, source: `${system}:${label}` },
        ]),
    )
  const itself = { id: members[0]!, kind: '', issuedBy: null, access: [], facts: own(members) }
  return [
    itself,
    ...rows
      .filter(({ state }) => state !== 'dead')
      .map(({ id, kind, issued_by, access }) => ({
        id,
        kind,
        issuedBy: issued_by,
        access: access === null ? [] : (JSON.parse(access) as string[]),
        facts: own([id, ...roots.membersOf(id)]),
      })),
  ]
}

type Found = { value: string; why: string } | undefined

async function issuerOf(db: Db, members: readonly string[], held: readonly Held[]): Promise<Found> {
  const ours = held.find(({ issuedBy }) => issuedBy !== null)
  if (ours) return { value: 'Firebreak', why: `run ${ours.issuedBy} made one in another’s place` }
  for (const name of ['addedBy', 'createdBy', 'issuer'])
    for (const { facts } of held) {
      const fact = facts.get(name)
      if (typeof fact?.value === 'string') return { value: fact.value, why: `${name}, by ${fact.source}` }
    }
  const edge = await db
    .selectFrom('edge')
    .innerJoin('entity', 'entity.id', 'edge.to_id')
    .select(['entity.native', 'edge.why'])
    .where('edge.from_id', 'in', members)
    .where('edge.crossing', 'in', ['issued-by', 'defined-in'])
    .where('edge.gone_at', 'is', null)
    .executeTakeFirst()
  return edge && { value: edge.native, why: edge.why }
}

/** What it gets to directly; firebreak reach tells what follows from that. */
async function mayDo(db: Db, roots: Roots, members: readonly string[]): Promise<Found> {
  const rows = await db
    .selectFrom('edge')
    .innerJoin('entity', 'entity.id', 'edge.to_id')
    .select(['edge.crossing', 'edge.to_id', 'edge.why', 'edge.certainty', 'entity.native'])
    .where('edge.from_id', 'in', members)
    .where('edge.gone_at', 'is', null)
    .orderBy('edge.id')
    .execute()
  const ways = rows.filter(({ crossing }) => !isRelation(crossing))
  const [first] = ways
  if (!first) return undefined
  const names = await namesById(
    db,
    roots,
    ways.slice(0, MOST_SHOWN).map(({ to_id }) => roots.of(to_id)),
  )
  const shown = ways
    .slice(0, MOST_SHOWN)
    .map(({ crossing, to_id, native }) => `${crossing} ${names.get(roots.of(to_id))?.[0] ?? native}`)
  const more = ways.length - shown.length
  return {
    value: `${shown.join(', ')}${more > 0 ? `, and ${more} more` : ''}`,
    why: `${first.why} (${first.certainty}); firebreak reach tells what follows`,
  }
}

/** Facts that tell of a last use; a report of AWS's tells of its keys by their place, with the service and region of each. */
const LAST_USES = ['lastUsed', 'passwordLastUsed', 'accessKey1LastUsed', 'accessKey2LastUsed']

function lastUse(held: readonly Held[]): Found {
  let found: { at: Ms; value: string; why: string } | undefined
  for (const { facts } of held)
    for (const name of LAST_USES) {
      const fact = facts.get(name)
      const at = typeof fact?.value === 'string' ? Date.parse(fact.value) : Number.NaN
      if (Number.isNaN(at) || (found && found.at >= at)) continue
      const [service, region] = ['Service', 'Region'].map(what => facts.get(`${name}${what}`)?.value)
      const how =
        typeof service === 'string'
          ? ` for ${service}${typeof region === 'string' ? ` in ${region}` : ''}`
          : ''
      found = { at, value: `${new Date(at).toISOString()}${how}`, why: `${name}, by ${fact!.source}` }
    }
  if (found) return found
  const opened = held.find(({ access }) => access.length > 0)
  return (
    opened && {
      value: opened.access.slice(0, MOST_SHOWN).join(', '),
      why: 'what it opened when it was tried',
    }
  )
}

function dated({ value, why }: NonNullable<Found>, now: Ms): Found {
  const at = Date.parse(value)
  return Number.isNaN(at) ? { value, why } : { value: dayOf(at, now), why }
}

function dayOf(at: Ms, now: Ms): string {
  return `${new Date(at).toISOString().slice(0, 10)}${at < now ? ', which is past' : ''}`
}

/** A system that could end one, and has given it no end, says so. */
function endFact(facts: Held['facts']): { value: unknown; source: string } | undefined {
  const [expires, validUntil] = [facts.get('expires'), facts.get('validUntil')]
  if ((expires?.value ?? null) !== null) return expires
  return validUntil?.value === null ? { ...validUntil, value: 'never' } : undefined
}

/** By the one that lives longest: the identity is of use until then. */
function endOf(held: readonly Held[], now: Ms): Found {
  const own = held.slice(1)
  if (own.length === 0) return undefined
  const ends = own.map(({ facts }) => endFact(facts))
  const never = ends.find(end => end?.value === 'never')
  if (never) return { value: 'never', why: `expires, by ${never.source}` }
  const last = ends
    .flatMap(end => {
      const at =
        typeof end?.value === 'string' || typeof end?.value === 'number'
          ? new Date(end.value).getTime()
          : Number.NaN
      return Number.isNaN(at) ? [] : [{ at, source: end!.source }]
    })
    .sort((a, b) => b.at - a.at)[0]
  if (!last || ends.includes(undefined)) return undefined
  return {
    value: dayOf(last.at, now),
    why: `expires, by ${last.source}`,
  }
}

/** Keys of which a report tells how many there are, and not which. */
function reportedKeys([itself]: readonly Held[]): Found {
  const keys = itself?.facts.get('accessKeys')
  return Number(keys?.value ?? 0) > 0
    ? { value: 'static', why: `accessKeys: ${Number(keys!.value)}, by ${keys!.source}` }
    : undefined
}

/** Of what has no credential that is known: what becomes it gets one for a time, and a file may say that it makes a lasting one. */
async function becomesOf(
  db: Db,
  { system, kind }: Row<'entity'>,
  members: readonly string[],
): Promise<Found> {
  const rows = await db
    .selectFrom('edge')
    .select(['crossing', 'why'])
    .where('to_id', 'in', members)
    .where('gone_at', 'is', null)
    .orderBy('id')
    .execute()
  const key = rows.find(({ crossing }) => crossing === 'authenticates-as')
  if (key) return { value: 'static', why: key.why }
  if (!BECOME.has(`${system} ${kind}`) && rows.every(({ crossing }) => isRelation(crossing))) return undefined
  return {
    value: 'short-lived',
    why: 'it has no credential of its own: who becomes it gets one for a time',
  }
}

/** Kinds that others become, whether or not it is told who: a role of a database logs in with a password. */
const BECOME = new Set(['aws role', 'gcp service-account', 'kubernetes service-account'])

function kindOf(held: readonly Held[]): Found {
  const own = held.slice(1)
  if (own.length === 0) return undefined
  const lives = own.map(({ facts }) => {
    const [from, to] = ['created', 'expires'].map(name => {
      const value = facts.get(name)?.value
      return typeof value === 'string' || typeof value === 'number' ? new Date(value).getTime() : Number.NaN
    })
    return to! - from!
  })
  return lives.every(ms => ms <= SHORT_MS)
    ? { value: 'short-lived', why: 'each lives for a day at most' }
    : {
        value: 'static',
        why: `it has ${own.length} that ${own.length === 1 ? 'lasts' : 'last'}: ${[...new Set(own.map(({ kind }) => kind))].sort().join(', ')}`,
      }
}

async function runtimeOf(db: Db, roots: Roots, id: string): Promise<Found> {
  const uses = ((await workflowUses(db, roots, [id])).get(id) ?? []).filter(({ isGone }) => !isGone)
  const [first] = uses
  return (
    first && {
      value: uses
        .slice(0, MOST_SHOWN)
        .map(({ name }) => name)
        .join(', '),
      why: first.why,
    }
  )
}

/** From the least to the most guarded. */
const LEVELS = ['public', 'internal', 'private', 'confidential', 'sensitive', 'pii', 'restricted', 'secret']

/** Of all that it reaches, what is said to hold the most guarded data. */
async function highestData(db: Db, roots: Roots, id: string, graph: () => Promise<Graph>): Promise<Found> {
  const facts = await db
    .selectFrom('fact')
    .select(['entity_id', 'value'])
    .where('name', '=', 'dataClass')
    .where('gone_at', 'is', null)
    .execute()
  const words = await db
    .selectFrom('word')
    .select(['entity_id', 'value'])
    .where('name', '=', 'data-class')
    .where('ended_at', 'is', null)
    .execute()
  const classes = new Map<string, string>()
  for (const { entity_id, value } of facts) classes.set(roots.of(entity_id), String(JSON.parse(value)))
  for (const { entity_id, value } of words) classes.set(roots.of(entity_id), value)
  if (classes.size === 0) return undefined
  const loaded = await graph()
  const start = loaded.ids.numberOf(id)
  if (start === undefined) return undefined
  const found = reach(loaded, start)
  let highest: { level: number; value: string; node: string; certainty: string } | undefined
  for (let index = 0; index < found.count; index++) {
    const node = loaded.ids.idOf(nodeAt(found, index))
    const value = classes.get(node)
    const level = value === undefined ? -1 : LEVELS.indexOf(value.toLowerCase())
    if (value === undefined || (highest && highest.level >= level)) continue
    highest = { level, value, node, certainty: certaintyAt(found, index) }
  }
  if (!highest) return undefined
  const [name = highest.node] = (await namesById(db, roots, [highest.node])).get(highest.node) ?? []
  return { value: highest.value, why: `it reaches ${name} (${highest.certainty})` }
}
