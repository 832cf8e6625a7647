import { createHash } from 'node:crypto'

/** A secret that must be nowhere. */
export interface Canary {
  readonly name: string
  readonly value: Uint8Array
}

export interface Leak {
  readonly canary: string
  readonly form: string
  readonly where: string
}

const CHUNK_BYTES = 4096
/** No form's window is longer, so that none is missed where two chunks meet. */
const OVERLAP_BYTES = 256
const WINDOW_BYTES = 12

/** Bytes seen somewhere, each stretch kept once: samples of a growing file cost only what is new in them. */
export class SeenBytes {
  readonly #chunks = new Map<string, { where: string; bytes: Buffer }>()
  #total = 0

  add(where: string, bytes: Buffer): void {
    this.#total += bytes.length
    for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
      const chunk = bytes.subarray(start, start + CHUNK_BYTES + OVERLAP_BYTES)
      const key = `${where}\0${createHash('sha1').update(chunk).digest('base64')}`
      if (!this.#chunks.has(key)) this.#chunks.set(key, { where, bytes: Buffer.from(chunk) })
    }
  }

  /** All bytes that were added, the same ones counted again. */
  get total(): number {
    return this.#total
  }

  contains(text: string): boolean {
    return [...this.#chunks.values()].some(({ bytes }) => bytes.includes(text))
  }

  /** Where any form of any canary stands, each once. */
  leaks(canaries: readonly Canary[]): Leak[] {
    const needles = canaries.flatMap(({ name, value }) =>
      formsOf(Buffer.from(value)).map(([form, bytes]) => ({ canary: name, form, bytes })),
    )
    const byStart = Map.groupBy(needles, ({ bytes }) => bytes.readUInt32BE(0))
    const mayStart = new Uint8Array(1 << 20)
    for (const start of byStart.keys()) mayStart[slotOf(start)] = 1
    const leaks = new Map<string, Leak>()
    for (const { where, bytes } of this.#chunks.values())
      for (let at = 0, word = 0; at < bytes.length; at++) {
        word = ((word << 8) | bytes[at]!) >>> 0
        if (at < 3 || mayStart[slotOf(word)] === 0) continue
        for (const needle of byStart.get(word) ?? [])
          if (bytes.subarray(at - 3, at - 3 + needle.bytes.length).equals(needle.bytes)) {
            const { canary, form } = needle
            leaks.set(`${canary} ${form} ${where}`, { canary, form, where })
          }
      }
    return [...leaks.values()]
  }
}

function slotOf(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> 12
}

/**
 * What a value may look like: every stretch of twelve bytes of it, as it is and as text is encoded. A stretch that fits in
 * no encoded text whole (base64 at three alignments) is left out there.
 */
export function formsOf(value: Buffer): [form: string, bytes: Buffer][] {
  const latin1 = (text: string) => Buffer.from(text, 'latin1')
  const each = (digits: (byte: number) => string) => latin1([...value].map(digits).join(''))
  const hex = (byte: number) => byte.toString(16).padStart(2, '0')
  const text = value.toString('latin1')
  const json = JSON.stringify(text).slice(1, -1)
  const forms: [form: string, whole: Buffer, window: number][] = [
    ['plain', value, WINDOW_BYTES],
    ['utf-16', Buffer.from(text, 'utf16le'), 2 * WINDOW_BYTES],
    ['hex', each(hex), 2 * WINDOW_BYTES],
    ['HEX', each(byte => hex(byte).toUpperCase()), 2 * WINDOW_BYTES],
    ['url', latin1(encodeURIComponent(text)), WINDOW_BYTES],
    ['url, every byte', each(byte => `%${hex(byte)}`), 3 * WINDOW_BYTES],
    ['URL, every byte', each(byte => `%${hex(byte).toUpperCase()}`), 3 * WINDOW_BYTES],
    ['json', latin1(json), WINDOW_BYTES],
    ['json, slashes escaped', latin1(json.replaceAll('/', '\\/')), WINDOW_BYTES],
    ['json, every character', each(byte => `\\u00${hex(byte)}`), 6 * WINDOW_BYTES],
  ]
  for (const shift of [0, 1, 2])
    for (const encoding of ['base64', 'base64url'] as const) {
      const whole = Buffer.concat([Buffer.alloc(shift), value]).toString(encoding)
      // The first and last characters also carry bits of what stands around.
      const own = whole.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + value.length) * 8) / 6))
      forms.push([`${encoding}, shifted by ${shift}`, latin1(own), 16])
    }
  return forms.flatMap(([form, whole, window]) =>
    Array.from({ length: Math.max(0, whole.length - window + 1) }, (_, start): [string, Buffer] => [
      form,
      whole.subarray(start, start + window),
    ]),
  )
}
