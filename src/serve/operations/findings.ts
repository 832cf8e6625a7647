import { formatRef } from '../../core/contract/ref.ts'
import { checks } from '../../judge/posture/all.ts'
import type { Check } from '../../judge/posture/check.ts'
import { entitiesById } from '../../know/inventory/copy-view.ts'
import { listCredentials, namesById, namesOrNative, refOf } from '../../know/inventory/queries.ts'
import { loadRoots } from '../../know/inventory/roots.ts'
import type { World } from './operation.ts'
import { isoTime } from './standing.ts'
import { called } from './subject.ts'

/** From the least grave. */
export const SEVERITIES = [
  'low',
  'medium',
  'high',
  'critical',
] as const satisfies readonly Check['severity'][]

export interface ListedFinding {
  readonly check: string
  /** Null for what folding itself noticed. */
  readonly severity: Check['severity'] | null
  readonly frameworks: readonly string[]
  readonly ref: string
  readonly name: string
  readonly why: string
  readonly fix: string | null
  readonly since: string
}

/** Those that stand, the gravest first. */
export async function listFindings({ db, keys }: World): Promise<ListedFinding[]> {
  const rows = await db
    .selectFrom('finding')
    .selectAll()
    .where('ended_at', 'is', null)
    .orderBy('first_seen', 'desc')
    .orderBy('id')
    .execute()
  const entities = await entitiesById(db, [...new Set(rows.map(row => row.entity_id))])
  const names = await namesById(db, await loadRoots(db), [...entities.keys()])
  const credentials = new Map((await listCredentials(db, keys)).map(view => [view.id, view]))
  const found = rows.flatMap(({ entity_id, check: id, why, first_seen }) => {
    const entity = entities.get(entity_id)
    if (!entity) return []
    const check = checks.find(one => one.id === id)
    const credential = credentials.get(entity_id)
    const name = credential?.identity
      ? called(credential.identity)
      : (namesOrNative(names.get(entity_id), entity)[0] ?? credential?.publicFingerprint ?? entity.native)
    return {
      check: id,
      severity: check?.severity ?? null,
      frameworks: check?.frameworks ?? [],
      ref: formatRef(refOf(entity)),
      name,
      why,
      fix: check?.fix ?? null,
      since: isoTime(first_seen),
    }
  })
  return found.sort((a, b) => rankOf(b) - rankOf(a))
}

export function rankOf({ severity }: Pick<ListedFinding, 'severity'>): number {
  return SEVERITIES.indexOf(severity ?? 'medium')
}
