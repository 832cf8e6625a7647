import { createHash, type JsonWebKey } from 'node:crypto'

const MAGIC = 'openssh-key-v1\0'
/** How many strings of a key's private half stand between its type and its comment. */
const FIELDS: Readonly<Record<string, number>> = {
  'ssh-ed25519': 2,
  'ssh-rsa': 6,
  'ssh-dss': 5,
  'ecdsa-sha2-nistp256': 3,
  'ecdsa-sha2-nistp384': 3,
  'ecdsa-sha2-nistp521': 3,
}
const CURVES: Readonly<Record<string, string>> = {
  'P-256': 'nistp256',
  'P-384': 'nistp384',
  'P-521': 'nistp521',
}

/**
 * Of a key in OpenSSH's own format, whose public half stands in the clear also where a passphrase protects the rest.
 * https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key
 */
export function opensshFacts(bytes: Buffer): Record<string, unknown> {
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return {}
  const [cipher, , , , blob, secret] = stringsOf(bytes, MAGIC.length, 'ssskss')
  if (!cipher || !blob) return {}
  const keyType = stringsOf(blob, 0, 's')[0]?.toString('latin1')
  const encrypted = cipher.toString('latin1') !== 'none'
  return {
    keyType,
    sshFingerprint: sha256(blob),
    ...(encrypted ? { encrypted } : { comment: keyType && secret && commentOf(secret, keyType) }),
  }
}

/** After two equal numbers, the type and the fields. */
function commentOf(secret: Buffer, keyType: string): string | undefined {
  const fields = FIELDS[keyType]
  if (fields === undefined) return undefined
  return stringsOf(secret, 0, `kks${'s'.repeat(fields)}s`)
    .at(3 + fields)
    ?.toString('utf8')
}

/** The parts of a text made of numbers (`k`, four bytes) and strings with their length (`s`); [] where it ends early. */
function stringsOf(bytes: Buffer, from: number, form: string): Buffer[] {
  const parts: Buffer[] = []
  let at = from
  for (const kind of form) {
    if (at + 4 > bytes.length) return []
    const length = kind === 'k' ? 0 : bytes.readUInt32BE(at)
    at += 4
    if (at + length > bytes.length) return []
    parts.push(bytes.subarray(at, at + length))
    at += length
  }
  return parts
}

/**
 * The fingerprint that `ssh-keygen -l` prints of a public key; undefined for what SSH has no keys of.
 * https://datatracker.ietf.org/doc/html/rfc4253#section-6.6, RFC 5656 section 3.1 and RFC 8709 section 4
 */
export function sshFingerprint({ kty, crv, n, e, x, y }: JsonWebKey): string | undefined {
  const raw = (part: string) => Buffer.from(part, 'base64url')
  if (kty === 'RSA' && n && e) return sha256(joined('ssh-rsa', positive(raw(e)), positive(raw(n))))
  if (kty === 'OKP' && crv === 'Ed25519' && x) return sha256(joined('ssh-ed25519', raw(x)))
  const curve = kty === 'EC' && crv ? CURVES[crv] : undefined
  if (!curve || !x || !y) return undefined
  return sha256(
    joined(`ecdsa-sha2-${curve}`, Buffer.from(curve), Buffer.concat([Buffer.of(4), raw(x), raw(y)])),
  )
}

function joined(type: string, ...parts: Buffer[]): Buffer {
  return Buffer.concat(
    [Buffer.from(type), ...parts].flatMap(part => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(part.length)
      return [length, part]
    }),
  )
}

/** A number whose first bit is set would be read as negative. */
function positive(number: Buffer): Buffer {
  return number[0]! & 0x80 ? Buffer.concat([Buffer.of(0), number]) : number
}

function sha256(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}
