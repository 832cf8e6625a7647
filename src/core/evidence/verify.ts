import { verifySignature } from '../keys/sign.ts'
import { type ChainedEntry, type Checkpoint, checkpointText, entryHash, GENESIS } from './chain.ts'

/** A sealed entry as it stands in the table or in an export. */
export interface SealedEntry extends ChainedEntry {
  readonly hash: string
}

export interface EvidenceVerdict {
  readonly ok: boolean
  readonly entries: number
  readonly checkpoints: number
  /** Committed within the last moment and not yet chained. */
  readonly unsealed: number
  /** `proven` where an anchor from elsewhere lies on the chain; without one a cut tail cannot be seen. */
  readonly tail: 'proven' | 'unproven'
  /** One sentence for each thing that does not hold. */
  readonly problems: readonly string[]
}

/**
 * Checks the chain entry by entry, every checkpoint's signature, and that the chain ends in a checkpoint. `anchor` is a
 * checkpoint kept elsewhere; `publicKey` the key that must have signed (without it, all must bear the same).
 */
export async function verifyEvidence(
  entries: AsyncIterable<SealedEntry> | Iterable<SealedEntry>,
  checkpoints: readonly Checkpoint[],
  options: { anchor?: Checkpoint; publicKey?: string; unsealed?: number } = {},
): Promise<EvidenceVerdict> {
  const problems: string[] = []
  const key = options.publicKey ?? options.anchor?.publicKey ?? checkpoints[0]?.publicKey
  const checkpointsAt = Map.groupBy(checkpoints, checkpoint => checkpoint.seq)
  const anchor = options.anchor
  for (const checkpoint of checkpoints) checkSignature(checkpoint, `the checkpoint at ${checkpoint.seq}`)
  if (anchor) checkSignature(anchor, 'the anchor')

  let hash = GENESIS
  let seq = 0
  let anchored = anchor?.seq === 0
  for await (const entry of entries) {
    if (entry.seq !== seq + 1) problems.push(`entry ${seq + 1} is missing: after ${seq} comes ${entry.seq}`)
    seq = entry.seq
    const expected = entryHash(hash, entry)
    if (expected !== entry.hash) problems.push(`entry ${seq} is not what was sealed`)
    // Going on from the hash that stands there reports each changed entry once, instead of all after the first.
    hash = entry.hash
    for (const checkpoint of checkpointsAt.get(seq) ?? [])
      if (checkpoint.hash !== hash) problems.push(`the checkpoint at ${seq} is of another chain`)
    if (anchor?.seq === seq) {
      anchored = anchor.hash === hash
      if (!anchored) problems.push(`the anchor at ${seq} is of another chain`)
    }
  }
  const last = checkpoints.reduce((highest, checkpoint) => Math.max(highest, checkpoint.seq), 0)
  if (last !== seq)
    problems.push(
      last > seq ? `entries ${seq + 1} to ${last} were cut` : `entries after ${last} bear no checkpoint`,
    )
  if (anchor && anchor.seq > seq)
    problems.push(`the chain ends at ${seq}, the anchor is at ${anchor.seq}: the tail was cut`)

  return {
    ok: problems.length === 0,
    entries: seq,
    checkpoints: checkpoints.length,
    unsealed: options.unsealed ?? 0,
    tail: anchored ? 'proven' : 'unproven',
    problems,
  }

  function checkSignature(checkpoint: Checkpoint, what: string): void {
    if (checkpoint.publicKey !== key) problems.push(`${what} is signed with another key`)
    else if (!verifySignature(checkpoint.publicKey, checkpointText(checkpoint), checkpoint.signature))
      problems.push(`${what} bears a signature that does not hold`)
  }
}
