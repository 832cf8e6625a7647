import type { Ms } from '../../../core/contract/ref.ts'
import {
  type BytesKept,
  ByteHeap,
  ByteTexts,
  type TextsKept,
  widened,
} from '../../../core/store/byte-texts.ts'

/** Sorts of places that say something of whatever stands there; `unnamed` are those that name no environment. */
export const SORTS = ['code', 'chat', 'production', 'other', 'unnamed', 'personal'] as const
export type Sort = (typeof SORTS)[number]
/** Each place is of one of these at least. */
const BY_ENVIRONMENT = ['production', 'other', 'unnamed'] as const

/** The copies of a value that stand, and name the same identity, or none: what is kept of them, as numbers one after another. */
export const GROUP = {
  /** What names whose it is, or NONE. */
  claim: 0,
  /** Another group of the same value, or NONE. */
  next: 1,
  /** In how many documents, each counted once; the last of them. */
  places: 2,
  last: 3,
  /** How many of the places are in sources that were never read to the end, and one of these. */
  unsettledPlaces: 4,
  unsettled: 5,
  /** From here the first place of each sort. */
  sorts: 6,
} as const
export type GroupColumn = (typeof GROUP)[keyof typeof GROUP]
const WIDTH = GROUP.sorts + SORTS.length
export const sortColumn = Object.fromEntries(SORTS.map((sort, at) => [sort, GROUP.sorts + at])) as Readonly<
  Record<Sort, number>
>
export const NONE = -1

/** What is kept of a value, as numbers side by side: to look at one brings the others near. */
export const VALUE = {
  /** Its first group, or NONE. */
  group: 0,
  /** Since when it was seen anywhere, also where it does not stand any more. */
  firstSeen: 1,
  /** Since when it was seen where others read it, also where it does not stand any more; else Infinity. */
  exposedSince: 2,
} as const
export const VALUE_WIDTH = 3

/** Groups by number. */
export class Groups {
  #numbers: Int32Array
  #count: number

  constructor(numbers: Int32Array = new Int32Array(WIDTH << 10), count = 0) {
    this.#numbers = numbers
    this.#count = count
  }

  get count(): number {
    return this.#count
  }

  get numbers(): Int32Array {
    return this.#numbers
  }

  add(claim: number): number {
    const at = this.#count * WIDTH
    if (at === this.#numbers.length) this.#numbers = widened(this.#numbers, new Int32Array(at * 2))
    this.#numbers.fill(NONE, at, at + WIDTH)
    this.#numbers[at + GROUP.claim] = claim
    this.#numbers[at + GROUP.places] = 0
    this.#numbers[at + GROUP.unsettledPlaces] = 0
    return this.#count++
  }

  get(group: number, column: number): number {
    return this.#numbers[group * WIDTH + column]!
  }

  set(group: number, column: number, value: number): void {
    this.#numbers[group * WIDTH + column] = value
  }
}

/** What is kept of the copies of each value; a thread can send it. */
export interface ValuesKept {
  readonly fingerprints: TextsKept
  readonly claims: TextsKept
  readonly places: BytesKept
  readonly groups: { readonly numbers: Int32Array; readonly count: number }
  /** Of each value by its number, one after another. */
  readonly values: Float64Array
  /** In how many documents each value stands that is named in several ways. */
  readonly placesOf: ReadonlyMap<number, number>
}

/** What is asked of all copies of one value; values and groups are told by number, and places by their keys. */
export class ValuesOfCopies {
  readonly #kept: ValuesKept
  readonly #fingerprints: ByteTexts
  readonly #claims: ByteTexts
  readonly #places: ByteHeap
  readonly #groups: Groups

  constructor(kept: ValuesKept) {
    this.#kept = kept
    this.#fingerprints = new ByteTexts(kept.fingerprints)
    this.#claims = new ByteTexts(kept.claims)
    this.#places = new ByteHeap(kept.places)
    this.#groups = new Groups(kept.groups.numbers, kept.groups.count)
  }

  get count(): number {
    return this.#fingerprints.count
  }

  valueOf(fingerprint: string): number | undefined {
    return this.#fingerprints.numberOf(fingerprint)
  }

  fingerprintOf(value: number): string {
    return this.#fingerprints.textOf(value)
  }

  firstSeen(value: number): Ms {
    return this.#kept.values[value * VALUE_WIDTH + VALUE.firstSeen]!
  }

  exposedSince(value: number): Ms | undefined {
    const since = this.#kept.values[value * VALUE_WIDTH + VALUE.exposedSince]!
    return since === Infinity ? undefined : since
  }

  groupsOf(value: number): number[] {
    const found: number[] = []
    for (
      let group = this.#kept.values[value * VALUE_WIDTH + VALUE.group]!;
      group !== NONE;
      group = this.#groups.get(group, GROUP.next)
    )
      found.push(group)
    return found
  }

  /** In how many documents the value stands in these groups, of which there is at least one. */
  placesIn(value: number, groups: readonly number[]): number {
    return groups.length > 1 ? this.#kept.placesOf.get(value)! : this.#groups.get(groups[0]!, GROUP.places)
  }

  /** By number, all that copies name. */
  claims(): string[] {
    return Array.from({ length: this.#claims.count }, (_, claim) => this.#claims.textOf(claim))
  }

  /** NONE for nobody, and for whom no copy that stands names. */
  numberOfClaim(claimId: string | null): number {
    return claimId === null ? NONE : (this.#claims.numberOf(claimId) ?? NONE)
  }

  /** NONE where the copies name nobody. */
  claimOf(group: number): number {
    return this.#groups.get(group, GROUP.claim)
  }

  /** The place's key. */
  placeOf(group: number, column: typeof GROUP.last | typeof GROUP.unsettled): string | undefined {
    return this.#key(this.#groups.get(group, column))
  }

  /** The key of the first of its places. */
  firstPlaceOf(group: number): string | undefined {
    const firsts = BY_ENVIRONMENT.map(sort => this.#groups.get(group, sortColumn[sort])).filter(
      place => place !== NONE,
    )
    return firsts.length === 0 ? undefined : this.#key(this.#places.least(firsts))
  }

  unsettledPlaces(group: number): number {
    return this.#groups.get(group, GROUP.unsettledPlaces)
  }

  isIn(group: number, sort: Sort): boolean {
    return this.#groups.get(group, sortColumn[sort]) !== NONE
  }

  /** The key of a place of the sort. */
  placeOfSort(group: number, sort: Sort): string | undefined {
    return this.#key(this.#groups.get(group, sortColumn[sort]))
  }

  #key(place: number): string | undefined {
    return place === NONE ? undefined : this.#places.textOf(place)
  }
}
