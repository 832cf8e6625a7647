import { Unreadable } from '../reader.ts'

/** Where in a text of JSON a value stands: keys and indexes, outermost first. */
export type JsonPath = readonly (string | number)[]

/** What becomes of the value at a path. What is gone into is told piece by piece, so that it may be of any size. */
export type Decision = 'into' | 'take' | 'skip'

export type JsonEvent =
  | { readonly path: JsonPath; readonly line: number; readonly value: unknown }
  /** What was gone into has ended. */
  | { readonly path: JsonPath; readonly line: number; readonly ended: 'list' | 'object' }
  /** It was to be taken, and is larger than what is. */
  | { readonly path: JsonPath; readonly line: number; readonly tooLarge: true }

export interface JsonBounds {
  readonly valueBytes: number
  readonly depth: number
}

/**
 * The values of a text of JSON, or of several one after the other (JSON lines), as they come. Values that are skipped
 * are looked at for their end only. Raises `Unreadable` with the line, after all that stood before it was given.
 */
export async function* jsonValues(
  bytes: AsyncIterable<Uint8Array>,
  decide: (path: JsonPath) => Decision,
  bounds: JsonBounds,
): AsyncGenerator<JsonEvent, void> {
  const scanner = new JsonScanner(decide, bounds)
  for await (const chunk of utf8(bytes)) yield* scanner.take(chunk)
  yield* scanner.end()
}

/** PowerShell writes what is redirected into a file in UTF-16. */
async function* utf8(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let begun: Uint8Array | undefined = new Uint8Array()
  let wide: InstanceType<typeof TextDecoder> | undefined
  const given = (chunk: Uint8Array) =>
    wide ? new TextEncoder().encode(wide.decode(chunk, { stream: true })) : chunk
  for await (const chunk of bytes) {
    if (begun === undefined) {
      yield given(chunk)
      continue
    }
    begun = begun.length === 0 ? chunk : Buffer.concat([begun, chunk])
    if (begun.length < 3) continue
    const [first, second] = begun
    if (first === 0xff && second === 0xfe) wide = new TextDecoder('utf-16le')
    else if (first === 0xfe && second === 0xff) wide = new TextDecoder('utf-16be')
    yield given(first === 0xef && second === 0xbb && begun[2] === 0xbf ? begun.subarray(3) : begun)
    begun = undefined
  }
  if (begun !== undefined) yield begun
}

interface Frame {
  readonly closer: number
  /** The key of the member, or the index of the element, that is being read. */
  at: string | number
  readonly line: number
}

/** What may come next. `first` is a key or value, or the end of what has only begun. */
type Expects = 'value' | 'first' | 'key' | 'colon' | 'more'

interface Capture {
  readonly as: 'value' | 'key'
  readonly keep: boolean
  readonly kind: 'string' | 'container' | 'plain'
  readonly line: number
  readonly chunks: Uint8Array[]
  size: number
  readonly closers: number[]
  inString: boolean
  escaped: boolean
}

const [TAB, LF, CR, SPACE] = [0x09, 0x0a, 0x0d, 0x20]
const [QUOTE, COMMA, COLON, BACKSLASH] = [0x22, 0x2c, 0x3a, 0x5c]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]
const MOST_KEY_BYTES = 64 * 1024

class JsonScanner {
  readonly #decide: (path: JsonPath) => Decision
  readonly #bounds: JsonBounds
  readonly #frames: Frame[] = []
  #expects: Expects = 'value'
  #capture: Capture | undefined
  #line = 1

  constructor(decide: (path: JsonPath) => Decision, bounds: JsonBounds) {
    this.#decide = decide
    this.#bounds = bounds
  }

  *take(chunk: Uint8Array): Generator<JsonEvent, void> {
    for (let at = 0; at < chunk.length; ) {
      if (this.#capture) {
        const end = this.#endOf(this.#capture, chunk, at)
        this.#keep(this.#capture, chunk.subarray(at, end ?? chunk.length))
        at = end ?? chunk.length
        if (end !== undefined) yield* this.#captured()
        continue
      }
      const byte = chunk[at]!
      if (byte === LF) this.#line++
      if (byte === LF || byte === SPACE || byte === CR || byte === TAB) at++
      else if (this.#beginsValue(byte)) {
        if (this.#goesInto(byte)) at++
      } else {
        at++
        yield* this.#sign(byte)
      }
    }
  }

  *end(): Generator<JsonEvent, void> {
    if (this.#capture?.kind === 'plain' && this.#frames.length === 0) yield* this.#captured()
    if (this.#capture || this.#frames.length > 0) throw this.#broken('it ends in the middle')
  }

  /** A value or a key begins here, and no sign between them. */
  #beginsValue(byte: number): boolean {
    const closes = byte === CLOSE_LIST || byte === CLOSE_OBJECT
    return this.#expects === 'value' || this.#expects === 'key' || (this.#expects === 'first' && !closes)
  }

  /** Whether the sign was the beginning of something that is gone into; else a capture has begun at it. */
  #goesInto(byte: number): boolean {
    const frame = this.#frames.at(-1)
    const isKey = frame?.closer === CLOSE_OBJECT && this.#expects !== 'value'
    if (isKey) {
      if (byte !== QUOTE) throw this.#broken('a key is expected')
      this.#begin('key', byte, true)
      return false
    }
    const decision = this.#decide(this.#path())
    const opens = byte === OPEN_LIST || byte === OPEN_OBJECT
    if (decision !== 'into' || !opens) {
      this.#begin('value', byte, decision !== 'skip')
      return false
    }
    if (this.#frames.length >= this.#bounds.depth) throw this.#broken('it is nested too deeply')
    const isList = byte === OPEN_LIST
    this.#frames.push({
      closer: isList ? CLOSE_LIST : CLOSE_OBJECT,
      at: isList ? 0 : '',
      line: this.#line,
    })
    this.#expects = 'first'
    return true
  }

  *#sign(byte: number): Generator<JsonEvent, void> {
    const frame = this.#frames.at(-1)
    if (frame && byte === frame.closer && (this.#expects === 'first' || this.#expects === 'more')) {
      this.#frames.pop()
      yield { path: this.#path(), line: frame.line, ended: byte === CLOSE_LIST ? 'list' : 'object' }
      this.#after()
    } else if (byte === COLON && this.#expects === 'colon') this.#expects = 'value'
    else if (frame && byte === COMMA && this.#expects === 'more') {
      if (typeof frame.at === 'number') frame.at++
      this.#expects = frame.closer === CLOSE_LIST ? 'value' : 'key'
    } else throw this.#broken('it is not JSON')
  }

  #begin(as: Capture['as'], byte: number, keep: boolean): void {
    const kind =
      byte === QUOTE ? 'string' : byte === OPEN_LIST || byte === OPEN_OBJECT ? 'container' : 'plain'
    if (kind === 'plain' && !/[-0-9tfn]/.test(String.fromCharCode(byte))) throw this.#broken('it is not JSON')
    this.#capture = {
      as,
      keep,
      kind,
      line: this.#line,
      chunks: [],
      size: 0,
      closers: [],
      inString: false,
      escaped: false,
    }
  }

  /** Where the captured value ends in this chunk; undefined where it goes on. */
  #endOf(capture: Capture, chunk: Uint8Array, from: number): number | undefined {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (capture.inString) {
        if (byte === LF) throw this.#broken('a string holds a line break')
        if (capture.escaped) capture.escaped = false
        else if (byte === BACKSLASH) capture.escaped = true
        else if (byte === QUOTE) {
          capture.inString = false
          if (capture.kind === 'string') return at + 1
        }
        continue
      }
      if (byte === QUOTE) capture.inString = true
      else if (capture.kind === 'plain') {
        if (PLAIN_ENDS.has(byte)) return at
      } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        if (this.#frames.length + capture.closers.length >= this.#bounds.depth)
          throw this.#broken('it is nested too deeply')
        capture.closers.push(byte === OPEN_LIST ? CLOSE_LIST : CLOSE_OBJECT)
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        if (capture.closers.pop() !== byte) throw this.#broken('its brackets do not match')
        if (capture.closers.length === 0) return at + 1
      }
      if (byte === LF) this.#line++
    }
    return undefined
  }

  #keep(capture: Capture, bytes: Uint8Array): void {
    capture.size += bytes.length
    if (capture.as === 'key' && capture.size > MOST_KEY_BYTES) throw this.#broken('a key is too long')
    if (!capture.keep) return
    if (capture.size <= this.#bounds.valueBytes) capture.chunks.push(Uint8Array.from(bytes))
    else capture.chunks.length = 0
  }

  *#captured(): Generator<JsonEvent, void> {
    const { as, keep, size, chunks, line } = this.#capture!
    this.#capture = undefined
    if (as === 'key') {
      const key: unknown = this.#parsed(chunks, line)
      this.#frames.at(-1)!.at = String(key)
      this.#expects = 'colon'
      return
    }
    const path = this.#path()
    if (keep && size > this.#bounds.valueBytes) yield { path, line, tooLarge: true }
    else if (keep) yield { path, line, value: this.#parsed(chunks, line) }
    this.#after()
  }

  #parsed(chunks: readonly Uint8Array[], line: number): unknown {
    try {
      return JSON.parse(Buffer.concat(chunks).toString('utf8'))
    } catch {
      // The message of the failure quotes what stands there.
      throw new Unreadable(`line ${line}: it is not JSON`)
    }
  }

  #after(): void {
    this.#expects = this.#frames.length === 0 ? 'value' : 'more'
  }

  #path(): (string | number)[] {
    return this.#frames.map(frame => frame.at)
  }

  #broken(why: string): Unreadable {
    return new Unreadable(`line ${this.#line}: ${why}`)
  }
}

const PLAIN_ENDS = new Set([COMMA, CLOSE_LIST, CLOSE_OBJECT, SPACE, LF, CR, TAB, COLON])
