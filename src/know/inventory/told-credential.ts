import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import { STRONG_BITS } from '../../core/keys/strength.ts'
import { RowInsert } from '../../core/store/row-insert.ts'
import type { NewRow, Row } from '../../core/store/schema.ts'
import type { Tx } from '../../core/store/store.ts'
import { entitiesById } from './copy-view.ts'
import { inChunks } from './in-chunks.ts'
import { isOnlyTold, onlyTold } from './only-told.ts'

/** What a fold knows of a value beyond its fingerprint. A null preview means that it must not be shown. */
export interface ValueTraits {
  readonly strengthBits: number
  readonly preview: string | null
}

interface KindSeen {
  readonly kind: string
  readonly confidence: number
}

interface Named {
  readonly system: string
  readonly instance: string
  readonly kind: string
}

type LinkIo = Pick<Io, 'now' | 'random'>

const insertEntities = new RowInsert('entity', insert => insert)
const insertCredentials = new RowInsert('credential', insert => insert)

/**
 * Makes the credentials of values that are claimed for nobody or for one only, and brings them up to date: nearly all
 * values, and many at once. Gives the values for which there is more to conclude, untouched.
 */
export async function relinkSimple(
  tx: Tx,
  io: LinkIo,
  fingerprints: readonly string[],
  traits: ReadonlyMap<string, ValueTraits>,
): Promise<string[]> {
  const copies = Map.groupBy(await copiesOf(tx, fingerprints), row => row.fingerprint)
  const stored = Map.groupBy(await storedFor(tx, fingerprints), row => row.fingerprint)
  const claimIds = [...copies.values()].flatMap(rows => rows.flatMap(row => row.claim_id ?? []))
  const claims = await entitiesById(tx, [...new Set(claimIds)])
  const left: string[] = []
  const made: NewCredential[] = []
  for (const fingerprint of fingerprints) {
    const [row, ...others] = stored.get(fingerprint) ?? []
    const { strengthBits, preview } = traitsOf(traits.get(fingerprint), row ? [row] : [])
    const seen = copies.get(fingerprint) ?? []
    const strong = strengthBits >= STRONG_BITS && seen.some(copy => copy.claim_id !== null)
    // A strong value that nobody claims here is that of whoever is claimed elsewhere.
    const groups = Map.groupBy(
      seen.filter(copy => !strong || copy.claim_id !== null),
      copy => copy.claim_id,
    )
    const [claimId] = groups.keys()
    const claim = claimId == null ? undefined : claims.get(claimId)
    if (
      claimId === undefined ||
      groups.size > 1 ||
      others.length > 0 ||
      // What names the credential itself comes to an identity only where one is listed.
      (claimId !== null && (claim?.type !== 'identity' || claim.merged_into !== null)) ||
      (row && (row.identity_id !== claimId || !standsAlone(row)))
    ) {
      left.push(fingerprint)
      continue
    }
    const best = bestOf(groups.get(claimId) ?? [])
    const named = nameCredential(claim, best.kind)
    const { confidence } = best
    if (row) await update(tx, row, named, { strength_bits: strengthBits, preview, confidence })
    else
      made.push({
        id: newId(io),
        fingerprint,
        identityId: claimId,
        ...named,
        strength_bits: strengthBits,
        preview,
        confidence,
      })
  }
  await insertNew(tx, io, made)
  return left
}

/** What the copies of these values say: for each claim and kind, the surest. */
async function copiesOf(tx: Tx, fingerprints: readonly string[]) {
  return await inChunks(fingerprints, chunk =>
    tx
      .selectFrom('copy')
      .select(['fingerprint', 'claim_id', 'kind'])
      .select(({ fn }) => fn.max('confidence').as('confidence'))
      .where('fingerprint', 'in', chunk)
      .groupBy(['fingerprint', 'claim_id', 'kind'])
      .execute(),
  )
}

async function storedFor(tx: Tx, fingerprints: readonly string[]) {
  return await inChunks(fingerprints, chunk =>
    tx
      .selectFrom('credential')
      .innerJoin('entity', 'entity.id', 'credential.entity_id')
      .select([
        'credential.entity_id',
        'credential.identity_id',
        'credential.fingerprint',
        'credential.strength_bits',
        'credential.preview',
        'credential.confidence',
        'entity.system',
        'entity.instance',
        'entity.kind',
        'entity.native',
        'entity.gone_at',
        'entity.merged_into',
      ])
      .where('credential.fingerprint', 'in', chunk)
      .execute(),
  )
}

type Stored = Awaited<ReturnType<typeof storedFor>>[number]

/** Nothing but copies tells of it, and nothing was concluded of it that could have to be taken back. */
function standsAlone(row: Stored): boolean {
  return isOnlyTold(row.native) && row.merged_into === null && row.gone_at === null
}

async function update(
  tx: Tx,
  row: Stored,
  named: Named,
  said: Pick<Row<'credential'>, 'strength_bits' | 'preview' | 'confidence'>,
): Promise<void> {
  const { entity_id } = row
  if (!matches(row, named)) await tx.updateTable('entity').set(named).where('id', '=', entity_id).execute()
  if (!matches(row, said))
    await tx.updateTable('credential').set(said).where('entity_id', '=', entity_id).execute()
}

/** One rule that keeps the value to itself outweighs others that would show a part. */
export function traitsOf(
  said: ValueTraits | undefined,
  stored: readonly Pick<Row<'credential'>, 'strength_bits' | 'preview'>[],
): ValueTraits {
  const previews = [...(said ? [said.preview] : []), ...stored.map(row => row.preview)]
  return {
    strengthBits: said?.strengthBits ?? stored[0]?.strength_bits ?? 0,
    preview: previews.length > 0 ? previews.reduce(lesser) : null,
  }
}

export function lesser(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return null
  return a < b ? a : b
}

export function matches<T extends object>(row: T, values: Partial<T>): boolean {
  return Object.entries(values).every(([name, value]) => new Map(Object.entries(row)).get(name) === value)
}

/** The kind that the surest copy has, whichever copy comes first. */
export function bestOf<Seen extends KindSeen>(copies: readonly Seen[]): Seen {
  return copies.reduce((a, b) => (better(b, a) ? b : a))
}

function better(a: KindSeen, b: KindSeen): boolean {
  return a.confidence === b.confidence ? a.kind < b.kind : a.confidence > b.confidence
}

/** What a credential that copies tell of is called: by whom it is claimed for, else by the rule that found it. */
export function nameCredential(identity: Row<'entity'> | undefined, kind: string): Named {
  if (!identity) return { system: kind.split(/[-./:]/)[0] ?? '?', instance: '?', kind }
  return { system: identity.system, instance: identity.instance, kind: kindOfSecret(identity, kind) }
}

/** Identities whose connector calls what they log in with a password, whichever rule found it. */
const PASSWORD_KINDS = new Set(['postgres role', 'redis user'])

function kindOfSecret(identity: Row<'entity'>, kind: string): string {
  return PASSWORD_KINDS.has(`${identity.system} ${identity.kind}`) ? 'password' : kind
}

interface NewCredential {
  readonly id: string
  readonly fingerprint: string
  readonly identityId: string | null
  readonly system: string
  readonly instance: string
  readonly kind: string
  readonly strength_bits: number
  readonly preview: string | null
  readonly confidence: number
}

export async function insertNew(tx: Tx, io: LinkIo, credentials: readonly NewCredential[]): Promise<void> {
  const at = io.now().getTime()
  await insertEntities.run(
    tx,
    credentials.map(
      ({ id, system, instance, kind }): NewRow<'entity'> => ({
        id,
        type: 'credential',
        system,
        instance,
        kind,
        // Not the fingerprint itself: references are printed and exported, fingerprints are not.
        native: onlyTold(id),
        first_seen: at,
        last_seen: at,
        gone_at: null,
        merged_into: null,
      }),
    ),
  )
  await insertCredentials.run(
    tx,
    credentials.map(
      ({ id, fingerprint, identityId, strength_bits, preview, confidence }): NewRow<'credential'> => ({
        entity_id: id,
        identity_id: identityId,
        fingerprint,
        strength_bits,
        preview,
        confidence,
        state: 'unknown',
        state_why: null,
        state_at: null,
        access: null,
        issued_by: null,
      }),
    ),
  )
}
