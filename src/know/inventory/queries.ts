import { sql } from 'kysely'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef, Json, Ms, Ref } from '../../core/contract/ref.ts'
import { byText } from '../../core/contract/text-order.ts'
import { publicFingerprint } from '../../core/keys/fingerprint.ts'
import type { Keys } from '../../core/keys/keys.ts'
import { STRONG_BITS } from '../../core/keys/strength.ts'
import { columnPages } from '../../core/store/column-pages.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import { connectedSources } from '../connections/registry.ts'
import { type CopyView, copyViews, entitiesById } from './copy-view.ts'
import { refOf } from './entity.ts'
import { inChunks } from './in-chunks.ts'
import { membersOf, rootOf } from './merge.ts'
import { loadRoots, type Roots } from './roots.ts'
import { isOnlyTold } from './only-told.ts'

/** A credential with everything that is known of it, merges followed. */
export interface CredentialView {
  readonly id: string
  readonly ref: CredentialRef
  readonly kind: string
  readonly names: string[]
  readonly identity?: { id: string; ref: Ref; names: string[] }
  readonly publicFingerprint?: string
  readonly strengthBits?: number
  readonly preview?: string
  readonly confidence?: number
  readonly state: 'live' | 'dead' | 'unknown'
  readonly stateWhy?: string
  readonly stateAt?: Ms
  /** What it opened when it was last seen live. */
  readonly access?: readonly string[]
  readonly issuedBy?: string
  /** What it says of itself: by name, each value once, with the first copy that said it. */
  readonly facts: readonly { name: string; value: Json; at: Ms; copy: CopyView }[]
  readonly copies: CopyView[]
}

export type { CopyView } from './copy-view.ts'
export { refOf } from './entity.ts'

type ViewKeys = Pick<Keys, 'publicFingerprint'>

/** The entity, or what it was merged into. Raises NOT_FOUND. */
export async function resolveEntity(db: Db, entityId: string): Promise<Row<'entity'>> {
  const entity = await db
    .selectFrom('entity')
    .selectAll()
    .where('id', '=', await rootOf(db, entityId))
    .executeTakeFirst()
  if (!entity) throw new FirebreakError('NOT_FOUND', `nothing is known as ${entityId}`, 'see firebreak ls')
  return entity
}

/** A reference means one thing whatever its type; the type only keeps credentials and others apart. */
export async function entityByRef(
  db: Db,
  type: Row<'entity'>['type'],
  ref: Ref,
): Promise<Row<'entity'> | undefined> {
  const found = await db
    .selectFrom('entity')
    .selectAll()
    .where('system', '=', ref.system)
    .where('instance', '=', ref.instance)
    .where('kind', '=', ref.kind)
    .where('native', '=', ref.id)
    .where('type', type === 'credential' ? '=' : '<>', 'credential')
    .executeTakeFirst()
  return found?.merged_into ? await resolveEntity(db, found.id) : found
}

/** All names of the entity and of what was merged into it, those seen last first. */
export async function namesOf(db: Db, entityId: string): Promise<string[]> {
  const members = await membersOf(db, [await rootOf(db, entityId)])
  const rows = await db
    .selectFrom('name')
    .select(['name', 'last_seen'])
    .where('entity_id', 'in', members)
    .execute()
  return [...new Set(rows.sort(byUse).map(row => row.name))]
}

/** Those seen last first; of those that were seen at once, what tells a person something. */
function byUse(a: Pick<Row<'name'>, 'name' | 'last_seen'>, b: typeof a): number {
  return (
    b.last_seen - a.last_seen ||
    Number(isBareId(a.name)) - Number(isBareId(b.name)) ||
    (a.name < b.name ? -1 : 1)
  )
}

/** What tells nothing, where there is a name beside it: a UUID, an ARN, or a path of Azure's. */
function isBareId(name: string): boolean {
  return /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$|arn:|\/subscriptions\/)/i.test(name)
}

const MIN_PREFIX = 8

/**
 * What people call a thing: its id or the beginning of it, a reference, a public fingerprint, or a name. Several fits
 * are all given: the caller raises AMBIGUOUS, or narrows them by type.
 */
export async function findSubject(db: Db, keys: ViewKeys, text: string): Promise<Row<'entity'>[]> {
  const roots = new Map<string, Row<'entity'>>()
  for (const id of await subjectIds(db, keys, text.trim())) {
    const entity = await resolveEntity(db, id)
    roots.set(entity.id, entity)
  }
  return [...roots.values()]
}

async function subjectIds(db: Db, keys: ViewKeys, text: string): Promise<string[]> {
  if (text.length >= MIN_PREFIX && /^[0-9a-f-]+$/.test(text)) {
    const rows = await db.selectFrom('entity').select('id').where('id', 'like', `${text}%`).execute()
    if (rows.length > 0) return rows.map(row => row.id)
  }
  if (text.startsWith('fp_') && text.length >= MIN_PREFIX) {
    const rows = await db
      .selectFrom('credential')
      .select(['entity_id', 'fingerprint'])
      .where('fingerprint', 'is not', null)
      .execute()
    return rows
      .filter(row => publicFingerprint(keys.publicFingerprint, row.fingerprint ?? '').startsWith(text))
      .map(row => row.entity_id)
  }
  const ref = /^(?<system>[^:/]+):(?<instance>[^/]+)\/(?<kind>[^/]+)\/(?<id>.+)$/s.exec(text)?.groups
  if (ref) {
    const found = await db
      .selectFrom('entity')
      .select('id')
      .where('system', '=', ref['system'] ?? '')
      .where('instance', '=', ref['instance'] ?? '')
      .where('kind', '=', ref['kind'] ?? '')
      .where('native', '=', ref['id'] ?? '')
      .execute()
    if (found.length > 0) return found.map(row => row.id)
  }
  const named = await db.selectFrom('name').select('entity_id').distinct().where('name', '=', text).execute()
  if (named.length > 0 || text === '') return named.map(row => row.entity_id)
  // A system's own id, where it is long enough to be no mere number: an access key's, an ARN.
  if (text.length >= MIN_PREFIX) {
    const own = await db.selectFrom('entity').select('id').where('native', '=', text).execute()
    if (own.length > 0) return own.map(row => row.id)
  }
  // What a text alone names has no name row: its id is the name.
  const provisional = await db.selectFrom('entity').select('id').where('native', '=', `?${text}`).execute()
  return provisional.map(row => row.id)
}

/** Every credential that has the value. */
export async function credentialsByFingerprint(
  db: Db,
  keys: ViewKeys,
  fingerprint: string,
): Promise<CredentialView[]> {
  const rows = await credentialRows(db).where('credential.fingerprint', '=', fingerprint).execute()
  return await views(db, keys, await loadRoots(db), rows)
}

/** Raises NOT_FOUND. */
export async function credentialView(db: Db, keys: ViewKeys, credentialId: string): Promise<CredentialView> {
  const members = await membersOf(db, [await rootOf(db, credentialId)])
  const rows = await credentialRows(db).where('credential.entity_id', 'in', members).execute()
  const [view] = await views(db, keys, await loadRoots(db), rows, true)
  if (!view)
    throw new FirebreakError(
      'NOT_FOUND',
      `no credential is known as ${credentialId}`,
      'see firebreak ls credentials',
    )
  return view
}

/** All credentials; with `sourceIds`, those that stand, or stood, in one of these sources. */
export async function listCredentials(
  db: Db,
  keys: ViewKeys,
  filter: { readonly sourceIds?: readonly string[] } = {},
): Promise<CredentialView[]> {
  const all: CredentialView[] = []
  for await (const some of credentialsInTurn(db, keys, filter)) all.push(...some)
  return all
}

const CREDENTIALS_AT_A_TIME = 256

/** The same, some at a time: with all their copies they may be more than memory holds. */
export async function* credentialsInTurn(
  db: Db,
  keys: ViewKeys,
  { sourceIds }: { readonly sourceIds?: readonly string[] } = {},
): AsyncGenerator<CredentialView[]> {
  const roots = await loadRoots(db)
  const ids = await db.selectFrom('credential').select('entity_id').orderBy('entity_id').execute()
  const groups = [...Map.groupBy(ids, row => roots.of(row.entity_id)).values()]
  for (let start = 0; start < groups.length; start += CREDENTIALS_AT_A_TIME) {
    const some = groups.slice(start, start + CREDENTIALS_AT_A_TIME).flat()
    const among = some.map(row => row.entity_id)
    const rows = await credentialRows(db).where('credential.entity_id', 'in', among).execute()
    const found = await views(db, keys, roots, rows)
    yield sourceIds
      ? found.filter(view => view.copies.some(copy => sourceIds.includes(copy.sourceId)))
      : found
  }
}

function credentialRows(db: Db) {
  return db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .selectAll('credential')
    .select([
      'entity.system',
      'entity.instance',
      'entity.kind',
      'entity.native',
      'entity.id',
      'entity.gone_at',
    ])
    .orderBy('entity.id')
}

type CredentialRow = Row<'credential'> &
  Pick<Row<'entity'>, 'system' | 'instance' | 'kind' | 'native' | 'id' | 'gone_at'>

async function views(
  db: Db,
  keys: ViewKeys,
  roots: Roots,
  rows: readonly CredentialRow[],
  evenEmpty = false,
): Promise<CredentialView[]> {
  const fingerprints = rows.flatMap(row => row.fingerprint ?? [])
  const copies = await copyViews(db, roots, [...new Set(fingerprints)])
  const identityIds = new Set(rows.flatMap(row => (row.identity_id ? [roots.of(row.identity_id)] : [])))
  const identities = await entitiesById(db, [...identityIds])
  const names = await namesById(db, roots, [...identityIds, ...rows.map(row => roots.of(row.id))])

  const found: CredentialView[] = []
  for (const [rootId, members] of Map.groupBy(rows, row => roots.of(row.id))) {
    const row = members.find(member => member.id === rootId)
    if (!row) continue
    const identity = row.identity_id ? identities.get(roots.of(row.identity_id)) : undefined
    const strong = (row.strength_bits ?? 0) >= STRONG_BITS
    const own = (row.fingerprint === null ? [] : (copies.get(row.fingerprint) ?? [])).filter(
      ({ identityId }) => identityId === identity?.id || (identityId === undefined && strong),
    )
    // A copy that is read anew with another claim leaves a credential of which nothing tells any more.
    const told = own.length > 0 && row.gone_at === null
    if (!told && isOnlyTold(row.native) && !evenEmpty) continue
    const latest = members.reduce((a, b) => ((b.state_at ?? -1) > (a.state_at ?? -1) ? b : a))
    const confidences = own.map(({ view }) => view.confidence)
    const identityRef = identity && refOf(identity)
    found.push({
      id: row.id,
      ref: { ...refOf(row), ...(identityRef && { identity: identityRef }) },
      kind: row.kind,
      names: names.get(row.id) ?? [],
      ...(identity &&
        identityRef && {
          identity: {
            id: identity.id,
            ref: identityRef,
            names: namesOrNative(names.get(identity.id), identity),
          },
        }),
      ...(row.fingerprint !== null && {
        publicFingerprint: publicFingerprint(keys.publicFingerprint, row.fingerprint),
      }),
      ...(row.strength_bits !== null && { strengthBits: row.strength_bits }),
      ...(row.preview !== null && { preview: row.preview }),
      ...(confidences.length > 0 && { confidence: confidences.reduce((a, b) => Math.max(a, b)) }),
      state: latest.state,
      ...(latest.state_why !== null && { stateWhy: latest.state_why }),
      ...(latest.state_at !== null && { stateAt: latest.state_at }),
      ...(latest.access !== null && { access: JSON.parse(latest.access) as string[] }),
      ...(row.issued_by !== null && { issuedBy: row.issued_by }),
      facts: factsOf(own.map(({ view }) => view)),
      copies: own.map(({ view }) => view),
    })
  }
  return found
}

/** A copy that is gone tells as much of the credential as one that stands. */
function factsOf(copies: readonly CopyView[]): CredentialView['facts'][number][] {
  const found = new Map<string, CredentialView['facts'][number]>()
  for (const copy of copies)
    for (const [name, { value, at }] of Object.entries(copy.facts)) {
      const key = JSON.stringify([name, value])
      if (!found.has(key)) found.set(key, { name, value, at: at ?? copy.firstSeen, copy })
    }
  return [...found.values()].sort((a, b) => byText(a.name, b.name))
}

/** Of what only a text names, the name stands in its id. */
export function namesOrNative(names: string[] | undefined, entity: Pick<Row<'entity'>, 'native'>): string[] {
  if (names && names.length > 0) return names
  return entity.native.startsWith('?') ? [entity.native.slice(1)] : []
}

/** The names of these entities and of what was merged into them, those seen last first. */
export async function namesById(
  db: Db,
  roots: Roots,
  ids: readonly string[],
): Promise<Map<string, string[]>> {
  const members = [...new Set(ids)].flatMap(id => [id, ...roots.membersOf(id)])
  return members.length > MANY
    ? await namesOfMany(db, roots, new Set(members))
    : await namesOfSome(db, roots, members)
}

async function namesOfSome(db: Db, roots: Roots, members: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await inChunks(members, chunk =>
    db.selectFrom('name').selectAll().where('entity_id', 'in', chunk).execute(),
  )
  const found = new Map<string, Row<'name'>[]>()
  for (const row of rows) {
    const root = roots.of(row.entity_id)
    const own = found.get(root)
    if (own) own.push(row)
    else found.set(root, [row])
  }
  // Most have one name, and there is nothing to sort.
  return new Map(
    [...found].map(([id, own]) => [id, [...new Set(own.sort(byUse).map(({ name }) => name))]] as const),
  )
}

/** Of more, all names are read: that is sooner done than to look up each. */
const MANY = 20_000

async function namesOfMany(
  db: Db,
  roots: Roots,
  members: ReadonlySet<string>,
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  const severally = new Set<string>()
  for await (const page of columnPages(db, 'name', { id: sql`entity_id`, name: sql`name` }))
    for (let at = 0; at < page.count; at++) {
      if (!members.has(page.id[at]!)) continue
      const root = roots.of(page.id[at]!)
      if (found.has(root)) severally.add(root)
      else found.set(root, [page.name[at]!])
    }
  // What has several is asked for again, with when each was seen.
  const again = [...severally].flatMap(id => [id, ...roots.membersOf(id)])
  for (const [id, names] of await namesOfSome(db, roots, again)) found.set(id, names)
  return found
}

export interface IdentityView {
  readonly id: string
  readonly ref: Ref
  readonly names: string[]
  readonly firstSeen: Ms
  readonly lastSeen: Ms
  readonly goneAt?: Ms
  /** Each with where and when it was learnt; sources that differ are both told. */
  readonly facts: { name: string; value: Json; at?: Ms; learntAt: Ms; source: string }[]
  /** What is written on it of whose it is; judge/ownership says what follows. */
  readonly owners: { owner: string; source: string; weight: number; at?: Ms }[]
  readonly credentials: { id: string; ref: Ref; state: 'live' | 'dead' | 'unknown' }[]
}

export async function listIdentities(
  db: Db,
  filter: { readonly ids?: readonly string[]; readonly sourceIds?: readonly string[] } = {},
): Promise<IdentityView[]> {
  const roots = await loadRoots(db)
  let query = db
    .selectFrom('entity')
    .selectAll()
    .where('type', '=', 'identity')
    .where('merged_into', 'is', null)
    .orderBy('id')
  if (filter.ids) query = query.where('id', 'in', [...new Set(filter.ids.map(id => roots.of(id)))])
  const { sourceIds } = filter
  if (sourceIds)
    query = query.where('id', 'in', eb =>
      eb.selectFrom('sighting').select('entity_id').where('source_id', 'in', sourceIds),
    )
  const entities = await query.execute()
  const members = entities.flatMap(entity => [entity.id, ...roots.membersOf(entity.id)])
  const names = await namesById(db, roots, members)
  const byRoot = <T extends { entity_id: string }>(rows: T[]) =>
    Map.groupBy(rows, row => roots.of(row.entity_id))
  const facts = byRoot(
    await inChunks(members, chunk =>
      db
        .selectFrom('fact')
        .innerJoin('source', 'source.id', 'fact.source_id')
        .selectAll('fact')
        .select('source.label')
        .where('entity_id', 'in', chunk)
        .where('fact.gone_at', 'is', null)
        .orderBy('name')
        .orderBy('source_id')
        .execute(),
    ),
  )
  const owners = byRoot(
    await inChunks(members, chunk =>
      db
        .selectFrom('owner')
        .selectAll()
        .where('entity_id', 'in', chunk)
        .where('gone_at', 'is', null)
        .execute(),
    ),
  )
  const credentials = Map.groupBy(
    await inChunks(members, chunk =>
      credentialRows(db)
        .where('identity_id', 'in', chunk)
        .where('entity.merged_into', 'is', null)
        .where('entity.gone_at', 'is', null)
        .execute(),
    ),
    row => roots.of(row.identity_id ?? ''),
  )
  return entities.map(entity => ({
    id: entity.id,
    ref: refOf(entity),
    names: namesOrNative(names.get(entity.id), entity),
    firstSeen: entity.first_seen,
    lastSeen: entity.last_seen,
    ...(entity.gone_at !== null && { goneAt: entity.gone_at }),
    facts: (facts.get(entity.id) ?? []).map(({ name, value, at, learnt_at, label }) => ({
      name,
      value: JSON.parse(value) as Json,
      ...(at !== null && { at }),
      learntAt: learnt_at,
      source: label,
    })),
    owners: (owners.get(entity.id) ?? []).map(({ owner, source, weight, at }) => ({
      owner,
      source,
      weight,
      ...(at !== null && { at }),
    })),
    credentials: (credentials.get(entity.id) ?? []).map(row => ({
      id: row.id,
      ref: refOf(row),
      state: row.state,
    })),
  }))
}

/** The denominator: what the last runs looked at, and what they could not. */
export async function coverageOf(
  db: Db,
  sourceIds?: readonly string[],
): Promise<{ searched: string[]; skipped: { what: string; why: string }[] }> {
  if (sourceIds?.length === 0) return { searched: [], skipped: [] }
  let query = db.selectFrom('coverage').selectAll().orderBy('source_id').orderBy('scope')
  let unseen = connectedSources(db).selectAll().orderBy('id')
  if (sourceIds) {
    query = query.where('source_id', 'in', sourceIds)
    unseen = unseen.where('id', 'in', sourceIds)
  }
  const rows = await query.execute()
  const told = new Set(rows.map(row => row.source_id))
  return {
    searched: rows.filter(row => row.complete === 1).map(row => row.scope),
    // What holds for all sources, as a rule that cannot be used, is told of each.
    skipped: eachOnce([
      ...rows
        .filter(row => row.complete === 0)
        .flatMap(row =>
          (row.why ?? 'it was not read to the end').split('\n').map(why => ({ what: row.scope, why })),
        ),
      ...(await unseen.execute())
        .filter(source => !told.has(source.id))
        .map(({ system, label, observed_at }) => ({
          what: `${system} ${label}`,
          why:
            observed_at === null
              ? 'it was never observed'
              : 'it was not observed since it was connected again',
        })),
    ]),
  }
}

function eachOnce<Gap>(gaps: readonly Gap[]): Gap[] {
  return [...new Map(gaps.map(gap => [JSON.stringify(gap), gap])).values()]
}
