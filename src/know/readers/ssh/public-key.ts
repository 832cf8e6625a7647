import { createHash } from 'node:crypto'
import type { Ref } from '../../../core/contract/ref.ts'

/** A public key as OpenSSH writes it on a line, `ssh-ed25519 AAAA… comment`, with what stands before it. */
export interface PublicKey {
  readonly type: string
  /** As `ssh-keygen -l` prints it. */
  readonly fingerprint: string
  readonly comment: string
  /** Options of authorized_keys, names of known_hosts. */
  readonly before: string
}

const LINE =
  /^(?<before>.*?)(?<![^\s])(?<type>ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)[ \t]+(?<blob>AAAA[A-Za-z0-9+/]{20,}={0,2})(?:[ \t]+(?<comment>.*))?$/

/** Undefined for a line that has none; certificates, whose types end in `-cert-v01@openssh.com`, are none. */
export function publicKeyOf(line: string): PublicKey | undefined {
  const { before = '', type, blob, comment = '' } = LINE.exec(line.trim())?.groups ?? {}
  if (type === undefined || blob === undefined) return undefined
  const bytes = Buffer.from(blob, 'base64')
  // The type stands in the blob again; else it is no key of that type.
  if (bytes.toString('latin1', 4, 4 + bytes.readUInt32BE(0)) !== type) return undefined
  const digest = createHash('sha256').update(bytes).digest('base64').replace(/=+$/, '')
  return { type, fingerprint: `SHA256:${digest}`, comment: comment.trim(), before: before.trim() }
}

/** A public key is the same wherever it is written. */
export function keyRef({ fingerprint }: Pick<PublicKey, 'fingerprint'>): Ref {
  return { system: 'ssh', instance: 'sha256', kind: 'public-key', id: fingerprint }
}
