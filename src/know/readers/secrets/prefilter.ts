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
const BUCKET_BITS = 14
const MIX = 0x9e3779b1 | 0
/** An entry: the gram, its literal, how far behind the literal's start the gram is, and the next entry. */
const ENTRY = 4

/**
 * Finds all literals in one pass over bytes. Each literal holds, at an even and at an odd distance from its start,
 * four bytes that are looked for; so only every second position of the text is looked at, by one hash into a table of
 * bits. Where the bit is set, the literals with those four bytes are compared. A literal of three or four bytes is
 * looked for with every byte there may be beside it, a shorter one by itself: there are few.
 *
 * This is several times as fast as an Aho-Corasick automaton, and hardly slows down with the number of literals, since
 * nothing in the loop waits for the position before.
 */
export class Prefilter {
  readonly literals: readonly Literal[]
  /** One bit for each hash of four bytes. */
  readonly #filter = new Int32Array(1 << (FILTER_BITS - 5))
  /** Chains of entries by the same hash, shortened: 0 is the end. */
  readonly #bucket = new Int32Array(1 << BUCKET_BITS)
  readonly #entries: Int32Array
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
    const entries: number[] = [0, 0, 0, 0]
    bytesOf.forEach((bytes, literal) => {
      if (bytes.length === 0) throw new Error('a literal must not be empty')
      if (literals[literal]!.atStart) this.#atStart.push(literal)
      else if (bytes.length < 3) this.#addShort(literals[literal]!, literal)
      else for (const { gram, behind } of gramsOf(bytes)) this.#add(entries, gram, literal, behind)
    })
    this.#entries = Int32Array.from(entries)
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
      const first = Math.imul(view.getInt32(at, true) | CASE, MIX) >>> (32 - FILTER_BITS)
      const second = Math.imul(view.getInt32(at + 2, true) | CASE, MIX) >>> (32 - FILTER_BITS)
      const third = Math.imul(view.getInt32(at + 4, true) | CASE, MIX) >>> (32 - FILTER_BITS)
      const fourth = Math.imul(view.getInt32(at + 6, true) | CASE, MIX) >>> (32 - FILTER_BITS)
      const any =
        (filter[first >>> 5]! >>> first) |
        (filter[second >>> 5]! >>> second) |
        (filter[third >>> 5]! >>> third) |
        (filter[fourth >>> 5]! >>> fourth)
      if (any & 1)
        for (let near = at; near < at + 8; near += 2)
          this.#compare(bytes, near, view.getInt32(near, true) | CASE, from, to, hits)
    }
    // At the end there are not four bytes: what lies beyond counts as zeros.
    for (; at < to; at += 2) this.#compare(bytes, at, gramAt(bytes.subarray(at, to), 0), from, to, hits)
    this.#putInOrder(hits)
    if (this.#short.length > 0) this.#scanShort(bytes, from, to, hits)
  }

  #compare(bytes: Uint8Array, at: number, gram: number, from: number, to: number, hits: Hits): void {
    const hash = Math.imul(gram, MIX) >>> (32 - FILTER_BITS)
    if (((this.#filter[hash >>> 5]! >>> hash) & 1) === 0) return
    const entries = this.#entries
    let entry = this.#bucket[hash >>> (FILTER_BITS - BUCKET_BITS)]!
    for (; entry !== 0; entry = entries[entry + 3]!) {
      if (entries[entry] !== gram) continue
      const start = at - entries[entry + 2]!
      const literal = entries[entry + 1]!
      if (start >= from && this.#stands(bytes, start, to, literal)) addHit(hits, literal, start)
    }
  }

  #stands(bytes: Uint8Array, start: number, to: number, literal: number): boolean {
    const sought = this.#bytes
    const [first, end] = [this.#offset[literal]!, this.#offset[literal + 1]!]
    if (start + end - first > to) return false
    if (this.#ignoreCase[literal] === 1) {
      for (let i = first; i < end; i++) if (FOLDED[bytes[start + i - first]!] !== sought[i]) return false
    } else {
      for (let i = first; i < end; i++) if (bytes[start + i - first] !== sought[i]) return false
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

  #add(entries: number[], gram: number, literal: number, behind: number): void {
    const hash = Math.imul(gram, MIX) >>> (32 - FILTER_BITS)
    this.#filter[hash >>> 5]! |= 1 << (hash & 31)
    const bucket = hash >>> (FILTER_BITS - BUCKET_BITS)
    entries.push(gram, literal, behind, this.#bucket[bucket]!)
    this.#bucket[bucket] = entries.length - ENTRY
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
      const [position, what] = [start[i]!, literal[i]!]
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

const EVERY_BYTE = Array.from({ length: 256 }, (_, byte) => byte)
/** ASCII letters in lower case, other bytes as they are. */
const FOLDED = Uint8Array.from(EVERY_BYTE, byte => (byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte))

/** What to look for, so that the literal is met whether it begins at an even or at an odd position. */
function gramsOf(bytes: Uint8Array): { gram: number; behind: number }[] {
  const rarest: [number | undefined, number | undefined] = [undefined, undefined]
  const least = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let offset = 0; offset + GRAM <= bytes.length; offset++) {
    const common = commonness(bytes, offset)
    if (common >= least[offset & 1]!) continue
    least[offset & 1] = common
    rarest[offset & 1] = offset
  }
  return [0, 1].flatMap(parity => {
    const offset = rarest[parity]
    if (offset !== undefined) return [{ gram: gramAt(bytes, offset), behind: offset }]
    const [near, free] = parity === 0 ? [gramAt(bytes, 0), bytes.length] : [gramAt([0, ...bytes], 0), 0]
    const others = near & ~(0xff << (8 * free))
    return CASELESS.map(byte => ({ gram: others | (byte << (8 * free)), behind: -parity }))
  })
}

function gramAt(bytes: ArrayLike<number>, at: number): number {
  const byte = (offset: number) => (bytes[at + offset] ?? 0) << (8 * offset)
  return byte(0) | byte(1) | byte(2) | byte(3) | CASE
}

/** What a byte can be in a gram. */
const CASELESS = EVERY_BYTE.filter(byte => (byte & 0x20) !== 0)

/** Pairs of letters, the most frequent in source code and English first. */
const FREQUENT = new Map(
  (
    'on re er in st de te en th es ti at or co io ar pe le nt is se et al ns me ec ex ct ty ed ra ta ro od rt ri it nd nc ' +
    'pr pa tr ng as he an fi yp li ts ne no ur ss un to ea si hi op ce ma if po ul am na ge rn la em ac ch om ca ef ll xp ' +
    'va tu pt il ve ue el be id rs cl lo ke mp ep lu rr nu di fu so ol tt ha fo sc of ie ot fa ou ad ig im ut sp pl um lt'
  )
    .split(' ')
    .map((pair, rank) => [pair.charCodeAt(0) | (pair.charCodeAt(1) << 8), 200 - rank]),
)

/** How often four bytes are met in ordinary text, roughly: what is rare there makes fewer comparisons. */
function commonness(bytes: Uint8Array, at: number): number {
  let sum = 0
  for (let i = at; i < at + GRAM - 1; i++)
    sum += FREQUENT.get(FOLDED[bytes[i]!]! | (FOLDED[bytes[i + 1]!]! << 8)) ?? 1
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
