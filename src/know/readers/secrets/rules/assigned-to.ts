/** What may follow the word that ends a name: an environment, a number, `_FOR_TESTS`. Longer lists were measurably slower. */
const SUFFIX =
  '(?:[_.\\-]?(?:prod|production|dev|staging|test|live|default|key|value|[0-9]{1,2}|for[_.\\-]?tests?))?'

/** What stands between a name and its value: also `: string =`, `name: X⏎ value: …`, an argument, an element's end, and a cell's. */
const SEPARATOR =
  '(?:\\\\(?:\\\\\\\\)?)?(?:["\\x27\\x60]?\\]?|\\*\\*)' +
  '(?:,?\\s{1,20}["\\x27]?value["\\x27]?[ \\t]{0,4}[:=][ \\t]{0,4}' +
  '|:[ \\t]{0,2}[A-Za-z]{1,12}[ \\t]{1,2}=[ \\t]{0,4}' +
  '|[ \\t]{0,32}(?:=>|:{1,3}=|[?+.]?=|[:,;|(>]|[ \\t])[ \\t]{0,8})' +
  '(?:\\\\(?:\\\\\\\\)?)?["\\x27\\x60]?'

/** A pattern with what may stand between a name and its value where it says `{{given}}`. */
export function withSeparator(pattern: string): string {
  return pattern.replaceAll('{{given}}', SEPARATOR)
}

/** The name's middle, or a URL's up to a name in its query; or the keyword is a key by itself, or what is made, and the name is the first one within it. */
const MIDDLE =
  '(?:[A-Za-z0-9_.\\- /?&]{0,40}?' +
  '|["\\x27]?[ \\t]{0,2}[:=(][ \\t]{0,2}\\{?[ \\t]{0,2}\\n?[ \\t]{0,8}["\\x27]?[A-Za-z_\\-]{0,16}?)'

/** The keyword is the whole name, and `=` says that it is one: `deepgram = "`. A colon may as well stand between a word and a revision. */
const ITSELF = '["\\x27]?[ \\t]{0,4}=[ \\t]{0,4}["\\x27\\x60]?'

/** As files of variables and as programs write them: `rapid_api` is `rapidapi` too. */
export function keywordVariants(keywords: readonly string[]): string[] {
  return [
    ...new Set(keywords.flatMap(keyword => [keyword, keyword.replace(/(?<=[a-z0-9])_(?=[a-z0-9])/g, '')])),
  ]
}

/** What a name ends in that such a value is given to. */
export function endingOf(words: readonly string[]): string {
  return `(?:${words.filter(word => word !== '=').join('|')})${SUFFIX}`
}

/**
 * The pattern of a value that is told by its name alone: the name begins with one of the keywords and ends in one of the
 * words (`HEROKU_API_KEY`, `herokuKey`, `heroku: { key`), or, where `=` is among them, the keyword itself is assigned to. A
 * hash or an id beside the vendor's name is so no find.
 */
export function assignedTo(keywords: readonly string[], words: readonly string[], value: string): string {
  const begins = keywords.map(keyword => keyword.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|')
  const ending = `${MIDDLE}${endingOf(words)}${SEPARATOR}`
  return `(?:${begins})${words.includes('=') ? `(?:${ITSELF}|${ending})` : ending}${value}`
}
