import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import { recordAll } from '../../core/evidence/evidence.ts'
import type { Keys } from '../../core/keys/keys.ts'
import { RowInsert } from '../../core/store/row-insert.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../core/store/store.ts'
import { loadRoots, type Roots } from '../../know/inventory/roots.ts'
import type { Check, CheckContext } from './check.ts'

/** A finding that began or ended in this run of the checks. */
export interface FindingChange {
  readonly check: string
  readonly entityId: string
  readonly change: 'begun' | 'ended'
  readonly why: string
}

export interface CheckCounts {
  readonly check: string
  readonly fails: number
  readonly unknown: number
  readonly passes: number
}

export interface Checked {
  readonly changes: readonly FindingChange[]
  readonly counts: readonly CheckCounts[]
}

/**
 * Runs the checks over what is known now, and keeps the findings: one begins when its check fails, and ends when it
 * passes. Of several processes at once, one is told of each change.
 */
export async function runChecks(
  db: Db,
  world: { readonly io: Pick<Io, 'now' | 'random'>; readonly keys: Keys },
  checks: readonly Check[],
): Promise<Checked> {
  const { answer: _, ...checked } = await runChecksAnd(db, world, checks, async () => undefined)
  return checked
}

/** The same, and an answer to another question of what was read for them. */
export async function runChecksAnd<Answer>(
  db: Db,
  world: { readonly io: Pick<Io, 'now' | 'random'>; readonly keys: Keys },
  checks: readonly Check[],
  also: (context: CheckContext) => Promise<Answer>,
): Promise<Checked & { readonly answer: Answer }> {
  return await transaction(db, async tx => {
    const changes: FindingChange[] = []
    const counts: CheckCounts[] = []
    const roots = await loadRoots(tx)
    const context = { db: tx, keys: world.keys, now: world.io.now().getTime() }
    for (const check of checks) {
      const population = await check.population(context)
      const judgements = await check.find(context, population)
      const failing = new Map(
        judgements.filter(({ outcome }) => outcome === 'fails').map(({ entityId, why }) => [entityId, why]),
      )
      const unknown = new Set(
        judgements.filter(({ outcome }) => outcome === 'unknown').map(({ entityId }) => entityId),
      )
      changes.push(...(await keep(tx, world.io, roots, check.id, failing, unknown)))
      counts.push({
        check: check.id,
        fails: failing.size,
        unknown: unknown.size,
        passes: population.size - failing.size - unknown.size,
      })
    }
    return { changes, counts, answer: await also(context) }
  })
}

async function keep(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  roots: Roots,
  check: string,
  failing: ReadonlyMap<string, string>,
  unknown: ReadonlySet<string>,
): Promise<FindingChange[]> {
  const at = io.now().getTime()
  const stored = await tx.selectFrom('finding').selectAll().where('check', '=', check).orderBy('id').execute()
  const changes: FindingChange[] = []
  const written: Row<'finding'>[] = []
  const open = new Set<string>()
  for (const row of stored) {
    const entityId = roots.of(row.entity_id)
    const says = failing.get(entityId)
    // What became one credential with another has one finding.
    if (says !== undefined && !open.has(entityId)) {
      open.add(entityId)
      const again = row.ended_at === null ? {} : { first_seen: at, ended_at: null }
      written.push({ ...row, ...again, why: says, last_seen: at })
      if (row.ended_at !== null) changes.push({ check, entityId, change: 'begun', why: says })
    } else if (row.ended_at === null && !unknown.has(entityId)) {
      written.push({ ...row, ended_at: at })
      if (!open.has(entityId)) changes.push({ check, entityId, change: 'ended', why: row.why })
    }
  }
  for (const [entityId, why] of failing) {
    if (open.has(entityId)) continue
    const seen = { first_seen: at, last_seen: at, ended_at: null }
    written.push({ id: newId(io), check, entity_id: entityId, why, ...seen })
    changes.push({ check, entityId, change: 'begun', why })
  }
  await findings.run(tx, written)
  await recordAll(
    tx,
    io,
    changes.map(({ entityId, change, why }) => ({
      kind: `finding.${change}`,
      subject: entityId,
      body: { check, why },
    })),
  )
  return changes
}

/** New ones, and those that changed, alike. */
const findings = new RowInsert('finding', insert =>
  insert.onConflict(conflict =>
    conflict.column('id').doUpdateSet(({ ref }) => ({
      why: ref('excluded.why'),
      first_seen: ref('excluded.first_seen'),
      last_seen: ref('excluded.last_seen'),
      ended_at: ref('excluded.ended_at'),
    })),
  ),
)
