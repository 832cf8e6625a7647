import type { Io } from '../../core/contract/io.ts'
import { Secret } from '../../core/contract/secret.ts'

const DIGITS = '0123456789'
const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const UPPER = LOWER.toUpperCase()

const LEAST_CHANGES = 8

/**
 * A secret of the same form that is not the secret: what it begins with stays, as does what joins its parts; each letter
 * and digit becomes another of its class. Of a signed token only the signature changes, so that it can still be read. None
 * where so little can change that it might be somebody else's.
 */
export function wrongSecret(
  secret: Secret,
  keywords: readonly string[],
  io: Pick<Io, 'random'>,
): Secret | undefined {
  const value = secret.revealText()
  const beginning = keywords
    .filter(keyword => value.startsWith(keyword))
    .reduce((longest, keyword) => (keyword.length > longest.length ? keyword : longest), '')
  const signed = /eyJ[\w-]+\.[\w-]+\.(?=[\w-]+$)/.exec(value)
  const kept = signed ? signed.index + signed[0].length : beginning.length
  const rest = value.slice(kept)
  const isHex = (letters: string) => (/^[^G-Zg-z]*$/.test(rest) ? letters.slice(0, 6) : letters)
  const random = io.random(rest.length)
  let changes = 0
  const changed = [...rest].map((character, index) => {
    const letters = [DIGITS, isHex(LOWER), isHex(UPPER)].find(each => each.includes(character))
    if (letters === undefined) return character
    changes++
    // Any but itself.
    const place = letters.indexOf(character) + 1 + ((random[index] ?? 0) % (letters.length - 1))
    return letters[place % letters.length]
  })
  return changes < LEAST_CHANGES ? undefined : new Secret(value.slice(0, kept) + changed.join(''), secret.id)
}
