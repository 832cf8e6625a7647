import { sql } from 'kysely'
import type { Ms } from '../../../core/contract/ref.ts'
import { columnPages } from '../../../core/store/column-pages.ts'
import type { Row } from '../../../core/store/schema.ts'
import type { Db } from '../../../core/store/store.ts'
import { inChunks } from '../../../know/inventory/in-chunks.ts'
import { loadRoots, type Roots } from '../../../know/inventory/roots.ts'
import { type CheckContext, oncePerRun } from '../check.ts'

export const DAY_MS = 86_400_000

/** An identity or a credential with what is told of it. */
export interface Told {
  readonly id: string
  readonly type: Row<'entity'>['type']
  readonly system: string
  readonly instance: string
  readonly kind: string
  /** Its system lists it: a text is not all that tells of it. */
  readonly isListed: boolean
  /** The identity, of a credential. */
  readonly identityId: string | undefined
  readonly state: Row<'credential'>['state'] | undefined
  readonly facts: ReadonlyMap<string, unknown>
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

/** Everything that stands. */
export const told = oncePerRun(async ({ db }): Promise<readonly Told[]> => {
  const credentials = await credentialsIn(db)
  const facts = await factsIn(db, await loadRoots(db))
  const pages = columnPages(
    db,
    'entity',
    {
      id: sql`id`,
      type: sql`type`,
      system: sql`system`,
      instance: sql`instance`,
      kind: sql`kind`,
      native: sql`native`,
    },
    sql`type in ('identity', 'credential') and gone_at is null and merged_into is null`,
  )
  const found: Told[] = []
  const shared = new Map<string, string>()
  /** The same few texts are of very many. */
  const one = (text: string) => {
    const known = shared.get(text) ?? text
    shared.set(known, known)
    return known
  }
  for await (const page of pages)
    for (let at = 0; at < page.count; at++) {
      const id = page.id[at]!
      const credential = credentials.get(id)
      found.push({
        id,
        type: one(page.type[at]!) as Told['type'],
        system: one(page.system[at]!),
        instance: one(page.instance[at]!),
        kind: one(page.kind[at]!),
        isListed: !page.native[at]!.startsWith('fp:'),
        identityId: credential?.identityId,
        state: credential?.state,
        facts: facts.get(id) ?? NONE,
      })
    }
  return found.sort((a, b) => (a.id < b.id ? -1 : 1))
})

async function credentialsIn(db: Db): Promise<Map<string, Pick<Told, 'identityId' | 'state'>>> {
  const found = new Map<string, Pick<Told, 'identityId' | 'state'>>()
  const columns = { id: sql`entity_id`, identity: sql`identity_id`, state: sql`state` }
  for await (const page of columnPages(db, 'credential', columns))
    for (let at = 0; at < page.count; at++)
      found.set(page.id[at]!, {
        identityId: page.identity[at] === '' ? undefined : page.identity[at],
        state: page.state[at] as Told['state'],
      })
  return found
}

/** By entity; of several sources the one that told it last. */
async function factsIn(db: Db, roots: Roots): Promise<Map<string, Map<string, unknown>>> {
  const facts = new Map<string, Map<string, unknown>>()
  const names = new Map(ASKED.map(name => [name, name]))
  const severally = new Set<string>()
  const columns = { id: sql`entity_id`, name: sql`name`, value: sql`value` }
  const asked = sql`name in (${sql.join(ASKED)}) and gone_at is null`
  for await (const page of columnPages(db, 'fact', columns, asked))
    for (let at = 0; at < page.count; at++) {
      const id = roots.of(page.id[at]!)
      const name = names.get(page.name[at]!)!
      const known = facts.get(id)
      if (known?.has(name)) severally.add(id)
      const own = known ?? new Map<string, unknown>()
      if (!known) facts.set(id, own)
      own.set(name, JSON.parse(page.value[at]!))
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
    facts.get(roots.of(entity_id))!.set(name, JSON.parse(value))
  return facts
}

const NONE: ReadonlyMap<string, unknown> = new Map()

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
  return `${new Date(at).toISOString().slice(0, 10)}, ${Math.floor((now - at) / DAY_MS)} days ago`
}
