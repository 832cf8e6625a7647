import { setFlagsFromString } from 'node:v8'
import type { Facts } from '../../../core/contract/observation.ts'
import type { Ref, Slot } from '../../../core/contract/ref.ts'
import { Secret } from '../../../core/contract/secret.ts'
import { type Allowance, allowanceAt } from './allowance.ts'
import type { Candidate, Span } from './candidate.ts'
import { classOf } from './byte-class.ts'
import { type CompiledRule, compileRule } from './rules/compiled-rule.ts'
import { type Dialect, dialectOf } from './dialect.ts'
import { type DictionaryPlace, dictionaryIn } from './prefilter/dictionary-place.ts'
import { type Embedded, EmbeddedTexts, lift } from './codes/embedded.ts'
import { interpret, type Match } from './interpret.ts'
import { type Dictionary, meaningOf } from './prefilter/literals.ts'
import { IN_NAME } from './prefilter/lookup.ts'
import { Owners } from './owners.ts'
import { type Hits, newHits, Prefilter } from './prefilter/prefilter.ts'
import type { Rule } from './rules/rule.ts'
import { settle } from './settle.ts'
import { IS_IN_CODES, MAY_MATCH } from './prefilter/sieve.ts'
import { Text } from './text.ts'
import { type Narrowed, narrow, type Wide, wideOf } from './codes/wide.ts'

/** A credential in a document. `slots` say where to the byte; `start` is the offset of the value's slot. */
export interface Find {
  readonly rule: string
  readonly secret: Secret
  readonly slots: readonly Slot[]
  readonly start: number
  readonly confidence: number
  /** What that rests on, in phrases that quote nothing of the document. */
  readonly reasons: readonly string[]
  readonly claims?: Ref
  readonly facts?: Facts
  readonly preview?: string
  readonly allowance?: Allowance
}

export interface ScanOptions {
  readonly path: string
  /** How many bytes are looked at at a time; a test makes it small. */
  readonly windowBytes?: number
}

const WINDOW_BYTES = 4 * 1024 * 1024
/** What each byte has around it within a window: no match, encoded text or neighbour reaches further. */
const MARGIN = 32 * 1024
/** A manifest in a release that Helm keeps: base64 of base64 of gzip, a string in JSON, and base64 in that. */
const DEEPEST = 6
/** Text within text can be decoded in many ways, each again: so much of it for nothing, and so much for each byte. */
const FREE_DECODED_BYTES = 8 * 1024 * 1024
const MOST_DECODED = 4

/**
 * The rules made ready. Rules are plain data, so that a worker compiles those that another thread has loaded.
 * Binary content (a NUL among its first 8 KiB) is searched for what a pattern alone tells, also in UTF-16, not for
 * assignments or other encoded texts. What is UTF-16 as a whole is a text like any other.
 * @param place where the dictionary of these rules was made ahead, or is to be kept.
 */
export function compileRules(rules: readonly Rule[], place?: DictionaryPlace): Engine {
  // A pattern that backtracks too often is finished by V8's linear engine.
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')
  const compiled = rules.map(compileRule)
  return new Engine(compiled, dictionaryIn(place, compiled))
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

/** Even, so that no window cuts a character of UTF-16 in two. */
function windowOf({ windowBytes }: ScanOptions): number {
  return Math.max(windowBytes ?? WINDOW_BYTES, 4 * MARGIN) & ~1
}

/** How far each rule has come in a text, by its number: where it was tried last, and where its last match ended. */
interface Progress {
  readonly tried: Int32Array
  readonly end: Int32Array
}

/** The end of a rule for other files: it is done with before it begins. */
const NOWHERE = 0x7fffffff

export class Engine {
  readonly rules: readonly CompiledRule[]
  readonly #prefilter: Prefilter
  readonly #meanings: Int32Array
  readonly #owners: Owners
  /** One list for each depth of encoding, used again for every text. */
  readonly #hits: Hits[] = []
  readonly #progress: Progress[] = []
  readonly #decoding = { left: 0 }

  constructor(rules: readonly CompiledRule[], { lookup, meanings }: Dictionary) {
    this.rules = rules
    this.#prefilter = new Prefilter(lookup)
    this.#meanings = meanings
    this.#owners = new Owners(rules)
  }

  /** All finds in bytes that are in memory, in order of where they stand. */
  *scan(bytes: Uint8Array, options: ScanOptions): Generator<Find> {
    const windowBytes = windowOf(options)
    const passage = new Passage(this, options.path, bytes)
    for (let from = 0; ; ) {
      const to = Math.min(bytes.length, from + windowBytes)
      yield* passage.read(bytes.subarray(from, to), to === bytes.length)
      if (to === bytes.length) return
      from = to - 2 * MARGIN
    }
  }

  /** The same over a stream, of which no more than a window is held at a time. */
  async *scanStream(source: AsyncIterable<Uint8Array>, options: ScanOptions): AsyncGenerator<Find> {
    const windowBytes = windowOf(options)
    let passage: Passage | undefined
    let held: Uint8Array[] = []
    let size = 0
    for await (const chunk of source) {
      held.push(chunk)
      size += chunk.length
      while (size > windowBytes) {
        const whole = joined(held)
        passage ??= new Passage(this, options.path, whole)
        yield* passage.read(whole.subarray(0, windowBytes), false)
        held = [whole.subarray(windowBytes - 2 * MARGIN)]
        size = held[0]!.length
      }
    }
    const rest = joined(held)
    yield* (passage ?? new Passage(this, options.path, rest)).read(rest, true)
  }

  /** Every place where a rule's pattern fits, before any check: what the prefilter must not lose. */
  matches(bytes: Uint8Array, path: string): { rule: string; start: number; end: number }[] {
    const found: { rule: string; start: number; end: number }[] = []
    const text = new Text(bytes, path, 'text')
    this.#visit(
      text,
      0,
      false,
      (rule, match) => found.push({ rule: rule.rule.id, start: match.start, end: match.end }) > 0,
    )
    return found
  }

  /** @internal */
  newlines(bytes: Uint8Array): number {
    return this.#prefilter.newlines(bytes)
  }

  /** @internal Finds within one window or decoded text, settled. */
  candidates(text: Text, binary: boolean, depth: number): Candidate[] {
    const found: Candidate[] = []
    if (depth === 0) this.#decoding.left = FREE_DECODED_BYTES + MOST_DECODED * text.bytes.length
    this.#visit(
      text,
      depth,
      binary,
      (rule, match) => {
        const before = found.length
        for (const candidate of interpret(text, rule, match, depth)) found.push(candidate)
        return found.length > before
      },
      depth < DEEPEST
        ? embedded => {
            this.#decoding.left -= embedded.bytes.length
            if (this.#decoding.left < 0) return
            const inner = new Text(
              embedded.bytes,
              text.path,
              dialectOf('', Buffer.from(embedded.bytes).toString('latin1', 0, 256)),
            )
            for (const candidate of this.candidates(inner, false, depth + 1)) {
              const lifted = lift(embedded, candidate, text)
              if (lifted) found.push(lifted)
            }
          }
        : undefined,
    )
    return settle(found).map(candidate => this.#owners.settled(text, candidate))
  }

  #visit(
    text: Text,
    depth: number,
    binary: boolean,
    onMatch: (rule: CompiledRule, match: Match) => boolean,
    onEmbedded?: (embedded: Embedded) => void,
  ): void {
    const hits = (this.#hits[depth] ??= newHits())
    this.#prefilter.scan(text.bytes, hits, onEmbedded !== undefined && !binary)
    const embedded = new EmbeddedTexts(text, text.whole || depth > 0, depth > 0, this.#decoding)
    const { tried, end } = (this.#progress[depth] ??= {
      tried: new Int32Array(this.rules.length),
      end: new Int32Array(this.rules.length),
    })
    tried.fill(-1)
    for (let i = 0; i < hits.count; i++) {
      const start = hits.start[i]!
      const number = this.#meanings[hits.literal[i]!]!
      if (number >= 0) {
        const rule = this.rules[number]!
        if (binary && rule.isOfText) continue
        if (hits.is[i]! & MAY_MATCH && tried[number] !== start) {
          if (tried[number] === -1) end[number] = rule.paths?.test(text.path) === false ? NOWHERE : 0
          tried[number] = start
          const match = matchAt(text, rule, start, end[number]!)
          if (match) {
            // Where an element's name is given nothing, another may stand among its attributes.
            const isTold = onMatch(rule, match)
            const name = match.groups['separator']
            end[number] = name && !isTold && text.bytes[name[1] - 1] === ELEMENT_END ? name[0] : match.end
          }
        }
        if (onEmbedded && hits.is[i]! & IS_IN_CODES) embedded.aroundKeyword(start, onEmbedded)
        continue
      }
      if (!onEmbedded) continue
      const meaning = meaningOf(number)
      if ('base64' in meaning) {
        const inner = binary ? undefined : embedded.base64At(start, meaning.offset)
        if (inner) onEmbedded(inner)
      } else if ('encoded' in meaning) {
        if (!binary || meaning.encoded === 'wide') embedded.aroundEncoded(start, meaning.encoded, onEmbedded)
      } else if (!binary) embedded.aroundKeyword(start, onEmbedded)
    }
  }
}

/** The rule's pattern where a keyword begins, with what may lead up to it but not before `after`. */
function matchAt(text: Text, rule: CompiledRule, keywordAt: number, after: number): Match | undefined {
  const { bytes } = text
  if (keywordAt < after) return undefined
  let start = keywordAt
  if (rule.lead) {
    const floor = Math.max(after, keywordAt - rule.lead.most)
    while (start > floor && rule.lead.class[bytes[start - 1]!]) start--
  }
  const isWithin = start > 0 && rule.before[bytes[start - 1]!]
  if (isWithin && !isPercentEscape(bytes, start - 3) && !isColour(bytes, start)) return undefined
  const { pattern } = rule
  text.turnTo(keywordAt, keywordAt + pattern.longest + 1)
  const { fits } = pattern
  fits.lastIndex = keywordAt - text.base
  // An answer without its parts costs less.
  const isWhole = rule.isNameOnly || pattern.isOneGroup
  const found = isWhole ? undefined : fits.exec(text.page)
  if (found === null || (isWhole && !fits.test(text.page))) return undefined
  const end = text.base + fits.lastIndex
  if (end < bytes.length && rule.after[bytes[end]!]) return undefined
  const groups = found
    ? pattern.groupsOf(found, text.base)
    : rule.isNameOnly
      ? { separator: [nameEndAt(bytes, keywordAt), end] as [number, number] }
      : { [pattern.groups[0]!]: [keywordAt, end] as [number, number] }
  return { start, keywordAt, end, groups }
}

/** Where the name ends that goes on here. */
function nameEndAt(bytes: Uint8Array, keywordAt: number): number {
  let at = keywordAt
  while (at < bytes.length && IN_NAME[bytes[at]!]) at++
  return at
}

const ELEMENT_END = 0x3e
const PERCENT = 0x25
const IS_HEX = classOf('0123456789ABCDEFabcdef')

function isPercentEscape(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === PERCENT && IS_HEX[bytes[at + 1]!] === 1 && IS_HEX[bytes[at + 2]!] === 1
}

const ESCAPE = 0x1b
const LETTER_M = 0x6d
const IN_COLOUR = classOf('0123456789;[')
const LONGEST_COLOUR = 16

/** Whether what ends here is a terminal's sequence for a colour, as logs are full of: `ESC[32m`. */
function isColour(bytes: Uint8Array, end: number): boolean {
  if (bytes[end - 1] !== LETTER_M) return false
  let at = end - 2
  const floor = Math.max(0, end - LONGEST_COLOUR)
  while (at > floor && IN_COLOUR[bytes[at]!]) at--
  return bytes[at] === ESCAPE
}

/** One document read window by window; keeps what a find's absolute position needs. */
class Passage {
  readonly #engine: Engine
  readonly #path: string
  readonly #dialect: Dialect
  readonly #binary: boolean
  readonly #wide: Wide | undefined
  /** Where the next window begins; finds before #owned were given by the last one. */
  #base = 0
  #owned = 0
  #line = 1
  #countedTo = 0

  constructor(engine: Engine, path: string, head: Uint8Array) {
    const start = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 8192))
    this.#engine = engine
    this.#path = path
    this.#wide = wideOf(start)
    this.#binary = this.#wide === undefined && start.includes(0)
    const begins = this.#wide ? narrow(start, this.#wide).bytes : start
    this.#dialect = dialectOf(path, begins.toString('latin1', 0, 256))
  }

  *read(window: Uint8Array, last: boolean): Generator<Find> {
    const narrowed = this.#wide && narrow(window, this.#wide)
    const text = new Text(narrowed?.bytes ?? window, this.#path, this.#dialect, last && this.#base === 0)
    const written = Buffer.from(window.buffer, window.byteOffset, window.byteLength)
    const end = this.#base + window.length
    const ownedTo = last ? end : end - MARGIN
    const candidates = this.#engine.candidates(text, this.#binary, 0)
    for (const found of candidates) {
      const candidate = narrowed ? this.#widened(found, narrowed) : found
      const at = this.#base + candidate.value.start
      if (at < this.#owned || at >= ownedTo) continue
      const allowance = allowanceAt(text.bytes, found.value, () => candidates.map(other => other.value))
      yield { ...this.#find(candidate, written), ...(allowance && { allowance }) }
    }
    if (last) return
    this.#countLines(written, ownedTo - MARGIN)
    this.#owned = ownedTo
    this.#base = ownedTo - MARGIN
  }

  /** Where it stands in what was written. */
  #widened(candidate: Candidate, narrowed: Narrowed): Candidate {
    const span = ({ start, end, encodings, bytes }: Span): Span => ({
      start: narrowed.at(start),
      end: narrowed.at(end),
      encodings: [this.#wide!, ...encodings],
      bytes,
    })
    const { value, id, keyId } = candidate
    return {
      ...candidate,
      value: span(value),
      ...(id && { id: span(id) }),
      ...(keyId && { keyId: span(keyId) }),
    }
  }

  #find(candidate: Candidate, written: Buffer): Find {
    const { value, id, keyId, claims, facts, confidence, reasons, rule } = candidate
    const slot = (part: Slot['part'], span: Span): Slot => ({
      part,
      at: `${this.#base + span.start}-${this.#base + span.end}`,
      encodings: span.encodings,
      line: this.#lineOf(written, span.start),
    })
    this.#countLines(written, this.#base + value.start)
    const textOf = (span: Span | undefined) => span && Buffer.from(span.bytes).toString('utf8')
    const idText = textOf(id)
    const preview = rule.rule.preview === 'token' ? previewOf(rule, idText, value) : undefined
    return {
      rule: rule.rule.id,
      secret: new Secret(value.bytes, idText, textOf(keyId)),
      slots: [
        slot('value', value),
        ...(id ? [slot('id', id)] : []),
        ...(keyId ? [slot('key-id', keyId)] : []),
      ],
      start: this.#base + value.start,
      confidence,
      reasons,
      ...(claims && { claims }),
      ...(facts && { facts }),
      ...(preview && { preview }),
    }
  }

  /** Values come in order, so that a document's lines are counted through once. */
  #countLines(written: Buffer, to: number): void {
    if (to <= this.#countedTo) return
    this.#line += this.#newlines(written, this.#countedTo - this.#base, to - this.#base)
    this.#countedTo = to
  }

  /** An id may stand before its value. */
  #lineOf(written: Buffer, at: number): number {
    const counted = this.#countedTo - this.#base
    return at < counted
      ? this.#line - this.#newlines(written, at, counted)
      : this.#line + this.#newlines(written, counted, at)
  }

  #newlines(written: Buffer, from: number, to: number): number {
    if (!this.#wide) return this.#engine.newlines(written.subarray(from, to))
    const first = this.#wide === 'utf16le' ? 0x0a : 0
    let count = 0
    for (let at = from; at + 1 < to; at += 2)
      if (written[at] === first && written[at + 1] === (first ^ 0x0a)) count++
    return count
  }
}

/** The fixed beginning and the last four characters; nothing of a value so short that this would be much of it. */
function previewOf(rule: CompiledRule, id: string | undefined, value: Span): string | undefined {
  const shown = rule.pair?.hasValue && id ? id : Buffer.from(value.bytes).toString('latin1')
  if (shown.length < 20 || /[^\x20-\x7e]/.test(shown)) return undefined
  const start = rule.rule.keywords.find(keyword => shown.startsWith(keyword)) ?? ''
  return `${start}…${shown.slice(-4)}`
}
