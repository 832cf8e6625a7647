import type { KeyObject } from 'node:crypto'

/** An Ed25519 key as ssh-keygen writes it; under a passphrase the second half is noise. */
export function opensshFile(key: KeyObject, comment: string, cipher = 'none'): string {
  const jwk = key.export({ format: 'jwk' })
  const [x, d] = [Buffer.from(jwk.x!, 'base64url'), Buffer.from(jwk.d!, 'base64url')]
  const type = Buffer.from('ssh-ed25519')
  const check = Buffer.from('01020304', 'hex')
  const secret = Buffer.concat([
    check,
    check,
    ...[type, x, Buffer.concat([d, x]), Buffer.from(comment)].map(string),
    Buffer.of(1, 2, 3),
  ])
  const bytes = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    string(Buffer.from(cipher)),
    string(Buffer.from(cipher === 'none' ? 'none' : 'bcrypt')),
    string(Buffer.alloc(cipher === 'none' ? 0 : 24, 7)),
    Buffer.of(0, 0, 0, 1),
    string(Buffer.concat([string(type), string(x)])),
    string(cipher === 'none' ? secret : Buffer.alloc(144, 9)),
  ])
  const lines = bytes.toString('base64').match(/.{1,70}/g)!
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n')
}

function string(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
