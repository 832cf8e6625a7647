/**
 * A literal to look for. `text` holds one character per byte (Latin-1); `value` is handed back with each hit.
 */
export interface Literal {
  readonly text: string
  readonly ignoreCase: boolean
  readonly value: number
}

/** Where literals were seen, in order of where they end: `literal[i]` begins at `start[i]`. */
export interface Hits {
  count: number
  literal: Int32Array
  start: Int32Array
}

export function newHits(capacity = 1024): Hits {
  return { count: 0, literal: new Int32Array(capacity), start: new Int32Array(capacity) }
}

/**
 * Finds all literals in one pass over bytes: an Aho-Corasick automaton made deterministic, over byte classes rather
 * than bytes, so that the rows in use stay in the cache. It folds ASCII case for all literals, which keeps the table
 * small; a hit on a literal that minds case is compared again, which is rare.
 */
export class Prefilter {
  readonly literals: readonly Literal[]
  readonly #classOf = new Uint8Array(256)
  /** The next state for `state << #shift | class`: rows are a power of two long. */
  readonly #table: Uint16Array
  readonly #shift: number
  /** States are numbered so that those in which a literal ends come last: one comparison tells. */
  readonly #firstEnd: number
  /** For each state from #firstEnd on, which literals end there. */
  readonly #ends: readonly (readonly number[])[]
  readonly #bytesOf: readonly Uint8Array[]

  constructor(literals: readonly Literal[]) {
    this.literals = literals
    this.#bytesOf = literals.map(literal => new Uint8Array(Buffer.from(literal.text, 'latin1')))
    const width = this.#numberClasses()
    this.#shift = Math.ceil(Math.log2(width))
    const trie = this.#buildTrie(width)
    const { fail, order } = linkFailures(trie.next, width)
    for (const state of order) trie.ends[state]!.push(...trie.ends[fail[state]!]!)

    // Breadth first, so that the few states in which nearly all bytes are read lie beside each other.
    const renumbered = new Uint32Array(trie.ends.length)
    const breadthFirst = [0, ...order]
    const quiet = trie.ends.filter(ends => ends.length === 0).length
    let [nextQuiet, nextEnd] = [0, quiet]
    const ends: number[][] = []
    for (const state of breadthFirst) {
      const here = trie.ends[state]!
      renumbered[state] = here.length === 0 ? nextQuiet++ : nextEnd++
      if (here.length > 0) ends.push(here)
    }
    if (trie.ends.length > 0xffff) throw new Error('too many literals for one prefilter')
    this.#table = new Uint16Array(trie.ends.length << this.#shift)
    this.#ends = ends
    this.#firstEnd = quiet
    trie.next.forEach((target, edge) => {
      const row = renumbered[Math.floor(edge / width)]! << this.#shift
      this.#table[row + (edge % width)] = renumbered[target]!
    })
  }

  /** Adds the hits that lie within [from, to) of `bytes` to `hits`. */
  scan(bytes: Uint8Array, from: number, to: number, hits: Hits): void {
    const table = this.#table
    const classOf = this.#classOf
    const shift = this.#shift
    const firstEnd = this.#firstEnd
    let state = 0
    for (let at = from; at < to; at++) {
      state = table[(state << shift) | classOf[bytes[at]!]!]!
      if (state >= firstEnd) this.#record(bytes, at + 1, state, from, hits)
    }
  }

  #record(bytes: Uint8Array, end: number, state: number, from: number, hits: Hits): void {
    for (const index of this.#ends[state - this.#firstEnd]!) {
      const literal = this.literals[index]!
      const start = end - literal.text.length
      if (start < from) continue
      if (!literal.ignoreCase && !standsAt(bytes, start, this.#bytesOf[index]!)) continue
      if (hits.count === hits.start.length) grow(hits)
      hits.literal[hits.count] = index
      hits.start[hits.count++] = start
    }
  }

  /** Class 0 is every byte that no literal holds. */
  #numberClasses(): number {
    let count = 1
    for (const bytes of this.#bytesOf) {
      for (const byte of bytes) {
        const folded = fold(byte)
        if (this.#classOf[folded] !== 0) continue
        this.#classOf[folded] = count++
      }
    }
    for (let byte = 0x41; byte <= 0x5a; byte++) this.#classOf[byte] = this.#classOf[byte + 32]!
    return count
  }

  #buildTrie(width: number): { next: number[]; ends: number[][] } {
    const next: number[] = Array.from({ length: width }, () => 0)
    const ends: number[][] = [[]]
    this.#bytesOf.forEach((bytes, index) => {
      if (bytes.length === 0) throw new Error('a literal must not be empty')
      let state = 0
      for (const byte of bytes) {
        const edge = state * width + this.#classOf[byte]!
        if (next[edge] === 0) {
          next[edge] = ends.length
          ends.push([])
          for (let i = 0; i < width; i++) next.push(0)
        }
        state = next[edge]!
      }
      ends[state]!.push(index)
    })
    return { next, ends }
  }
}

/** Breadth first: completes `next` into a total function and gives each state its failure link. */
function linkFailures(next: number[], width: number): { fail: Uint32Array; order: number[] } {
  const fail = new Uint32Array(next.length / width)
  const order: number[] = []
  for (let c = 0; c < width; c++) if (next[c] !== 0) order.push(next[c]!)
  for (let head = 0; head < order.length; head++) {
    const state = order[head]!
    for (let c = 0; c < width; c++) {
      const edge = state * width + c
      const through = next[fail[state]! * width + c]!
      const child = next[edge]!
      if (child === 0) {
        next[edge] = through
      } else {
        fail[child] = through
        order.push(child)
      }
    }
  }
  return { fail, order }
}

function standsAt(bytes: Uint8Array, start: number, literal: Uint8Array): boolean {
  for (let i = 0; i < literal.length; i++) if (bytes[start + i] !== literal[i]) return false
  return true
}

function fold(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte
}

function grow(hits: Hits): void {
  const literal = new Int32Array(hits.literal.length * 2)
  const start = new Int32Array(hits.start.length * 2)
  literal.set(hits.literal)
  start.set(hits.start)
  hits.literal = literal
  hits.start = start
}
