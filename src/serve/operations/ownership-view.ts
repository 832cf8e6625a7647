import pc from 'picocolors'
import { formatRef } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import type { Ownership, OwnershipState, Sign } from '../../judge/ownership/weigh.ts'
import { type Suspension, suspensionsOf, suspensionText } from '../../judge/requirements/suspensions.ts'
import { entitiesById } from '../../know/inventory/copy-view.ts'
import { namesById, namesOrNative, refOf } from '../../know/inventory/queries.ts'
import { loadRoots } from '../../know/inventory/roots.ts'
import { isoTime } from './standing.ts'
import { wrap } from './wrap.ts'

/** Whose an identity is, as it is printed. */
export interface ShownOwnership {
  readonly state: OwnershipState
  /** The one who answers for response; null where nobody does. */
  readonly answers: string | null
  readonly candidates: readonly {
    readonly owner: string
    readonly kind: 'person' | 'team'
    readonly hasLeft: boolean
    /** 0…1 */
    readonly weight: number
    readonly evidence: readonly ShownSign[]
  }[]
  /** Words that name nobody who is known. */
  readonly unresolved: readonly ShownSign[]
}

interface ShownSign {
  readonly written: string
  readonly source: string
  readonly at: string | null
}

export function shownOwnership({ state, answers, candidates, unresolved }: Ownership): ShownOwnership {
  return {
    state,
    answers: answers?.name ?? null,
    candidates: candidates.map(({ party, weight, signs }) => ({
      owner: party.name,
      kind: party.kind,
      hasLeft: party.hasLeft,
      weight: Math.round(weight * 100) / 100,
      evidence: signs.map(shownSign),
    })),
    unresolved: unresolved.map(shownSign),
  }
}

function shownSign({ owner, source, at }: Sign): ShownSign {
  return { written: owner, source, at: at === undefined ? null : isoTime(at) }
}

export const STATE_SAYS: Readonly<Record<OwnershipState, string>> = {
  confirmed: 'somebody said so',
  confident: 'what speaks for them outweighs all else',
  likely: 'something speaks for them, not enough',
  conflict: 'nearly as much speaks for another',
  departed: 'whoever it was left',
  orphan: 'nothing speaks for anybody who is known',
}

/** Names of identities by their ids, as people call them. */
export async function calledById(
  db: Db,
  ids: readonly string[],
): Promise<ReadonlyMap<string, { name: string; ref: string }>> {
  const entities = await entitiesById(db, [...ids])
  const names = await namesById(db, await loadRoots(db), ids)
  return new Map(
    [...entities].map(([id, entity]) => [
      id,
      { name: namesOrNative(names.get(id), entity)[0] ?? entity.native, ref: formatRef(refOf(entity)) },
    ]),
  )
}

/** That it is to be suspended for want of an owner, or is. */
export interface ShownSuspension {
  readonly state: Suspension['state']
  readonly since: string
  /** What was announced, why it is left, or what the systems said. */
  readonly why: string | null
  readonly run: string | null
  readonly text: string
}

export async function shownSuspension(db: Db, identityId: string): Promise<ShownSuspension | null> {
  const roots = await loadRoots(db)
  const found = (await suspensionsOf(db, roots)).get(roots.of(identityId))
  if (!found) return null
  const { state, since, row } = found
  return { state, since: isoTime(since), why: row.told, run: row.run_id, text: suspensionText(found) }
}

export function suspensionLine({ text, state }: ShownSuspension, width: number): string {
  const how = state === 'suspended' ? ' firebreak resume gives it back.' : ''
  return pc.red(wrap(`It is ${text.replace(/\.$/, '')}.${how}`, width, '', ''))
}
