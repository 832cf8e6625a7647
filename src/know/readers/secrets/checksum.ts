import { crc32 } from 'node:zlib'

const DIGITS = '0123456789'
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const LOWER = 'abcdefghijklmnopqrstuvwxyz'

/**
 * GitHub's and npm's token format: a prefix up to an underscore, random base62 digits, and six more that are the CRC-32
 * of the random ones. Neither says whether upper or lower case letters come first in their base62; both orders pass,
 * which lets one token in two thousand million through by chance.
 * https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
 */
export function holdsCrc32(token: string): boolean {
  const classic = /^[a-z]{3}_([A-Za-z0-9]{36})$/.exec(token)
  // Refresh tokens, fine-grained and stateless ones have other forms, of which no checksum is documented.
  if (!classic) return true
  const body = classic[1]!
  const sum = crc32(body.slice(0, -6))
  const tail = body.slice(-6)
  return tail === base62(sum, DIGITS + UPPER + LOWER) || tail === base62(sum, DIGITS + LOWER + UPPER)
}

function base62(number: number, alphabet: string): string {
  let digits = ''
  for (let rest = number; rest > 0; rest = Math.floor(rest / 62)) digits = alphabet[rest % 62] + digits
  return digits.padStart(6, alphabet[0])
}
