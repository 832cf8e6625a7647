import { sql } from 'kysely'
import type { Row } from '../../core/store/schema.ts'
import type { Tx } from '../../core/store/store.ts'

type Said = Pick<Row<'copy'>, 'fingerprint' | 'kind' | 'claim_id' | 'confidence'>

/** So many are asked for in one statement, always: its text is made, and prepared, once. */
const ASKED = 32

/**
 * Which of these copies say of their value nothing but what a stored one says at least as surely: of such nothing new
 * follows, however many there are. Asked one by one of an index, since a common value has thousands of copies.
 */
export async function alreadyTold<Copy extends Said>(tx: Tx, copies: readonly Copy[]): Promise<Set<Copy>> {
  const alike = [...Map.groupBy(copies, keyOf).values()]
  const told = new Set<Copy>()
  for (let start = 0; start < alike.length; start += ASKED) {
    const asked = alike.slice(start, start + ASKED).map(group => group[0]!)
    for (const index of await indexesOfTold(tx, asked))
      for (const copy of alike[start + index]!) told.add(copy)
  }
  return told
}

function keyOf({ fingerprint, kind, claim_id, confidence }: Said): string {
  return JSON.stringify([fingerprint, kind, claim_id, confidence])
}

async function indexesOfTold(tx: Tx, asked: readonly Said[]): Promise<number[]> {
  const filled = Array.from({ length: ASKED }, (_, index) => asked[Math.min(index, asked.length - 1)]!)
  const values = filled.map(
    ({ fingerprint, kind, claim_id, confidence }, index) =>
      sql`(cast(${index} as bigint), cast(${fingerprint} as text), cast(${kind} as text),
        cast(${claim_id} as text), cast(${confidence} as double precision))`,
  )
  const { rows } = await sql<{ index: number }>`
    with said ("index", fingerprint, kind, claim_id, confidence) as (values ${sql.join(values)})
    select "index" from said where exists (
      select 1 from copy where copy.fingerprint = said.fingerprint and copy.kind = said.kind
        and copy.claim_id is not distinct from said.claim_id and copy.confidence >= said.confidence)`.execute(
    tx,
  )
  return rows.map(row => Number(row.index)).filter(index => index < asked.length)
}
