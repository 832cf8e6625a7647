import { FirebreakError } from '../../core/contract/errors.ts'
import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import { STRONG_BITS } from '../../core/keys/strength.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Tx } from '../../core/store/store.ts'
import { claimedBy } from './claim.ts'
import { fingerprintsOf, membersOf, merge, rootOf } from './merge.ts'
import {
  bestOf,
  insertNew,
  matches,
  nameCredential,
  relinkSimple,
  traitsOf,
  type ValueTraits,
} from './told-credential.ts'
import { giveValue } from './value.ts'
import { ONLY_TOLD, isOnlyTold, onlyTold } from './only-told.ts'

/**
 * What follows from what was said. Copies, names and claims are kept as they were said; which of them are one thing is
 * computed from all of them together, so that the order in which they came says nothing, and every conclusion is a
 * row of `merge` with its reason.
 */
type LinkIo = Pick<Io, 'now' | 'random'>

/** Makes, attributes and joins the credentials of these values. */
export async function relink(
  tx: Tx,
  io: LinkIo,
  fingerprints: Iterable<string>,
  traits: ReadonlyMap<string, ValueTraits> = new Map(),
): Promise<void> {
  const left = await relinkSimple(tx, io, [...fingerprints], traits)
  for (const fingerprint of left) {
    const displaced = await giveToNamed(tx, io, fingerprint, traits.get(fingerprint))
    await relinkValue(tx, io, fingerprint, traits.get(fingerprint))
    for (const other of displaced) await relinkValue(tx, io, other, undefined)
  }
}

/**
 * A listed credential that texts name by its own id has the value that stands there. Where they give it several, and the
 * system was asked about none, the first by its fingerprint stands, so that the order in which they came says nothing. Gives
 * the values that had to give way.
 */
async function giveToNamed(
  tx: Tx,
  io: LinkIo,
  fingerprint: string,
  said: ValueTraits | undefined,
): Promise<string[]> {
  const copies = await tx
    .selectFrom('copy')
    .select('claim_id')
    .select(({ fn }) => fn.max('confidence').as('confidence'))
    .where('fingerprint', '=', fingerprint)
    .where('claim_id', 'is not', null)
    .groupBy('claim_id')
    .orderBy('claim_id')
    .execute()
  const displaced: string[] = []
  for (const { claim_id, confidence } of copies) {
    const named = await tx
      .selectFrom('credential')
      .innerJoin('entity', 'entity.id', 'credential.entity_id')
      .selectAll('credential')
      .where('entity_id', '=', await rootOf(tx, claim_id!))
      .where('entity.type', '=', 'credential')
      .executeTakeFirst()
    if (!named || named.fingerprint === fingerprint) continue
    const former = named.fingerprint
    const isSettled = named.state !== 'unknown' || named.issued_by !== null
    if (former !== null && (isSettled || former < fingerprint)) continue
    const known = await tx
      .selectFrom('credential')
      .select(['strength_bits', 'preview'])
      .where('fingerprint', '=', fingerprint)
      .orderBy('entity_id')
      .executeTakeFirst()
    await giveValue(tx, io, named.entity_id, {
      fingerprint,
      strength_bits: said?.strengthBits ?? known?.strength_bits ?? 0,
      preview: said ? said.preview : (known?.preview ?? null),
      confidence,
    })
    if (former !== null) displaced.push(former)
  }
  return displaced
}

/** The identity that a copy's claim comes to; null for none, also where it is not known yet. */
async function claimedIdentity(tx: Tx, claimId: string | null): Promise<string | null> {
  if (claimId === null) return null
  const row = await tx
    .selectFrom('entity')
    .leftJoin('credential', 'credential.entity_id', 'entity.id')
    .select(['entity.id', 'entity.type', 'credential.identity_id'])
    .where('entity.id', '=', await rootOf(tx, claimId))
    .executeTakeFirstOrThrow()
  // An identity stays the one that was named: what it was merged into may be taken back.
  return row.type === 'identity' ? claimId : (claimedBy(row) ?? null)
}

interface CredentialRow {
  readonly id: string
  readonly native: string
  readonly identityId: string | null
}

async function relinkValue(
  tx: Tx,
  io: LinkIo,
  fingerprint: string,
  said: ValueTraits | undefined,
): Promise<void> {
  const copiesAsTold = await tx
    .selectFrom('copy')
    .select(['claim_id', 'kind'])
    .select(({ fn }) => [fn.max('confidence').as('confidence'), fn.min('source_id').as('source_id')])
    .where('fingerprint', '=', fingerprint)
    .groupBy(['claim_id', 'kind'])
    .orderBy('claim_id', order => order.asc().nullsFirst())
    .orderBy('kind')
    .execute()
  const copies = await Promise.all(
    copiesAsTold.map(async copy => ({ ...copy, claim_id: await claimedIdentity(tx, copy.claim_id) })),
  )
  const stored = await tx
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .selectAll('credential')
    .select(['entity.native', 'entity.kind', 'entity.system', 'entity.instance'])
    .where('fingerprint', '=', fingerprint)
    .orderBy('entity_id')
    .execute()

  const { strengthBits, preview } = traitsOf(said, stored)
  const strong = strengthBits >= STRONG_BITS

  const rows: CredentialRow[] = stored.map(row => ({
    id: row.entity_id,
    native: row.native,
    identityId: row.identity_id,
  }))
  const claims = Map.groupBy(copies, copy => copy.claim_id)
  const claimed =
    rows.some(row => row.identityId !== null && !isInferred(row)) ||
    [...claims.keys()].some(claim => claim !== null)
  for (const [claim, group] of claims) {
    // A strong value that nobody claims here is that of whoever is claimed elsewhere.
    if (claim === null && strong && claimed) continue
    const best = bestOf(group)
    const named = nameCredential(await claimedOf(tx, claim), best.kind)
    const row = stored.find(row => row.identity_id === claim)
    if (!row) {
      const id = newId(io)
      const { confidence } = best
      await insertNew(tx, io, [
        { id, fingerprint, identityId: claim, ...named, strength_bits: strengthBits, preview, confidence },
      ])
      rows.push({ id, native: onlyTold(id), identityId: claim })
      continue
    }
    if (isOnlyTold(row.native) && !matches(row, named))
      await tx.updateTable('entity').set(named).where('id', '=', row.entity_id).execute()
    if (row.confidence !== best.confidence)
      await tx
        .updateTable('credential')
        .set({ confidence: best.confidence })
        .where('entity_id', '=', row.entity_id)
        .execute()
  }
  // All that bear the value: one of which no copy tells by itself may stand for others that were merged into it.
  if (stored.some(row => !matches(row, { strength_bits: strengthBits, preview })))
    await tx
      .updateTable('credential')
      .set({ strength_bits: strengthBits, preview })
      .where('fingerprint', '=', fingerprint)
      .execute()
  await join(tx, io, rows, strong, copies)
}

/** Credentials of one identity are one; unclaimed copies of a strong value follow the claimed; others are linked. */
async function join(
  tx: Tx,
  io: LinkIo,
  rows: readonly CredentialRow[],
  strong: boolean,
  copies: readonly Pick<Row<'copy'>, 'claim_id' | 'source_id'>[],
): Promise<void> {
  const rootOrNull = async (id: string | null) => (id === null ? null : await rootOf(tx, id))
  const claimed = new Set<string | null>()
  for (const { claim_id } of copies) claimed.add(await rootOrNull(claim_id))
  const groups = new Map<string | null, CredentialRow[]>()
  for (const row of rows) {
    const identity = await rootOrNull(row.identityId)
    const group = groups.get(identity)
    if (group) group.push(row)
    else groups.set(identity, [row])
  }

  const standing: string[] = []
  for (const [identity, group] of groups) {
    if (identity === null) continue
    const [first, ...others] = group.toSorted((a, b) => precedence(a, identity) - precedence(b, identity))
    if (!first) continue
    for (const other of others)
      await merge(tx, io, other.id, first.id, 'the fingerprints agree, and the identity does')
    const root = await rootOf(tx, first.id)
    const told = claimed.has(identity) || group.some(row => !isInferred(row))
    await setTold(tx, io, root, told)
    if (told) standing.push(root)
  }

  const [first] = standing
  for (const row of groups.get(null) ?? []) {
    if (standing.includes(await rootOf(tx, row.id))) continue
    await standAlone(tx, row.id)
    if (strong && first !== undefined)
      await merge(tx, io, row.id, first, 'the fingerprints agree, and the value is too strong for chance')
    else await setTold(tx, io, row.id, claimed.has(null) || !isInferred(row))
  }
  const sourceId = copies.map(copy => copy.source_id).sort()[0]
  if (sourceId !== undefined) await linkSameValue(tx, io, [...new Set(standing)].sort(), strong, sourceId)
}

/** What an unclaimed credential was merged into is told no more: the reason for the merge went with it. */
async function standAlone(tx: Tx, credentialId: string): Promise<void> {
  await tx.deleteFrom('merge').where('from_id', '=', credentialId).where('undone_at', 'is', null).execute()
  await tx.updateTable('entity').set({ merged_into: null }).where('id', '=', credentialId).execute()
}

/** Whether nothing but copies tells of the credential. */
function isInferred(row: CredentialRow): boolean {
  return isOnlyTold(row.native)
}

/** A copy that is read anew with another claim takes away what the former claim was the only sign of. */
async function setTold(tx: Tx, io: LinkIo, credentialId: string, told: boolean): Promise<void> {
  const gone_at = told ? null : io.now().getTime()
  const rows = await tx
    .updateTable('entity')
    .set({ gone_at })
    .where('id', '=', credentialId)
    .where('native', 'like', ONLY_TOLD)
    .where('gone_at', told ? 'is not' : 'is', null)
    .returning('id')
    .execute()
  if (rows.length === 0) return
  await tx
    .updateTable('edge')
    .set({ gone_at })
    .where('crossing', '=', 'same-value')
    .where(({ or, eb }) => or([eb('from_id', '=', credentialId), eb('to_id', '=', credentialId)]))
    .execute()
}

/** What a connection discovered stands before what copies told, and what names the identity itself before an alias. */
function precedence(row: CredentialRow, identity: string): number {
  return (isInferred(row) ? 2 : 0) + (row.identityId === identity ? 0 : 1)
}

/** Beyond this many, each is linked with its next ones only: all are still reached from each. */
const SAME_VALUE_NEIGHBOURS = 16

async function linkSameValue(
  tx: Tx,
  io: LinkIo,
  credentials: readonly string[],
  strong: boolean,
  sourceId: string,
): Promise<void> {
  const at = io.now().getTime()
  for (const [index, a] of credentials.entries())
    for (const b of credentials.slice(index + 1, index + 1 + SAME_VALUE_NEIGHBOURS))
      for (const [from_id, to_id] of [
        [a, b],
        [b, a],
      ] as const) {
        const found = await tx
          .selectFrom('edge')
          .select('id')
          .where('from_id', '=', from_id)
          .where('to_id', '=', to_id)
          .where('crossing', '=', 'same-value')
          .executeTakeFirst()
        if (found) continue
        await tx
          .insertInto('edge')
          .values({
            id: newId(io),
            source_id: sourceId,
            from_id,
            to_id,
            crossing: 'same-value',
            certainty: strong ? 'proven' : 'potential',
            condition: strong ? null : 'if it is more than a common value',
            why: strong
              ? 'one value is claimed for both identities'
              : 'both identities are said to have the same weak value',
            first_seen: at,
            last_seen: at,
            gone_at: null,
          })
          .execute()
      }
}

async function claimedOf(tx: Tx, claimId: string | null): Promise<Row<'entity'> | undefined> {
  if (claimId === null) return undefined
  const identityId = await rootOf(tx, claimId)
  return await tx.selectFrom('entity').selectAll().where('id', '=', identityId).executeTakeFirstOrThrow()
}

/** A person says that two identities are one. */
export async function mergeIdentities(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  fromId: string,
  intoId: string,
  reason: string,
): Promise<void> {
  await merge(tx, io, fromId, intoId, reason, true)
  await relink(tx, io, await fingerprintsOf(tx, [fromId, intoId]))
}

/**
 * Takes a merge back, and with it the merges of credentials that followed from it. Nothing merges the pair again by
 * itself. Raises NOT_FOUND.
 */
export async function undoMerge(tx: Tx, io: Pick<Io, 'now' | 'random'>, mergeId: string): Promise<void> {
  const row = await tx
    .selectFrom('merge')
    .selectAll()
    .where('id', '=', mergeId)
    .where('undone_at', 'is', null)
    .executeTakeFirst()
  if (!row) throw new FirebreakError('NOT_FOUND', `no merge ${mergeId} stands`, 'see firebreak show')
  await detach(tx, row)
  await tx.updateTable('merge').set({ undone_at: io.now().getTime() }).where('id', '=', mergeId).execute()
  await separateCredentials(tx, [row.from_id, row.into_id])
  await relink(tx, io, await fingerprintsOf(tx, [row.from_id, row.into_id]))
}

async function detach(tx: Tx, row: Row<'merge'>): Promise<void> {
  await tx.updateTable('entity').set({ merged_into: null }).where('id', '=', row.from_id).execute()
  const from = await tx
    .selectFrom('credential')
    .selectAll()
    .where('entity_id', '=', row.from_id)
    .executeTakeFirst()
  const into = await tx
    .selectFrom('entity')
    .selectAll()
    .where('id', '=', row.into_id)
    .executeTakeFirstOrThrow()
  // What a text named is not this credential: neither is the value that the text gave it.
  if (!from && into.type === 'credential')
    await tx
      .updateTable('credential')
      .set({ fingerprint: null, strength_bits: null, preview: null, confidence: null })
      .where('entity_id', '=', row.into_id)
      .where('state', '=', 'unknown')
      .where('issued_by', 'is', null)
      .execute()
  if (!from?.fingerprint) return
  // What a discovered credential learnt from its copies goes with them.
  if (!isOnlyTold(into.native))
    await tx
      .updateTable('credential')
      .set({ fingerprint: null, strength_bits: null, preview: null, confidence: null })
      .where('entity_id', '=', row.into_id)
      .where('fingerprint', '=', from.fingerprint)
      .where('issued_by', 'is', null)
      .execute()
}

/** Credentials that were one because their identities were, and no longer are. */
async function separateCredentials(tx: Tx, identityIds: readonly string[]): Promise<void> {
  const roots = await Promise.all(identityIds.map(id => rootOf(tx, id)))
  const members = await membersOf(tx, roots)
  const merges = await tx
    .selectFrom('merge')
    .innerJoin('credential as from', 'from.entity_id', 'merge.from_id')
    .innerJoin('credential as into', 'into.entity_id', 'merge.into_id')
    .where('merge.undone_at', 'is', null)
    .where(({ or, eb }) => or([eb('from.identity_id', 'in', members), eb('into.identity_id', 'in', members)]))
    .selectAll('merge')
    .select(['from.identity_id as from_identity', 'into.identity_id as into_identity'])
    .execute()
  for (const { from_identity, into_identity, ...row } of merges) {
    if (!from_identity || !into_identity) continue
    if ((await rootOf(tx, from_identity)) === (await rootOf(tx, into_identity))) continue
    await detach(tx, row)
    // It followed from the identities: it lives and dies with that.
    await tx.deleteFrom('merge').where('id', '=', row.id).execute()
  }
}
