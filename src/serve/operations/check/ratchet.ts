import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { FirebreakError } from '../../../core/contract/errors.ts'
import type { Standing } from '../../../judge/posture/figures.ts'
import { replaceFile } from '../replace-file.ts'

const shape = z.strictObject({
  firebreak: z.literal('ratchet'),
  version: z.literal(1),
  standing: z.strictObject({
    total: z.int().min(0),
    byKind: z.record(z.string(), z.int().min(0)),
    // What was kept before there were classes holds the rest.
    byClass: z.record(z.string(), z.int().min(0)).optional(),
  }),
})

/** How many standing credentials there were when it was kept, and how many there are. */
export interface Ratchet {
  readonly kept: number
  readonly now: number
  /** Of which there are more, each with how many: kinds, as `aws access-key`, and classes of whose they are, as `third-party identities`. */
  readonly grown: readonly { readonly kind: string; readonly kept: number; readonly now: number }[]
  /** There are no more in all, of no system and kind, and of no class: what one lost does not make up for another. */
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
  let kept: z.infer<typeof shape>['standing']
  try {
    kept = shape.parse(JSON.parse(text)).standing
  } catch {
    throw new FirebreakError(
      'INVALID_INPUT',
      `${file} is no ratchet of Firebreak`,
      'restore it, or write it anew with --write-ratchet under another name',
    )
  }
  const grown = [
    ...more(now.byKind, kept.byKind, kind => kind),
    ...(kept.byClass ? more(now.byClass, kept.byClass, name => `${name} identities`) : []),
  ]
  return {
    kept: kept.total,
    now: now.total,
    grown,
    holds: now.total <= kept.total && grown.length === 0,
  }
}

/** Of which of them there are more; what was none of is more of. The most first. */
function more(
  now: Readonly<Record<string, number>>,
  kept: Readonly<Record<string, number>>,
  called: (name: string) => string,
): Ratchet['grown'] {
  return Object.entries(now)
    .map(([name, count]) => ({ kind: called(name), kept: kept[name] ?? 0, now: count }))
    .filter(one => one.now > one.kept)
    .sort((a, b) => b.now - b.kept - (a.now - a.kept) || (a.kind < b.kind ? -1 : 1))
}

/** One kind on each line, so that changes of it can be reviewed. */
export async function writeRatchet(file: string, standing: Standing): Promise<void> {
  const kept: z.infer<typeof shape> = { firebreak: 'ratchet', version: 1, standing }
  await replaceFile(file, `${JSON.stringify(kept, null, 2)}\n`)
}
