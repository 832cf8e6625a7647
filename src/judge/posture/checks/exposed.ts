import type { Ms } from '../../../core/contract/ref.ts'
import { loadRoots } from '../../../know/inventory/roots.ts'
import { oncePerRun } from '../check.ts'
import { copied } from './copied.ts'

/** A credential of which a copy stands, or stood, in code, in an image or in a chat, and nobody wrote beside it why it may. */
export interface Exposed {
  readonly id: string
  readonly firstSeen: Ms
  readonly deadAt: Ms | undefined
}

export const exposed = oncePerRun(async (context): Promise<readonly Exposed[]> => {
  const { byFingerprint } = await copied(context)
  const roots = await loadRoots(context.db)
  const rows = await context.db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .select(['credential.entity_id', 'credential.fingerprint', 'credential.state', 'credential.state_at'])
    .where('credential.fingerprint', 'is not', null)
    .where('entity.merged_into', 'is', null)
    .execute()
  return rows.flatMap(({ entity_id, fingerprint, state, state_at }) => {
    const firstSeen = byFingerprint.get(fingerprint!)?.exposedSince
    if (firstSeen === undefined) return []
    return [
      { id: roots.of(entity_id), firstSeen, deadAt: state === 'dead' ? (state_at ?? undefined) : undefined },
    ]
  })
})
