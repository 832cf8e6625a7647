import type { Check } from '../../../../src/judge/posture/check.ts'
import { runChecks } from '../../../../src/judge/posture/run-checks.ts'
import { namesById } from '../../../../src/know/inventory/queries.ts'
import { loadRoots } from '../../../../src/know/inventory/roots.ts'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import { type Estate, openEstate, password, role, sawCopy, sawRole } from '../../../know/estate.ts'

export const DAY_MS = 86_400_000

/** What is told by a source of one system. */
export async function toldBy(system: string, findings: readonly Finding[], estate?: Estate): Promise<Estate> {
  const known = estate ?? (await openEstate())
  const source = await known.source(system)
  const instance = `${system}-${source.id}`
  await known.db.updateTable('source').set({ system, instance }).where('id', '=', source.id).execute()
  await known.fold(source, findings)
  return known
}

/** What one check says: by the name of whose each thing is, why it fails, and how many pass and are unknown. */
export async function judged(estate: Estate, check: unknown) {
  const { db } = estate
  const { counts } = await runChecks(db, estate, [check as Check])
  const rows = await db
    .selectFrom('finding')
    .leftJoin('credential', 'credential.entity_id', 'finding.entity_id')
    .select(['finding.entity_id', 'finding.why', 'credential.identity_id'])
    .where('finding.ended_at', 'is', null)
    .execute()
  const roots = await loadRoots(db)
  const ids = rows.map(row => roots.of(row.identity_id ?? row.entity_id))
  const names = await namesById(db, roots, ids)
  const { fails, unknown, passes } = counts[0]!
  const found = rows.map((row, at) => [names.get(ids[at]!)?.[0] ?? '', row.why] as const)
  return { fails: Object.fromEntries(found), counts: { fails, unknown, passes } }
}

/** A role with a password of which this is told. */
export function withPassword(oid: string, facts: Record<string, string>): Finding[] {
  const told = Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, { value }]))
  return [
    sawRole(oid, [`role${oid}`]),
    { see: 'credential', ref: { ...password(oid), identity: role(oid) }, facts: told },
  ]
}

/** The value of a role's password where it stands. */
export function copyOf(oid: string, path: string, more: { confidence?: number } = {}): Finding {
  return sawCopy({ value: `value${oid}`, path, claims: role(oid), ...more })
}
