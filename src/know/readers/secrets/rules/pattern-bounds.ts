/**
 * What is told of a pattern without running it. Patterns are JavaScript regular expressions, with the flag `i` or without
 * any, and so written that they cannot take long on hostile input: no open-ended quantifier, no lookaround, no
 * back-reference, and no repeated group with a quantifier inside. What breaks that raises a sentence.
 */
type Node =
  | { readonly is: 'one'; readonly source: string }
  | { readonly is: 'nothing' }
  | { readonly is: 'sequence' | 'either'; readonly parts: readonly Node[] }
  | { readonly is: 'repeated'; readonly part: Node; readonly least: number; readonly most: number }

/** The most characters that a pattern can match. */
export function longestMatch(pattern: string): number {
  return lengthOf(parsed(pattern))
}

/** How much of a match's beginning is told by which bytes may stand there: as many positions as a number has bits. */
const TOLD = 32

/** For each byte the positions at which it can stand, a bit for each, among the first that every match has. */
export interface Beginning {
  readonly positions: Int32Array
  readonly length: number
  readonly run: Run | undefined
}

/** Bytes of one kind of which there may be more or fewer, up to `most`, `at` so many bytes, and what must stand behind them, which is none of them. */
export interface Run {
  readonly at: number
  /** 1 for each byte, as in `behind`. */
  readonly of: Uint8Array
  readonly most: number
  readonly behind: Uint8Array
}

/** How each match of a pattern begins: most of what begins with a rule's keyword is told from it by a few bytes. */
export function beginningOf(pattern: string, ignoreCase: boolean): Beginning {
  const positions = new Int32Array(256)
  const node = parsed(pattern)
  const ends = walk(node, 1n, (source, starts) => {
    const bits = Number(BigInt.asIntN(TOLD, starts))
    const bytes = bytesOf(source, ignoreCase)
    for (let byte = 0; byte < 256; byte++) if (bytes[byte] === 1) positions[byte]! |= bits
  })
  let length = 0
  while (length < TOLD && (ends & (1n << BigInt(length))) === 0n) length++
  return { positions, length, run: runOf(node, ignoreCase) }
}

/** The first run of a pattern, where the same bytes come before it in every match, as many as ever. */
function runOf(node: Node, ignoreCase: boolean): Run | undefined {
  const parts = inOrder(node).map(part =>
    part.is === 'repeated' ? part : { is: 'repeated' as const, part, least: 1, most: 1 },
  )
  const index = parts.findIndex(({ part, least, most }) => part.is !== 'one' || least !== most)
  const [run, next] = [parts[index], parts[index + 1]]
  if (run?.part.is !== 'one' || next?.part.is !== 'one' || next.least === 0) return undefined
  const of = bytesOf(run.part.source, ignoreCase)
  const behind = bytesOf(next.part.source, ignoreCase)
  if (of.some((is, byte) => is === 1 && behind[byte] === 1)) return undefined
  return { at: parts.slice(0, index).reduce((sum, { most }) => sum + most, 0), of, most: run.most, behind }
}

/** What comes one after the other, groups taken apart. */
function inOrder(node: Node): readonly Node[] {
  if (node.is === 'sequence') return node.parts.flatMap(inOrder)
  if (node.is === 'either' && node.parts.length === 1) return inOrder(node.parts[0]!)
  return node.is === 'nothing' ? [] : [node]
}

type Mark = (source: string, starts: bigint) => void

/** Where a part can end that can begin at `starts`; a bit for each position. Where it would begin further on is not asked. */
function walk(node: Node, starts: bigint, mark: Mark): bigint {
  if (starts === 0n) return 0n
  switch (node.is) {
    case 'nothing':
      return starts
    case 'one':
      mark(node.source, starts)
      return BigInt.asUintN(TOLD, starts << 1n)
    case 'sequence':
      return node.parts.reduce((at, part) => walk(part, at, mark), starts)
    case 'either':
      return node.parts.reduce((ends, part) => ends | walk(part, starts, mark), 0n)
    case 'repeated': {
      let ends = node.least === 0 ? starts : 0n
      let at = starts
      for (let times = 1; times <= node.most && at !== 0n; times++) {
        at = walk(node.part, at, mark)
        if (times >= node.least) ends |= at
      }
      return ends
    }
  }
}

const known = new Map<string, Uint8Array>()

/** 1 for each byte that a class, an escape or a character stands for. */
function bytesOf(source: string, ignoreCase: boolean): Uint8Array {
  const key = `${ignoreCase ? 'i' : ''}${source}`
  const made = known.get(key)
  if (made) return made
  const expression = new RegExp(source, ignoreCase ? 'i' : '')
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) =>
    expression.test(String.fromCharCode(byte)) ? 1 : 0,
  )
  known.set(key, bytes)
  return bytes
}

function lengthOf(node: Node): number {
  switch (node.is) {
    case 'one':
      return 1
    case 'nothing':
      return 0
    case 'sequence':
      return node.parts.reduce((sum, part) => sum + lengthOf(part), 0)
    case 'either':
      return Math.max(...node.parts.map(lengthOf))
    case 'repeated':
      return node.most * lengthOf(node.part)
  }
}

/** Whether it holds a quantifier that can take more than one count. */
function varies(node: Node): boolean {
  switch (node.is) {
    case 'one':
    case 'nothing':
      return false
    case 'sequence':
    case 'either':
      return node.parts.some(varies)
    case 'repeated':
      return varies(node.part) || (node.most > 1 && node.least !== node.most)
  }
}

interface Cursor {
  readonly pattern: string
  at: number
}

function parsed(pattern: string): Node {
  const cursor = { pattern, at: 0 }
  const node = alternatives(cursor)
  if (cursor.at < pattern.length) throw new Error(`unexpected ) at character ${cursor.at + 1} of the pattern`)
  return node
}

function alternatives(cursor: Cursor): Node {
  const parts: Node[] = []
  for (;;) {
    parts.push(sequence(cursor))
    if (cursor.pattern[cursor.at] !== '|') return { is: 'either', parts }
    cursor.at++
  }
}

function sequence(cursor: Cursor): Node {
  const parts: Node[] = []
  while (cursor.at < cursor.pattern.length && !'|)'.includes(cursor.pattern[cursor.at]!))
    parts.push(quantified(cursor, atom(cursor)))
  return { is: 'sequence', parts }
}

function atom(cursor: Cursor): Node {
  const { pattern } = cursor
  const from = cursor.at
  const character = pattern[cursor.at++]!
  if (character === '(') return group(cursor)
  if (character === '[') {
    const close = /^\^?(?:\\[^]|[^\\\]])*\]/.exec(pattern.slice(cursor.at))
    if (!close) throw new Error('a character class is not closed')
    cursor.at += close[0].length
    return { is: 'one', source: pattern.slice(from, cursor.at) }
  }
  if (character === '\\') {
    const escape = /^(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[^0-9A-Za-z]|[dDwWsStnrfv])/.exec(
      pattern.slice(cursor.at),
    )
    if (!escape) throw new Error(`the escape \\${pattern[cursor.at] ?? ''} is not supported`)
    cursor.at += escape[0].length
    return { is: 'one', source: pattern.slice(from, cursor.at) }
  }
  if (character === '^' || character === '$') return { is: 'nothing' }
  if ('*+?{'.includes(character))
    throw new Error(`nothing to repeat at character ${cursor.at} of the pattern`)
  // What closes nothing stands for itself.
  return { is: 'one', source: ']}'.includes(character) ? `\\${character}` : character }
}

function group(cursor: Cursor): Node {
  const kind = /^\?(?::|<[A-Za-z]+>)/.exec(cursor.pattern.slice(cursor.at))
  if (kind) cursor.at += kind[0].length
  else if (cursor.pattern[cursor.at] === '?')
    throw new Error('lookaround is not supported: use before and after')
  const inside = alternatives(cursor)
  if (cursor.pattern[cursor.at] !== ')') throw new Error('a group is not closed')
  cursor.at++
  return inside
}

function quantified(cursor: Cursor, part: Node): Node {
  const match = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/.exec(cursor.pattern.slice(cursor.at))
  if (!match) return part
  cursor.at += match[0].length
  if (match[1] === '*' || match[1] === '+' || match[4] === '') {
    throw new Error(`the quantifier ${match[0]} has no upper bound: give one, as in {0,64}`)
  }
  const [least, most] = match[1] ? [0, 1] : [Number(match[2]), Number(match[4] ?? match[2])]
  if (most > 1 && varies(part)) throw new Error('a repeated group must not hold a quantifier of its own')
  return { is: 'repeated', part, least, most }
}
