import { formatRef } from '../../core/contract/ref.ts'
import { publicFingerprint } from '../../core/keys/fingerprint.ts'
import { checks } from '../../judge/posture/all.ts'
import type { Check } from '../../judge/posture/check.ts'
import { entitiesById } from '../../know/inventory/copy-view.ts'
import { inChunks } from '../../know/inventory/in-chunks.ts'
import { namesById, namesOrNative, refOf } from '../../know/inventory/queries.ts'
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
  readonly entityId: string
  /** Of a credential. */
  readonly identityId: string | null
  readonly check: string
  /** Null for what folding itself noticed. */
  readonly severity: Check['severity'] | null
  readonly frameworks: readonly string[]
  readonly ref: string
  readonly name: string
  readonly why: string
  readonly fix: string | null
  readonly since: string
  /** Why it may stand so for now, where someone answers for that. */
  readonly exception: {
    readonly owner: string
    readonly reason: string
    readonly control: string
    readonly expires: string
  } | null
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
  const ids = [...new Set(rows.map(row => row.entity_id))]
  const roots = await loadRoots(db)
  const credentials = new Map(
    (
      await inChunks(ids, chunk =>
        db
          .selectFrom('credential')
          .select(['entity_id', 'identity_id', 'fingerprint'])
          .where('entity_id', 'in', chunk)
          .execute(),
      )
    ).map(row => [row.entity_id, row]),
  )
  const identityOf = (id: string) => {
    const identity = credentials.get(id)?.identity_id
    return identity ? roots.of(identity) : null
  }
  const all = [...new Set([...ids, ...ids.flatMap(id => identityOf(id) ?? [])])]
  const entities = await entitiesById(db, all)
  const names = await namesById(db, roots, all)
  const found = rows.flatMap(({ entity_id, check: id, why, first_seen }) => {
    const entity = entities.get(entity_id)
    if (!entity) return []
    const check = checks.find(one => one.id === id)
    const identityId = identityOf(entity_id)
    const identity = identityId === null ? undefined : entities.get(identityId)
    const fingerprint = credentials.get(entity_id)?.fingerprint
    const shown = fingerprint ? publicFingerprint(keys.publicFingerprint, fingerprint) : undefined
    const name = identity
      ? called({ ref: refOf(identity), names: namesOrNative(names.get(identity.id), identity) })
      : (namesOrNative(names.get(entity_id), entity)[0] ?? shown ?? entity.native)
    return {
      entityId: entity_id,
      identityId,
      check: id,
      severity: check?.severity ?? null,
      frameworks: check?.frameworks ?? [],
      ref: formatRef(refOf(entity)),
      name,
      why,
      fix: check?.fix ?? null,
      since: isoTime(first_seen),
      exception: null,
    }
  })
  return found.sort((a, b) => rankOf(b) - rankOf(a))
}

export function rankOf({ severity }: Pick<ListedFinding, 'severity'>): number {
  return SEVERITIES.indexOf(severity ?? 'medium')
}
