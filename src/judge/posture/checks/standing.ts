import { STRONG_BITS } from '../../../core/keys/strength.ts'
import { claimedIdentities } from '../../../know/inventory/claim.ts'
import { loadRoots } from '../../../know/inventory/roots.ts'
import { type CheckContext, oncePerRun } from '../check.ts'
import { copied } from './copied.ts'
import type { PlaceNames } from './place-names.ts'
import { type CredentialRow, credentialRows } from './told.ts'
import { GROUP, NONE, type Sort, type ValuesOfCopies } from './values-of-copies.ts'

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
  readonly #groups: readonly number[]
  readonly #values: ValuesOfCopies
  readonly #names: PlaceNames

  constructor(
    one: LivingCredential,
    places: number,
    groups: readonly number[],
    values: ValuesOfCopies,
    names: PlaceNames,
  ) {
    this.id = one.id
    this.fingerprint = one.fingerprint
    this.identityId = one.identityId
    this.isStrong = one.isStrong
    this.isGone = one.isGone
    this.places = places
    this.#groups = groups
    this.#values = values
    this.#names = names
  }

  isIn(sort: Sort): boolean {
    return this.#groups.some(group => this.#values.isIn(group, sort))
  }

  /** A place of the sort, as people read it. */
  placeOf(sort: Sort): string | undefined {
    const group = this.#groups.find(group => this.#values.isIn(group, sort))
    return group === undefined ? undefined : this.#names.nameOf(this.#values.placeOfSort(group, sort)!)
  }

  /** Two of its places, as people read them. */
  get among(): readonly string[] {
    const keys = this.#groups
      .flatMap(group => [this.#values.firstPlaceOf(group), this.#values.placeOf(group, GROUP.last)])
      .filter(key => key !== undefined)
    return [...new Set(keys.sort())].slice(0, 2).map(key => this.#names.nameOf(key))
  }
}

/** Every credential that stands anywhere, by its id. */
export const standing = oncePerRun(async (context): Promise<ReadonlyMap<string, Standing>> => {
  const { places, values } = await copied(context)
  const identityOf = await claimants(context)
  const found = new Map<string, Standing>()
  for (const one of await livingCredentials(context)) {
    const value = values.valueOf(one.fingerprint)
    if (value === undefined) continue
    const groups = values.groupsOf(value).filter(group => isOwn(one, identityOf(values.claimOf(group))))
    if (groups.length === 0) continue
    found.set(one.id, new Standing(one, values.placesIn(value, groups), groups, values, places))
  }
  return found
})

/** Which identity a claim comes to, by its number; undefined for none. */
export const claimants = oncePerRun(async (context): Promise<(claim: number) => string | undefined> => {
  const claims = (await copied(context)).values.claims()
  const identities = await claimedIdentities(context.db, await loadRoots(context.db), claims)
  const byNumber = claims.map(claim => identities.get(claim))
  return claim => (claim === NONE ? undefined : byNumber[claim])
})

/** Whether a copy that names somebody, or nobody, is one of the credential. */
export function isOwn(
  credential: { readonly identityId: string | undefined; readonly isStrong: boolean },
  claimed: string | undefined,
): boolean {
  return claimed === credential.identityId || (claimed === undefined && credential.isStrong)
}

/** Those whose value is known and that are not known to be dead, by whichever of what became one was asked last. */
async function livingCredentials(context: CheckContext): Promise<LivingCredential[]> {
  const roots = await loadRoots(context.db)
  const rows = await credentialRows(context)
  const latest = new Map<string, CredentialRow>()
  for (const row of rows) {
    const root = roots.of(row.id)
    const before = latest.get(root)
    if (!before || (row.stateAt ?? -1) > (before.stateAt ?? -1)) latest.set(root, row)
  }
  return rows.flatMap(
    ({ id, identityId: identity, fingerprint, strengthBits, isGone, isMerged, isListed }) => {
      if (isMerged || fingerprint === undefined || latest.get(id)?.state === 'dead') return []
      // A copy that is read anew with another claim leaves a credential of which nothing tells any more.
      if (isGone && !isListed) return []
      const identityId = identity === undefined ? undefined : roots.of(identity)
      return [{ id, fingerprint, identityId, isStrong: strengthBits >= STRONG_BITS, isGone }]
    },
  )
}
