import { canonicalJson } from '../../../core/contract/canonical-json.ts'
import { FirebreakError } from '../../../core/contract/errors.ts'
import { newId } from '../../../core/contract/id.ts'
import type { Io } from '../../../core/contract/io.ts'
import type { Json } from '../../../core/contract/ref.ts'
import { record } from '../../../core/evidence/evidence.ts'
import type { Row } from '../../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../../core/store/store.ts'
import type { Asked } from './decide.ts'
import { OauthError } from '../oauth-error.ts'
import type { Workload } from '../workload.ts'

/** So long a request waits to be approved, and so long an approval waits to be used. */
const WAITS_MS = 3_600_000
/** Of one workload and lease, so that nobody is buried in requests. */
const MOST_WAITING = 16

/**
 * Takes the approval of exactly this, which is good once. Where there is none it is asked for, once, and `authorization_pending`
 * is raised: whoever asks the same later gets it, if a person has approved meanwhile.
 */
export async function mustBeApproved(
  db: Db,
  io: Io,
  workload: Workload,
  lease: string,
  asked: Asked,
): Promise<void> {
  const { issuer, subject } = workload
  const about = canonicalJson(plain(asked))
  const now = io.now().getTime()
  const answer = await transaction(
    db,
    async tx => {
      const rows = await tx
        .selectFrom('approval')
        .selectAll()
        .where('lease', '=', lease)
        .where('issuer', '=', issuer)
        .where('subject', '=', subject)
        .where('used_at', 'is', null)
        .where('expires_at', '>', now)
        .orderBy('id')
        .forUpdate()
        .execute()
      const same = rows.filter(row => covers(row.asked, asked))
      const approved = same.find(row => row.approved_at !== null)
      if (approved) {
        await tx.updateTable('approval').set({ used_at: now }).where('id', '=', approved.id).execute()
        const body = { lease, issuer, subject, saidBy: approved.said_by }
        await record(tx, io, { kind: 'broker.approval-used', subject: approved.id, body })
        return 'approved'
      }
      if (same.length > 0) return 'waiting'
      if (rows.length >= MOST_WAITING) return 'too many'
      const id = newId(io)
      const row = { id, lease, issuer, subject, asked: about, asked_at: now, expires_at: now + WAITS_MS }
      await tx
        .insertInto('approval')
        .values({ ...row, approved_at: null, said_by: null, used_at: null })
        .execute()
      const body = { lease, issuer, subject, asked: JSON.parse(about) as Json }
      await record(tx, io, { kind: 'broker.approval-asked', subject: id, body })
      return 'waiting'
    },
    'rows',
  )
  if (answer === 'too many')
    throw new OauthError('access_denied', 'too much of it waits for a person to approve it', {
      recorded: true,
    })
  if (answer === 'waiting')
    throw new OauthError('authorization_pending', 'a person has to approve it: ask the same again later', {
      recorded: true,
    })
}

/** The same, for no longer: of an exchange the time that is left is less at each asking. */
function covers(approved: string, asked: Asked): boolean {
  const { ttlSeconds, ...rest } = JSON.parse(approved) as Asked
  const { ttlSeconds: wanted, ...wantedRest } = asked
  return wanted <= ttlSeconds && canonicalJson(plain(rest)) === canonicalJson(plain(wantedRest))
}

function plain(value: object): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}

/** What waits for a person, the oldest first. */
export async function waitingApprovals(db: Db | Tx, now: number): Promise<Row<'approval'>[]> {
  return await db
    .selectFrom('approval')
    .selectAll()
    .where('approved_at', 'is', null)
    .where('expires_at', '>', now)
    .orderBy('id')
    .execute()
}

/** By the request's id, or the beginning of it. Raises NOT_FOUND, or AMBIGUOUS. */
export async function approve(db: Db, io: Io, id: string, saidBy: string): Promise<Row<'approval'>> {
  const now = io.now().getTime()
  return await transaction(
    db,
    async tx => {
      const [row, another] = (await waitingApprovals(tx, now)).filter(waiting => waiting.id.startsWith(id))
      if (!row) throw new FirebreakError('NOT_FOUND', `nothing waits as ${id}`, 'firebreak lease requests')
      if (another) throw new FirebreakError('AMBIGUOUS', `several begin with ${id}`, 'give more of it')
      const change = { approved_at: now, said_by: saidBy, expires_at: now + WAITS_MS }
      await tx.updateTable('approval').set(change).where('id', '=', row.id).execute()
      const { lease, issuer, subject } = row
      await record(tx, io, {
        kind: 'approval',
        subject: row.id,
        body: { lease, issuer, subject, asked: JSON.parse(row.asked) as Json, saidBy },
      })
      return { ...row, ...change }
    },
    'rows',
  )
}
