import { createHash } from 'node:crypto'
import { canonicalJson } from '../contract/canonical-json.ts'

/** The hash before the first entry. */
export const GENESIS = '0'.repeat(64)

/** What the chain is computed on: everything that an entry says. */
export interface ChainedEntry {
  readonly seq: number
  readonly id: string
  readonly at: number
  readonly kind: string
  readonly subject: string
  /** Canonical JSON (RFC 8785), as text. */
  readonly body: string
}

/** SHA-256, in hex, of the previous hash, a newline, and the entry's canonical JSON. */
export function entryHash(previous: string, entry: ChainedEntry): string {
  const { seq, id, at, kind, subject, body } = entry
  const text = canonicalJson({ seq, id, at, kind, subject, body })
  return createHash('sha256').update(`${previous}\n${text}`).digest('hex')
}

/** A signed statement: the chain up to `seq` ends in `hash`. Keep one elsewhere, and the tail cannot be cut unseen. */
export interface Checkpoint {
  readonly seq: number
  readonly hash: string
  readonly at: number
  readonly publicKey: string
  readonly signature: string
}

/** The text that a checkpoint's signature is over. */
export function checkpointText(checkpoint: Omit<Checkpoint, 'signature' | 'publicKey'>): string {
  return canonicalJson({
    firebreak: 'checkpoint/1',
    seq: checkpoint.seq,
    hash: checkpoint.hash,
    at: checkpoint.at,
  })
}
