import type { Io } from '../../core/contract/io.ts'
import { newId } from '../../core/contract/id.ts'
import type { Facts } from '../../core/contract/observation.ts'
import type { Ms, Ref } from '../../core/contract/ref.ts'
import { canonicalJson } from '../../core/contract/canonical-json.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Tx } from '../../core/store/store.ts'
import { laterSeen } from './later-seen.ts'

export type EntityType = Row<'entity'>['type']

/** An edge or an owner speaks of a thing without saying what it is; the first of these that is said holds. */
const RANK: Record<EntityType, number> = { credential: 3, identity: 2, workload: 1, resource: 0 }

/** What can never change while the thing is the same: two values mean a clone, or two things under one key. */
const IMMUTABLE_FACTS = new Set(['createdAt', 'publicKey', 'serialNumber'])

/** A time that a source tells, which may be any number: what is no time is not known. */
export function toldTime(at: Ms | undefined): Ms | null {
  return at !== undefined && Number.isSafeInteger(Math.trunc(at)) ? Math.trunc(at) : null
}

export function refOf(entity: Pick<Row<'entity'>, 'system' | 'instance' | 'kind' | 'native'>): Ref {
  return { system: entity.system, instance: entity.instance, kind: entity.kind, id: entity.native }
}

/** Writes entities within one transaction; each is looked up once. */
export class EntityWriter {
  readonly #tx: Tx
  readonly #io: Pick<Io, 'now' | 'random'>
  readonly #at: Ms
  readonly #known = new Map<string, { id: string; type: EntityType }>()
  /** Set where something arrived by which a provisional thing may be told: a new one, or a new name. */
  mayLink = false

  constructor(tx: Tx, io: Pick<Io, 'now' | 'random'>, at: Ms) {
    this.#tx = tx
    this.#io = io
    this.#at = at
  }

  /** The entity's id; it is made where it is new. Without a type it is a mention, and says nothing of what it is. */
  async mention(ref: Ref, type: EntityType = 'resource'): Promise<string> {
    const instance = ref.instance.startsWith('?') ? ref.instance.toLowerCase() : ref.instance
    const key = JSON.stringify([ref.system, instance, ref.kind, ref.id])
    const known = this.#known.get(key)
    if (known) {
      if (RANK[type] > RANK[known.type]) {
        known.type = type
        await this.#tx.updateTable('entity').set({ type }).where('id', '=', known.id).execute()
      }
      return known.id
    }
    const found = await this.#tx
      .selectFrom('entity')
      .selectAll()
      .where('system', '=', ref.system)
      .where('instance', '=', instance)
      .where('kind', '=', ref.kind)
      .where('native', '=', ref.id)
      .executeTakeFirst()
    if (found) {
      const entity = { id: found.id, type: RANK[type] > RANK[found.type] ? type : found.type }
      this.#known.set(key, entity)
      const last_seen = Math.max(found.last_seen, this.#at)
      if (entity.type !== found.type || last_seen !== found.last_seen)
        await this.#tx
          .updateTable('entity')
          .set({ type: entity.type, last_seen })
          .where('id', '=', found.id)
          .execute()
      return found.id
    }
    const entity = { id: newId(this.#io), type }
    this.#known.set(key, entity)
    if (instance.startsWith('?') || ref.id.startsWith('?') || type === 'credential') this.mayLink = true
    await this.#tx
      .insertInto('entity')
      .values({
        id: entity.id,
        type,
        system: ref.system,
        instance,
        kind: ref.kind,
        native: ref.id,
        first_seen: this.#at,
        last_seen: this.#at,
        gone_at: null,
        merged_into: null,
      })
      .execute()
    return entity.id
  }

  /** A source says that the thing is there: it is not gone, and is gone again only when no source says so any more. */
  async state(ref: Ref, type: EntityType, sourceId: string, document = ''): Promise<string> {
    const id = await this.mention(ref, type)
    await this.#tx
      .insertInto('sighting')
      .values({ entity_id: id, source_id: sourceId, document, last_seen: this.#at, gone_at: null })
      .onConflict(conflict =>
        conflict
          .columns(['entity_id', 'source_id', 'document'])
          .doUpdateSet({ last_seen: laterSeen('sighting'), gone_at: null }),
      )
      .execute()
    await this.#tx
      .updateTable('entity')
      .set({ gone_at: null })
      .where('id', '=', id)
      .where('gone_at', 'is not', null)
      .execute()
    return id
  }

  async name(entityId: string, ref: Ref, names: readonly string[]): Promise<void> {
    for (const given of new Set(names)) {
      // An instance's names are endpoints, and host names know no case.
      const name = ref.kind === 'instance' ? given.toLowerCase() : given
      const inserted = await this.#tx
        .insertInto('name')
        .values({ entity_id: entityId, name, first_seen: this.#at, last_seen: this.#at })
        .onConflict(conflict => conflict.doNothing())
        .executeTakeFirst()
      if (inserted.numInsertedOrUpdatedRows) this.mayLink = true
      else
        await this.#tx
          .updateTable('name')
          .set({ last_seen: this.#at })
          .where('entity_id', '=', entityId)
          .where('name', '=', name)
          .where('last_seen', '<', this.#at)
          .execute()
    }
  }

  /** A source's later statement replaces its earlier one; what cannot change and does so is a finding. */
  async facts(entityId: string, sourceId: string, facts: Facts, document = ''): Promise<void> {
    const names = Object.keys(facts)
    if (names.length === 0) return
    const stored = await this.#tx
      .selectFrom('fact')
      .selectAll()
      .where('entity_id', '=', entityId)
      .where('name', 'in', names)
      .execute()
    for (const [name, fact] of Object.entries(facts)) {
      const value = canonicalJson(fact.value)
      const next = { value, at: toldTime(fact.at), learnt_at: this.#at, gone_at: null }
      const others = stored.filter(row => row.name === name && row.gone_at === null)
      if (IMMUTABLE_FACTS.has(name) && others.some(row => row.value !== value))
        await this.contradiction(entityId, `${name} is told in two ways, and it cannot change`)
      const own = others.find(row => row.source_id === sourceId && row.document === document)
      if (own && !isLater(next, own)) continue
      await this.#tx
        .insertInto('fact')
        .values({ entity_id: entityId, name, source_id: sourceId, document, ...next })
        .onConflict(conflict =>
          conflict.columns(['entity_id', 'name', 'source_id', 'document']).doUpdateSet(next),
        )
        .execute()
    }
  }

  /** Of several reasons the first by letters stands, so that the order in which they come says nothing. */
  async contradiction(entityId: string, why: string): Promise<void> {
    const found = await this.#tx
      .selectFrom('finding')
      .selectAll()
      .where('check', '=', 'contradicting-facts')
      .where('entity_id', '=', entityId)
      .executeTakeFirst()
    if (found)
      await this.#tx
        .updateTable('finding')
        .set({ why: found.why < why ? found.why : why, last_seen: this.#at, ended_at: null })
        .where('id', '=', found.id)
        .execute()
    else
      await this.#tx
        .insertInto('finding')
        .values({
          id: newId(this.#io),
          check: 'contradicting-facts',
          entity_id: entityId,
          why,
          first_seen: this.#at,
          last_seen: this.#at,
          ended_at: null,
        })
        .execute()
  }
}

type FactRow = Pick<Row<'fact'>, 'value' | 'at' | 'learnt_at'>

/** A total order, so that a batch gives the same facts in whatever order it is folded. */
function isLater(a: FactRow, b: FactRow): boolean {
  if (a.learnt_at !== b.learnt_at) return a.learnt_at > b.learnt_at
  if (a.at !== b.at) return (a.at ?? 0) > (b.at ?? 0)
  return a.value > b.value
}
