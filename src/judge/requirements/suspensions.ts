import type { Ms } from '../../core/contract/ref.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import type { Roots } from '../../know/inventory/roots.ts'

/** That an identity is to be suspended by policy, or is. */
export interface Suspension {
  readonly row: Row<'automation'>
  /**
   * `left`: it cannot be done there, and nothing was announced; `begun`: it is under way, or stuck; `resuming`: so is giving it back, and a
   * part of it may be open already.
   */
  readonly state: 'left' | 'announced' | 'begun' | 'suspended' | 'resuming'
  /** When it was left, announced, begun or done, or giving it back was begun. */
  readonly since: Ms
}

/** All that are announced or stand, by the identity. */
export async function suspensionsOf(db: Db, roots: Roots): Promise<ReadonlyMap<string, Suspension>> {
  const rows = await db
    .selectFrom('automation')
    .leftJoin('run', 'run.id', 'automation.run_id')
    .selectAll('automation')
    .select(['run.state', 'run.created_at', 'run.ended_at as done_at'])
    .where('action', '=', 'suspend')
    .where('automation.ended_at', 'is', null)
    .execute()
  const isAnyShut = rows.some(({ created_at }) => created_at !== null)
  const resuming = new Map(isAnyShut ? await resumptions(db) : [])
  return new Map(
    rows.map(({ state, created_at, done_at, ...row }): [string, Suspension] => {
      const id = roots.of(row.entity_id)
      if (row.left_at !== null) return [id, { row, state: 'left', since: row.left_at }]
      if (created_at === null) return [id, { row, state: 'announced', since: row.announced_at }]
      const since = resuming.get(row.entity_id)
      if (since !== undefined) return [id, { row, state: 'resuming', since }]
      if (state !== 'done') return [id, { row, state: 'begun', since: created_at }]
      return [id, { row, state: 'suspended', since: done_at ?? created_at }]
    }),
  )
}

/** Since when what is suspended is being given back, by the entity. */
async function resumptions(db: Db): Promise<[string, Ms][]> {
  const runs = await db
    .selectFrom('run')
    .select(['subject', 'created_at'])
    .where('kind', '=', 'resume')
    .where('state', 'in', ['running', 'stuck'])
    .execute()
  return runs.map(({ subject, created_at }) => [subject, created_at])
}

/** One sentence of it. */
export function suspensionText({ state, since, row: { told } }: Suspension): string {
  const at = new Date(since).toISOString().slice(0, 10)
  const why = told === null ? '' : `: ${told}`
  if (state === 'suspended') return `suspended by policy since ${at}${why}`
  if (state === 'begun') return `being suspended by policy since ${at}${why}`
  if (state === 'resuming') return `suspended by policy, and being given back since ${at}${why}`
  if (state === 'left') return `to be suspended by policy, which cannot be done${why}`
  return `to be suspended by policy, announced on ${at}${why}`
}
