import { type Beside, CASE, GRAM, MIX, PLACE_WORDS, WITHOUT_FIRST, WITHOUT_LAST } from './sieve.ts'

/** Where a gram stands in a literal, and four other bytes of it: so far from the gram, their case left out, or 0. */
export interface Place {
  readonly gram: number
  /** Where the literal is. */
  readonly literal: number
  readonly behind: number
  readonly from: number
  readonly others: number
}

/**
 * The places of each gram, as they are to lie at `placesAt`. A slot holds the gram, or 0, and where its places begin: first where they
 * end, then each.
 */
export function tableOf(
  places: readonly Place[],
  placesAt: number,
): { slots: Int32Array; listed: Int32Array; bits: number; most: number } {
  const bits = Math.ceil(Math.log2(new Set(places.map(({ gram }) => gram)).size + 8)) + 1
  const slots = new Int32Array(2 << bits)
  const slotOf = new Int32Array(places.length)
  let grams = 0
  places.forEach(({ gram }, index) => {
    let slot = (Math.imul(gram, MIX) >>> (32 - bits)) << 1
    while (slots[slot] !== 0 && slots[slot] !== gram) slot = (slot + 2) & (slots.length - 1)
    if (slots[slot] === 0) grams++
    slots[slot] = gram
    slots[slot + 1]!++
    slotOf[index] = slot
  })
  const listed = new Int32Array(grams + PLACE_WORDS * places.length)
  let next = 0
  let most = 0
  for (let slot = 0; slot < slots.length; slot += 2) {
    if (slots[slot] === 0) continue
    most = Math.max(most, slots[slot + 1]!)
    const end = next + 1 + PLACE_WORDS * slots[slot + 1]!
    slots[slot + 1] = placesAt + 4 * next
    listed[next] = next + 1
    next = end
  }
  places.forEach(({ literal, behind, from, others }, index) => {
    const first = (slots[slotOf[index]! + 1]! - placesAt) / 4
    listed.set([literal, behind, from, others], listed[first]!)
    listed[first]! += PLACE_WORDS
  })
  for (let slot = 0; slot < slots.length; slot += 2)
    if (slots[slot] !== 0) {
      const first = (slots[slot + 1]! - placesAt) / 4
      listed[first] = placesAt + 4 * listed[first]!
    }
  return { slots, listed, bits, most }
}

/**
 * What to look for, so that the literal is met whether it begins at an even or at an odd position. `free` is the byte of
 * the gram that may be any.
 */
export function gramsOf(
  bytes: Uint8Array,
  shared: SharedGrams,
): { gram: number; free?: number; behind: number }[] {
  const rarest: [number | undefined, number | undefined] = [undefined, undefined]
  const most = [-1, -1]
  for (let offset = 0; offset + GRAM <= bytes.length; offset++) {
    const rare = shared.rarity(bytes, offset)
    if (rare <= most[offset & 1]!) continue
    most[offset & 1] = rare
    rarest[offset & 1] = offset
  }
  return [0, 1].map(parity => {
    const offset = rarest[parity]
    if (offset !== undefined) return { gram: gramAt(bytes, offset), behind: offset }
    return parity === 0
      ? { gram: gramAt(bytes, 0) & WITHOUT_LAST, free: 3, behind: 0 }
      : { gram: gramAt([0, ...bytes], 0) & WITHOUT_FIRST, free: 0, behind: -1 }
  })
}

/** Of what is searched, about so much is made of what literals are made of. */
const OF_LITERALS = 1 / 16

/** How often grams occur in all literals. What they share, as `assw`, is met more often than its letters say. */
export class SharedGrams {
  readonly #times = new Map<number, number>()
  #all = 0

  add(bytes: Uint8Array): void {
    for (let offset = 0; offset + GRAM <= bytes.length; offset++) {
      const gram = gramAt(bytes, offset)
      this.#times.set(gram, (this.#times.get(gram) ?? 0) + 1)
      this.#all++
    }
  }

  /** Twice the negative binary logarithm of how often four bytes are met, roughly: what is rare makes fewer comparisons. */
  rarity(bytes: Uint8Array, at: number): number {
    const times = this.#times.get(gramAt(bytes, at)) ?? 0
    return -2 * Math.log2(2 ** (-rarity(bytes, at) / 2) + (OF_LITERALS * times) / this.#all)
  }
}

/** The byte of a literal right behind a gram of it, or before; if there is none, one of the gram's own. */
export function besideOf(bytes: Uint8Array, behind: number): { kind: Beside; byte: number } {
  const kind = behind + GRAM < bytes.length ? 'behind' : behind > 0 ? 'before' : 'none'
  const at = kind === 'behind' ? behind + GRAM : kind === 'before' ? behind - 1 : Math.max(0, behind)
  return { kind, byte: bytes[at]! | 0x20 }
}

/** Four bytes of a literal that its gram does not tell, the rarest or as many as there are: where they are, from the gram, and which. */
export function othersOf(
  bytes: Uint8Array,
  behind: number,
  shared: SharedGrams,
): { from: number; others: number } {
  const isTold = bytes.length < GRAM || (behind === 0 && bytes.length === GRAM)
  if (isTold) return { from: 0, others: 0 }
  let [at, most] = [0, -1]
  for (let offset = 0; offset + GRAM <= bytes.length; offset++) {
    const further = Math.min(GRAM, Math.abs(offset - behind))
    const told = 100 * further + shared.rarity(bytes, offset)
    if (told > most) [at, most] = [offset, told]
  }
  return { from: at - behind, others: gramAt(bytes, at) }
}

function gramAt(bytes: ArrayLike<number>, at: number): number {
  const byte = (offset: number) => (bytes[at + offset] ?? 0) << (8 * offset)
  return byte(0) | byte(1) | byte(2) | byte(3) | CASE
}

/** What a byte can be in a gram. */
export const CASELESS = Array.from({ length: 256 }, (_, byte) => byte).filter(byte => (byte & 0x20) !== 0)

/**
 * How rare a kind of byte is in ordinary text (programs, their documentation), and how rare each is after another: twice
 * the negative binary logarithm of how often, in one digit of base 36. The kinds are a to z, digits, the space, `_`, `.`,
 * `-`, and all others.
 */
const RARE = [...'9dab7bcb9ifac99bj998beefdji5cdfe'].map(digit => Number.parseInt(digit, 36))
const RARE_AFTER = (
  'ja9ahgalake696mal686cdgfclm9ehij 8gdg5gfj79i6gh8em9bd6jld8hhcddhh 7gcg6ik7al98di4flad6ajjlgolbbegh ' +
  '9geb4fgh6ljdgh9flcbdbfjigrk5abef af98c9ejfkkbb7gde679icfaeon5ccgf 9hfe99jn4rnaid6hn9b98lhodsj5cghg ' +
  'bgbi5he88nl7d8bcn9abbhkmiim6acef 6ljh3klm6qkgfh8ipaf7cljqhol8cfhg ba89a99pkoh9a47cmc67lcmfqdqffikk ' +
  '8hdd3giiaieheg8cff4faeilhkld9fjj 9ebe4dee8lieeadfjf9ddegkhkk66bde 7egb5ffj5kh7ii8fni999fjhbil89eeg ' +
  '5afd4hhl7khaag87miafbilliqm8begh 9j877c7jbledie9foi76aelocnl6ddfg fba8g8dlcjfa95c8r5a98cbjjls9eiik ' +
  '6jef5ehd9pe8fd7aj6a89ijk9klbbghh eedgdffjfhiafdhdefee1iilhhka8chg 7hbd5ebl7qeeba7ema98beglbqo6behg ' +
  'bjbh6ggb8qdage9ajf86ajhldmm5bage 9jdf6gj57pkdeg8do8abbldf9om6bdeg c99a8bdnank786har676lgnfmkibhgnl ' +
  '5jfg3ggk6phfdi7cmgfginjjlnfcbfii 5hef8ig74mleha8hl9bghlamlpm8cchi ahaf9dhiaodfbie6jg75jkjfhjd89ccf ' +
  'defhdhhkepkccb95l89aikfmmho39bed 8ggh2fhf9mic9h8hkgfhfkhkdbdc9eig eeeefekmjojejkliljijhkmann9788ac ' +
  '9baccbde9jhcccablba8ddchhii3gihe 8a7999ab8jda9ab8g978abddkjhg8htl ce8bbec9cchbcdablcabfgfhkkd6d9nc ' +
  'bbabbbefbhgabccakcaadeddkhd8pn3g cebbdeeediidfeedmeccefhgmki3feha'
)
  .split(' ')
  .map(row => [...row].map(digit => Number.parseInt(digit, 36)))

const KIND = Uint8Array.from({ length: 256 }, (_, byte) => kindOf(byte))

function kindOf(byte: number): number {
  const folded = (byte & 0x7f) | 0x20
  if (folded >= 0x61 && folded <= 0x7a) return folded - 0x61
  if (folded >= 0x30 && folded <= 0x39) return 26
  const special = [0x20, 0x7f, 0x2e, 0x2d].indexOf(folded)
  return special < 0 ? 31 : 27 + special
}

/** How seldom four bytes are met in ordinary text, in the same measure. */
function rarity(bytes: Uint8Array, at: number): number {
  let sum = RARE[KIND[bytes[at]!]!]!
  for (let i = at; i < at + GRAM - 1; i++) sum += RARE_AFTER[KIND[bytes[i]!]!]![KIND[bytes[i + 1]!]!]!
  return sum
}
