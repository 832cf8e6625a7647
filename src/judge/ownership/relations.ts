import { sql } from 'kysely'
import { sharedTexts } from '../../core/store/column-pages.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import { confirmedBy } from '../../know/inventory/owner-word.ts'
import { replacedIdentities } from '../../know/inventory/replaced.ts'
import type { Roots } from '../../know/inventory/roots.ts'
import type { CodePlace } from './code.ts'

export type OwnerRow = Pick<Row<'owner'>, 'owner' | 'source' | 'weight' | 'at'>
type Many<Value> = ReadonlyMap<string, readonly Value[]>

/** Of each thing so many places are kept that differ, of twice as many that are looked at. */
export const MOST_PLACES = 8

/** What is told of identities, services, repositories and files, by the id of each. */
export interface Relations {
  readonly owners: Many<OwnerRow>
  /** What it stands in the place of. */
  readonly replaced: Many<string>
  /** Services of a catalog, with their names. */
  readonly components: ReadonlyMap<string, string>
  /** To which service, or system, a thing belongs. */
  readonly partOf: Many<string>
  readonly keptIn: Many<string>
  /** Where a service lies in its repository. */
  readonly folders: ReadonlyMap<string, string>
  /** What runs as an identity, or becomes it. */
  readonly runsAs: Many<string>
  /** Repositories that an identity reads, or whose jobs become it. */
  readonly repositories: Many<string>
  /** Files at a head in which a thing is declared. */
  readonly definedAt: Many<CodePlace>
  /** What files declare: of which system and kind it will be. */
  readonly declarations: ReadonlyMap<string, string>
}

const CROSSINGS = [
  'part-of',
  'kept-in',
  'runs-as',
  'federates-into',
  'admits-jobs-of',
  'may-read',
  'may-push',
  'defined-in',
]
/** Systems whose sources hold code, or files beside it: what lies there may have owners and authors. */
export const CODE_SYSTEMS = ['git', 'github', 'gitlab', 'directory']
const REPOSITORIES = new Set(['repository', 'project'])

/** A place in code where a copy stands whose text names the entity. */
export interface CopiedPlace {
  readonly entity_id: string
  readonly source_id: string
  readonly path: string
  readonly container_id: string
}

export async function loadRelations(db: Db, roots: Roots): Promise<Relations> {
  const entities = await db
    .selectFrom('entity')
    .select(['id', 'system', 'kind', 'native', 'instance'])
    .where(({ or, eb }) =>
      or([
        eb('system', '=', 'backstage'),
        eb('kind', 'in', [...REPOSITORIES, 'tree', 'terraform-resource', 'job']),
        eb('instance', 'like', '?%'),
      ]),
    )
    .execute()
  const kinds = new Map(entities.map(entity => [entity.id, entity]))
  const edges = await edgesOf(db, roots)
  const to = (crossing: string) =>
    grouped(
      edges.filter(edge => edge.crossing === crossing),
      'from_id',
      'to_id',
    )
  const isRepository = (id: string) => REPOSITORIES.has(kinds.get(id)?.kind ?? '')
  const jobsIn = to('defined-in')
  const runsAs = grouped(
    edges.filter(({ crossing }) => crossing === 'runs-as' || crossing === 'federates-into'),
    'to_id',
    'from_id',
  )
  const repositories = new Map<string, string[]>()
  const reads = (id: string, repository: string) =>
    void repositories.set(id, [...(repositories.get(id) ?? []), repository])
  for (const { from_id, to_id, crossing } of edges) {
    if (crossing === 'admits-jobs-of') reads(from_id, to_id)
    if (
      (crossing === 'may-read' || crossing === 'may-push') &&
      isRepository(to_id) &&
      kinds.get(from_id)?.kind !== 'job'
    )
      reads(from_id, to_id)
    if (crossing === 'federates-into')
      for (const repository of jobsIn.get(from_id) ?? []) reads(to_id, repository)
  }
  const components = new Map(
    entities
      .filter(({ system, kind }) => system === 'backstage' && kind === 'component')
      .map(({ id, native }) => [id, native.slice(native.indexOf('/') + 1)]),
  )
  const definedAt = await definedPlaces(db, roots)
  const owners = await ownersOf(db, roots)
  const folders = await foldersOf(db)
  return {
    owners,
    replaced: await replacedIdentities(db, roots),
    components,
    partOf: to('part-of'),
    keptIn: to('kept-in'),
    folders,
    runsAs,
    repositories,
    definedAt,
    declarations: new Map(
      entities
        .filter(({ kind, instance }) => kind === 'terraform-resource' || instance.startsWith('?'))
        .map(({ id, system, kind, native }) => [id, declaredAs(system, kind, native)]),
    ),
  }
}

/** What a text will make: `aws role`, `kubernetes service-account`. */
function declaredAs(system: string, kind: string, native: string): string {
  if (kind !== 'terraform-resource') return `${system} ${kind}`
  const type = native.slice(native.lastIndexOf('#') + 1).split('.')[0]
  if (type === 'aws_iam_role') return 'aws role'
  if (type === 'aws_iam_user') return 'aws user'
  if (type === 'google_service_account') return 'gcp service-account'
  if (type?.startsWith('azuread_') || type === 'azurerm_user_assigned_identity')
    return 'azure service-principal'
  if (type?.startsWith('kubernetes_service_account')) return 'kubernetes service-account'
  return type === 'postgresql_role' ? 'postgres role' : ''
}

/** The services that a thing is said to belong to. */
export function componentsOf({ partOf, components }: Relations, id: string): readonly string[] {
  return (partOf.get(id) ?? []).filter(to => components.has(to))
}

interface Edge {
  readonly from_id: string
  readonly to_id: string
  readonly crossing: string
}

async function edgesOf(db: Db, roots: Roots): Promise<Edge[]> {
  const rows = await db
    .selectFrom('edge')
    .select(['from_id', 'to_id', 'crossing'])
    .where('crossing', 'in', CROSSINGS)
    .where('gone_at', 'is', null)
    .execute()
  return rows.map(({ from_id, to_id, crossing }) => ({
    from_id: roots.of(from_id),
    to_id: roots.of(to_id),
    crossing,
  }))
}

function grouped(edges: readonly Edge[], by: 'from_id' | 'to_id', what: 'from_id' | 'to_id'): Many<string> {
  const found = new Map<string, string[]>()
  for (const edge of edges) {
    const own = found.get(edge[by]) ?? []
    if (!own.includes(edge[what])) own.push(edge[what])
    found.set(edge[by], own)
  }
  return found
}

async function ownersOf(db: Db, roots: Roots): Promise<Many<OwnerRow>> {
  const rows = await db
    .selectFrom('owner')
    .select(['entity_id', 'owner', 'source', 'weight', 'at'])
    .where('gone_at', 'is', null)
    .orderBy('learnt_at')
    .execute()
  const said = await db
    .selectFrom('confirmation')
    .select(['entity_id', 'owner', 'said_by', 'at'])
    .where('ended_at', 'is', null)
    .orderBy('at')
    .execute()
  const words = said.map(({ said_by, ...word }) => ({
    ...word,
    source: confirmedBy(said_by),
    weight: 1,
  }))
  const found = new Map<string, OwnerRow[]>()
  const shared = sharedTexts()
  for (const { entity_id, owner, source, weight, at } of [...rows, ...words]) {
    const id = roots.of(entity_id)
    // Rows as the store gives them take several times as much memory.
    const row = { owner: shared(owner), source: shared(source), weight, at }
    const own = found.get(id)
    if (own) own.push(row)
    else found.set(id, [row])
  }
  return found
}

/** In which folder of its repository each component of a catalog lies, by the component. */
export async function foldersOf(db: Db): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('fact')
    .innerJoin('entity', 'entity.id', 'fact.entity_id')
    .select(['fact.entity_id', 'fact.value'])
    .where('fact.name', '=', 'folder')
    .where('entity.system', '=', 'backstage')
    .where('fact.gone_at', 'is', null)
    .execute()
  return new Map(rows.map(({ entity_id, value }) => [entity_id, String(JSON.parse(value))]))
}

/** Where in repositories each thing is declared; of documents that a system itself gives, no file is told. */
async function definedPlaces(db: Db, roots: Roots): Promise<Map<string, CodePlace[]>> {
  const rows = await db
    .selectFrom('sighting')
    // SQLite takes the tables in this order: few sightings have a document, and each is looked up in what may be very many.
    .crossJoin('occurrence')
    .innerJoin('source', 'source.id', 'sighting.source_id')
    .innerJoin('entity', join =>
      join
        .onRef('entity.system', '=', 'source.system')
        .onRef('entity.instance', '=', 'source.instance')
        .on('entity.kind', 'in', ['repository', 'tree']),
    )
    .select(['sighting.entity_id', 'sighting.source_id', 'occurrence.path', 'entity.id as container_id'])
    .whereRef('occurrence.source_id', '=', 'sighting.source_id')
    .whereRef('occurrence.document', '=', 'sighting.document')
    .where('sighting.gone_at', 'is', null)
    .where('sighting.document', '<>', '')
    .where('occurrence.at_head', '=', 1)
    .execute()
  return placesBy(rows, roots)
}

/**
 * Where copies stand whose text names an identity, any or one of these, in what may have owners and authors: of each some places,
 * chosen by the store, since there may be very many.
 */
export async function copiedPlaces(db: Db, ids?: readonly string[]): Promise<CopiedPlace[]> {
  const code = db.selectFrom('source').select('id').where('system', 'in', CODE_SYSTEMS)
  const rows = await db
    .selectFrom(
      db
        .selectFrom('copy')
        .select(['claim_id as entity_id', 'source_id', 'path', 'container_id'])
        .select(sql<number>`row_number() over (partition by claim_id || '')`.as('place'))
        .where(eb =>
          ids
            ? eb('claim_id', 'in', ids)
            : // Else an index would be walked, and each copy be looked up by itself.
              sql<boolean>`coalesce(claim_id, '') <> ''`,
        )
        .where('gone_at', 'is', null)
        .where(sql<string>`source_id || ''`, 'in', code)
        .as('copied'),
    )
    .select(['entity_id', 'source_id', 'path', 'container_id'])
    .where('place', '<=', MOST_PLACES * 2)
    .execute()
  return rows.flatMap(({ entity_id, ...row }) => (entity_id === null ? [] : [{ ...row, entity_id }]))
}

/** By what is declared, or claimed, there. */
export function placesBy(rows: Iterable<CopiedPlace>, roots: Roots): Map<string, CodePlace[]> {
  const found = new Map<string, CodePlace[]>()
  for (const { entity_id, source_id, path, container_id } of rows) {
    const id = roots.of(entity_id)
    const own = found.get(id) ?? []
    found.set(id, own)
    if (own.length < MOST_PLACES && !own.some(one => one.path === path && one.sourceId === source_id))
      own.push({ sourceId: source_id, containerId: roots.of(container_id), path })
  }
  return found
}
