import { decodeAs } from '../../../../core/contract/slot.ts'
import type { Dialect } from '../dialect.ts'

/** The longest value that is read; a longer one is no password. */
export const LONGEST_VALUE = 1024

/** Where a value stands, as offsets into a page, and how it is written there. */
export interface Range {
  readonly start: number
  readonly end: number
  readonly encodings: readonly string[]
  /** Within something that is quoted or marked off itself: a connection string, an element. */
  readonly isInString?: boolean
  /** A line of its own that sets a variable. */
  readonly isSetting?: boolean
  /** The next word of a sentence. */
  readonly isTold?: boolean
}

/** What stands in the quotes that open at `at`, as this kind of file escapes; undefined where it is no such literal. */
export function quotedRange(page: string, at: number, dialect: Dialect): Range | undefined {
  const quote = page[at]!
  if (!isQuote(quote) || (quote === '`' && dialect !== 'code' && dialect !== 'text')) return undefined
  // Three quotes begin a block; two of reStructuredText's a literal.
  if (page.startsWith(quote.repeat(3), at)) return undefined
  if (dialect === 'text' && quote === '`' && page[at + 1] === quote) return literalRange(page, at + 2)
  const encoding = quotedEncoding(dialect, quote === "'")
  const escapes = encoding === 'json' || encoding === 'shell'
  const limit = Math.min(page.length, at + LONGEST_VALUE + 2)
  for (let end = at + 1; end < limit; end++) {
    const character = page[end]
    if (character === '\n') return undefined
    if (character === '\\' && escapes) end++
    else if (character === quote) {
      if (encoding === 'yaml' && page[end + 1] === quote) end++
      else return { start: at + 1, end, encodings: encoding ? [encoding] : [] }
    }
  }
  return undefined
}

function literalRange(page: string, start: number): Range | undefined {
  const end = page.indexOf('``', start)
  return end < 0 || end - start > 128 || page.slice(start, end).includes('\n')
    ? undefined
    : { start, end, encodings: [] }
}

export function quotedEncoding(dialect: Dialect, single: boolean): string | undefined {
  switch (dialect) {
    case 'yaml':
      return single ? 'yaml' : 'json'
    case 'env':
    case 'shell':
    case 'docker':
      return single ? undefined : 'shell'
    case 'toml':
      return single ? undefined : 'json'
    case 'xml':
      return 'xml'
    case 'ini':
    case 'netrc':
      return undefined
    default:
      return 'json'
  }
}

/** A backslash that is no known escape stands for itself in most languages: then the value is as it stands. */
export function unescaped(
  bytes: Uint8Array,
  encodings: readonly string[],
): { bytes: Uint8Array; encodings: readonly string[] } {
  let plain = bytes
  for (const encoding of encodings) {
    const decoded = decodeAs(plain, encoding)
    if (!decoded) return { bytes, encodings: [] }
    plain = decoded
  }
  return { bytes: plain, encodings }
}

export function isQuote(character: string | undefined): boolean {
  return character === '"' || character === "'" || character === '`'
}
