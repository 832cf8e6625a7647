/**
 * Writes a module of WebAssembly. An expression is the bytes that compute it; what is nested is given as a function, so that
 * a jump knows how far out it goes. Every value is a 32-bit integer, but for vectors of bytes on the way.
 */
export type Code = readonly number[]
type Value = Code | number

/** Where a jump goes: the beginning of a loop, or the end of anything else. */
export interface Target {
  readonly depth: number
}

/** `\0asm`, version 1. */
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
const I32 = 0x7f
const V128 = 0x7b
const NOTHING = 0x40
const VECTOR = 0xfd
let depth = 0

function code(value: Value): Code {
  return typeof value === 'number' ? [0x41, ...signed(value)] : value
}

const two =
  (...opcode: number[]) =>
  (a: Value, b: Value): Code => [...code(a), ...code(b), ...opcode]
const one =
  (...opcode: number[]) =>
  (a: Value): Code => [...code(a), ...opcode]
const reading =
  (...opcode: number[]) =>
  (address: Value, offset = 0): Code => [...code(address), ...opcode, 0, ...unsigned(offset)]

export const isZero = one(0x45)
export const eq = two(0x46)
export const ne = two(0x47)
/** Of addresses and other numbers without a sign. */
export const less = two(0x49)
export const count = one(0x69)
export const leadingZeros = one(0x67)
export const trailingZeros = one(0x68)
export const add = two(0x6a)
export const sub = two(0x6b)
export const mul = two(0x6c)
export const and = two(0x71)
export const or = two(0x72)
export const shl = two(0x74)
export const shr = two(0x76)
export const load = reading(0x28)
export const load8 = reading(0x2d)
export const store = (address: Value, value: Value, offset = 0): Code => [
  ...code(address),
  ...code(value),
  0x36,
  0,
  ...unsigned(offset),
]

export const load16x8 = reading(VECTOR, 0)
export const splat = one(VECTOR, 15)
export const eq8 = two(VECTOR, 35)
export const and128 = two(VECTOR, 78)
export const or128 = two(VECTOR, 80)
/** The highest bit of each of sixteen bytes. */
export const bits = one(VECTOR, 100)

export const get = (local: number): Code => [0x20, ...unsigned(local)]
export const set = (local: number, value: Value): Code => [...code(value), 0x21, ...unsigned(local)]
/** Sets it, and is the value. */
export const tee = (local: number, value: Value): Code => [...code(value), 0x22, ...unsigned(local)]
export const call = (called: number, ...values: readonly Value[]): Code => [
  ...values.flatMap(code),
  0x10,
  ...unsigned(called),
]

type Body = (target: Target) => readonly Code[]

function nested(opening: Code, body: Body): Code {
  depth++
  const inside = body({ depth }).flat()
  depth--
  return [...opening, NOTHING, ...inside, 0x0b]
}

export const block = (body: Body): Code => nested([0x02], body)
export const loop = (body: Body): Code => nested([0x03], body)
export const when = (condition: Value, body: Body): Code => nested([...code(condition), 0x04], body)
export const go = (to: Target): Code => [0x0c, ...unsigned(depth - to.depth)]
export const goIf = (to: Target, condition: Value): Code => [
  ...code(condition),
  0x0d,
  ...unsigned(depth - to.depth),
]
export const leave = (value: Value): Code => [...code(value), 0x0f]

/** Makes the memory larger by so many pages of 64 KiB, and stops where there is no more. */
export const grow = (pages: number): Code => [
  ...code(pages),
  0x40,
  0,
  ...code(-1),
  0x46,
  0x04,
  NOTHING,
  0,
  0x0b,
]
export const pages: Code = [0x3f, 0]

export class Module {
  readonly #types: Code[] = []
  readonly #bodies: Code[] = []

  /** A function of so many integers; it gives one. Its number is what calls it. */
  define(
    parameters: number,
    write: (parameters: readonly number[], local: (isVector?: 'vector') => number) => readonly Code[],
  ): number {
    const locals: number[] = []
    const written = write(
      Array.from({ length: parameters }, (_, index) => index),
      isVector => parameters + locals.push(isVector ? V128 : I32) - 1,
    ).flat()
    this.#types.push([0x60, ...vector(Array.from({ length: parameters }, () => [I32])), 1, I32])
    this.#bodies.push(sized([...vector(locals.map(type => [1, type])), ...written, 0x0b]))
    return this.#bodies.length - 1
  }

  /** With the functions under their names, and the memory that is given as `m.m`. */
  bytes(exported: Readonly<Record<string, number>>): Uint8Array<ArrayBuffer> {
    const name = (text: string) => [text.length, ...Buffer.from(text)]
    return Uint8Array.from([
      ...HEADER,
      ...section(1, vector(this.#types)),
      ...section(2, vector([[...name('m'), ...name('m'), 2, 0, 1]])),
      ...section(3, vector(this.#bodies.map((_, index) => unsigned(index)))),
      ...section(7, vector(Object.entries(exported).map(([key, at]) => [...name(key), 0, ...unsigned(at)]))),
      ...section(10, vector(this.#bodies)),
    ])
  }
}

function section(id: number, content: Code): Code {
  return [id, ...sized(content)]
}

function sized(content: Code): Code {
  return [...unsigned(content.length), ...content]
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()]
}

function unsigned(value: number): number[] {
  const bytes: number[] = []
  for (let left = value >>> 0; ; left >>>= 7) {
    if (left < 0x80) return [...bytes, left]
    bytes.push((left & 0x7f) | 0x80)
  }
}

function signed(value: number): number[] {
  const bytes: number[] = []
  for (let left = value | 0; ; left >>= 7) {
    if (left >= -0x40 && left < 0x40) return [...bytes, left & 0x7f]
    bytes.push((left & 0x7f) | 0x80)
  }
}
