import { CODES } from '../codes/embedded.ts'
import {
  add,
  and,
  and128,
  bits,
  block,
  call,
  type Code,
  count,
  eq,
  eq8,
  get,
  go,
  goIf,
  grow,
  isZero,
  leadingZeros,
  leave,
  less,
  load,
  load16x8,
  load8,
  loop,
  Module,
  mul,
  ne,
  or,
  or128,
  pages,
  set,
  shl,
  shr,
  splat,
  store,
  sub,
  tee,
  trailingZeros,
  when,
} from './wasm.ts'

/** Where the tables lie in the memory, and how they are looked up. */
export interface Tables {
  /** Of each literal, in order of rank, four numbers: where its bytes begin and end, where their folding is, and its `Needs`, or 0. */
  readonly literals: number
  /** Two bits of one word for each hash of a gram: 2^`filterBits` bits. */
  readonly filter: number
  readonly filterBits: number
  /** One bit for each hash of a gram with another byte beside it: 2^`pairBits` bits. Most of what shares a gram differs there. */
  readonly pairs: number
  readonly pairBits: number
  /** Each a gram, or 0, and where its places are; as many as `slotBits` says. */
  readonly slots: number
  readonly slotBits: number
  /** One byte, 0 or 1, for each hash of three bytes that may have any byte beside them. */
  readonly threes: number
  readonly threesBits: number
  /** Room for positions that are to be compared, MOST_LISTED of them. */
  readonly listed: number
  /** The most hits that one gram may make. */
  readonly mostPlaces: number
}

/** The bit of a letter's case in each byte of a gram. Set in all of them: others than letters fall together, too. */
export const CASE = 0x20202020
const CASE_BIT = 0x20
export const MIX = 0x9e3779b1 | 0
/** Of a gram that stands for any byte at its end, or at its beginning, what is looked up. */
export const WITHOUT_LAST = 0x00ffffff
export const WITHOUT_FIRST = ~0xff
/** What a hit is: where its rule may match, and where something written in codes may be around it. */
export const MAY_MATCH = 1
export const IS_IN_CODES = 2

export const HIT_BYTES = 8
export const GRAM = 4
/** Of each place: the literal, how far behind its beginning the gram is, where the other byte is, and which. */
export const PLACE_WORDS = 4
const PAGE_BITS = 16
export const MOST_LISTED = 256

/** So many bytes behind a text are zeros. */
export const PADDING = 64

/**
 * What runs over every byte, as a module of WebAssembly. `lines(text, end)` counts newlines; `run(text, end, hits, out, wantsCodes)` writes the hits from `out` on, and
 * gives where they end, those of `hits` with them in order of where they stand. A hit is an offset and, times four, the rank of the literal, plus what it is.
 */
export function sieve(tables: Tables): Uint8Array<ArrayBuffer> {
  const module = new Module()
  const those = compareThose(module, tables)
  const all = compareAll(module, tables, those)
  const scanned = scan(module, tables, all)
  const sorted = sort(module)
  const told = tell(module, tables)
  const run = module.define(5, ([text, end, hits, out, wantsCodes], local) => {
    const to = local()
    return [
      set(to, call(scanned, get(text!), get(end!), get(out!))),
      call(told, get(text!), get(end!), get(hits!), call(sorted, get(hits!), get(to)), get(wantsCodes!)),
    ]
  })
  return module.bytes({ run, lines: countLines(module) })
}

/** What of a hash says which word of the filter, and which two bits of it: shifts, which count modulo 32. */
function shiftsOf(filterBits: number): [number, number, number] {
  const toWord = 32 - (filterBits - 5)
  return [toWord, toWord - 5, toWord - 10]
}

/** What of the filter is set for a gram. */
export function marksOf(gram: number, filterBits: number): { word: number; bits: number } {
  const [toWord, bit, otherBit] = shiftsOf(filterBits)
  const hash = Math.imul(gram, MIX)
  return { word: hash >>> toWord, bits: (1 << (hash >>> bit)) | (1 << (hash >>> otherBit)) }
}

/**
 * Every second position, four at a time. Each is listed, and the next one over it where its bits are not set: a jump, which
 * the processor could not foresee, would cost more. What is listed is compared some at a time.
 */
function scan(module: Module, { filter, filterBits, listed }: Tables, compare: number): number {
  const [toWord, bit, otherBit] = shiftsOf(filterBits)
  return module.define(3, ([text, end, out], local) => {
    const [at, next] = [local(), local()]
    const hashes = [0, 1, 2, 3].map(() => local())
    const words = [0, 1, 2, 3].map(() => local())
    const gramAt = (offset: number): Code => or(load(get(at), offset), CASE)
    const wordOf = (value: number): Code =>
      load(and(shr(get(value), toWord - 2), ((1 << (filterBits - 5)) - 1) << 2), filter)
    const both = (value: number, of: number): Code =>
      and(shr(get(value), shr(get(of), bit)), shr(get(value), shr(get(of), otherBit)))
    const compared = set(out!, call(compare, get(next), get(out!), get(text!), get(end!)))
    return [
      set(at, get(text!)),
      set(next, listed),
      loop(again => [
        ...hashes.map((hash, index) => set(hash, mul(gramAt(2 * index), MIX))),
        ...words.map((word, index) => set(word, wordOf(hashes[index]!))),
        ...words.map((word, index) => set(word, both(word, hashes[index]!))),
        ...words.flatMap((word, index) => [
          store(get(next), add(get(at), 2 * index)),
          set(next, add(get(next), shl(and(get(word), 1), 2))),
        ]),
        when(less(listed + 4 * (MOST_LISTED - 4), get(next)), () => [compared, set(next, listed)]),
        goIf(again, less(tee(at, add(get(at), 8)), get(end!))),
      ]),
      compared,
      get(out!),
    ]
  })
}

/** Which other byte of a literal is told with a gram: the one behind the gram, the one before it, or none, where there is neither. */
export type Beside = 'behind' | 'before' | 'none'
const PAIR_MIX: Readonly<Record<Beside, number>> = { behind: 0x2545f491, before: 0x51ed270b, none: 0 }

/** The bit that is set for a gram with the byte beside it. */
export function pairOf(gram: number, beside: Beside, byte: number, pairBits: number): number {
  return Math.imul(gram + Math.imul(byte | CASE_BIT, PAIR_MIX[beside]), MIX) >>> (32 - pairBits)
}

/** All literals that have one of the grams that are listed, or three bytes of one. Those that no literal has are first taken out, without a jump. */
function compareAll(
  module: Module,
  { threes, threesBits, pairs, pairBits, listed, mostPlaces }: Tables,
  those: number,
): number {
  return module.define(4, ([last, out, text, end], local) => {
    const [item, kept, at, gram, three, pair] = [
      local(),
      local(),
      local(),
      local(),
      local(),
      local(),
    ] as const
    const isPair = (beside: Beside, byte: Code | 0, of = get(gram)): Code => {
      const sum = byte === 0 ? of : add(of, mul(or(byte, CASE_BIT), PAIR_MIX[beside]))
      const word = load(shl(shr(tee(pair, mul(sum, MIX)), 32 - pairBits + 5), 2), pairs)
      return and(shr(word, shr(get(pair), 32 - pairBits)), 1)
    }
    const isAny = [
      isPair('behind', load8(get(at), GRAM)),
      isPair('before', load8(sub(get(at), 1))),
      isPair('none', 0),
    ].reduce((a, b) => or(a, b))
    const isThree = (mask: number): Code => {
      const is = load8(shr(mul(tee(three, and(get(gram), mask)), MIX), 32 - threesBits), threes)
      // Of four bytes the last is behind these three.
      if (mask !== WITHOUT_FIRST) return is
      return and(is, or(isPair('behind', load8(get(at), GRAM), get(three)), isPair('none', 0, get(three))))
    }
    const compare = (value: number): Code =>
      set(out!, call(those, get(value), get(at), get(out!), get(text!), get(end!)))
    /** For each that is listed, up to `last`. */
    const each = (body: readonly Code[]): Code =>
      block(done => [
        set(item, listed),
        loop(again => [
          goIf(done, isZero(less(get(item), get(last!)))),
          set(at, load(get(item))),
          set(gram, or(load(get(at)), CASE)),
          ...body,
          set(item, add(get(item), 4)),
          go(again),
        ]),
      ])
    const room = 3 * MOST_LISTED * mostPlaces * HIT_BYTES
    return [
      when(less(shl(pages, PAGE_BITS), add(get(out!), room)), () => [grow((room >> PAGE_BITS) + 16)]),
      set(kept, listed),
      each([
        store(get(kept), get(at)),
        set(kept, add(get(kept), shl(or(isAny, or(isThree(WITHOUT_LAST), isThree(WITHOUT_FIRST))), 2))),
      ]),
      set(last!, get(kept)),
      each([
        when(isAny, () => [compare(gram)]),
        ...[WITHOUT_LAST, WITHOUT_FIRST].map(mask => when(isThree(mask), () => [compare(three)])),
      ]),
      get(out!),
    ]
  })
}

function compareThose(module: Module, { slots, slotBits }: Tables): number {
  return module.define(5, ([gram, at, out, text, end], local) => {
    const [slot, found, place, last, start, others, literal, here, sought, until, fold] = [
      local(),
      local(),
      local(),
      local(),
      local(),
      local(),
      local(),
      local(),
      local(),
      local(),
      local(),
    ] as const
    return [
      set(slot, shl(shr(mul(get(gram!), MIX), 32 - slotBits), 3)),
      block(met => [
        loop(again => [
          goIf(met, eq(tee(found, load(get(slot), slots)), get(gram!))),
          when(isZero(get(found)), () => [leave(get(out!))]),
          set(slot, and(add(get(slot), 8), (8 << slotBits) - 1)),
          go(again),
        ]),
      ]),
      set(place, load(get(slot), slots + 4)),
      set(last, load(get(place))),
      set(place, add(get(place), 4)),
      loop(again => [
        block(differs => [
          goIf(differs, less(tee(start, sub(get(at!), load(get(place), 4))), get(text!))),
          // Four bytes more tell most of what only shares four.
          set(others, load(get(place), 12)),
          when(get(others), () => [
            goIf(differs, ne(or(load(add(get(at!), load(get(place), 8))), CASE), get(others))),
          ]),
          set(literal, load(get(place))),
          set(sought, load(get(literal))),
          set(until, load(get(literal), 4)),
          set(here, get(start)),
          goIf(differs, less(get(end!), add(get(start), sub(get(until), get(sought))))),
          set(fold, load(get(literal), 8)),
          loop(next => [
            goIf(differs, ne(load8(add(load8(get(here)), get(fold))), load8(get(sought)))),
            set(here, add(get(here), 1)),
            goIf(next, less(tee(sought, add(get(sought), 1)), get(until))),
          ]),
          store(get(out!), get(start)),
          store(get(out!), get(literal), 4),
          set(out!, add(get(out!), HIT_BYTES)),
        ]),
        goIf(again, less(tee(place, add(get(place), 4 * PLACE_WORDS)), get(last))),
      ]),
      get(out!),
    ]
  })
}

/** By where they stand, then by rank: they come nearly so. Gives where they end. */
function sort(module: Module): number {
  return module.define(2, ([hits, end], local) => {
    const [next, at, start, literal, before] = [local(), local(), local(), local(), local()] as const
    return [
      set(next, add(get(hits!), HIT_BYTES)),
      block(done => [
        loop(again => [
          goIf(done, isZero(less(get(next), get(end!)))),
          set(start, load(get(next))),
          set(literal, load(get(next), 4)),
          set(at, get(next)),
          block(stands => [
            loop(further => [
              goIf(stands, isZero(less(get(hits!), get(at)))),
              set(before, load(sub(get(at), HIT_BYTES))),
              goIf(stands, less(get(before), get(start))),
              when(eq(get(before), get(start)), () => [
                goIf(stands, less(load(sub(get(at), 4)), get(literal))),
              ]),
              store(get(at), get(before)),
              store(get(at), load(sub(get(at), 4)), 4),
              set(at, sub(get(at), HIT_BYTES)),
              go(further),
            ]),
          ]),
          store(get(at), get(start)),
          store(get(at), get(literal), 4),
          set(next, add(get(next), HIT_BYTES)),
          go(again),
        ]),
      ]),
      get(end!),
    ]
  })
}

const NEWLINE = 0x0a
const QUOTE = 0x22
const BACKSLASH = 0x5c

/** How many newlines there are; what follows the text is none. */
function countLines(module: Module): number {
  return module.define(2, ([text, end], local) => {
    const lines = local()
    return [
      block(done => [
        loop(again => [
          goIf(done, isZero(less(get(text!), get(end!)))),
          set(lines, add(get(lines), count(bits(eq8(load16x8(get(text!)), splat(NEWLINE)))))),
          set(text!, add(get(text!), 16)),
          go(again),
        ]),
      ]),
      get(lines),
    ]
  })
}

/** Which of sixteen bytes are among those. */
function areAmong(these: Code, those: readonly number[]): Code {
  return those.map(byte => eq8(these, splat(byte))).reduce((a, b) => or128(a, b))
}

/** Which of sixteen bytes begin what is undone around a keyword, or may: each by itself and the byte behind it. */
function codesAmong(these: Code, next: Code): Code {
  const firsts = [...new Set(CODES.map(code => code.charCodeAt(0)))]
  return firsts
    .map(first => {
      const codes = CODES.filter(code => code.charCodeAt(0) === first)
      const is = areAmong(these, [first])
      if (codes.some(code => code.length === 1)) return is
      return and128(is, areAmong(next, [...new Set(codes.map(code => code.charCodeAt(1)))]))
    })
    .reduce((a, b) => or128(a, b))
}

/**
 * What each hit is, and only those that are something. Hits come in order, so that what stands around several, between
 * line breaks and double quotes, is looked at once.
 */
function tell(module: Module, { literals }: Tables): number {
  return module.define(5, ([text, end, hits, to, wantsCodes], local) => {
    const [hit, out, start, literal, needs, is] = [
      local(),
      local(),
      local(),
      local(),
      local(),
      local(),
    ] as const
    const [at, aroundEnd, isCoded, met, length, beginning] = [
      local(),
      local(),
      local(),
      local(),
      local(),
      local(),
    ] as const
    const [of, runEnd] = [local(), local()] as const
    const [these, next] = [local('vector'), local('vector')]

    const before = when(load(get(needs)), () => [
      when(less(get(text!), get(start)), () => [
        when(load8(add(load(get(needs)), load8(sub(get(start), 1)))), () => [
          // The end of an escape may stand there, or of a colour in a log.
          when(ne(load8(sub(get(start), 3)), 0x25), () => [
            when(
              ne(and(eq(load8(sub(get(start), 1)), 0x6d), less(load8(sub(get(start), 2)), 0x3a)), 1),
              () => [set(is, 0)],
            ),
          ]),
        ]),
      ]),
    ])
    const run = when(tee(of, load(get(needs), 12)), () => [
      set(at, add(get(start), load(get(needs), 16))),
      set(runEnd, add(get(at), load(get(needs), 20))),
      loop(again => [
        when(and(less(get(at), get(end!)), less(get(at), get(runEnd))), () => [
          when(load8(add(get(of), load8(get(at)))), () => [set(at, add(get(at), 1)), go(again)]),
        ]),
      ]),
      when(
        or(isZero(less(get(at), get(end!))), isZero(load8(add(load(get(needs), 24), load8(get(at)))))),
        () => [set(is, 0)],
      ),
    ])
    const begins = when(tee(beginning, load(get(needs), 4)), () => [
      when(less(get(end!), add(get(start), tee(length, load(get(needs), 8)))), () => [
        set(is, 0),
        set(length, 0),
      ]),
      set(at, sub(load(get(literal), 4), load(get(literal)))),
      loop(again => [
        when(less(get(at), get(length)), () => [
          when(
            isZero(and(shr(load(add(shl(load8(add(get(start), get(at))), 2), get(beginning))), get(at)), 1)),
            () => [set(is, 0), set(length, 0)],
          ),
          set(at, add(get(at), 1)),
          go(again),
        ]),
      ]),
    ])
    const endsAmong = (these: Code) => areAmong(these, [NEWLINE, QUOTE])
    const around = when(isZero(less(get(start), get(aroundEnd))), () => [
      set(at, get(start)),
      block(begun => [
        loop(back => [
          goIf(begun, isZero(less(get(aroundEnd), get(at)))),
          set(met, bits(endsAmong(load16x8(sub(get(at), 16))))),
          when(get(met), () => [set(at, sub(add(get(at), 16), leadingZeros(get(met)))), go(begun)]),
          set(at, sub(get(at), 16)),
          go(back),
        ]),
      ]),
      when(less(get(at), get(aroundEnd)), () => [set(at, get(aroundEnd))]),
      // The quote that it begins behind may be an escaped one.
      set(isCoded, and(eq(load8(sub(get(at), 1)), QUOTE), eq(load8(sub(get(at), 2)), BACKSLASH))),
      block(ended => [
        loop(on => [
          set(these, load16x8(get(at))),
          set(next, load16x8(get(at), 1)),
          set(met, bits(codesAmong(get(these), get(next)))),
          set(aroundEnd, bits(endsAmong(get(these)))),
          when(get(aroundEnd), () => [
            set(aroundEnd, trailingZeros(get(aroundEnd))),
            set(isCoded, or(get(isCoded), and(get(met), sub(shl(1, get(aroundEnd)), 1)))),
            set(aroundEnd, add(add(get(at), get(aroundEnd)), 1)),
            go(ended),
          ]),
          set(isCoded, or(get(isCoded), get(met))),
          goIf(on, less(tee(at, add(get(at), 16)), get(end!))),
          set(aroundEnd, get(at)),
        ]),
      ]),
    ])
    return [
      set(hit, get(hits!)),
      set(out, get(hits!)),
      set(aroundEnd, get(text!)),
      block(done => [
        loop(again => [
          goIf(done, isZero(less(get(hit), get(to!)))),
          set(start, load(get(hit))),
          set(literal, load(get(hit), 4)),
          set(hit, add(get(hit), HIT_BYTES)),
          set(is, MAY_MATCH),
          when(tee(needs, load(get(literal), 12)), () => [before, run, begins]),
          when(get(wantsCodes!), () => [
            around,
            when(get(isCoded), () => [set(is, or(get(is), IS_IN_CODES))]),
          ]),
          goIf(again, isZero(get(is))),
          store(get(out), sub(get(start), get(text!))),
          store(get(out), or(shr(sub(get(literal), literals), 2), get(is)), 4),
          set(out, add(get(out), HIT_BYTES)),
          go(again),
        ]),
      ]),
      get(out),
    ]
  })
}
