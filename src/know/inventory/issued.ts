import { canonicalJson } from '../../core/contract/canonical-json.ts'
import type { Verdict } from '../../core/contract/connector.ts'
import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import type { CredentialRef, PlaceRef, Slot } from '../../core/contract/ref.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Tx } from '../../core/store/store.ts'
import { carryWords } from './carry-words.ts'
import { EntityWriter } from './entity.ts'
import { NO_VALUE } from './fold.ts'
import { relink } from './link.ts'
import { rootOf } from './merge.ts'
import { giveValue } from './value.ts'

type ActIo = Pick<Io, 'now' | 'random'>

/** A credential that Firebreak issued: known before any connection lists it. Gives its entity's id. */
export async function registerIssued(
  tx: Tx,
  io: ActIo,
  sourceId: string,
  issued: {
    readonly ref: CredentialRef
    readonly fingerprint: Fingerprint
    readonly strengthBits: number
    readonly runId: string
    /** In whose place it stands from now on: what persons said of that identity holds for its own, too. */
    readonly replaces?: CredentialRef
  },
): Promise<string> {
  const { ref, fingerprint, strengthBits, runId, replaces } = issued
  const entities = new EntityWriter(tx, io, io.now().getTime())
  const id = await entities.state(ref, 'credential', sourceId)
  const identityId = ref.identity ? await entities.state(ref.identity, 'identity', sourceId) : null
  const own = { issued_by: runId, ...(identityId === null ? {} : { identity_id: identityId }) }
  await tx
    .insertInto('credential')
    .values({ ...NO_VALUE, entity_id: id, ...own })
    .onConflict(conflict => conflict.column('entity_id').doUpdateSet(own))
    .execute()
  const value = { fingerprint, strength_bits: strengthBits, preview: null, confidence: 1 }
  await giveValue(tx, io, id, value)
  await relink(tx, io, [fingerprint])
  const former = replaces?.identity && (await entities.mention(replaces.identity, 'identity'))
  if (former !== undefined && identityId !== null) await carryWords(tx, io, former, identityId)
  return id
}

/** What a system answered about a credential. Raises nothing: an unknown id changes nothing. */
export async function setCredentialState(
  tx: Tx,
  io: Pick<Io, 'now'>,
  credentialId: string,
  verdict: Pick<Verdict, 'state' | 'why' | 'access'>,
): Promise<void> {
  await tx
    .updateTable('credential')
    .set({
      state: verdict.state,
      state_why: verdict.why,
      state_at: io.now().getTime(),
      access: verdict.access ? JSON.stringify(verdict.access) : null,
    })
    .where('entity_id', '=', await rootOf(tx, credentialId))
    .execute()
}

/**
 * A document that held these copies was rewritten, and `place` is how it stands now: the copies are gone, and as many of
 * the new value stand in their slots.
 */
export async function moveCopy(
  tx: Tx,
  io: ActIo,
  copyIds: readonly string[],
  place: PlaceRef,
  fingerprint: Fingerprint,
): Promise<void> {
  if (copyIds.length === 0) return
  const at = io.now().getTime()
  const old = await tx.selectFrom('copy').selectAll().where('id', 'in', copyIds).orderBy('id').execute()
  await tx
    .updateTable('copy')
    .set({ gone_at: at })
    .where('id', 'in', copyIds)
    .where('gone_at', 'is', null)
    .execute()
  const bearer = await tx
    .selectFrom('credential')
    .select('identity_id')
    .where('fingerprint', '=', fingerprint)
    .where('identity_id', 'is not', null)
    .orderBy('entity_id')
    .executeTakeFirst()
  for (const { copy, slots } of inheritedSlots(old, place)) {
    const document = place.version ?? copy.document
    await tx
      .insertInto('copy')
      .values({
        ...copy,
        id: newId(io),
        document,
        path: place.path,
        version: place.version ?? null,
        slots: canonicalJson(slots.map(slot => ({ ...slot, encodings: [...slot.encodings] }))),
        fingerprint,
        // What the old value said of itself.
        facts: null,
        claim_id: bearer?.identity_id ?? copy.claim_id,
        first_seen: at,
        last_seen: at,
        gone_at: null,
      })
      .onConflict(conflict =>
        conflict
          .columns(['source_id', 'document', 'path', 'member', 'fingerprint', 'slots'])
          .doUpdateSet({ last_seen: at, gone_at: null }),
      )
      .execute()
    await moveOccurrence(tx, copy, document, place.path, at)
  }
  await relink(tx, io, new Set([fingerprint, ...old.map(copy => copy.fingerprint)]))
}

/** They were taken out of the document that they stood in. */
export async function markCopiesGone(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  copyIds: readonly string[],
): Promise<void> {
  if (copyIds.length === 0) return
  const rows = await tx.selectFrom('copy').select('fingerprint').where('id', 'in', copyIds).execute()
  await tx
    .updateTable('copy')
    .set({ gone_at: io.now().getTime() })
    .where('id', 'in', copyIds)
    .where('gone_at', 'is', null)
    .execute()
  await relink(tx, io, new Set(rows.map(({ fingerprint }) => fingerprint)))
}

async function moveOccurrence(
  tx: Tx,
  copy: Row<'copy'>,
  document: string,
  path: string,
  at: number,
): Promise<void> {
  if (document === copy.document) return
  await tx
    .updateTable('occurrence')
    .set({ at_head: 0 })
    .where('source_id', '=', copy.source_id)
    .where('document', '=', copy.document)
    .where('path', '=', copy.path)
    .execute()
  const now = { at, at_head: 1, last_seen: at }
  await tx
    .insertInto('occurrence')
    .values({ source_id: copy.source_id, document, path, commit: '', author: null, ...now })
    .onConflict(conflict => conflict.columns(['source_id', 'document', 'path', 'commit']).doUpdateSet(now))
    .execute()
}

/** The n-th slot of the document stands where the n-th one stood; where their number changed, one copy bears all. */
function inheritedSlots(old: readonly Row<'copy'>[], place: PlaceRef) {
  const [first] = old
  if (!first) return []
  const parsed = old.map(copy => ({ copy, slots: JSON.parse(copy.slots) as Slot[] }))
  const before = [
    ...new Map(parsed.flatMap(({ slots }) => slots).map(slot => [slotKey(slot), slot])).values(),
  ]
  if (before.length !== place.slots.length) return [{ copy: first, slots: [...place.slots] }]
  const order = before.sort(byPosition).map(slotKey)
  const now = [...place.slots].sort(byPosition)
  return parsed.map(({ copy, slots }) => ({
    copy,
    slots: slots.flatMap(slot => now[order.indexOf(slotKey(slot))] ?? []),
  }))
}

function slotKey(slot: Slot): string {
  return `${slot.part} ${slot.at}`
}

function byPosition(a: Slot, b: Slot): number {
  return Number.parseInt(a.at, 10) - Number.parseInt(b.at, 10) || (a.at < b.at ? -1 : 1)
}
