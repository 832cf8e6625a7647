/** A piece of a text of HCL. A string's `text` is what stands between its quotes, as written; of a heredoc, its lines. */
export interface HclToken {
  readonly kind: 'name' | 'number' | 'string' | 'heredoc' | 'mark' | 'newline' | 'end'
  readonly text: string
  readonly line: number
  readonly start: number
  readonly end: number
}

const NAME = /[\p{ID_Start}_][\p{ID_Continue}-]*/uy
const NUMBER = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const HEREDOC = /<<-?([\p{ID_Start}_][\p{ID_Continue}-]*)[ \t]*\r?\n/uy
const MOST_TOKENS = 1_000_000

/**
 * The tokens of a text of HCL, comments left out. What does not end is taken to the end of its line, or of the text.
 * https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md
 */
export function hclTokens(text: string): { readonly tokens: HclToken[]; readonly complete: boolean } {
  const tokens: HclToken[] = []
  let [at, line] = [0, 1]
  const push = (kind: HclToken['kind'], value: string, to: number) => {
    tokens.push({ kind, text: value, line, start: at, end: to })
    line += newlines(text, at, to)
    at = to
  }
  while (at < text.length && tokens.length < MOST_TOKENS) {
    const sign = text[at]!
    if (sign === '\n') push('newline', sign, at + 1)
    else if (sign === ' ' || sign === '\t' || sign === '\r') at++
    else if (sign === '#' || text.startsWith('//', at)) at = indexFrom(text, '\n', at)
    else if (text.startsWith('/*', at)) {
      const end = Math.min(text.length, indexFrom(text, '*/', at + 2) + 2)
      line += newlines(text, at, end)
      at = end
    } else if (sign === '"') {
      const end = quoteEnd(text, at + 1)
      push('string', text.slice(at + 1, end), Math.min(text.length, end + (text[end] === '"' ? 1 : 0)))
    } else if (sign === '<' && match(HEREDOC, text, at)) {
      const opened = match(HEREDOC, text, at)!
      const from = at + opened[0].length
      const { to, end } = heredocEnd(text, from, opened[1]!)
      push('heredoc', text.slice(from, to), end)
    } else {
      const word = match(NAME, text, at)?.[0]
      const number = word === undefined ? match(NUMBER, text, at)?.[0] : undefined
      if (word !== undefined) push('name', word, at + word.length)
      else if (number !== undefined) push('number', number, at + number.length)
      else push('mark', sign, at + 1)
    }
  }
  const complete = at >= text.length
  tokens.push({ kind: 'end', text: '', line, start: at, end: at })
  return { tokens, complete }
}

/** Where a quoted template ends: an interpolation in it may hold quotes of its own. */
function quoteEnd(text: string, from: number): number {
  // For each interpolation that is open, its braces; `quoted` where a string within it is.
  const open: { braces: number; quoted: boolean }[] = []
  for (let at = from; at < text.length; at++) {
    const sign = text[at]!
    const within = open.at(-1)
    if (sign === '\n' && !within) return at
    const literal = !within || within.quoted
    if (literal && sign === '\\') at++
    else if (literal && (sign === '$' || sign === '%') && text[at + 1] === '{' && text[at - 1] !== sign) {
      open.push({ braces: 1, quoted: false })
      at++
    } else if (sign === '"') {
      if (!within) return at
      within.quoted = !within.quoted
    } else if (within && !within.quoted && sign === '{') within.braces++
    else if (within && !within.quoted && sign === '}' && --within.braces === 0) open.pop()
    // It does not end: what follows is not all a string.
    if (open.length > 100) return indexFrom(text, '\n', from)
  }
  return indexFrom(text, '\n', from)
}

function heredocEnd(text: string, from: number, name: string): { to: number; end: number } {
  for (let at = from; at < text.length; ) {
    const lineEnd = indexFrom(text, '\n', at)
    if (text.slice(at, lineEnd).trim() === name) return { to: at, end: lineEnd }
    at = lineEnd + 1
  }
  return { to: text.length, end: text.length }
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
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
