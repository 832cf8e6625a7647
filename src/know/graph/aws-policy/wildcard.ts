/** One element of a pattern: the code of a character, or a wildcard. */
export type Token = number

/** `*`: any number of characters. */
export const ANY = -1
/** `?`: exactly one character. */
export const ONE = -2

/** The tokens of a text in which `*` and `?` are wildcards. */
export function tokens(text: string): Token[] {
  return Array.from({ length: text.length }, (_, at) => {
    const code = text.charCodeAt(at)
    return code === 0x2a ? ANY : code === 0x3f ? ONE : code
  })
}

/** The tokens of a text in which nothing is a wildcard. */
export function literalTokens(text: string): Token[] {
  return Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
}

/**
 * Whether the whole text fits. Each `*` is tried from where the last one gave up, so that no pattern takes more than
 * its length times the text's.
 */
export function fits(pattern: readonly Token[], text: string): boolean {
  let [at, reading] = [0, 0]
  let [star, resumeAt] = [-1, 0]
  while (reading < text.length) {
    const token = pattern[at]
    if (token === ANY) {
      star = at++
      resumeAt = reading
    } else if (token === ONE || token === text.charCodeAt(reading)) {
      at++
      reading++
    } else if (star >= 0) {
      at = star + 1
      reading = ++resumeAt
    } else return false
  }
  while (pattern[at] === ANY) at++
  return at === pattern.length
}
