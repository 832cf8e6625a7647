/**
 * A literal to look for. `text` holds one character per byte (Latin-1); `value` is handed back with each hit.
 */
export interface Literal {
  readonly text: string
  readonly ignoreCase: boolean
  /** Only the very first bytes are looked at. */
  readonly atStart?: boolean
  readonly value: number
}

/** Where literals were seen, in order of where they begin, shorter ones first: `literal[i]` begins at `start[i]`. */
export interface Hits {
  count: number
  literal: Int32Array
  start: Int32Array
}

export function newHits(capacity = 1024): Hits {
  return { count: 0, literal: new Int32Array(capacity), start: new Int32Array(capacity) }
}

const GRAM = 4
/** The bit of a letter's case in each byte of a gram. Set in all of them: others than letters fall together, too. */
const CASE = 0x20202020
/** 256 KiB: stays in a core's second cache, and so few of its bits are set that chance hits cost little. */
const FILTER_BITS = 21
/** What of a hash says which word of the filter, and which two bits of it: shifts, which count modulo 32. */
const WORD = 32 - (FILTER_BITS - 5)
const BIT = WORD - 5
const OTHER_BIT = BIT - 5
const THREES_BITS = 13
const MIX = 0x9e3779b1 | 0
/** Of a gram that stands for any byte at its end, or at its beginning, what is looked up. */
const WITHOUT_LAST = 0x00ffffff
const WITHOUT_FIRST = ~0xff

/**
 * Finds all literals in one pass over bytes. Each literal holds, at an even and at an odd distance from its start,
 * four bytes that are looked for; so only every second position of the text is looked at, by one hash into a table of
 * bits. Where both bits are set, the literals with those four bytes are compared. A literal of three or four bytes has
 * bits for every byte there may be beside it, and is looked up by the other three; a shorter one is looked for by itself:
 * there are few.
 *
 * This is several times as fast as an Aho-Corasick automaton, and hardly slows down with the number of literals, since
 * nothing in the loop waits for the position before.
 */
export class Prefilter {
  readonly literals: readonly Literal[]
  /** Two bits of one word for each hash of four bytes. */
  readonly #filter = new Int32Array(1 << (FILTER_BITS - 5))
  /** What `tableOf` made. */
  readonly #slots: Int32Array
  readonly #places: Int32Array
  readonly #shift: number
  /** One byte, 0 or 1, for each hash of the three bytes of a gram that has any byte beside them. */
  readonly #threes = new Uint8Array(1 << THREES_BITS)
  /** The literals' bytes one behind the other; in lower case where case does not count. */
  readonly #bytes: Uint8Array
  readonly #offset: Int32Array
  readonly #ignoreCase: Uint8Array
  /** In which order literals with the same start are given. */
  readonly #rank: Int32Array
  readonly #atStart: number[] = []
  readonly #short: { readonly text: string; readonly literal: number }[] = []

  constructor(literals: readonly Literal[]) {
    this.literals = literals
    const bytesOf = literals.map(({ text, ignoreCase }) => {
      const bytes = Buffer.from(text, 'latin1')
      return ignoreCase ? Buffer.from(bytes.map(byte => FOLDED[byte]!)) : bytes
    })
    this.#bytes = new Uint8Array(Buffer.concat(bytesOf))
    this.#offset = new Int32Array(literals.length + 1)
    bytesOf.forEach((bytes, literal) => (this.#offset[literal + 1] = this.#offset[literal]! + bytes.length))
    this.#ignoreCase = Uint8Array.from(literals, ({ ignoreCase }) => (ignoreCase ? 1 : 0))
    this.#rank = new Int32Array(literals.length)
    literals
      .map((_, literal) => literal)
      .sort((a, b) => bytesOf[a]!.length - bytesOf[b]!.length || a - b)
      .forEach((literal, rank) => (this.#rank[literal] = rank))
    const places: Place[] = []
    bytesOf.forEach((bytes, literal) => {
      if (bytes.length === 0) throw new Error('a literal must not be empty')
      if (literals[literal]!.atStart) this.#atStart.push(literal)
      else if (bytes.length < 3) this.#addShort(literals[literal]!, literal)
      else
        for (const { gram, free, behind } of gramsOf(bytes)) {
          places.push({ gram, literal, behind, ...besideOf(bytes, behind) })
          if (free !== undefined) this.#threes[Math.imul(gram, MIX) >>> (32 - THREES_BITS)] = 1
          for (const byte of free === undefined ? [0] : CASELESS)
            this.#mark(gram | (byte << (8 * (free ?? 0))))
        }
    })
    const table = tableOf(places)
    this.#slots = table.slots
    this.#places = table.places
    this.#shift = table.shift
  }

  /** Makes `hits` those that lie within [from, to) of `bytes`. */
  scan(bytes: Uint8Array, from: number, to: number, hits: Hits): void {
    hits.count = 0
    const filter = this.#filter
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (const literal of this.#atStart)
      if (this.#stands(bytes, from, to, literal)) addHit(hits, literal, from)
    let at = from
    // Four at a time, so that what the processor waits for is one thing in eight bytes. Shifts count modulo 32.
    for (const last = to - GRAM - 6; at <= last; at += 8) {
      const first = Math.imul(view.getInt32(at, true) | CASE, MIX)
      const second = Math.imul(view.getInt32(at + 2, true) | CASE, MIX)
      const third = Math.imul(view.getInt32(at + 4, true) | CASE, MIX)
      const fourth = Math.imul(view.getInt32(at + 6, true) | CASE, MIX)
      const word1 = filter[first >>> WORD]!
      const word2 = filter[second >>> WORD]!
      const word3 = filter[third >>> WORD]!
      const word4 = filter[fourth >>> WORD]!
      const met1 = (word1 >>> (first >>> BIT)) & (word1 >>> (first >>> OTHER_BIT))
      const met2 = (word2 >>> (second >>> BIT)) & (word2 >>> (second >>> OTHER_BIT))
      const met3 = (word3 >>> (third >>> BIT)) & (word3 >>> (third >>> OTHER_BIT))
      const met4 = (word4 >>> (fourth >>> BIT)) & (word4 >>> (fourth >>> OTHER_BIT))
      if (((met1 | met2 | met3 | met4) & 1) === 0) continue
      if (met1 & 1) this.#compare(view.getInt32(at, true) | CASE, bytes, at, from, to, hits)
      if (met2 & 1) this.#compare(view.getInt32(at + 2, true) | CASE, bytes, at + 2, from, to, hits)
      if (met3 & 1) this.#compare(view.getInt32(at + 4, true) | CASE, bytes, at + 4, from, to, hits)
      if (met4 & 1) this.#compare(view.getInt32(at + 6, true) | CASE, bytes, at + 6, from, to, hits)
    }
    // At the end there are not four bytes: what lies beyond counts as zeros.
    for (; at < to; at += 2) this.#compareLast(gramAt(bytes.subarray(at, to), 0), bytes, at, from, to, hits)
    this.#putInOrder(hits)
    if (this.#short.length > 0) this.#scanShort(bytes, from, to, hits)
  }

  #compareLast(gram: number, bytes: Uint8Array, at: number, from: number, to: number, hits: Hits): void {
    const hash = Math.imul(gram, MIX)
    const word = this.#filter[hash >>> WORD]!
    if (((word >>> (hash >>> BIT)) & (word >>> (hash >>> OTHER_BIT)) & 1) === 1)
      this.#compare(gram, bytes, at, from, to, hits)
  }

  /** All literals that have the gram, or three bytes of it. */
  #compare(gram: number, bytes: Uint8Array, at: number, from: number, to: number, hits: Hits): void {
    this.#compareThose(gram, bytes, at, from, to, hits)
    const threes = this.#threes
    const start = gram & WITHOUT_LAST
    if (threes[Math.imul(start, MIX) >>> (32 - THREES_BITS)] === 1)
      this.#compareThose(start, bytes, at, from, to, hits)
    const rest = gram & WITHOUT_FIRST
    if (threes[Math.imul(rest, MIX) >>> (32 - THREES_BITS)] === 1)
      this.#compareThose(rest, bytes, at, from, to, hits)
  }

  #compareThose(gram: number, bytes: Uint8Array, at: number, from: number, to: number, hits: Hits): void {
    const slots = this.#slots
    const places = this.#places
    let slot = (Math.imul(gram, MIX) >>> this.#shift) << 1
    for (; slots[slot] !== gram; slot = (slot + 2) & (slots.length - 1)) if (slots[slot] === 0) return
    const first = slots[slot + 1]!
    const end = places[first]!
    for (let place = first + 1; place < end; place += PLACE) {
      const start = at - places[place + 1]!
      // One byte more tells most of what only shares four.
      if (start < from || (bytes[at + places[place + 2]!]! | 0x20) !== places[place + 3]) continue
      const literal = places[place]!
      if (this.#stands(bytes, start, to, literal)) addHit(hits, literal, start)
    }
  }

  #stands(bytes: Uint8Array, start: number, to: number, literal: number): boolean {
    const sought = this.#bytes
    const end = this.#offset[literal + 1]!
    let i = this.#offset[literal]!
    if (start + end - i > to) return false
    let at = start
    if (this.#ignoreCase[literal] === 1) {
      for (; i < end; i++, at++) if (FOLDED[bytes[at]!] !== sought[i]) return false
    } else {
      for (; i < end; i++, at++) if (bytes[at] !== sought[i]) return false
    }
    return true
  }

  #scanShort(bytes: Uint8Array, from: number, to: number, hits: Hits): void {
    const range = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from)
    const before = hits.count
    for (const { text, literal } of this.#short) {
      for (let at = range.indexOf(text, 0, 'latin1'); at >= 0; at = range.indexOf(text, at + 1, 'latin1'))
        addHit(hits, literal, from + at)
    }
    if (hits.count > before) this.#sort(hits)
  }

  #mark(gram: number): void {
    const hash = Math.imul(gram, MIX)
    this.#filter[hash >>> WORD]! |= (1 << (hash >>> BIT)) | (1 << (hash >>> OTHER_BIT))
  }

  #addShort({ text, ignoreCase }: Literal, literal: number): void {
    const spellings = [...text].reduce<string[]>(
      (starts, letter) => {
        const lower = letter.replace(/[A-Z]/, upper => upper.toLowerCase())
        const upper = letter.replace(/[a-z]/, lower => lower.toUpperCase())
        const ways = ignoreCase ? [...new Set([lower, upper])] : [letter]
        return starts.flatMap(start => ways.map(way => start + way))
      },
      [''],
    )
    for (const spelling of spellings) this.#short.push({ text: spelling, literal })
  }

  /** Those of the grams come nearly in order. */
  #putInOrder({ count, start, literal }: Hits): void {
    const rank = this.#rank
    for (let i = 1; i < count; i++) {
      const position = start[i]!
      if (start[i - 1]! < position) continue
      const what = literal[i]!
      let at = i
      for (; at > 0; at--) {
        const before = start[at - 1]!
        if (before < position || (before === position && rank[literal[at - 1]!]! < rank[what]!)) break
        start[at] = before
        literal[at] = literal[at - 1]!
      }
      start[at] = position
      literal[at] = what
    }
  }

  #sort(hits: Hits): void {
    const literals = this.literals.length
    const literalOf = new Int32Array(literals)
    this.#rank.forEach((rank, literal) => (literalOf[rank] = literal))
    const keys = new Float64Array(hits.count)
    for (let i = 0; i < hits.count; i++) keys[i] = hits.start[i]! * literals + this.#rank[hits.literal[i]!]!
    keys.sort()
    for (let i = 0; i < hits.count; i++) {
      hits.start[i] = Math.floor(keys[i]! / literals)
      hits.literal[i] = literalOf[keys[i]! % literals]!
    }
  }
}

/** Where a gram stands in a literal, and another byte of it: so far from the gram, its case left out. */
interface Place {
  readonly gram: number
  readonly literal: number
  readonly behind: number
  readonly beside: number
  readonly byte: number
}

const PLACE = 4

/** The places of each gram. A slot holds the gram, or 0, and where its places begin: first their end, then each. */
function tableOf(places: readonly Place[]): { slots: Int32Array; places: Int32Array; shift: number } {
  const bits = Math.ceil(Math.log2(places.length + 8)) + 1
  const shift = 32 - bits
  const slots = new Int32Array(2 << bits)
  const slotOf = new Int32Array(places.length)
  let grams = 0
  places.forEach(({ gram }, index) => {
    let slot = (Math.imul(gram, MIX) >>> shift) << 1
    while (slots[slot] !== 0 && slots[slot] !== gram) slot = (slot + 2) & (slots.length - 1)
    if (slots[slot] === 0) grams++
    slots[slot] = gram
    slots[slot + 1]!++
    slotOf[index] = slot
  })
  const listed = new Int32Array(grams + PLACE * places.length)
  let next = 0
  for (let slot = 0; slot < slots.length; slot += 2) {
    if (slots[slot] === 0) continue
    const end = next + 1 + PLACE * slots[slot + 1]!
    slots[slot + 1] = next
    listed[next] = next + 1
    next = end
  }
  places.forEach(({ literal, behind, beside, byte }, index) => {
    const first = slots[slotOf[index]! + 1]!
    listed.set([literal, behind, beside, byte], listed[first]!)
    listed[first]! += PLACE
  })
  return { slots, places: listed, shift }
}

const EVERY_BYTE = Array.from({ length: 256 }, (_, byte) => byte)
/** ASCII letters in lower case, other bytes as they are. */
const FOLDED = Uint8Array.from(EVERY_BYTE, byte => (byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte))

/**
 * What to look for, so that the literal is met whether it begins at an even or at an odd position. `free` is the byte of
 * the gram that may be any.
 */
function gramsOf(bytes: Uint8Array): { gram: number; free?: number; behind: number }[] {
  const rarest: [number | undefined, number | undefined] = [undefined, undefined]
  const most = [-1, -1]
  for (let offset = 0; offset + GRAM <= bytes.length; offset++) {
    const rare = rarity(bytes, offset)
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

/** The byte of a literal right after a gram of it, or before, or if there is none, one of the gram's own. */
function besideOf(bytes: Uint8Array, behind: number): { beside: number; byte: number } {
  const beside = behind + GRAM < bytes.length ? GRAM : behind > 0 ? -1 : -Math.min(0, behind)
  return { beside, byte: bytes[behind + beside]! | 0x20 }
}

function gramAt(bytes: ArrayLike<number>, at: number): number {
  const byte = (offset: number) => (bytes[at + offset] ?? 0) << (8 * offset)
  return byte(0) | byte(1) | byte(2) | byte(3) | CASE
}

/** What a byte can be in a gram. */
const CASELESS = EVERY_BYTE.filter(byte => (byte & 0x20) !== 0)

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

const KIND = Uint8Array.from(EVERY_BYTE, kindOf)

function kindOf(byte: number): number {
  const folded = (byte & 0x7f) | 0x20
  if (folded >= 0x61 && folded <= 0x7a) return folded - 0x61
  if (folded >= 0x30 && folded <= 0x39) return 26
  const special = [0x20, 0x7f, 0x2e, 0x2d].indexOf(folded)
  return special < 0 ? 31 : 27 + special
}

/** How seldom four bytes are met in ordinary text, roughly: what is rare there makes fewer comparisons. */
function rarity(bytes: Uint8Array, at: number): number {
  let sum = RARE[KIND[bytes[at]!]!]!
  for (let i = at; i < at + GRAM - 1; i++) sum += RARE_AFTER[KIND[bytes[i]!]!]![KIND[bytes[i + 1]!]!]!
  return sum
}

function addHit(hits: Hits, literal: number, start: number): void {
  if (hits.count === hits.start.length) grow(hits)
  hits.literal[hits.count] = literal
  hits.start[hits.count++] = start
}

function grow(hits: Hits): void {
  const literal = new Int32Array(hits.literal.length * 2)
  const start = new Int32Array(hits.start.length * 2)
  literal.set(hits.literal)
  start.set(hits.start)
  hits.literal = literal
  hits.start = start
}
