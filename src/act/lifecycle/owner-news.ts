import type { Io } from '../../core/contract/io.ts'
import type { Ms } from '../../core/contract/ref.ts'
import { record } from '../../core/evidence/evidence.ts'
import { RowInsert } from '../../core/store/row-insert.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import { ownershipOf } from '../../judge/ownership/ownership.ts'
import type { Ownership } from '../../judge/ownership/weigh.ts'
import { requirementsInForce } from '../../judge/requirements/requirements.ts'
import { connectedSources } from '../../know/connections/registry.ts'
import { namesOf } from '../../know/inventory/queries.ts'
import { intend } from './notice.ts'

type Answering = Row<'answering'>

export interface OwnerEvent {
  readonly event: 'owner-changed' | 'owner-departed' | 'owner-lost'
  readonly name: string
  readonly owner: string | null
  readonly previousOwner: string | null
  readonly why: string
}

/**
 * Where the requirements in force say whom to tell: that another one answers for an identity than before, that whoever did left, or that
 * nobody does any more. Who answered when it is first looked at is no news.
 */
export async function tellOwners(
  db: Db,
  io: Pick<Io, 'now' | 'random'>,
  tell: (event: OwnerEvent) => void,
): Promise<void> {
  const notify = (await requirementsInForce(db))?.notify
  if (!notify || (await isBeginning(db))) return
  const rows = await db.selectFrom('answering').selectAll().execute()
  const before = new Map(rows.map(row => [row.entity_id, row]))
  const now = io.now().getTime()
  const first: Answering[] = []
  for (const [id, ownership] of (await ownershipOf(db, now)).ownership) {
    const known = before.get(id)
    const row = answeringOf(id, ownership, now)
    if (!known) first.push(row)
    else if (isNews(known, row, ownership)) await toldOf(db, io, known, row, tell)
    else if (row.party === known.party && row.state !== known.state)
      // Whoever left is back.
      await transaction(db, tx => replaced(tx, known, row))
  }
  for (let at = 0; at < first.length; at += MOST_AT_ONCE)
    await transaction(db, tx => firstRows.run(tx, first.slice(at, at + MOST_AT_ONCE)))
}

const MOST_AT_ONCE = 10_000
const firstRows = new RowInsert('answering', insert => insert.onConflict(conflict => conflict.doNothing()))

/** Until each source was read, or failed, who answers for what changes with all that is learnt. */
async function isBeginning(db: Db): Promise<boolean> {
  const unread = await connectedSources(db)
    .leftJoin('watch', 'watch.source_id', 'source.id')
    .select('source.id')
    .where('source.observed_at', 'is', null)
    .where(({ eb, or }) => or([eb('watch.failures', 'is', null), eb('watch.failures', '=', 0)]))
    .executeTakeFirst()
  return unread !== undefined
}

function answeringOf(entity_id: string, { state, answers }: Ownership, at: Ms): Answering {
  const party = answers?.key ?? null
  const called = answers?.name ?? null
  const isKnown = state !== 'departed' && state !== 'orphan'
  return { entity_id, state: isKnown ? 'answers' : state, party, called, at }
}

/** What is only likely may change with the next sign: it is no news before somebody is sure. */
function isNews(known: Answering, row: Answering, { state }: Ownership): boolean {
  if (row.state !== known.state && row.state !== 'answers') return true
  return row.party !== known.party && state !== 'likely' && state !== 'conflict'
}

async function toldOf(
  db: Db,
  io: Pick<Io, 'now' | 'random'>,
  known: Answering,
  row: Answering,
  tell: (event: OwnerEvent) => void,
): Promise<void> {
  const event = EVENTS[row.state]
  const isLeft = row.state === 'departed'
  const owner = isLeft ? null : row.called
  const previousOwner = isLeft ? row.called : known.called
  const why = {
    answers: `${owner} answers for it now`,
    departed: `${previousOwner} left, and nobody else is known to answer for it`,
    orphan: 'nothing speaks for anybody any more',
  }[row.state]
  const isTold = await transaction(db, async tx => {
    if (!(await replaced(tx, known, row))) return false
    const body = { owner, previousOwner, why }
    const evidence = await record(tx, io, { kind: event.replace('-', '.'), subject: row.entity_id, body })
    await intend(tx, io, { event, identityId: row.entity_id, owner, previousOwner, why, evidence })
    return true
  })
  if (!isTold) return
  const [name = row.entity_id] = await namesOf(db, row.entity_id)
  tell({ event, name, owner, previousOwner, why })
}

const EVENTS = { answers: 'owner-changed', departed: 'owner-departed', orphan: 'owner-lost' } as const

/** False where another process was first: it tells it. */
async function replaced(tx: Db, known: Answering, row: Answering): Promise<boolean> {
  const { entity_id, ...values } = row
  const { numUpdatedRows } = await tx
    .updateTable('answering')
    .set(values)
    .where('entity_id', '=', entity_id)
    .where('state', '=', known.state)
    .where('party', known.party === null ? 'is' : '=', known.party)
    .where('at', '=', known.at)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
