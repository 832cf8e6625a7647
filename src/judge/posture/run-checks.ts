import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Ms } from '../../core/contract/ref.ts'
import { recordAll } from '../../core/evidence/evidence.ts'
import type { Keys } from '../../core/keys/keys.ts'
import { RowInsert } from '../../core/store/row-insert.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, snapshot, transaction, type Tx } from '../../core/store/store.ts'
import { loadRoots, type Roots } from '../../know/inventory/roots.ts'
import type { Check, CheckContext, Judgement } from './check.ts'

/** A finding that began or ended in this run of the checks, or that stands in more places than it did. */
export interface FindingChange {
  readonly check: string
  readonly entityId: string
  readonly change: 'begun' | 'spread' | 'ended'
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
  const at = world.io.now().getTime()
  // It may take a while, and nobody who writes has to wait for it.
  const { verdicts, answer } = await snapshot(db, async tx => {
    const context = { db: tx, keys: world.keys, now: at }
    // Side by side: what waits for a thread does not hold up the others. The view ends when none of them looks any more.
    const asked = checks.map(check => verdictOf(check, context))
    const answered = also(context)
    await Promise.allSettled([...asked, answered])
    return { verdicts: await Promise.all(asked), answer: await answered }
  })
  const changes = await keepAll(db, world.io, verdicts, at)
  return { changes, counts: verdicts.map(({ counts }) => counts), answer }
}

/** All of it is seen at once, or none. Whoever else writes waits for the writing alone. */
async function keepAll(
  db: Db,
  io: Pick<Io, 'now' | 'random'>,
  verdicts: readonly Verdict[],
  at: Ms,
): Promise<FindingChange[]> {
  return await transaction(db, async tx => {
    const roots = await loadRoots(tx)
    const changes: FindingChange[] = []
    for (const verdict of verdicts) changes.push(...(await keep(tx, io, roots, verdict, at)))
    return changes
  })
}

interface Verdict {
  readonly counts: CheckCounts
  /** By what fails. */
  readonly failing: ReadonlyMap<string, Pick<Judgement, 'why' | 'news'>>
  readonly unknown: ReadonlySet<string>
}

async function verdictOf(check: Check, context: CheckContext): Promise<Verdict> {
  const population = await check.population(context)
  const failing = new Map<string, Judgement>()
  const unknown = new Set<string>()
  for (const judgement of await check.find(context, population))
    if (judgement.outcome === 'fails') failing.set(judgement.entityId, judgement)
    else unknown.add(judgement.entityId)
  const [fails, of] = [failing.size, population.size]
  const counts = { check: check.id, fails, unknown: unknown.size, passes: of - fails - unknown.size }
  return { counts, failing, unknown }
}

/** Keeps what was found out at a time; what another process has found out since then stands. */
async function keep(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  roots: Roots,
  verdict: Verdict,
  at: Ms,
): Promise<FindingChange[]> {
  const { check } = verdict.counts
  // What was one with another thing by then, or became it since, has one finding.
  const isOne = roots.merged.length === 0
  const failing = isOne
    ? verdict.failing
    : new Map([...verdict.failing].map(([id, says]) => [roots.of(id), says]))
  const unknown = isOne ? verdict.unknown : new Set([...verdict.unknown].map(id => roots.of(id)))
  const stored = await tx.selectFrom('finding').selectAll().where('check', '=', check).orderBy('id').execute()
  const changes: FindingChange[] = []
  const written: Row<'finding'>[] = []
  let unchanged = 0
  const open = new Set<string>()
  for (const row of stored) {
    const entityId = roots.of(row.entity_id)
    const says = failing.get(entityId)
    if (Math.max(row.last_seen, row.ended_at ?? 0) > at) {
      open.add(entityId)
    } else if (says !== undefined && !open.has(entityId)) {
      open.add(entityId)
      if (row.ended_at === null && row.why === says.why) {
        unchanged++
        continue
      }
      const again = row.ended_at === null ? {} : { first_seen: at, ended_at: null }
      written.push({ ...row, ...again, why: says.why, last_seen: at })
      if (row.ended_at !== null) changes.push({ check, entityId, change: 'begun', why: says.why })
      else if (says.news?.some(word => !row.why.includes(word)))
        changes.push({ check, entityId, change: 'spread', why: says.why })
    } else if (row.ended_at === null && !unknown.has(entityId)) {
      written.push({ ...row, ended_at: at })
      if (!open.has(entityId)) changes.push({ check, entityId, change: 'ended', why: row.why })
    } else if (row.ended_at === null) {
      // The statement below touches it, too.
      written.push(row)
    }
  }
  // Most are as they were: to write each of them would take as long as finding them.
  if (unchanged > 0)
    await tx
      .updateTable('finding')
      .set({ last_seen: at })
      .where('check', '=', check)
      .where('ended_at', 'is', null)
      .where('last_seen', '<', at)
      .execute()
  let recorded = 0
  const write = async () => {
    await findings.run(tx, written.splice(0))
    const entries = changes.slice(recorded).map(({ entityId, change, why }) => ({
      kind: `finding.${change}`,
      subject: entityId,
      body: { check, why },
    }))
    await recordAll(tx, io, entries)
    recorded = changes.length
  }
  for (const [entityId, { why }] of failing) {
    if (open.has(entityId)) continue
    const seen = { first_seen: at, last_seen: at, ended_at: null }
    written.push({ id: newId(io), check, entity_id: entityId, why, ...seen })
    changes.push({ check, entityId, change: 'begun', why })
    if (written.length >= AT_ONCE) await write()
  }
  await write()
  return changes
}

/** What is made for each row that is written is more than what was found out: so many are at once. */
const AT_ONCE = 1024

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
