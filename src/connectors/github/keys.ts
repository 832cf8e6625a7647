import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
} from 'node:crypto'

/** A public key as OpenSSH writes it: `ssh-ed25519 AAAA… comment`. */
export interface PublicKey {
  readonly type: string
  /** As `ssh-keygen -l` prints it. */
  readonly fingerprint: string
}

export function keyOf(line: string): PublicKey | undefined {
  const [, type, base64] =
    /^\s*(ssh-[\w-]+|ecdsa-sha2-[\w-]+|sk-[\w@.-]+)\s+([A-Za-z0-9+/]+=*)/.exec(line) ?? []
  if (type === undefined || base64 === undefined) return undefined
  return { type, fingerprint: fingerprintOf(Buffer.from(base64, 'base64')) }
}

function fingerprintOf(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}

const MAGIC = 'openssh-key-v1\0'

/** The fingerprint of a private key's public half, in PEM or as OpenSSH writes it; undefined for what is no such key. */
export function fingerprintOfPrivate(text: string): string | undefined {
  const [, label, body] =
    /^-----BEGIN ([A-Z ]*PRIVATE KEY)-----([^-]*)-----END \1-----$/.exec(text.trim()) ?? []
  if (label === undefined || body === undefined) return undefined
  try {
    if (label === 'OPENSSH PRIVATE KEY') return opensshFingerprint(Buffer.from(body, 'base64'))
    return fingerprintOf(sshBlob(createPublicKey(createPrivateKey(text)).export({ format: 'jwk' })))
  } catch {
    return undefined
  }
}

/**
 * Its public half stands in the clear before the private one; that the two belong together is told by the private one, which
 * has the public half in it again. https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key
 */
function opensshFingerprint(bytes: Buffer): string | undefined {
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined
  let at = MAGIC.length
  const string = () => {
    const length = bytes.readUInt32BE(at)
    const part = bytes.subarray(at + 4, at + 4 + length)
    if (part.length !== length) throw new RangeError('the key ends early')
    at += 4 + length
    return part
  }
  const cipher = string().toString('latin1')
  string() // the key derivation, and its options
  string()
  at += 4
  const blob = string()
  const secret = string()
  const half = blob.subarray(blob.readUInt32BE(0) + 8)
  // One that is encrypted cannot be looked into.
  if (cipher === 'none' && blob.toString('latin1', 4, 15) === 'ssh-ed25519' && !secret.includes(half))
    return undefined
  return fingerprintOf(blob)
}

function sshBlob({ kty, crv, n, e, x, y }: JsonWebKey): Buffer {
  const raw = (part = '') => Buffer.from(part, 'base64url')
  if (kty === 'RSA') return joined('ssh-rsa', positive(raw(e)), positive(raw(n)))
  if (kty === 'OKP' && crv === 'Ed25519') return joined('ssh-ed25519', raw(x))
  const curve = { 'P-256': 'nistp256', 'P-384': 'nistp384', 'P-521': 'nistp521' }[crv ?? '']
  if (kty !== 'EC' || curve === undefined) throw new RangeError('SSH has no such keys')
  return joined(`ecdsa-sha2-${curve}`, Buffer.from(curve), Buffer.concat([Buffer.of(4), raw(x), raw(y)]))
}

/** A number whose first bit is set would be read as negative. */
function positive(number: Buffer): Buffer {
  return number[0]! & 0x80 ? Buffer.concat([Buffer.of(0), number]) : number
}

function joined(type: string, ...parts: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(type), ...parts].flatMap(part => [uint32(part.length), part]))
}

function uint32(number: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(number)
  return bytes
}

/** A new Ed25519 key: the private half as OpenSSH reads it, and the line that a server is given. */
export function newKey(
  comment: string,
  random: (bytes: number) => Uint8Array,
): { privateKey: string; line: string } {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { d = '', x = '' } = privateKey.export({ format: 'jwk' })
  const [seed, point] = [Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')]
  const blob = joined('ssh-ed25519', point)
  const check = Buffer.from(random(4))
  const fields = joined('ssh-ed25519', point, Buffer.concat([seed, point]), Buffer.from(comment))
  const open = Buffer.concat([check, check, fields])
  const padding = Buffer.from(Array.from({ length: (8 - (open.length % 8)) % 8 }, (_, index) => index + 1))
  const secret = Buffer.concat([open, padding])
  const whole = Buffer.concat([
    Buffer.from(MAGIC, 'latin1'),
    joined('none', Buffer.from('none'), Buffer.alloc(0)),
    uint32(1),
    uint32(blob.length),
    blob,
    uint32(secret.length),
    secret,
  ])
  const body = whole
    .toString('base64')
    .replace(/(.{70})/g, '$1\n')
    .trimEnd()
  const kind = 'OPENSSH PRIVATE KEY'
  return {
    privateKey: `-----BEGIN ${kind}-----\n${body}\n-----END ${kind}-----\n`,
    line: `ssh-ed25519 ${blob.toString('base64')}`,
  }
}
