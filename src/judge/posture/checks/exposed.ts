import type { Ms } from '../../../core/contract/ref.ts'
import { oncePerRun } from '../check.ts'
import { copied } from './copied.ts'
import { credentialRows } from './told.ts'

/** A credential of which a copy stands, or stood, in code, in an image or in a chat, and nobody wrote beside it why it may. */
export interface Exposed {
  readonly id: string
  readonly firstSeen: Ms
  readonly deadAt: Ms | undefined
}

export const exposed = oncePerRun(async (context): Promise<readonly Exposed[]> => {
  const { values } = await copied(context)
  return (await credentialRows(context)).flatMap(({ id, fingerprint, state, stateAt, isMerged }) => {
    const value = isMerged || fingerprint === undefined ? undefined : values.valueOf(fingerprint)
    const firstSeen = value === undefined ? undefined : values.exposedSince(value)
    if (firstSeen === undefined) return []
    return [{ id, firstSeen, deadAt: state === 'dead' ? stateAt : undefined }]
  })
})
