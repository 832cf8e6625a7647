import { createHash, type KeyObject } from 'node:crypto'

/** An Ed25519 public key as OpenSSH writes it, and its fingerprint. */
export function publicLine(key: KeyObject): { readonly line: string; readonly fingerprint: string } {
  const { x = '' } = key.export({ format: 'jwk' })
  const parts = [Buffer.from('ssh-ed25519'), Buffer.from(x, 'base64url')]
  const blob = Buffer.concat(
    parts.flatMap(part => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(part.length)
      return [length, part]
    }),
  )
  const digest = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')
  return { line: `ssh-ed25519 ${blob.toString('base64')}`, fingerprint: `SHA256:${digest}` }
}
