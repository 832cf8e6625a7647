import { classOf } from '../byte-class.ts'
import { besideOf, CASELESS, gramsOf, othersOf, type Place, SharedGrams, tableOf } from './grams.ts'
import { Layout } from './linear-memory.ts'
import type { Beginning, Run } from '../rules/pattern-bounds.ts'
import { MIX, MOST_LISTED, marksOf, pairOf, sieve } from './sieve.ts'

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
  /** 1 for each byte that must not stand before it, but for one that ends an escape such as `%3D`, or a terminal's colour. */
  readonly before: Uint8Array | undefined
  /** A name goes on there, and something follows that may be assigned to it. */
  readonly isName: boolean
  /** How each match begins, if that is known. */
  readonly beginning?: Beginning
}

/** What literals are looked up in, as plain data: to make it takes as long as to read some megabytes, so that it can be made ahead. */
export interface Lookup {
  /** What lies at the beginning of the memory of `code`, a module of WebAssembly; the text comes at `end`. */
  readonly memory: Uint8Array<ArrayBuffer>
  readonly end: number
  readonly code: Uint8Array<ArrayBuffer>
  /** Which literals there are, in order of rank; in the memory they lie so, too. */
  readonly ranked: Int32Array
  /** By where they are in the memory. */
  readonly atStart: readonly {
    readonly at: number
    readonly sought: Uint8Array
    readonly ignoreCase: boolean
  }[]
}

const FILTER_BITS = 21
const PAIR_BITS = 18
const THREES_BITS = 13
const LITERAL_BYTES = 16

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => byte)
/** ASCII letters in lower case, other bytes as they are. */
export const FOLDED = EVERY_BYTE.map(byte => (byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte))

/** What a name is made of. */
export const IN_NAME = classOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-')
/** What can begin a separator behind it. */
const ENDS_NAME = classOf('"\'`*][ \t\v\f\r\n\xa0=:?|,<>({!+\\')
/** Longer than any pattern of a name, with what may stand beside it. */
const NAME: Run = { at: 0, of: IN_NAME, most: 1024, behind: ENDS_NAME }

/** Raises where a literal is shorter than three bytes and is not only looked for at the start. */
export function lookupOf(literals: readonly Literal[]): Lookup {
  const bytesOf = literals.map(({ text, ignoreCase, atStart }) => {
    const bytes = Buffer.from(text, 'latin1')
    if (bytes.length < 3 && !atStart) throw new Error('a literal must have at least three bytes')
    return ignoreCase ? Buffer.from(bytes.map(byte => FOLDED[byte]!)) : bytes
  })
  const ranked = Int32Array.from(literals.keys()).sort(
    (a, b) => bytesOf[a]!.length - bytesOf[b]!.length || a - b,
  )
  const shared = new SharedGrams()
  for (const bytes of bytesOf) shared.add(bytes)
  const layout = new Layout()
  const folds = [EVERY_BYTE, FOLDED].map(table => layout.put(table))
  const laidNeeds = layNeeds(literals, layout)
  const table = new Int32Array((LITERAL_BYTES / 4) * literals.length)
  const tableAt = layout.put(table)
  const filter = new Int32Array(1 << (FILTER_BITS - 5))
  const pairs = new Int32Array(1 << (PAIR_BITS - 5))
  const threes = new Uint8Array(1 << THREES_BITS)
  const places: Place[] = []
  const met: Lookup['atStart'][number][] = []
  ranked.forEach((literal, rank) => {
    const { ignoreCase, atStart, needs } = literals[literal]!
    const bytes = bytesOf[literal]!
    const at = tableAt + rank * LITERAL_BYTES
    const from = layout.put(bytes)
    table.set([from, from + bytes.length, folds[ignoreCase ? 1 : 0]!, laidNeeds.get(needs)!], 4 * rank)
    if (atStart) {
      met.push({ at, sought: Uint8Array.from(bytes), ignoreCase })
      return
    }
    for (const { gram, free, behind } of gramsOf(bytes, shared)) {
      const { kind, byte } = besideOf(bytes, behind)
      places.push({ gram, literal: at, behind, ...othersOf(bytes, behind, shared) })
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
  return { memory: layout.bytes(), end: layout.end, code, ranked, atStart: met }
}

/** Where all needs are: none at 0. */
function layNeeds(literals: readonly Literal[], layout: Layout): Map<Needs | undefined, number> {
  const classes = new Map<string, number>()
  const classAt = (bytes: Uint8Array) => {
    const key = Buffer.from(bytes).toString('latin1')
    const at = classes.get(key) ?? layout.put(bytes)
    classes.set(key, at)
    return at
  }
  const laid = new Map<Needs | undefined, number>([[undefined, 0]])
  for (const { needs } of literals) {
    if (!needs || laid.has(needs)) continue
    const { before, isName, beginning } = needs
    const run = isName ? NAME : beginning?.run
    const words = [
      before ? classAt(before) : 0,
      ...(beginning ? [layout.put(beginning.positions), beginning.length] : [0, 0]),
      ...(run ? [classAt(run.of), run.at, run.most, classAt(run.behind)] : [0, 0, 0, 0]),
    ]
    laid.set(needs, layout.put(Int32Array.from(words)))
  }
  return laid
}
