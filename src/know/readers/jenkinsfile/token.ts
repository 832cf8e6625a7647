/** A piece of a Groovy text. A string's `text` is what stands between its quotes, as it is written. */
export interface Token {
  readonly kind: 'name' | 'string' | 'mark' | 'number' | 'newline'
  readonly text: string
  readonly line: number
  /** Of a string: whether `${…}` in it is replaced before anything else sees it. */
  readonly interpolates: boolean
}

/** A text that has more is no pipeline that a person wrote. */
const MOST_TOKENS = 500_000

const WORD = /[\p{L}_$][\p{L}\p{N}_$]*/uy
const NUMBER = /\d[\w.]*/y
/** What a slash may follow and begin a string, and not divide. */
const BEFORE_SLASHY = new Set([
  '(',
  ',',
  '=',
  '[',
  '{',
  ':',
  '!',
  '&',
  '|',
  '?',
  ';',
  '~',
  '>',
  '<',
  '+',
  'newline',
])

/**
 * The tokens of a Groovy text, comments left out: enough to see calls, strings and blocks, whatever else it holds. What does
 * not end is taken to the end of the text; `complete` is false where there are more than what is looked at.
 */
export function tokensOf(text: string): { readonly tokens: Token[]; readonly complete: boolean } {
  const tokens: Token[] = []
  let [at, line] = text.startsWith('#!') ? [lineEnd(text, 0), 1] : [0, 1]
  const push = (kind: Token['kind'], value: string, on: number, interpolates = false) =>
    tokens.push({ kind, text: value, line: on, interpolates })
  while (at < text.length) {
    if (tokens.length >= MOST_TOKENS) return { tokens, complete: false }
    const sign = text[at]!
    if (sign === '\n') {
      push('newline', sign, line++)
      at++
    } else if (/\s/.test(sign)) at++
    else if (text.startsWith('//', at)) at = lineEnd(text, at)
    else if (text.startsWith('/*', at)) {
      const end = indexFrom(text, '*/', at + 2)
      line += newlines(text, at, end)
      at = end + 2
    } else {
      const string = stringAt(text, at, tokens.at(-1))
      if (string) {
        push('string', text.slice(string.from, string.to), line, string.interpolates)
        line += newlines(text, at, string.end)
        at = string.end
        continue
      }
      const word = match(WORD, text, at) ?? match(NUMBER, text, at)
      if (word !== undefined) push(/^\d/.test(word) ? 'number' : 'name', word, line)
      else push('mark', sign, line)
      at += word?.length ?? 1
    }
  }
  return { tokens, complete: true }
}

interface Quoted {
  readonly from: number
  readonly to: number
  readonly end: number
  readonly interpolates: boolean
}

function stringAt(text: string, at: number, before: Token | undefined): Quoted | undefined {
  for (const [quote, interpolates] of [
    ["'''", false],
    ['"""', true],
    ["'", false],
    ['"', true],
  ] as const)
    if (text.startsWith(quote, at)) return quoted(text, at, quote, interpolates)
  if (text.startsWith('$/', at)) {
    const to = indexFrom(text, '/$', at + 2)
    return { from: at + 2, to, end: to + 2, interpolates: true }
  }
  const begins =
    !before ||
    BEFORE_SLASHY.has(before.kind === 'newline' ? 'newline' : before.text) ||
    ['sh', 'return', 'in'].includes(before.text)
  if (text[at] !== '/' || !begins) return undefined
  const end = lineEnd(text, at)
  for (let to = at + 1; to < end; to++) {
    if (text[to] === '\\') to++
    else if (text[to] === '/') return { from: at + 1, to, end: to + 1, interpolates: true }
  }
  return undefined
}

function quoted(text: string, at: number, quote: string, interpolates: boolean): Quoted {
  const from = at + quote.length
  const single = quote.length === 1
  for (let to = from; to < text.length; to++) {
    if (text[to] === '\\') to++
    else if (text.startsWith(quote, to)) return { from, to, end: to + quote.length, interpolates }
    // One that is not closed on its line would take the rest of the text.
    else if (single && text[to] === '\n') return { from, to, end: to, interpolates }
  }
  return { from, to: text.length, end: text.length, interpolates }
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

function lineEnd(text: string, at: number): number {
  return indexFrom(text, '\n', at)
}

function indexFrom(text: string, what: string, at: number): number {
  const found = text.indexOf(what, at)
  return found < 0 ? text.length : found
}

function newlines(text: string, from: number, to: number): number {
  let count = 0
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++
  return count
}
