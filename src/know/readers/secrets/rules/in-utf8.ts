/**
 * Rules are run over bytes, a character for each. What a rule of text says in characters beyond ASCII stands in a document as
 * UTF-8: `ñ` is two of them. An escape such as `\xf1` is the one byte.
 */
const BEYOND_ASCII = /[^\0-\x7f]/

/** A keyword as its bytes; where case does not count, in each of the ways in which a word is usually written. */
export function keywordsInUtf8(keyword: string, ignoreCase: boolean): string[] {
  if (!BEYOND_ASCII.test(keyword)) return [keyword]
  const lower = keyword.toLowerCase()
  const capital = lower.replace(/^./u, first => first.toUpperCase())
  const spellings = ignoreCase ? [keyword, lower, keyword.toUpperCase(), capital] : [keyword]
  return [...new Set(spellings.map(utf8))]
}

/** The pattern over bytes. A class cannot say more than one of them: what it names beyond ASCII is an alternative to it. */
export function patternInUtf8(pattern: string, ignoreCase: boolean): string {
  if (!BEYOND_ASCII.test(pattern)) return pattern
  return pattern.replace(/\\[^]|\[(?:\\[^]|[^\\\]])*\]|[^]/gu, part => {
    const beyond = [...part].filter(character => BEYOND_ASCII.test(character))
    if (beyond.length === 0) return part
    const cases = (character: string) =>
      ignoreCase ? [character, character.toLowerCase(), character.toUpperCase()] : [character]
    const forms = [...new Set(beyond.flatMap(cases).map(utf8))]
    if (!part.startsWith('[')) return `(?:${forms.join('|')})`
    if (/^\[\^|-[^\0-\x7f]|[^\0-\x7f]-(?!\])/u.test(part))
      throw new Error('a class beyond ASCII can name single characters only, and not leave any out')
    const rest = [...part].filter(character => !BEYOND_ASCII.test(character)).join('')
    return `(?:${[...(rest === '[]' ? [] : [rest]), ...forms].join('|')})`
  })
}

function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
