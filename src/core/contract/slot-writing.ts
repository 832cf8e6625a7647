import { FirebreakError } from './errors.ts'
import type { PlaceRef, Slot } from './ref.ts'
import type { partsOf } from './secret-parts.ts'
import { decodeAs, decodeSlot, replaceInPlace } from './slot.ts'

/** A document with its slots, as they stand after a change. */
export interface Written {
  readonly content: Uint8Array
  readonly slots: readonly Slot[]
}

/**
 * A place's text with other values in its slots; without content where they stand there already, put there by an earlier
 * attempt whose answer was lost. CONFLICT where the text is of another version than the slots were found in.
 */
export function rewritten(
  place: PlaceRef,
  version: string | undefined,
  text: Uint8Array,
  valueOf: ReturnType<typeof partsOf>,
): Partial<Written> & Pick<Written, 'slots'> {
  if (version === place.version) return fillSlots(text, place.slots, valueOf)
  const slots = findWritten(text, place.slots, valueOf)
  if (slots) return { slots }
  throw changedPlace(place)
}

/** What stands at a place is another text than its slots were found in. */
export function changedPlace({ path }: Pick<PlaceRef, 'path'>): FirebreakError {
  return new FirebreakError('CONFLICT', `${path} has changed since it was read`, LOOK_AGAIN)
}

/** Between reading a place and writing it. */
export function overtaken(): FirebreakError {
  return new FirebreakError('CONFLICT', 'it was changed by another at the same moment', LOOK_AGAIN)
}

const LOOK_AGAIN = 'Observe it again, then decide on what stands there now.'

/** Puts a value into each slot; slots without one keep what they hold. The slots returned lie where they are now. */
export function fillSlots(
  content: Uint8Array,
  slots: readonly Slot[],
  valueOf: (slot: Slot) => Uint8Array | undefined,
): Written {
  let standing: readonly Slot[] = slots
  for (let index = 0; index < slots.length; index++) {
    const slot = standing[index]!
    const value = valueOf(slot)
    if (value === undefined || sameBytes(decodeSlot(content, slot), value)) continue
    const changed = replaceInPlace(content, standing, slot, value)
    content = changed.document
    standing = changed.slots
  }
  return { content, slots: standing }
}

/**
 * Where the slots lie if the document holds these values already, written by an earlier attempt whose answer was
 * lost: the ends have moved with the values' lengths, so that they are looked for. Nothing where it does not.
 */
export function findWritten(
  content: Uint8Array,
  slots: readonly Slot[],
  valueOf: (slot: Slot) => Uint8Array | undefined,
): readonly Slot[] | undefined {
  const found: Slot[] = []
  let moved = 0
  const ordered = [...slots].sort((a, b) => range(a.at)[0] - range(b.at)[0])
  if (new Set(ordered.map(slot => slot.at)).size !== ordered.length) return undefined // two in one encoded text
  for (const slot of ordered) {
    const [start, end] = range(slot.at)
    const value = valueOf(slot)
    const here = value ? findSlot(content, slot, start + moved, value) : undefined
    if (value && !here) return undefined
    found.push(here ?? { ...slot, at: `${start + moved}-${end + moved}` })
    moved += here ? range(here.at)[1] - range(here.at)[0] - (end - start) : 0
  }
  return slots.map(slot => found[ordered.indexOf(slot)]!)
}

function findSlot(content: Uint8Array, slot: Slot, start: number, value: Uint8Array): Slot | undefined {
  const [first, ...inner] = slot.encodings
  if (start > content.length) return undefined
  const longest = Math.min(content.length, start + 8 * value.length + 4096)
  const shortest = first === undefined ? start + value.length : start
  const nested = inner[0]?.startsWith('text:') ? range(inner[0].slice(5))[0] : undefined
  for (let end = first === undefined ? shortest : longest; end >= shortest && end <= longest; end--) {
    if (!endsThere(content, start, end) || (end === start && !isEmptyValue(content, start))) continue
    const encodings =
      nested === undefined ? slot.encodings : withInnerEnd(content.subarray(start, end), slot, value)
    if (!encodings) continue
    const candidate = { ...slot, at: `${start}-${end}`, encodings }
    if (holds(content, candidate, value)) return candidate
  }
  return undefined
}

/** `['base64', 'text:14-?']` with the end at which the text holds the value, for values that stand there plainly. */
function withInnerEnd(region: Uint8Array, slot: Slot, value: Uint8Array): string[] | undefined {
  const [first, text, ...rest] = slot.encodings
  if (rest.length > 0 || !decodeAs(region, first!)) return undefined
  const from = range(text!.slice(5))[0]
  return [first!, `text:${from}-${from + value.length}`]
}

/** A value ends where its line, its quotes or its word ends. */
function endsThere(content: Uint8Array, start: number, end: number): boolean {
  const opened = content[start - 1]
  const next = content[end]
  if (next === undefined) return true
  if (opened !== undefined && '"\'`'.includes(String.fromCharCode(opened))) return next === opened
  return '\r\n\t ,;}])@&<:/?#"\'`|'.includes(String.fromCharCode(next))
}

/** Nothing between quotes, or nothing behind an equals sign or colon: not just any place with nothing in it. */
function isEmptyValue(content: Uint8Array, at: number): boolean {
  const around = Buffer.from(content.subarray(Math.max(0, at - 2), at + 1)).toString('latin1')
  return /(["'`])\1$/.test(around) || /(?:=|: ?)(?:[\r\n@&;,]|$)$/.test(around) || around === ''
}

function holds(content: Uint8Array, slot: Slot, value: Uint8Array): boolean {
  try {
    return sameBytes(decodeSlot(content, slot), value)
  } catch {
    return false // not written so: another text stands there
  }
}

function range(text: string): [number, number] {
  const [start, end] = text.split('-')
  return [Number(start), Number(end)]
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
