import { generateKeyPairSync } from 'node:crypto'

const MAGIC = 'openssh-key-v1\0'

/** A new Ed25519 key: the private half as OpenSSH reads it, and the line that a server is given. */
export function newSshKey(
  comment: string,
  random: (bytes: number) => Uint8Array,
): { privateKey: string; line: string } {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { d = '', x = '' } = privateKey.export({ format: 'jwk' })
  const [seed, point] = [Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')]
  const blob = sshFields('ssh-ed25519', point)
  const check = Buffer.from(random(4))
  const fields = sshFields('ssh-ed25519', point, Buffer.concat([seed, point]), Buffer.from(comment))
  const open = Buffer.concat([check, check, fields])
  const padding = Buffer.from(Array.from({ length: (8 - (open.length % 8)) % 8 }, (_, index) => index + 1))
  const secret = Buffer.concat([open, padding])
  const whole = Buffer.concat([
    Buffer.from(MAGIC, 'latin1'),
    sshFields('none', Buffer.from('none'), Buffer.alloc(0)),
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

/** Fields as SSH writes them, each after its length: the first is the name of a type. */
export function sshFields(type: string, ...parts: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(type), ...parts].flatMap(part => [uint32(part.length), part]))
}

function uint32(number: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(number)
  return bytes
}
