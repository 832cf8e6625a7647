import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { certificateBeside } from './certificate.ts'
import { opensshFacts, sshFingerprint } from './openssh.ts'

/** Larger ones are not made for use: a key of 16,384 bits has 9 KiB. */
const LARGEST_BYTES = 10 * 1024

/**
 * Algorithms whose public half is there or costs little. What a key of another one has computed while it is read grows
 * with numbers that a hostile file chooses.
 */
const READ = ['2a864886f70d010101', '2b6570', '2b6571', '2b656e', '2b656f']
/** The curves with a name in SSH and JWK; parameters may also be written out, and be hostile. */
const CURVES = ['2a8648ce3d030107', '2b81040022', '2b81040023', '2b8104000a']

/**
 * Of a private key in PEM: its type, whether a passphrase protects it, its public half's SSH fingerprint, and the
 * certificate for it that stands in `around`. Formats: RFC 7468, RFC 5958, RFC 8017, RFC 5915, and OpenSSH's own.
 */
export function privateKeyFacts(pem: string, around: string): Record<string, unknown> {
  const parts = /^-----BEGIN ([A-Z ]{1,40})-----([^]*)-----END /.exec(pem)
  if (!parts) return {}
  const [, label, body] = parts
  const type = /^(RSA|EC|DSA|PGP) /.exec(label!)?.[1]?.toLowerCase()
  if (label === 'OPENSSH PRIVATE KEY') return opensshFacts(bytesOf(body!))
  if (label === 'ENCRYPTED PRIVATE KEY' || /^\s*Proc-Type:[^\n]*ENCRYPTED/.test(body!))
    return { keyType: type, encrypted: true, ...certificateBeside(around) }
  const key = readKey(label!, bytesOf(body!))
  if (!key) return { keyType: type }
  return {
    keyType: key.asymmetricKeyType,
    keyBits: key.asymmetricKeyDetails?.modulusLength,
    curve: key.asymmetricKeyDetails?.namedCurve,
    sshFingerprint: fingerprintOf(key),
    ...certificateBeside(around, key),
  }
}

function bytesOf(body: string): Buffer {
  return Buffer.from(body.replace(/\s+/g, ''), 'base64')
}

function readKey(label: string, der: Buffer): KeyObject | undefined {
  const type = { 'PRIVATE KEY': 'pkcs8', 'RSA PRIVATE KEY': 'pkcs1', 'EC PRIVATE KEY': 'sec1' }[label]
  if (!type || der.length > LARGEST_BYTES) return undefined
  const names = der.toString('hex')
  const known = [...CURVES, ...(type === 'sec1' ? [] : READ)].some(name => names.includes(name))
  if (type !== 'pkcs1' && !known) return undefined
  try {
    return createPrivateKey({ key: der, format: 'der', type: type as 'pkcs8' })
  } catch {
    return undefined
  }
}

function fingerprintOf(key: KeyObject): string | undefined {
  try {
    return sshFingerprint(createPublicKey(key).export({ format: 'jwk' }))
  } catch {
    return undefined
  }
}
