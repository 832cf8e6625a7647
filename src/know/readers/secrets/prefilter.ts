import { classOf } from './byte-class.ts'
import { besideOf, CASELESS, gramsOf, type Place, tableOf } from './grams.ts'
import { Layout, LinearMemory } from './linear-memory.ts'
import type { Beginning, Run } from './pattern-bounds.ts'
import {
  HIT_BYTES,
  IS_IN_CODES,
  MAY_MATCH,
  MIX,
  MOST_LISTED,
  marksOf,
  PADDING,
  pairOf,
  sieve,
} from './sieve.ts'

/**
 * A literal to look for. `text` holds one character per byte (Latin-1).
 */
export interface Literal {
  readonly text: string
  readonly ignoreCase: boolean
  /** Only the very first bytes are looked at. */
  readonly atStart?: boolean
  readonly needs?: Needs
}

/** What must hold of the bytes around a literal, or nothing of its rule can match there: several literals may share it. */
export interface Needs {
  /** 1 for each byte that must not stand before it, but for one that ends an escape such as `%3D`. */
  readonly before: Uint8Array | undefined
  /** A name goes on there, and something follows that may be assigned to it. */
  readonly isName: boolean
}

/**
 * Where literals were seen, in order of where they begin, shorter ones first: `literal[i]` begins at `start[i]`, and `is[i]` says
 * what was told of the bytes around it: MAY_MATCH, IS_IN_CODES, or both.
 */
export interface Hits {
  count: number
  literal: Int32Array
  start: Int32Array
  is: Uint8Array
}

export function newHits(capacity = 1024): Hits {
  return {
    count: 0,
    literal: new Int32Array(capacity),
    start: new Int32Array(capacity),
    is: new Uint8Array(capacity),
  }
}

const FILTER_BITS = 21
const PAIR_BITS = 18
const THREES_BITS = 13
const LITERAL_BYTES = 16
const BEGINNING_BYTES = 1024
const BYTE_KINDS = 256

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => byte)
/** ASCII letters in lower case, other bytes as they are. */
const FOLDED = EVERY_BYTE.map(byte => (byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte))

/** What a name is made of. */
export const IN_NAME = classOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-')
/** What can begin a separator behind it. */
const ENDS_NAME = classOf('"\'`][ \t\v\f\r\n\xa0=:?|,<>({!+\\')
/** Longer than any pattern of a name, with what may stand beside it. */
const NAME: Run = { at: 0, of: IN_NAME, most: 1024, behind: ENDS_NAME }

/**
 * Finds all literals in one pass over bytes. Each literal holds, at an even and at an odd distance from its start,
 * four bytes that are looked for; so only every second position of the text is looked at, by one hash into a table of
 * bits, 256 KiB, which stays in a core's second cache. Where both bits are set, the literals with those four bytes are
 * compared. A literal of three or four bytes has bits for every byte there may be beside it, and is looked up by the other
 * three. What its rule needs around it is looked at as well, and whether anything is in codes there: most hits are nothing.
 *
 * This is several times as fast as an Aho-Corasick automaton, and hardly slows down with the number of literals, since
 * nothing in the loop waits for the position before. It runs in WebAssembly, over a copy of the bytes behind its tables.
 */
export class Prefilter {
  readonly literals: readonly Literal[]
  readonly #memory: LinearMemory
  readonly #run: (...integers: number[]) => number
  readonly #lines: (...integers: number[]) => number
  /** Which literals there are, in order of rank; in the memory they lie so, too. */
  readonly #ranked: Int32Array
  /** Where each kind of needs is, and where there is room for how its matches begin. */
  readonly #needs = new Map<Needs, { readonly at: number; readonly learnt: number }>()
  /** By where they are in the memory. */
  readonly #atStart: { readonly at: number; readonly sought: Buffer; readonly ignoreCase: boolean }[] = []
  readonly #textAt: number

  constructor(literals: readonly Literal[]) {
    this.literals = literals
    const bytesOf = literals.map(({ text, ignoreCase, atStart }) => {
      const bytes = Buffer.from(text, 'latin1')
      if (bytes.length < 3 && !atStart) throw new Error('a literal must have at least three bytes')
      return ignoreCase ? Buffer.from(bytes.map(byte => FOLDED[byte]!)) : bytes
    })
    this.#ranked = Int32Array.from(literals.keys()).sort(
      (a, b) => bytesOf[a]!.length - bytesOf[b]!.length || a - b,
    )
    const layout = new Layout()
    const folds = [EVERY_BYTE, FOLDED].map(table => layout.put(table))
    this.#layNeeds(layout)
    const table = new Int32Array((LITERAL_BYTES / 4) * literals.length)
    const tableAt = layout.put(table)
    const filter = new Int32Array(1 << (FILTER_BITS - 5))
    const pairs = new Int32Array(1 << (PAIR_BITS - 5))
    const threes = new Uint8Array(1 << THREES_BITS)
    const places: Place[] = []
    this.#ranked.forEach((literal, rank) => {
      const { ignoreCase, atStart, needs } = literals[literal]!
      const bytes = bytesOf[literal]!
      const at = tableAt + rank * LITERAL_BYTES
      const from = layout.put(bytes)
      const fold = folds[ignoreCase ? 1 : 0]!
      table.set([from, from + bytes.length, fold, needs ? this.#needs.get(needs)!.at : 0], 4 * rank)
      if (atStart) {
        this.#atStart.push({ at, sought: bytes, ignoreCase })
        return
      }
      for (const { gram, free, behind } of gramsOf(bytes)) {
        const { kind, beside, byte } = besideOf(bytes, behind)
        places.push({ gram, literal: at, behind, beside, byte })
        const pair = pairOf(gram, kind, byte, PAIR_BITS)
        pairs[pair >>> 5]! |= 1 << pair
        if (free !== undefined) threes[Math.imul(gram, MIX) >>> (32 - THREES_BITS)] = 1
        for (const byte of free === undefined ? [0] : CASELESS) {
          const { word, bits } = marksOf(gram | (byte << (8 * (free ?? 0))), FILTER_BITS)
          filter[word]! |= bits
        }
      }
    })
    const { slots, listed, bits, most } = tableOf(places, layout.end)
    layout.put(listed)
    const code = sieve({
      literals: tableAt,
      slots: layout.put(slots),
      slotBits: bits,
      filter: layout.put(filter),
      filterBits: FILTER_BITS,
      pairs: layout.put(pairs),
      pairBits: PAIR_BITS,
      threes: layout.put(threes),
      threesBits: THREES_BITS,
      listed: layout.put(4 * MOST_LISTED),
      mostPlaces: most,
    })
    this.#textAt = layout.end
    this.#memory = new LinearMemory(layout)
    const { run, lines } = this.#memory.instance(code)
    this.#run = run!
    this.#lines = lines!
  }

  #layNeeds(layout: Layout): void {
    const befores = new Map<Uint8Array | undefined, number>([[undefined, 0]])
    const name = [layout.put(NAME.of), NAME.at, NAME.most, layout.put(NAME.behind)]
    for (const { needs } of this.literals) {
      if (!needs || this.#needs.has(needs)) continue
      const { before, isName } = needs
      if (before && !befores.has(before)) befores.set(before, layout.put(before))
      const run = isName ? name : [0, 0, 0, 0]
      const at = layout.put(Int32Array.of(befores.get(before)!, 0, 0, ...run))
      this.#needs.set(needs, { at, learnt: layout.put(BEGINNING_BYTES + 2 * BYTE_KINDS) })
    }
  }

  /** How each match begins of the rule that has these needs: it is another of them from here on. */
  learn(needs: Needs, { positions, length, run }: Beginning): void {
    const { at, learnt } = this.#needs.get(needs)!
    this.#memory.words(learnt, positions.length).set(positions)
    this.#memory.words(at, 3).set([learnt, length], 1)
    if (needs.isName || !run) return
    const [of, behind] = [learnt + BEGINNING_BYTES, learnt + BEGINNING_BYTES + BYTE_KINDS]
    this.#memory.bytes.set(run.of, of)
    this.#memory.bytes.set(run.behind, behind)
    this.#memory.words(at, 7).set([of, run.at, run.most, behind], 3)
  }

  /** Makes `hits` those in `bytes` that are something; with `wantsCodes` also those around which something is in codes. */
  scan(bytes: Uint8Array, hits: Hits, wantsCodes = false): void {
    const memory = this.#memory
    const end = this.#take(bytes)
    const hitsAt = (end + PADDING + 15) & ~15
    memory.reach(hitsAt + this.#atStart.length * HIT_BYTES)
    let out = hitsAt
    for (const { at, sought, ignoreCase } of this.#atStart)
      if (sought.every((byte, index) => (ignoreCase ? FOLDED[bytes[index]!] : bytes[index]) === byte)) {
        memory.words(out, 2).set([this.#textAt, at])
        out += HIT_BYTES
      }
    const count = (this.#run(this.#textAt, end, hitsAt, out, wantsCodes ? 1 : 0) - hitsAt) / HIT_BYTES
    if (count > hits.start.length) Object.assign(hits, newHits(count + (count >> 2)))
    hits.count = count
    const words = memory.words(hitsAt, 2 * count)
    for (let i = 0; i < count; i++) {
      const told = words[2 * i + 1]!
      hits.start[i] = words[2 * i]!
      hits.literal[i] = this.#ranked[told >> 2]!
      hits.is[i] = told & (MAY_MATCH | IS_IN_CODES)
    }
  }
  /** How many newlines there are: the same memory makes it several times as fast. */
  newlines(bytes: Uint8Array): number {
    return this.#lines(this.#textAt, this.#take(bytes))
  }

  /** Where the bytes end in the memory, with zeros behind them. */
  #take(bytes: Uint8Array): number {
    const end = this.#textAt + bytes.length
    this.#memory.reach(end + PADDING)
    this.#memory.bytes.set(bytes, this.#textAt)
    this.#memory.bytes.fill(0, end, end + PADDING)
    return end
  }
}
