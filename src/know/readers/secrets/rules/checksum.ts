import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** What a token may say of itself: a sum over its other parts, its length, or a part whose content is known. */
export const checksums = [
  'azure-devops',
  'base58check',
  'bech32',
  'crc32-base62',
  'crc32-in-base62',
  'crc32-in-hex',
  'der',
  'discord',
  'gitlab-routable',
  'gitlab-own-prefix',
  'marvin',
  'nkey',
  'sentry-org',
  'stellar',
] as const

const DIGITS = '0123456789'
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const LOWER = 'abcdefghijklmnopqrstuvwxyz'

/** Whether the token is one that its issuer could have made; undefined where its form carries nothing that would tell. */
export function holds(checksum: (typeof checksums)[number], token: string): boolean | undefined {
  switch (checksum) {
    case 'azure-devops':
      return holdsAzureDevOps(token)
    case 'base58check':
      return holdsBase58Check(token)
    case 'bech32':
      return holdsBech32(token)
    case 'crc32-base62':
      return holdsCrc32(token)
    case 'crc32-in-base62':
      return endsInCrc32(token, 6, isBase62Of)
    case 'crc32-in-hex':
      return endsInCrc32(token, 8, isHexOf)
    case 'der':
      return isOneSequence(token)
    case 'discord':
      return beginsWithSnowflake(token)
    case 'gitlab-routable':
      return ROUTABLE.test(token) ? isRoutable(token) : undefined
    case 'gitlab-own-prefix':
      return isRoutable(token)
    case 'marvin':
      return holdsMarvin(token)
    case 'nkey':
    case 'stellar':
      return holdsCrc16(token)
    case 'sentry-org':
      return namesOrganization(token)
  }
}

/**
 * GitHub's and npm's token format: a prefix up to an underscore, random base62 digits, and six more that are the CRC-32
 * of the random ones. Neither says whether upper or lower case letters come first in their base62; both orders pass,
 * which lets one token in two thousand million through by chance.
 * https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
 */
function holdsCrc32(token: string): boolean | undefined {
  const classic = /^[a-z]{3}_([A-Za-z0-9]{36})$/.exec(token)
  // Refresh tokens, fine-grained and stateless ones have other forms, of which no checksum is documented.
  if (!classic) return undefined
  const body = classic[1]!
  return isBase62Of(body.slice(-6), crc32(body.slice(0, -6)))
}

/**
 * The same in other forms: of what the last digits are the CRC-32. Some take all that stands before them, the prefix too, as
 * Synapse, Honeybadger, Apify, Atlassian, Grafana and Yandex do, others only what follows the prefix, as Polar, Vercel,
 * Prefect, Cloudflare, Cashfree and Zuplo. Few document it: Synapse, Polar and Grafana by their sources, and of the others
 * tokens that stand in public code bear it.
 * https://github.com/element-hq/synapse/blob/develop/synapse/handlers/auth.py
 * https://github.com/grafana/grafana/blob/main/pkg/components/satokengen/tokengen.go
 * https://github.com/polarsource/polar/blob/main/server/polar/kit/crypto.py
 */
function endsInCrc32(token: string, digits: number, isSum: (tail: string, sum: number) => boolean): boolean {
  const head = token.slice(0, -digits)
  // An underscore before the sum is no part of what it is of.
  const all = head.replace(/_$/, '')
  const parts = [all, all.slice(all.indexOf('_') + 1), all.slice(all.lastIndexOf('_') + 1)]
  return parts.some(part => isSum(token.slice(-digits), crc32(part)))
}

function isBase62Of(tail: string, sum: number): boolean {
  return tail === base62(sum, DIGITS + UPPER + LOWER) || tail === base62(sum, DIGITS + LOWER + UPPER)
}

/** Grafana writes the last byte first. */
function isHexOf(tail: string, sum: number): boolean {
  const bytes = Buffer.from(tail, 'hex')
  return bytes.length === 4 && (bytes.readUInt32BE() === sum || bytes.readUInt32LE() === sum)
}

function base62(number: number, alphabet: string): string {
  return inBase(number, alphabet).padStart(6, alphabet[0])
}

function inBase(number: number, alphabet: string): string {
  let digits = ''
  for (let rest = number; rest > 0; rest = Math.floor(rest / alphabet.length))
    digits = alphabet[rest % alphabet.length] + digits
  return digits
}

const ROUTABLE = /^([A-Za-z0-9_-]{27,320})\.01\.([0-9a-z]{2})([0-9a-z]{7})$/

/**
 * GitLab's routable tokens, `<prefix><payload>.<version>.<length><sum>`: two base36 digits give the payload's length and
 * seven the CRC-32 of all that stands before them. How long the prefix is only the instance knows that chose it.
 * https://handbook.gitlab.com/handbook/engineering/architecture/design-documents/cells/routable_tokens/
 */
function isRoutable(token: string): boolean {
  const parts = ROUTABLE.exec(token)
  if (!parts) return false
  const [, body, length, sum] = parts
  return (
    Number.parseInt(length!, 36) <= body!.length && Number.parseInt(sum!, 36) === crc32(token.slice(0, -7))
  )
}

/**
 * Base32 of a version, a key, and the CRC-16 (XMODEM, low byte first) of both: Stellar's keys and those of NATS, which
 * took the form over.
 * https://github.com/stellar/stellar-protocol/blob/master/ecosystem/sep-0023.md
 * https://github.com/nats-io/nkeys
 */
function holdsCrc16(token: string): boolean {
  const bytes = fromBase32(token)
  if (!bytes || bytes.length < 4) return false
  let sum = 0
  for (const byte of bytes.subarray(0, -2)) {
    sum ^= byte << 8
    for (let bit = 0; bit < 8; bit++)
      sum = sum & 0x8000 ? ((sum << 1) ^ 0x1021) & 0xffff : (sum << 1) & 0xffff
  }
  return bytes.readUInt16LE(bytes.length - 2) === sum
}

function fromBase32(text: string): Buffer | undefined {
  const bytes = Buffer.alloc(Math.floor((text.length * 5) / 8))
  let [held, bits, at] = [0, 0, 0]
  for (const character of text) {
    const digit = `${UPPER}234567`.indexOf(character)
    if (digit < 0) return undefined
    held = ((held << 5) | digit) & 0xfff
    bits += 5
    if (bits >= 8) bytes[at++] = (held >> (bits -= 8)) & 0xff
  }
  return bytes
}

const BECH32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

/**
 * A readable part, `1`, and base32 digits of which the last six are a sum over both.
 * https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki#bech32
 */
function holdsBech32(token: string): boolean {
  const text = token.toLowerCase()
  const one = text.lastIndexOf('1')
  const readable = text.slice(0, one)
  const digits = Array.from(text.slice(one + 1), character => BECH32.indexOf(character))
  if (one < 1 || digits.length < 6 || digits.includes(-1)) return false
  const codes = [...readable].map(character => character.charCodeAt(0))
  let sum = 1
  for (const value of [...codes.map(code => code >> 5), 0, ...codes.map(code => code & 31), ...digits]) {
    const top = sum >>> 25
    sum = ((sum & 0x1ffffff) << 5) ^ value
    for (const [bit, generator] of [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3].entries())
      if ((top >> bit) & 1) sum ^= generator
  }
  return sum === 1
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/**
 * Base58 of bytes whose last four begin the double SHA-256 of the others.
 * https://github.com/bitcoin/bips/blob/master/bip-0032.mediawiki#serialization-format
 */
function holdsBase58Check(token: string): boolean {
  let number = 0n
  for (const character of token) {
    const digit = BASE58.indexOf(character)
    if (digit < 0) return false
    number = number * 58n + BigInt(digit)
  }
  const hex = number.toString(16)
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  if (bytes.length < 5) return false
  const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest()
  return sha256(sha256(bytes.subarray(0, -4)))
    .subarray(0, 4)
    .equals(bytes.subarray(-4))
}

/**
 * What Microsoft's services call the keys that they give out, which is where the sum begins: those of the form that all share,
 * those that sign messages, then Batch, Functions, Cosmos DB, Cache, Search, Container Registry and IoT.
 */
const MARVIN_NAMES =
  'Default0 Send0000 Listen00 Manage00 System00 Unknown0 AbAcct00 Functi00 Master00 MastRW00 MastRO00 ' +
  'SystRW00 SystRO00 SysAll00 Resour00 Encryp00 Access00 Query000 PAdmin00 ACRDflt0 IoTHub00 DpsKey00 Device00'
const ENTRA_DIGITS = `${LOWER}${UPPER}1234567890.-_~`

/**
 * Keys of Microsoft's services, which end in the Marvin32 of all that stands before. Of the form that they share now its first
 * four digits are kept, in base64 or, as tokens of Azure DevOps and NuGet have it, in base62; of Entra's client secrets three,
 * in digits of its own; of the others all of it. The first says what goes in, and keys in public code bear it out.
 * https://github.com/microsoft/security-utilities
 * https://github.com/microsoft/SymCrypt/blob/main/lib/marvin32.c
 */
function holdsMarvin(token: string): boolean | undefined {
  if (token.startsWith('Q~', 4)) {
    if (token[3] !== '8' || token.length !== 40) return undefined
    return inBase(marvin32(Buffer.from(token.slice(0, -3)), 'AadPwd00'), ENTRA_DIGITS).startsWith(
      token.slice(-3),
    )
  }
  if (token.length === 84) {
    const sum = Buffer.alloc(4)
    sum.writeUInt32LE(marvin32(Buffer.from(token.slice(0, -4), 'base64'), 'Default0'))
    const ways = [sum.toString('base64'), inBase(sum.readUInt32BE(), DIGITS + UPPER + LOWER)]
    return ways.some(digits => digits.startsWith(token.slice(-4)))
  }
  const bytes = Buffer.from(token, 'base64')
  if (bytes.length < 8) return false
  const sum = bytes.readUInt32LE(bytes.length - 4)
  if (MARVIN_NAMES.split(' ').some(name => marvin32(bytes.subarray(0, -4), name) === sum)) return true
  // Of the other services public code showed no key by which to tell whether theirs end so too.
  return /(?:AzSe|AzCa|\+ABa|ACDb|\+AEh|\+ASb|\+ARm|AIoT).{6,8}$/.test(token) ? undefined : false
}

function marvin32(bytes: Buffer, name: string): number {
  const seed = Buffer.from(name)
  let [low, high] = [seed.readUInt32BE(4), seed.readUInt32BE(0)]
  const turned = (value: number, by: number) => (value << by) | (value >>> (32 - by))
  const mix = (word: number) => {
    low += word
    high ^= low
    low = turned(low, 20) + high
    high = turned(high, 9) ^ low
    low = turned(low, 27) + high
    high = turned(high, 19)
  }
  // One bit stands behind the last byte, and fills the last word with it.
  const whole = Buffer.concat([bytes, Buffer.of(0x80), Buffer.alloc(3 - (bytes.length % 4))])
  for (let at = 0; at < whole.length; at += 4) mix(whole.readUInt32LE(at))
  mix(0)
  return (low ^ high) >>> 0
}

/** Where among its bytes the older token of Azure DevOps has the sum of the others, and what is in it of a person, of an application. */
const AZURE_DEVOPS_PLACES = [22, 8, 7, 2]
const AZURE_DEVOPS_KINDS = [0xe0b9692d, 0x1019f92e]

/**
 * Base32 of 32 bytes, four of which are the CRC-32 of the others. That there is a sum Microsoft says and not which; the tokens
 * by which GitHub tests its own reading of it, in public code, all hold this one.
 * https://learn.microsoft.com/purview/sit-defn-azure-devops-app-secret
 */
function holdsAzureDevOps(token: string): boolean {
  const bytes = fromBase32(token.toUpperCase())
  if (bytes?.length !== 32) return false
  const sum = Buffer.from(AZURE_DEVOPS_PLACES.map(place => bytes[place]!)).readUInt32LE()
  const others = crc32(bytes.filter((_, place) => !AZURE_DEVOPS_PLACES.includes(place)))
  return AZURE_DEVOPS_KINDS.includes((others ^ sum) >>> 0)
}

/** A DER sequence says how long it is (X.690, 8.1.3); in BER of indefinite length two zero bytes end it. */
function isOneSequence(file: string): boolean {
  if (file.length < 4 || file.charCodeAt(0) !== 0x30) return false
  const first = file.charCodeAt(1)
  if (first === 0x80) return file.endsWith('\0\0')
  if (first < 0x80) return file.length === 2 + first
  const digits = first & 0x7f
  let length = 0
  for (let at = 2; at < 2 + digits && digits <= 4; at++) length = length * 256 + file.charCodeAt(at)
  return file.length === 2 + digits + length
}

/**
 * A bot's token begins with its user id, a number of 17 to 20 digits in base64.
 * https://docs.discord.com/developers/reference#snowflakes
 */
function beginsWithSnowflake(token: string): boolean {
  return /^\d{17,20}$/.test(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString('latin1'))
}

/**
 * An organization's token holds its origin as JSON in base64.
 * https://docs.sentry.io/security-legal-pii/security/token-formats/
 */
function namesOrganization(token: string): boolean {
  const payload = token.slice('sntrys_'.length).split('_')[0]!
  try {
    const origin: unknown = JSON.parse(Buffer.from(payload, 'base64').toString('utf8'))
    return typeof origin === 'object' && origin !== null && 'url' in origin
  } catch {
    return false
  }
}
