import { createHmac, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import type { Secret } from '../../../core/contract/secret.ts'
import { STRONG_BITS, strengthBits } from '../../../core/keys/strength.ts'

/** In digits of hex. */
const LONG = 16
const SHORT = 2

/**
 * How the marks of each version are made. A strong value's is long, any other's is one byte of scrypt. That it is but one is
 * what protects a password most; scrypt keeps whoever has the file from sifting a billion guesses by it at once. In version 1
 * (32 MiB and some 85 ms of a slow core for each value) long ones were made by scrypt, too. Since version 2 (8 MiB, 16 ms:
 * thousands of finds can be kept) they are made by HMAC-SHA-256, at once, of values so strong that nothing is guessed from them.
 */
const METHODS = {
  1: { name: 'scrypt-32768-8-1', rounds: 32_768, strongBits: STRONG_BITS, quick: false },
  2: { name: 'hmac-sha256-scrypt-8192-8-1', rounds: 8192, strongBits: 100, quick: true },
} as const

export type MarksVersion = keyof typeof METHODS
export const NEWEST_VERSION = 2

/** A value that may be told from others: what only a machine makes has a preview, what a person may have chosen has none. */
export interface Markable {
  readonly secret: Secret
  readonly preview: string | null
}

/** What stands for values in one baseline: salted with its id, in the way of its version. */
export class Marks {
  readonly id: string
  readonly version: MarksVersion
  /** By their quick hash, so that no value is kept for it. */
  readonly #slow = new Map<string, Promise<string>>()

  constructor(id: string, version: MarksVersion = NEWEST_VERSION) {
    this.id = id
    this.version = version
  }

  /** How they are made, as the file says it. */
  get method(): string {
    return METHODS[this.version].name
  }

  async of(value: Markable): Promise<string> {
    return this.#isStrong(value)
      ? (await this.#longHash(value)).slice(0, LONG)
      : (await this.#slowHash(value)).slice(0, SHORT)
  }

  /** Whether one of these, of whichever form, is of the value. */
  async fits(value: Markable, marks: readonly string[]): Promise<boolean> {
    // The long ones first: they may cost nothing.
    for (const mark of marks.toSorted((a, b) => b.length - a.length)) {
      const whole = await (mark.length === LONG ? this.#longHash(value) : this.#slowHash(value))
      if (whole.startsWith(mark)) return true
    }
    return false
  }

  #isStrong(value: Markable): boolean {
    if (value.preview === null) return false
    const { quick, strongBits } = METHODS[this.version]
    return strengthBits(value.secret, quick ? knownBytes(value) : 0) >= strongBits
  }

  async #longHash(value: Markable): Promise<string> {
    return METHODS[this.version].quick ? this.#quickHash(value) : await this.#slowHash(value)
  }

  #quickHash({ secret }: Markable): string {
    return createHmac('sha256', this.id).update(secret.reveal()).digest('hex')
  }

  /** In Node's threads, of which there are four: many may be asked for at once. */
  #slowHash(value: Markable): Promise<string> {
    const key = this.#quickHash(value)
    let hash = this.#slow.get(key)
    if (!hash) {
      const cost = { N: METHODS[this.version].rounds, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }
      hash = slow(value.secret.reveal(), this.id, LONG / 2, cost).then(bytes => bytes.toString('hex'))
      this.#slow.set(key, hash)
    }
    return hash
  }
}

const slow = promisify<
  Uint8Array,
  string,
  number,
  { N: number; r: number; p: number; maxmem: number },
  Buffer
>(scrypt)

/** Whether the mark was made of a value that a machine made. */
export function isLong(mark: string): boolean {
  return mark.length === LONG
}

/** Of the fixed beginning that a preview shows: it makes a token no harder to guess. */
function knownBytes({ secret, preview }: Markable): number {
  const beginning = Buffer.from(preview?.split('…')[0] ?? '')
  return beginning.equals(secret.reveal().subarray(0, beginning.length)) ? beginning.length : 0
}
