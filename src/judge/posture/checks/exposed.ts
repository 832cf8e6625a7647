import type { Ms } from '../../../core/contract/ref.ts'
import { loadRoots } from '../../../know/inventory/roots.ts'
import { oncePerRun } from '../check.ts'

/** A credential of which a copy stands, or stood, in code, in an image or in a chat, and nobody wrote beside it why it may. */
export interface Exposed {
  readonly id: string
  readonly firstSeen: Ms
  readonly deadAt: Ms | undefined
}

export const exposed = oncePerRun(async ({ db }): Promise<readonly Exposed[]> => {
  const roots = await loadRoots(db)
  const rows = await db
    .selectFrom(
      db
        .selectFrom('copy')
        .innerJoin('source', 'source.id', 'copy.source_id')
        .select(({ fn }) => ['copy.fingerprint as value', fn.min('copy.first_seen').as('first_seen')])
        .where('copy.confidence', '>=', 0.5)
        .where(({ or, eb }) => or([eb('copy.allowance', 'is', null), eb('copy.allowance', '=', '')]))
        .where('source.system', 'in', ['git', 'github', 'gitlab', 'slack', 'registry'])
        .groupBy('copy.fingerprint')
        .as('seen'),
    )
    .innerJoin('credential', 'credential.fingerprint', 'seen.value')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .select(['credential.entity_id', 'seen.first_seen', 'credential.state', 'credential.state_at'])
    .where('entity.merged_into', 'is', null)
    .execute()
  return rows.map(({ entity_id, first_seen, state, state_at }) => ({
    id: roots.of(entity_id),
    firstSeen: Number(first_seen),
    deadAt: state === 'dead' ? (state_at ?? undefined) : undefined,
  }))
})
