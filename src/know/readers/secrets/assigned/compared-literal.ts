import type { Candidate } from '../candidate.ts'
import type { Match } from '../interpret.ts'
import { keyNameOf } from './key-name.ts'
import { type Found, namedCandidate } from './named-candidate.ts'
import { quotedEncoding, unescaped } from './quoted-value.ts'

/** How far before the sign a literal may begin. */
const REACH = 256

/**
 * The literal that ends where the match begins: the other side of a comparison, `"x" == password`, or what goes into a
 * password where nothing is named, `"x" | ConvertTo-SecureString`.
 */
export function readCompared(found: Found, match: Match): Candidate | undefined {
  const { text } = found
  const name = match.groups['name']
  const key = keyNameOf(name ? text.latin1(...name) : 'password')
  if (!key || (text.dialect !== 'code' && text.dialect !== 'text' && text.dialect !== 'shell'))
    return undefined
  const end = match.start
  const before = text.latin1(Math.max(0, end - REACH), end)
  const quote = String.fromCharCode(text.bytes[end]!)
  const opens = before.lastIndexOf(quote)
  const value = before.slice(opens + 1)
  // A quotation mark within, another literal's end, a piece of an expression, an index.
  if (opens < 0 || /[\n\r\\]/.test(value) || !/(?:^|[\s(!,[{;=&|])[bBuUrRN@]?$/.test(before.slice(0, opens)))
    return undefined
  if (/[+.&%][ \t]*$/.test(before.slice(0, opens))) return undefined
  const start = end - value.length
  const encoding = quotedEncoding(text.dialect, quote === "'")
  const span = {
    start,
    end,
    ...unescaped(text.bytes.subarray(start, end), encoding ? [encoding] : []),
  }
  return namedCandidate(found, key, span, { how: name ? 'compared' : 'assigned', isSetting: !name })
}
