import { type CopiedPlace, MOST_PLACES } from '../../ownership/relations.ts'
import { ByteHeap, ByteTexts, widened } from './byte-texts.ts'
import { NONE } from './values-of-copies.ts'

/** Of each claim: how many were looked at, how many are kept, and of each of these its source, its container and its path. */
const WIDTH = 2 + MOST_PLACES * 3

/** Where in code copies stand that name somebody: some places of each, as `relations` keeps them. */
export class CopiesInCode {
  readonly #claims: ByteTexts
  readonly #sources: ByteTexts
  readonly #containers = new ByteTexts()
  readonly #paths = new ByteHeap()
  /** By claim where its numbers begin, or NONE. */
  #begins = new Int32Array(0)
  #numbers = new Int32Array(WIDTH << 8)
  #length = 0

  constructor(claims: ByteTexts, sources: ByteTexts) {
    this.#claims = claims
    this.#sources = sources
  }

  /** The path stands one byte behind the container. */
  take(claim: number, source: number, bytes: Uint8Array, start: number, end: number, pathEnd: number): void {
    const at = this.#of(claim)
    const own = this.#numbers
    const count = own[at + 1]!
    if (++own[at]! > MOST_PLACES * 2 || count === MOST_PLACES) return
    for (let place = at + 2; place < at + 2 + count * 3; place += 3)
      if (own[place] === source && this.#paths.isSame(own[place + 2]!, bytes, end + 1, pathEnd)) return
    const place = at + 2 + count * 3
    own[place] = source
    own[place + 1] = this.#containers.add(bytes, start, end)
    own[place + 2] = this.#paths.keep(bytes, end + 1, pathEnd)
    own[at + 1]!++
  }

  #of(claim: number): number {
    if (claim >= this.#begins.length) {
      const before = this.#begins.length
      this.#begins = widened(this.#begins, new Int32Array(claim * 2 + 256))
      this.#begins.fill(NONE, before)
    }
    const known = this.#begins[claim]!
    if (known !== NONE) return known
    if (this.#length === this.#numbers.length)
      this.#numbers = widened(this.#numbers, new Int32Array(this.#length * 2))
    this.#begins[claim] = this.#length
    this.#length += WIDTH
    return this.#length - WIDTH
  }

  /** By what is claimed, in its order. */
  *places(): Generator<CopiedPlace> {
    const sources = Array.from({ length: this.#sources.count }, (_, at) => this.#sources.textOf(at))
    const containers = Array.from({ length: this.#containers.count }, (_, at) => this.#containers.textOf(at))
    const claims = Array.from({ length: this.#claims.count }, (_, claim) => this.#claims.textOf(claim))
    const sorted = [...claims.keys()].sort((a, b) => (claims[a]! < claims[b]! ? -1 : 1))
    for (const claim of sorted) {
      const at = this.#begins[claim] ?? NONE
      if (at === NONE) continue
      for (let place = at + 2; place < at + 2 + this.#numbers[at + 1]! * 3; place += 3)
        yield {
          entity_id: claims[claim]!,
          source_id: sources[this.#numbers[place]!]!,
          container_id: containers[this.#numbers[place + 1]!]!,
          path: this.#paths.textOf(this.#numbers[place + 2]!),
        }
    }
  }
}
