import { STRONG_BITS } from '../../../core/keys/strength.ts'
import type { Db } from '../../../core/store/store.ts'
import { claimedIdentities } from '../../../know/inventory/claim.ts'
import { loadRoots } from '../../../know/inventory/roots.ts'
import { oncePerRun } from '../check.ts'
import { copied } from './copied.ts'
import type { CopyGroup, Sort } from './copied-values.ts'
import type { PlaceNames } from './place-names.ts'

type LivingCredential = Pick<Standing, 'id' | 'fingerprint' | 'identityId' | 'isStrong' | 'isGone'>

/** A credential that is not dead, and stands somewhere. Its places get their names where they are asked for: most never are. */
export class Standing {
  readonly id: string
  readonly fingerprint: string
  readonly identityId: string | undefined
  readonly isStrong: boolean
  /** Its system does not list it any more. */
  readonly isGone: boolean
  /** In how many files and other documents, each counted once. */
  readonly places: number
  readonly #groups: readonly CopyGroup[]
  readonly #names: PlaceNames

  constructor(one: LivingCredential, places: number, groups: readonly CopyGroup[], names: PlaceNames) {
    this.id = one.id
    this.fingerprint = one.fingerprint
    this.identityId = one.identityId
    this.isStrong = one.isStrong
    this.isGone = one.isGone
    this.places = places
    this.#groups = groups
    this.#names = names
  }

  isIn(sort: Sort): boolean {
    return this.#groups.some(({ sorts }) => sorts[sort] !== undefined)
  }

  /** A place of the sort, as people read it. */
  placeOf(sort: Sort): string | undefined {
    const key = this.#groups.map(({ sorts }) => sorts[sort]).find(key => key !== undefined)
    return key === undefined ? undefined : this.#names.nameOf(key)
  }

  /** Two of its places, as people read them. */
  get among(): readonly string[] {
    const keys = this.#groups.flatMap(({ first, last }) => [first, last]).filter(key => key !== undefined)
    return [...new Set(keys.sort())].slice(0, 2).map(key => this.#names.nameOf(key))
  }
}

/** Every credential that stands anywhere, by its id. */
export const standing = oncePerRun(async (context): Promise<ReadonlyMap<string, Standing>> => {
  const { places, byFingerprint } = await copied(context)
  const identityOf = await claimants(context)
  const found = new Map<string, Standing>()
  for (const one of await livingCredentials(context.db)) {
    const value = byFingerprint.get(one.fingerprint)
    const groups = (value?.groups ?? []).filter(({ claimId }) => isOwn(one, identityOf(claimId)))
    if (!value || groups.length === 0) continue
    // What is named in two ways may stand in one place under both.
    const count = groups.length > 1 ? value.places! : groups[0]!.places
    found.set(one.id, new Standing(one, count, groups, places))
  }
  return found
})

/** Which identity a claim comes to; undefined for none. */
export const claimants = oncePerRun(
  async (context): Promise<(claimId: string | null) => string | undefined> => {
    const { byFingerprint } = await copied(context)
    const claims = new Set<string>()
    for (const { groups } of byFingerprint.values())
      for (const { claimId } of groups) if (claimId !== null) claims.add(claimId)
    const identities = await claimedIdentities(context.db, await loadRoots(context.db), [...claims])
    return claimId => (claimId === null ? undefined : identities.get(claimId))
  },
)

/** Whether a copy that names somebody, or nobody, is one of the credential. */
export function isOwn(
  credential: { readonly identityId: string | undefined; readonly isStrong: boolean },
  claimed: string | undefined,
): boolean {
  return claimed === credential.identityId || (claimed === undefined && credential.isStrong)
}

/** Those whose value is known and that are not known to be dead, by whichever of what became one was asked last. */
async function livingCredentials(db: Db): Promise<LivingCredential[]> {
  const roots = await loadRoots(db)
  const rows = await db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .select([
      'credential.entity_id',
      'credential.identity_id',
      'credential.fingerprint',
      'credential.strength_bits',
      'credential.state',
      'credential.state_at',
      'entity.merged_into',
      'entity.gone_at',
      'entity.native',
    ])
    .orderBy('entity.id')
    .execute()
  const latest = new Map<string, (typeof rows)[number]>()
  for (const row of rows) {
    const root = roots.of(row.entity_id)
    const before = latest.get(root)
    if (!before || (row.state_at ?? -1) > (before.state_at ?? -1)) latest.set(root, row)
  }
  return rows.flatMap(({ entity_id: id, identity_id, fingerprint, strength_bits, ...row }) => {
    const isGone = row.gone_at !== null
    if (row.merged_into !== null || fingerprint === null || latest.get(id)?.state === 'dead') return []
    // A copy that is read anew with another claim leaves a credential of which nothing tells any more.
    if (isGone && row.native.startsWith('fp:')) return []
    const identityId = identity_id === null ? undefined : roots.of(identity_id)
    return [{ id, fingerprint, identityId, isStrong: (strength_bits ?? 0) >= STRONG_BITS, isGone }]
  })
}
