/** One element of a pattern: the code of a character, or a wildcard. */
export type Token = number | typeof ANY | typeof ONE

/** `*`: any number of characters. */
export const ANY = -1
/** `?`: exactly one character. */
export const ONE = -2

/** The tokens of a text in which `*` and `?` are wildcards. */
export function tokens(text: string): Token[] {
  return Array.from(text, character => (character === '*' ? ANY : character === '?' ? ONE : code(character)))
}

/** The tokens of a text in which nothing is a wildcard. */
export function literalTokens(text: string): Token[] {
  return Array.from(text, code)
}

/**
 * Whether the whole text fits. Each `*` is tried from where the last one gave up, so that no pattern takes more than
 * its length times the text's.
 */
export function fits(pattern: readonly Token[], text: string, ignoreCase = false): boolean {
  const wanted = ignoreCase ? pattern.map(foldedToken) : pattern
  const given = Array.from(ignoreCase ? text.toLowerCase() : text, code)
  let [at, reading] = [0, 0]
  let [star, resumeAt] = [-1, 0]
  while (reading < given.length) {
    if (wanted[at] === ANY) {
      star = at++
      resumeAt = reading
    } else if (at < wanted.length && (wanted[at] === ONE || wanted[at] === given[reading])) {
      at++
      reading++
    } else if (star >= 0) {
      at = star + 1
      reading = ++resumeAt
    } else return false
  }
  while (wanted[at] === ANY) at++
  return at === wanted.length
}

function foldedToken(token: Token): Token {
  return token < 0 ? token : code(String.fromCodePoint(token).toLowerCase())
}

function code(character: string): number {
  return character.codePointAt(0)!
}
