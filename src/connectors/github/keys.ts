import { createHash, createPrivateKey, createPublicKey, type JsonWebKey } from 'node:crypto'
import { sshFields } from '../../core/contract/new-ssh-key.ts'

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
  if (kty === 'RSA') return sshFields('ssh-rsa', positive(raw(e)), positive(raw(n)))
  if (kty === 'OKP' && crv === 'Ed25519') return sshFields('ssh-ed25519', raw(x))
  const curve = { 'P-256': 'nistp256', 'P-384': 'nistp384', 'P-521': 'nistp521' }[crv ?? '']
  if (kty !== 'EC' || curve === undefined) throw new RangeError('SSH has no such keys')
  return sshFields(`ecdsa-sha2-${curve}`, Buffer.from(curve), Buffer.concat([Buffer.of(4), raw(x), raw(y)]))
}

/** A number whose first bit is set would be read as negative. */
function positive(number: Buffer): Buffer {
  return number[0]! & 0x80 ? Buffer.concat([Buffer.of(0), number]) : number
}
