import { inspect } from 'node:util'

const REDACTED = '[secret]'

/**
 * Bytes that must never be printed. Every way in which a value usually becomes text gives `[secret]`;
 * only `reveal()` and `revealText()` give the bytes, so that a search for "reveal" finds every use.
 *
 * `id` is the public half of a pair (a user name, an access key id), which consumers need beside the secret half.
 */
export class Secret {
  readonly #bytes: Uint8Array
  readonly id: string | undefined
  /** What the system calls this one of several keys of the same `id`, where files name it beside the value. */
  readonly keyId: string | undefined

  constructor(value: Uint8Array | string, id?: string, keyId?: string) {
    // Not slice(): a Buffer's is a view, and who erases the one would erase the other.
    this.#bytes = typeof value === 'string' ? new TextEncoder().encode(value) : new Uint8Array(value)
    this.id = id
    this.keyId = keyId
  }

  reveal(): Uint8Array {
    return this.#bytes
  }

  /** The value as UTF-8 text, for drivers that take a string. */
  revealText(): string {
    return new TextDecoder().decode(this.#bytes)
  }

  get length(): number {
    return this.#bytes.length
  }

  /** Overwrites the bytes. Copies that drivers made in the meantime are out of reach. */
  erase(): void {
    this.#bytes.fill(0)
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  get [Symbol.toStringTag](): string {
    return 'Secret'
  }

  [Symbol.toPrimitive](): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}
