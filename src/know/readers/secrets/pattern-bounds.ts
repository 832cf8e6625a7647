/**
 * The most characters that a pattern can match. Raises a sentence where there is no such number, or where the pattern
 * could take long on hostile input: no open-ended quantifier, no lookaround, no back-reference, and no repeated group
 * with a quantifier inside. Patterns are JavaScript regular expressions without flags.
 */
export function longestMatch(pattern: string): number {
  const cursor = { pattern, at: 0 }
  const { length } = alternatives(cursor)
  if (cursor.at < pattern.length) throw new Error(`unexpected ) at character ${cursor.at + 1} of the pattern`)
  return length
}

interface Cursor {
  readonly pattern: string
  at: number
}

/** `varies` tells that the part holds a quantifier that can take more than one count. */
interface Part {
  length: number
  varies: boolean
}

function alternatives(cursor: Cursor): Part {
  const whole: Part = { length: 0, varies: false }
  for (;;) {
    const branch = sequence(cursor)
    whole.length = Math.max(whole.length, branch.length)
    whole.varies ||= branch.varies
    if (cursor.pattern[cursor.at] !== '|') return whole
    cursor.at++
  }
}

function sequence(cursor: Cursor): Part {
  const whole: Part = { length: 0, varies: false }
  while (cursor.at < cursor.pattern.length && !'|)'.includes(cursor.pattern[cursor.at]!)) {
    const part = quantified(cursor, atom(cursor))
    whole.length += part.length
    whole.varies ||= part.varies
  }
  return whole
}

function atom(cursor: Cursor): Part {
  const { pattern } = cursor
  const character = pattern[cursor.at++]!
  if (character === '(') return group(cursor)
  if (character === '[') {
    const close = /^\^?(?:\\[^]|[^\\\]])*\]/.exec(pattern.slice(cursor.at))
    if (!close) throw new Error('a character class is not closed')
    cursor.at += close[0].length
    return { length: 1, varies: false }
  }
  if (character === '\\') {
    const escape = /^(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[^0-9A-Za-z]|[dDwWsStnrfv])/.exec(
      pattern.slice(cursor.at),
    )
    if (!escape) throw new Error(`the escape \\${pattern[cursor.at] ?? ''} is not supported`)
    cursor.at += escape[0].length
    return { length: 1, varies: false }
  }
  if (character === '^' || character === '$') return { length: 0, varies: false }
  if ('*+?{'.includes(character))
    throw new Error(`nothing to repeat at character ${cursor.at} of the pattern`)
  return { length: 1, varies: false }
}

function group(cursor: Cursor): Part {
  const kind = /^\?(?::|<[A-Za-z]+>)/.exec(cursor.pattern.slice(cursor.at))
  if (kind) cursor.at += kind[0].length
  else if (cursor.pattern[cursor.at] === '?')
    throw new Error('lookaround is not supported: use before and after')
  const inside = alternatives(cursor)
  if (cursor.pattern[cursor.at] !== ')') throw new Error('a group is not closed')
  cursor.at++
  return inside
}

function quantified(cursor: Cursor, part: Part): Part {
  const match = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/.exec(cursor.pattern.slice(cursor.at))
  if (!match) return part
  cursor.at += match[0].length
  if (match[1] === '*' || match[1] === '+' || match[4] === '') {
    throw new Error(`the quantifier ${match[0]} has no upper bound: give one, as in {0,64}`)
  }
  const [least, most] = match[1] ? [0, 1] : [Number(match[2]), Number(match[4] ?? match[2])]
  if (most > 1 && part.varies) throw new Error('a repeated group must not hold a quantifier of its own')
  return { length: part.length * most, varies: part.varies || (most > 1 && least !== most) }
}
