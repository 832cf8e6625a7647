import { createHash } from 'node:crypto'
import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Observation } from '../../core/contract/observation.ts'
import type { Certainty, Ms } from '../../core/contract/ref.ts'
import { canonicalJson } from '../../core/contract/canonical-json.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import { RowInsert } from '../../core/store/row-insert.ts'
import type { NewRow, Row } from '../../core/store/schema.ts'
import type { Tx } from '../../core/store/store.ts'
import { alreadyTold } from './already-told.ts'
import { ANY_INSTANCE } from './claim.ts'
import { EntityWriter, toldTime } from './entity.ts'
import { inChunks } from './in-chunks.ts'
import { laterSeen } from './later-seen.ts'
import { relink } from './link.ts'
import { linkArns } from './link-arns.ts'
import { linkProvisional } from './link-provisional.ts'
import { linkRepositories } from './link-repositories.ts'
import { lesser, type ValueTraits } from './told-credential.ts'

/** A secret past observe/: it can be compared, and no longer told. */
export interface Fingerprinted {
  readonly fingerprint: Fingerprint
  readonly strengthBits: number
}

export type Finding = Observation<Fingerprinted>

export interface FoldContext {
  readonly io: Pick<Io, 'now' | 'random'>
  /** One stamp for a whole run: what bears an older one was not seen in it. */
  readonly at: Ms
  /** Of what a document told, which: it stands as long as that document does. The rest the system itself was asked. */
  readonly toldBy?: ReadonlyMap<Finding, string>
}

/**
 * Writes what a source says into the inventory, in the caller's transaction; the only writer of it. The same batch in
 * any order, said once or often, gives the same inventory.
 */
export async function fold(
  tx: Tx,
  source: Pick<Row<'source'>, 'id'>,
  batch: readonly Finding[],
  context: FoldContext,
): Promise<void> {
  const folding = new Folding(tx, source.id, context)
  for (const observation of batch) await folding.take(observation)
  await folding.finish()
}

const CERTAINTIES: readonly Certainty[] = ['potential', 'conditional', 'proven']

const insertCopies = new RowInsert('copy', insert =>
  insert.onConflict(conflict => conflict.doNothing()).returning('id'),
)

const insertOccurrences = new RowInsert('occurrence', insert =>
  insert.onConflict(conflict =>
    conflict.columns(['source_id', 'document', 'path', 'commit']).doUpdateSet(({ ref, eb }) => ({
      author: ref('excluded.author'),
      at: ref('excluded.at'),
      // Said in two batches of one run, it is at the head when either says so; else the newer run knows.
      at_head: eb
        .case()
        .when(
          eb.or([
            eb('occurrence.last_seen', '>', ref('excluded.last_seen')),
            eb.and([
              eb('occurrence.last_seen', '=', ref('excluded.last_seen')),
              eb('occurrence.at_head', '>', ref('excluded.at_head')),
            ]),
          ]),
        )
        .then(ref('occurrence.at_head'))
        .else(ref('excluded.at_head'))
        .end(),
      last_seen: laterSeen('occurrence'),
    })),
  ),
)

class Folding {
  readonly #tx: Tx
  readonly #sourceId: string
  readonly #at: Ms
  readonly #io: Pick<Io, 'now' | 'random'>
  readonly #entities: EntityWriter
  readonly #values = new Map<Fingerprint, ValueTraits>()
  readonly #changed = new Set<Fingerprint>()
  readonly #copies: Row<'copy'>[] = []
  readonly #occurrences = new Map<string, NewRow<'occurrence'>>()
  readonly #toldBy: ReadonlyMap<Finding, string>

  constructor(tx: Tx, sourceId: string, { at, io, toldBy = new Map<Finding, string>() }: FoldContext) {
    this.#toldBy = toldBy
    this.#tx = tx
    this.#sourceId = sourceId
    this.#at = at
    this.#io = io
    this.#entities = new EntityWriter(tx, io, at)
  }

  async take(observation: Finding): Promise<void> {
    const document = this.#toldBy.get(observation) ?? ''
    switch (observation.see) {
      case 'identity':
      case 'resource':
      case 'workload': {
        const id = await this.#entities.state(observation.ref, observation.see, this.#sourceId, document)
        await this.#entities.name(id, observation.ref, observation.names)
        return await this.#entities.facts(id, this.#sourceId, observation.facts, document)
      }
      case 'credential':
        return await this.#credential(observation, document)
      case 'copy':
        return await this.#copy(observation)
      case 'occurrence':
        return this.#occurrence(observation)
      case 'edge':
        return await this.#edge(observation, document)
      case 'policy':
        return await this.#policy(observation, document)
      case 'owner':
        return await this.#owner(observation, document)
      case 'covered':
        return await this.#covered(observation)
    }
  }

  async finish(): Promise<void> {
    await this.#writeCopies()
    await this.#writeOccurrences()
    if (this.#entities.mayLink) {
      for (const fingerprint of await linkProvisional(this.#tx, this.#io)) this.#changed.add(fingerprint)
      await linkRepositories(this.#tx, this.#io)
      await linkArns(this.#tx, this.#io)
    }
    await this.#comparePreviews()
    await relink(this.#tx, this.#io, this.#changed, this.#values)
  }

  /** A copy seen again may be kept to itself by a rule that did not find it before. */
  async #comparePreviews(): Promise<void> {
    const seenAgain = [...this.#values.keys()].filter(fingerprint => !this.#changed.has(fingerprint))
    const rows = await inChunks(seenAgain, chunk =>
      this.#tx
        .selectFrom('credential')
        .select(['fingerprint', 'preview'])
        .where('fingerprint', 'in', chunk)
        .execute(),
    )
    for (const { fingerprint, preview } of rows) {
      const said = fingerprint === null ? undefined : this.#values.get(fingerprint)
      if (fingerprint !== null && said && lesser(said.preview, preview) !== preview)
        this.#changed.add(fingerprint)
    }
  }

  async #credential(
    { ref, facts }: Extract<Finding, { see: 'credential' }>,
    document: string,
  ): Promise<void> {
    const id = await this.#entities.state(ref, 'credential', this.#sourceId, document)
    await this.#entities.facts(id, this.#sourceId, facts, document)
    const identityId = ref.identity ? await this.#entities.mention(ref.identity, 'identity') : null
    const found = await this.#tx
      .selectFrom('credential')
      .select(['identity_id', 'fingerprint'])
      .where('entity_id', '=', id)
      .executeTakeFirst()
    if (found && (identityId === null || found.identity_id === identityId)) return
    await this.#tx
      .insertInto('credential')
      .values({ ...NO_VALUE, entity_id: id, identity_id: identityId })
      .onConflict(conflict => conflict.column('entity_id').doUpdateSet({ identity_id: identityId }))
      .execute()
    if (found?.fingerprint) this.#changed.add(found.fingerprint)
  }

  async #copy(copy: Extract<Finding, { see: 'copy' }>): Promise<void> {
    const { place, kind, claims, confidence } = copy
    const { fingerprint, strengthBits } = copy.secret
    const container_id = await this.#entities.mention(place.in)
    const claim_id = claims
      ? await this.#entities.mention(claims, claims.instance === ANY_INSTANCE ? 'resource' : 'identity')
      : null
    const preview = copy.preview ?? null
    const allowance = copy.allowance ?? null
    const traits = this.#values.get(fingerprint)
    this.#values.set(fingerprint, {
      strengthBits,
      preview: traits ? lesser(traits.preview, preview) : preview,
    })
    const document = place.version ?? ''
    const slots = canonicalJson(place.slots.map(slot => ({ ...slot, encodings: [...slot.encodings] })))
    const reasons = copy.reasons ? JSON.stringify(copy.reasons) : null
    const facts = copy.facts ? canonicalJson(copy.facts) : null
    this.#copies.push({
      id: newId(this.#io),
      source_id: this.#sourceId,
      container_id,
      document,
      path: place.path,
      member: place.member ?? '',
      version: place.version ?? null,
      slots,
      fingerprint,
      kind,
      claim_id,
      confidence,
      reasons,
      facts,
      allowance,
      first_seen: this.#at,
      last_seen: this.#at,
      gone_at: null,
    })
  }

  async #writeCopies(): Promise<void> {
    const told = await alreadyTold(this.#tx, this.#copies)
    const inserted = new Set((await insertCopies.run(this.#tx, this.#copies)).map(row => row.id))
    for (const copy of this.#copies)
      if (!inserted.has(copy.id)) await this.#copyAgain(copy)
      else if (!told.has(copy)) this.#changed.add(copy.fingerprint)
  }

  async #copyAgain(copy: Row<'copy'>): Promise<void> {
    const { fingerprint, kind, claim_id, confidence, reasons, facts, allowance } = copy
    const said = { kind, claim_id, confidence, reasons, facts }
    const found = await this.#tx
      .selectFrom('copy')
      .selectAll()
      .where('source_id', '=', this.#sourceId)
      .where('document', '=', copy.document)
      .where('path', '=', copy.path)
      .where('member', '=', copy.member)
      .where('fingerprint', '=', fingerprint)
      .where('slots', '=', copy.slots)
      .executeTakeFirstOrThrow()
    // A later reading replaces what an earlier one said; within one reading the surer statement stands.
    const replaces = found.last_seen < this.#at || (await this.#isSurer(said, found))
    if (replaces && (found.kind !== kind || found.claim_id !== claim_id || found.confidence !== confidence))
      this.#changed.add(fingerprint)
    await this.#tx
      .updateTable('copy')
      .set({
        ...(replaces ? said : {}),
        allowance,
        last_seen: Math.max(found.last_seen, this.#at),
        gone_at: null,
      })
      .where('id', '=', found.id)
      .execute()
  }

  async #isSurer(a: CopySaid, b: CopySaid): Promise<boolean> {
    if (a.confidence !== b.confidence) return a.confidence > b.confidence
    if ((a.claim_id === null) !== (b.claim_id === null)) return a.claim_id !== null
    if (a.kind !== b.kind) return a.kind < b.kind
    if (a.claim_id === null || b.claim_id === null || a.claim_id === b.claim_id)
      return (
        JSON.stringify([a.reasons ?? '', a.facts ?? '']) < JSON.stringify([b.reasons ?? '', b.facts ?? ''])
      )
    return (await this.#nameOf(a.claim_id)) < (await this.#nameOf(b.claim_id))
  }

  /** Ids are random; what decides between two claims must not be. */
  async #nameOf(entityId: string): Promise<string> {
    const { system, instance, kind, native } = await this.#tx
      .selectFrom('entity')
      .selectAll()
      .where('id', '=', entityId)
      .executeTakeFirstOrThrow()
    return JSON.stringify([system, instance, kind, native])
  }

  #occurrence({ document, path, commit, author, at, atHead }: Extract<Finding, { see: 'occurrence' }>): void {
    const key = JSON.stringify([document, path, commit ?? ''])
    const before = this.#occurrences.get(key)
    this.#occurrences.set(key, {
      source_id: this.#sourceId,
      document,
      path,
      commit: commit ?? '',
      author: greater(before?.author ?? null, author ?? null),
      at: greater(before?.at ?? null, toldTime(at)),
      at_head: atHead ? 1 : (before?.at_head ?? 0),
      last_seen: this.#at,
    })
  }

  async #writeOccurrences(): Promise<void> {
    await insertOccurrences.run(this.#tx, [...this.#occurrences.values()])
  }

  async #edge(
    { from, to, crossing, certainty, when, why }: Extract<Finding, { see: 'edge' }>,
    document: string,
  ): Promise<void> {
    const from_id = await this.#entities.mention(from)
    const to_id = await this.#entities.mention(to)
    const said = { certainty, condition: when ?? null, why }
    const found = await this.#tx
      .selectFrom('edge')
      .selectAll()
      .where('source_id', '=', this.#sourceId)
      .where('from_id', '=', from_id)
      .where('to_id', '=', to_id)
      .where('crossing', '=', crossing)
      .where('document', '=', document)
      .executeTakeFirst()
    const times = { last_seen: Math.max(found?.last_seen ?? 0, this.#at), gone_at: null }
    if (found)
      await this.#tx
        .updateTable('edge')
        .set(found.last_seen < this.#at || isSurerEdge(said, found) ? { ...said, ...times } : times)
        .where('id', '=', found.id)
        .execute()
    else
      await this.#tx
        .insertInto('edge')
        .values({
          id: newId(this.#io),
          source_id: this.#sourceId,
          document,
          from_id,
          to_id,
          crossing,
          ...said,
          first_seen: this.#at,
          ...times,
        })
        .execute()
  }

  async #policy(
    { on, language, text }: Extract<Finding, { see: 'policy' }>,
    document: string,
  ): Promise<void> {
    const entity_id = await this.#entities.mention(on)
    const digest = createHash('sha256').update(text).digest('hex')
    await this.#tx
      .insertInto('policy')
      .values({ entity_id, source_id: this.#sourceId, document, language, digest, text, learnt_at: this.#at })
      .onConflict(conflict =>
        conflict
          .columns(['entity_id', 'source_id', 'language', 'digest', 'document'])
          .doUpdateSet({ learnt_at: this.#at, gone_at: null })
          .where('policy.learnt_at', '<=', this.#at),
      )
      .execute()
  }

  async #owner(
    { of, owner, source, weight, at }: Extract<Finding, { see: 'owner' }>,
    document: string,
  ): Promise<void> {
    const entity_id = await this.#entities.mention(of)
    const found = await this.#tx
      .selectFrom('owner')
      .selectAll()
      .where('entity_id', '=', entity_id)
      .where('owner', '=', owner)
      .where('source', '=', source)
      .where('source_id', '=', this.#sourceId)
      .where('document', '=', document)
      .executeTakeFirst()
    const current = found && found.learnt_at >= this.#at ? found : undefined
    const values = {
      weight: Math.max(weight, current?.weight ?? weight),
      at: greater(current?.at ?? null, toldTime(at)),
      learnt_at: this.#at,
      gone_at: null,
    }
    await this.#tx
      .insertInto('owner')
      .values({ entity_id, owner, source, source_id: this.#sourceId, document, ...values })
      .onConflict(conflict =>
        conflict
          .columns(['entity_id', 'owner', 'source', 'source_id', 'document'])
          .doUpdateSet(values)
          .where('owner.learnt_at', '<=', this.#at),
      )
      .execute()
  }

  async #covered({ scope, complete, why }: Extract<Finding, { see: 'covered' }>): Promise<void> {
    const found = await this.#tx
      .selectFrom('coverage')
      .selectAll()
      .where('source_id', '=', this.#sourceId)
      .where('scope', '=', scope)
      .executeTakeFirst()
    const current = found && found.at >= this.#at ? found : undefined
    // A scope is complete when nothing in this run says that it is not; each gap is a line.
    const gaps = new Set(current && !current.complete ? (current.why ?? '').split('\n') : [])
    if (!complete) gaps.add(why?.replaceAll('\n', ' ') ?? 'it was not read to the end')
    const notes = [
      ...(complete && why ? [why] : []),
      ...(current?.complete && current.why ? [current.why] : []),
    ]
    const lines = gaps.size > 0 ? [...gaps].sort().join('\n') : (notes.sort()[0] ?? null)
    const values = { complete: gaps.size === 0 ? 1 : 0, why: lines, at: this.#at }
    if (found) await this.#tx.updateTable('coverage').set(values).where('id', '=', found.id).execute()
    else
      await this.#tx
        .insertInto('coverage')
        .values({ id: newId(this.#io), source_id: this.#sourceId, scope, ...values })
        .execute()
  }
}

export const NO_VALUE = {
  identity_id: null,
  fingerprint: null,
  strength_bits: null,
  preview: null,
  confidence: null,
  state: 'unknown',
  state_why: null,
  state_at: null,
  access: null,
  issued_by: null,
} as const

type CopySaid = Pick<Row<'copy'>, 'kind' | 'claim_id' | 'confidence' | 'reasons' | 'facts'>
type EdgeSaid = Pick<Row<'edge'>, 'certainty' | 'condition' | 'why'>

function isSurerEdge(a: EdgeSaid, b: EdgeSaid): boolean {
  const difference = CERTAINTIES.indexOf(a.certainty) - CERTAINTIES.indexOf(b.certainty)
  if (difference !== 0) return difference > 0
  return JSON.stringify([a.why, a.condition]) < JSON.stringify([b.why, b.condition])
}

function greater<T extends string | number>(a: T | null, b: T | null): T | null {
  if (a === null) return b
  return b === null || a > b ? a : b
}
