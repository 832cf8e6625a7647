import { sql } from 'kysely'
import type { Io } from '../../core/contract/io.ts'
import type { Tx } from '../../core/store/store.ts'
import { merge, rootOf } from './merge.ts'

/**
 * What a text named by its ARN alone (`?arn:…`) is the one thing of that kind in the account that bears the ARN. A name is
 * given again when its bearer was deleted: nothing is concluded from those that are gone, or where several stand.
 */
export async function linkArns(tx: Tx, io: Pick<Io, 'now' | 'random'>): Promise<void> {
  const { rows } = await sql<{ id: string; arn: string; match_id: string }>`
    select p.id, n.name as arn, m.id as match_id
    from entity p cross join name n cross join entity m
    where p.system = 'aws' and substr(p.native, 1, 5) = '?arn:' and p.merged_into is null
      and n.name = substr(p.native, 2)
      and m.id = n.entity_id and m.system = p.system and m.instance = p.instance and m.kind = p.kind
      and m.id <> p.id and m.gone_at is null and substr(m.native, 1, 1) <> '?'`.execute(tx)
  for (const [id, found] of Map.groupBy(rows, row => row.id)) {
    const bearers = new Set<string>()
    for (const row of found) bearers.add(await rootOf(tx, row.match_id))
    const [into] = bearers
    if (into === undefined || bearers.size > 1) continue
    await merge(tx, io, id, into, `a report names it by ${found[0]!.arn}, which it bears`)
  }
}
