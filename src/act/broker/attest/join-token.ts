import { createHash, timingSafeEqual } from 'node:crypto'
import { newId } from '../../../core/contract/id.ts'
import type { Io } from '../../../core/contract/io.ts'
import { Secret } from '../../../core/contract/secret.ts'
import { record } from '../../../core/evidence/evidence.ts'
import { type Db, transaction } from '../../../core/store/store.ts'
import { OauthError } from '../oauth-error.ts'
import type { Workload } from '../workload.ts'

export const JOIN_PREFIX = 'fbjoin_'

/** A token that makes whoever brings it first `subject`, once, before it expires. Only its digest is kept. */
export async function makeJoinToken(
  db: Db,
  io: Io,
  asked: { readonly subject: string; readonly saidBy: string; readonly ttlSeconds: number },
): Promise<{ token: Secret; expiresAt: number }> {
  const id = newId(io)
  const half = Buffer.from(io.random(32)).toString('base64url')
  const now = io.now().getTime()
  const expiresAt = now + asked.ttlSeconds * 1000
  await transaction(
    db,
    async tx => {
      await tx
        .insertInto('join_token')
        .values({
          id,
          digest: digestOf(half),
          subject: asked.subject,
          said_by: asked.saidBy,
          created_at: now,
          expires_at: expiresAt,
          used_at: null,
        })
        .execute()
      await record(tx, io, {
        kind: 'broker.join-token',
        subject: id,
        body: { subject: asked.subject, saidBy: asked.saidBy, expiresAt },
      })
    },
    'rows',
  )
  return { token: new Secret(`${JOIN_PREFIX}${id}.${half}`), expiresAt }
}

/** Of two that bring it at once, one is let in. */
export async function takeJoinToken(db: Db, io: Io, token: string): Promise<Workload> {
  const [id = '', half = ''] = token.slice(JOIN_PREFIX.length).split('.')
  const now = io.now().getTime()
  const subject = await transaction(
    db,
    async tx => {
      const row = await tx
        .selectFrom('join_token')
        .selectAll()
        .where('id', '=', id)
        .forUpdate()
        .executeTakeFirst()
      if (!row || row.used_at !== null || row.expires_at <= now) return undefined
      if (!timingSafeEqual(Buffer.from(digestOf(half)), Buffer.from(row.digest))) return undefined
      await tx.updateTable('join_token').set({ used_at: now }).where('id', '=', id).execute()
      await record(tx, io, { kind: 'broker.joined', subject: id, body: { subject: row.subject } })
      return row.subject
    },
    'rows',
  )
  if (subject === undefined) throw new OauthError('invalid_token', 'it is no join token that is good still')
  return { issuer: 'join', subject, claims: {} }
}

function digestOf(half: string): string {
  return createHash('sha256').update(half).digest('base64url')
}
