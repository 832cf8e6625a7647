import { sql } from 'kysely'
import { columnPages, sharedTexts } from '../../core/store/column-pages.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'

/** Kinds that are people, or sets of whoever is in them: `system kind`, or the kind in any system. */
const OTHERS = new Set([
  'aws group',
  'aws root',
  'azure group',
  'azure user',
  'gcp domain',
  'gcp group',
  'gcp user',
  'github team',
  'gitlab group',
  'kubernetes group',
  'kubernetes user',
  'anyone',
  'anyone-signed-in',
  'outsider',
])
/** Of these a fact tells: who has none of the kind is a person. */
const BY_FACT: Readonly<Record<string, (type: string | undefined) => boolean>> = {
  'github user': type => type === 'Bot',
  'gitlab user': type => type === 'bot',
}

export type NonHuman = Pick<Row<'entity'>, 'id' | 'system' | 'instance' | 'kind' | 'native'>

/** The same by column: a thread sends that in a tenth of the time. */
export type NonHumanColumns = Readonly<Record<keyof NonHuman, readonly string[]>>

export function columnsOf(rows: readonly NonHuman[]): NonHumanColumns {
  return {
    id: rows.map(({ id }) => id),
    system: rows.map(({ system }) => system),
    instance: rows.map(({ instance }) => instance),
    kind: rows.map(({ kind }) => kind),
    native: rows.map(({ native }) => native),
  }
}

export function rowsOf({ id, system, instance, kind, native }: NonHumanColumns): NonHuman[] {
  const shared = sharedTexts()
  return id.map((id, at) => ({
    id,
    system: shared(system[at]!),
    instance: shared(instance[at]!),
    kind: shared(kind[at]!),
    native: native[at]!,
  }))
}

const COLUMNS = {
  id: sql`id`,
  system: sql`system`,
  instance: sql`instance`,
  kind: sql`kind`,
  native: sql`native`,
}
/** What a text only names may be nowhere. */
const SEEN = sql`type = 'identity' and merged_into is null and gone_at is null and exists (
  select 1 from sighting where sighting.entity_id = entity.id and sighting.gone_at is null)`

/** Identities that are there and no person's own account, nor a group, nor what a system brings along. */
export async function nonHumans(db: Db): Promise<NonHuman[]> {
  const rows: NonHuman[] = []
  for await (const page of columnPages(db, 'entity', COLUMNS, SEEN))
    for (const row of rowsOf(page)) rows.push(row)
  rows.sort((a, b) => (a.id < b.id ? -1 : 1))
  const facts = await db
    .selectFrom('fact')
    .innerJoin('entity', 'entity.id', 'fact.entity_id')
    .select(['fact.entity_id', 'fact.name', 'fact.value'])
    .where('entity.type', '=', 'identity')
    .where('fact.name', 'in', ['type', 'builtIn', 'serviceLinked'])
    .where('fact.gone_at', 'is', null)
    .execute()
  const builtIn = new Set(
    facts.filter(({ name, value }) => name !== 'type' && value === 'true').map(({ entity_id }) => entity_id),
  )
  const types = new Map(
    facts
      .filter(({ name }) => name === 'type')
      .map(({ entity_id, value }) => [entity_id, JSON.parse(value) as unknown]),
  )
  return rows.filter(({ id, system, kind }) => {
    if (builtIn.has(id) || OTHERS.has(kind) || OTHERS.has(`${system} ${kind}`)) return false
    const byFact = BY_FACT[`${system} ${kind}`]
    const type = types.get(id)
    return byFact === undefined || byFact(typeof type === 'string' ? type : undefined)
  })
}
