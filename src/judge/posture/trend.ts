import { z } from 'zod'
import type { Io } from '../../core/contract/io.ts'
import { record } from '../../core/evidence/evidence.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import type { CheckCounts } from './run-checks.ts'

/** How things stood after one run of all checks. */
export interface Point {
  /** ISO 8601. */
  readonly at: string
  readonly findings: number
  readonly standing: number
  readonly fails: Readonly<Record<string, number>>
}

const KIND = 'posture.checked'
const SUBJECT = 'posture'
const MOST_POINTS = 30

const body = z.looseObject({
  findings: z.number(),
  standing: z.number(),
  fails: z.record(z.string(), z.number()),
})

/** The runs before, the oldest first: as evidence has them, of which nothing is decided by. */
export async function earlierPoints(db: Db): Promise<Point[]> {
  const rows = await db
    .selectFrom('evidence')
    .select(['at', 'body'])
    .where('subject', '=', SUBJECT)
    .where('kind', '=', KIND)
    .orderBy('id', 'desc')
    .limit(MOST_POINTS)
    .execute()
  return rows.reverse().flatMap(row => {
    const { data } = body.safeParse(JSON.parse(row.body))
    return data ? [{ at: new Date(row.at).toISOString(), ...data }] : []
  })
}

/** How it stands now: a fleet of machines keeps one record each time one of them looks. */
export async function keepPoint(
  db: Db,
  io: Pick<Io, 'now' | 'random'>,
  counts: readonly CheckCounts[],
  standing: number,
): Promise<Point> {
  const fails = Object.fromEntries(
    counts.filter(count => count.fails > 0).map(count => [count.check, count.fails]),
  )
  const findings = counts.reduce((sum, count) => sum + count.fails, 0)
  await transaction(
    db,
    tx => record(tx, io, { kind: KIND, subject: SUBJECT, body: { findings, standing, fails } }),
    'rows',
  )
  return { at: io.now().toISOString(), findings, standing, fails }
}
