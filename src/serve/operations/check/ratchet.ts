import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { FirebreakError } from '../../../core/contract/errors.ts'
import type { Standing } from '../../../judge/posture/figures.ts'
import { replaceFile } from '../scan/baseline.ts'

const shape = z.strictObject({
  firebreak: z.literal('ratchet'),
  version: z.literal(1),
  standing: z.strictObject({
    total: z.int().min(0),
    byKind: z.record(z.string(), z.int().min(0)),
  }),
})

/** How many standing credentials there were when it was kept, and how many there are. */
export interface Ratchet {
  readonly kept: number
  readonly now: number
  /** The kinds of which there are more, each with how many. */
  readonly grown: readonly { readonly kind: string; readonly more: number }[]
  readonly holds: boolean
}

/** A file beside the code, so that a machine that begins with an empty store knows it. Raises NOT_FOUND and INVALID_INPUT. */
export async function heldAgainst(file: string, now: Standing): Promise<Ratchet> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new FirebreakError(
      'NOT_FOUND',
      `the ratchet ${file} cannot be read`,
      `firebreak check --write-ratchet ${file} makes it`,
    )
  })
  let kept: Standing
  try {
    kept = shape.parse(JSON.parse(text)).standing
  } catch {
    throw new FirebreakError(
      'INVALID_INPUT',
      `${file} is no ratchet of Firebreak`,
      'restore it, or write it anew with --write-ratchet under another name',
    )
  }
  const grown = Object.entries(now.byKind)
    .map(([kind, count]) => ({ kind, more: count - (kept.byKind[kind] ?? 0) }))
    .filter(({ more }) => more > 0)
    .sort((a, b) => b.more - a.more || (a.kind < b.kind ? -1 : 1))
  return { kept: kept.total, now: now.total, grown, holds: now.total <= kept.total }
}

/** One kind on each line, so that changes of it can be reviewed. */
export async function writeRatchet(file: string, standing: Standing): Promise<void> {
  const kept: z.infer<typeof shape> = { firebreak: 'ratchet', version: 1, standing }
  await replaceFile(file, `${JSON.stringify(kept, null, 2)}\n`)
}
