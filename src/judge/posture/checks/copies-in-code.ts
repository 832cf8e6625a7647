import { type CopiedPlace, MOST_PLACES } from '../../ownership/relations.ts'
import { ByteHeap, type BytesKept, ByteTexts, widened } from '../../../core/store/byte-texts.ts'
import { NONE } from './values-of-copies.ts'

/** Of each claim: how many were looked at, how many are kept, and of each of these its source, its container and its path. */
const WIDTH = 2 + MOST_PLACES * 3

/** What is kept of where in code copies stand; a thread can send it. */
export interface InCode {
  readonly claims: BytesKept
  readonly sources: BytesKept
  readonly containers: BytesKept
  readonly paths: BytesKept
  readonly begins: Int32Array
  readonly numbers: Int32Array
}

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

  get kept(): InCode {
    const [claims, sources, containers] = [this.#claims, this.#sources, this.#containers].map(textsOf)
    return {
      claims: claims!,
      sources: sources!,
      containers: containers!,
      paths: this.#paths.kept,
      begins: this.#begins,
      numbers: this.#numbers,
    }
  }
}

/** What finds them again is of no use any more. */
function textsOf({ kept: { bytes, ends, count } }: ByteTexts): BytesKept {
  return { bytes, ends, count }
}

/** By what is claimed, in its order. */
export function* placesInCode({ begins, numbers, ...kept }: InCode): Generator<CopiedPlace> {
  const [claims, sources, containers] = [kept.claims, kept.sources, kept.containers].map(allIn)
  const paths = new ByteHeap(kept.paths)
  const sorted = [...claims!.keys()].sort((a, b) => (claims![a]! < claims![b]! ? -1 : 1))
  for (const claim of sorted) {
    const at = begins[claim] ?? NONE
    if (at === NONE) continue
    for (let place = at + 2; place < at + 2 + numbers[at + 1]! * 3; place += 3)
      yield {
        entity_id: claims![claim]!,
        source_id: sources![numbers[place]!]!,
        container_id: containers![numbers[place + 1]!]!,
        path: paths.textOf(numbers[place + 2]!),
      }
  }
}

function allIn(kept: BytesKept): string[] {
  const heap = new ByteHeap(kept)
  return Array.from({ length: kept.count }, (_, at) => heap.textOf(at))
}
