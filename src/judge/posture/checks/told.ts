import { sql } from 'kysely'
import { countText } from '../../../core/contract/count-text.ts'
import { DAY_MS, type Ms } from '../../../core/contract/ref.ts'
import { columnPages, sharedTexts } from '../../../core/store/column-pages.ts'
import type { Row } from '../../../core/store/schema.ts'
import type { Db } from '../../../core/store/store.ts'
import { inChunks } from '../../../know/inventory/in-chunks.ts'
import { loadRoots, type Roots } from '../../../know/inventory/roots.ts'
import { type CheckContext, oncePerRun } from '../check.ts'
import { turnToRead } from './reading.ts'
import { ONLY_TOLD } from '../../../know/inventory/only-told.ts'

/** What is told of one thing, by name. */
export interface Facts {
  get(name: string): unknown
  has(name: string): boolean
}

/** An identity or a credential with what is told of it. */
export interface Told {
  readonly id: string
  readonly type: Row<'entity'>['type']
  readonly system: string
  readonly instance: string
  readonly kind: string
  /** Its system lists it: a text is not all that tells of it. */
  readonly isListed: boolean
  /** The identity, of a credential: the one that stands for whatever a text named. */
  readonly identityId: string | undefined
  readonly state: Row<'credential'>['state'] | undefined
  readonly facts: Facts
}

/** Facts that some check asks for. */
const ASKED = [
  'accessKeys',
  'active',
  'anyPassword',
  'created',
  'disabled',
  'enabled',
  'expired',
  'expires',
  'hasConsolePassword',
  'kind',
  'lastUsed',
  'passwordKind',
  'passwordLastUsed',
  'permissions',
  'repositories',
  'superuser',
  'suspended',
]

/** What the store has of a credential, whatever became of it. */
export interface CredentialRow {
  readonly id: string
  readonly identityId: string | undefined
  readonly fingerprint: string | undefined
  readonly strengthBits: number
  readonly state: Row<'credential'>['state']
  readonly stateAt: Ms | undefined
  readonly isMerged: boolean
  readonly isGone: boolean
  readonly isListed: boolean
}

/** Everything that stands, by its id. */
export const told = oncePerRun(async (context): Promise<readonly Told[]> => (await all(context)).told)

/** By its id. */
export const credentialRows = oncePerRun(
  async (context): Promise<readonly CredentialRow[]> => (await all(context)).credentials,
)

const ENTITY = {
  id: sql`id`,
  type: sql`type`,
  system: sql`system`,
  instance: sql`instance`,
  kind: sql`kind`,
  isListed: sql`native not like ${sql.lit(ONLY_TOLD)}`,
  isGone: sql`gone_at is not null`,
  isMerged: sql`merged_into is not null`,
}

/** Each table is read once. */
const all = oncePerRun(async context => {
  await turnToRead(context)
  const { db } = context
  const known = await credentialsIn(db)
  const roots = await loadRoots(db)
  const facts = await FactTable.load(db, roots)
  const found: Told[] = []
  const credentials: CredentialRow[] = []
  const shared = sharedTexts()
  const pages = columnPages(db, 'entity', ENTITY, sql`type in ('identity', 'credential')`)
  for await (const page of pages)
    for (let at = 0; at < page.count; at++) {
      const id = page.id[at]!
      const type = shared(page.type[at]!) as Told['type']
      const credential = type === 'credential' ? known.get(id) : undefined
      const isListed = isTrue(page.isListed[at]!)
      const isGone = isTrue(page.isGone[at]!)
      const isMerged = isTrue(page.isMerged[at]!)
      if (credential) credentials.push(Object.assign(credential, { isListed, isGone, isMerged }))
      if (isGone || isMerged) continue
      found.push({
        id,
        type,
        system: shared(page.system[at]!),
        instance: shared(page.instance[at]!),
        kind: shared(page.kind[at]!),
        isListed,
        identityId: credential?.identityId === undefined ? undefined : roots.of(credential.identityId),
        state: credential?.state,
        facts: facts.of(id),
      })
    }
  return { told: found.sort(byId), credentials: credentials.sort(byId) }
})

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1
}

/** As SQLite and PostgreSQL write what is so. */
function isTrue(text: string): boolean {
  return text === '1' || text === 'true'
}

/** By its id; what its entity tells of it is not known yet. */
async function credentialsIn(db: Db): Promise<Map<string, CredentialRow>> {
  const found = new Map<string, CredentialRow>()
  const shared = sharedTexts()
  const columns = {
    id: sql`entity_id`,
    identity: sql`identity_id`,
    fingerprint: sql`fingerprint`,
    bits: sql`strength_bits`,
    state: sql`state`,
    at: sql`state_at`,
  }
  for await (const page of columnPages(db, 'credential', columns))
    for (let at = 0; at < page.count; at++)
      found.set(page.id[at]!, {
        id: page.id[at]!,
        identityId: page.identity[at] || undefined,
        fingerprint: page.fingerprint[at] || undefined,
        strengthBits: Number(page.bits[at]),
        state: shared(page.state[at]!) as CredentialRow['state'],
        stateAt: page.at[at] === '' ? undefined : Number(page.at[at]),
        isMerged: false,
        isGone: false,
        isListed: false,
      })
  return found
}

/** What is told of each entity, by name; of several sources the one that told it last. */
class FactTable {
  readonly #rows = new Map<string, number>()
  /** What is told of one entity mostly stands together. */
  #last: { readonly id: string; readonly row: number } | undefined
  readonly #columns = new Map(ASKED.map((name): [string, unknown[]] => [name, []]))

  static async load(db: Db, roots: Roots): Promise<FactTable> {
    const table = new FactTable()
    const severally = new Set<string>()
    const columns = { id: sql`entity_id`, name: sql`name`, value: sql`value` }
    const asked = sql`name in (${sql.join(ASKED)}) and gone_at is null`
    for await (const page of columnPages(db, 'fact', columns, asked))
      for (let at = 0; at < page.count; at++) {
        const id = roots.of(page.id[at]!)
        if (!table.#set(id, page.name[at]!, JSON.parse(page.value[at]!))) severally.add(id)
      }
    const members = [...severally].flatMap(id => [id, ...roots.membersOf(id)])
    const again = await inChunks(members, chunk =>
      db
        .selectFrom('fact')
        .select(['entity_id', 'name', 'value', 'learnt_at'])
        .where('entity_id', 'in', chunk)
        .where('name', 'in', ASKED)
        .where('gone_at', 'is', null)
        .execute(),
    )
    for (const { entity_id, name, value } of again.sort((a, b) => a.learnt_at - b.learnt_at))
      table.#set(roots.of(entity_id), name, JSON.parse(value))
    return table
  }

  /** Whether it was not told before. */
  #set(id: string, name: string, value: unknown): boolean {
    const row = this.#last?.id === id ? this.#last.row : this.#rowOf(id)
    this.#last = { id, row }
    const column = this.#columns.get(name)!
    const isNew = column[row] === undefined
    column[row] = value
    return isNew
  }

  #rowOf(id: string): number {
    const known = this.#rows.get(id)
    if (known !== undefined) return known
    this.#rows.set(id, this.#rows.size)
    return this.#rows.size - 1
  }

  of(id: string): Facts {
    const row = this.#rows.get(id)
    return row === undefined ? NO_FACTS : new FactsAt(this.#columns, row)
  }
}

/** A map for each of very many things would be most of what memory holds. */
class FactsAt implements Facts {
  readonly #columns: ReadonlyMap<string, readonly unknown[]>
  readonly #row: number

  constructor(columns: ReadonlyMap<string, readonly unknown[]>, row: number) {
    this.#columns = columns
    this.#row = row
  }

  get(name: string): unknown {
    return this.#columns.get(name)?.[this.#row]
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }
}

const NO_FACTS: Facts = new Map()

/** Of these, those that are for the check. */
export async function those(
  context: CheckContext,
  isMeant: (one: Told) => boolean,
): Promise<ReadonlyMap<string, Told>> {
  return new Map((await told(context)).filter(isMeant).map(one => [one.id, one]))
}

/** Every credential that could be used, by its id. */
export const usable = oncePerRun(
  async (context): Promise<ReadonlyMap<string, Told>> => those(context, one => isUsable(one, context.now)),
)

/** A credential that could be used: not dead, switched off or expired, as far as is told. */
export function isUsable({ type, state, facts }: Told, now: Ms): boolean {
  if (type !== 'credential' || state === 'dead') return false
  if (facts.get('active') === false || facts.get('expired') === true) return false
  const end = timeOf(facts.get('expires'))
  return end === undefined || end > now
}

/** Undefined for what is no date. */
export function timeOf(value: unknown): Ms | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? undefined : at
}

/** `2025-03-01, 457 days ago` */
export function since(at: Ms, now: Ms): string {
  const days = Math.floor((now - at) / DAY_MS)
  return `${new Date(at).toISOString().slice(0, 10)}, ${countText(days, 'day')} ago`
}
