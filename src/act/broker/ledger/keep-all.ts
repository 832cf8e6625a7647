import { createHash } from 'node:crypto'
import type { Ms } from '../../../core/contract/ref.ts'
import { recordRows } from '../../../core/evidence/evidence.ts'
import { RowInsert } from '../../../core/store/row-insert.ts'
import type { NewRow, Row } from '../../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../../core/store/store.ts'
import type { OauthErrorCode } from '../oauth-error.ts'

const SWEPT_AT_ONCE = 2_000

/** What may be presented once. */
export interface Once {
  readonly digest: string
  /** Nobody would take it after that, so that it need not be kept. */
  readonly expiresAt: number
  /** How it is refused a second time. */
  readonly refusedAs: OauthErrorCode
}

export function onceOf(what: string, expiresAt: number, refusedAs: OauthErrorCode): Once {
  return { digest: createHash('sha256').update(what).digest('base64url'), expiresAt, refusedAs }
}

/** All that has to be kept before one caller is answered, as rows. */
export interface Keeping {
  readonly once: readonly Once[]
  readonly lease?: Row<'lease'> | undefined
  readonly entries: readonly NewRow<'evidence'>[]
}

/** Why nothing but `once` was kept of one. */
export interface NotKept {
  readonly code: OauthErrorCode
  readonly why: string
}

/** What many wait for at once. */
export interface Batch {
  readonly kept: readonly Keeping[]
  /** Before it, what was presented once need not be known any more; none where it is not time to forget. */
  readonly forgetBefore?: Ms | undefined
}

/**
 * Keeps a batch in one transaction (group commit). Each is refused by itself where what it presents was presented before, or the lease
 * that it comes from stands no more.
 */
export async function keepAll(db: Db, { kept, forgetBefore }: Batch): Promise<(NotKept | undefined)[]> {
  return await transaction(
    db,
    async tx => {
      if (forgetBefore !== undefined) await forget(tx, forgetBefore)
      const first = await presentedFirst(tx, kept)
      const standing = await standingParents(tx, kept)
      const verdicts = kept.map(({ once, lease }): NotKept | undefined => {
        const again = once.find(each => first.get(each.digest) !== each)
        if (again) return { code: again.refusedAs, why: 'it was presented before' }
        const parent = lease?.parent_id
        return typeof parent === 'string' && !standing.has(parent)
          ? { code: 'invalid_request', why: 'the lease that its subject_token is of has ended' }
          : undefined
      })
      const good = kept.filter((_, index) => verdicts[index] === undefined)
      await leases.run(
        tx,
        good.flatMap(({ lease }) => (lease ? [lease] : [])),
      )
      await recordRows(
        tx,
        good.flatMap(({ entries }) => entries),
      )
      return verdicts
    },
    'rows',
  )
}

/** Which of those that are presented are the first of their kind. */
async function presentedFirst(tx: Tx, kept: readonly Keeping[]): Promise<Map<string, Once>> {
  const first = new Map<string, Once>()
  for (const { once } of kept)
    for (const each of once) if (!first.has(each.digest)) first.set(each.digest, each)
  if (first.size === 0) return first
  const rows = [...first.values()].map(({ digest, expiresAt }) => ({ digest, expires_at: expiresAt }))
  const inserted = new Set((await presented.run(tx, rows)).map(({ digest }) => digest))
  for (const digest of first.keys()) if (!inserted.has(digest)) first.delete(digest)
  return first
}

async function forget(tx: Tx, before: Ms): Promise<void> {
  const over = tx
    .selectFrom('presented_token')
    .select('digest')
    .where('expires_at', '<', before)
    .limit(SWEPT_AT_ONCE)
  await tx.deleteFrom('presented_token').where('digest', 'in', over).execute()
}

/** Held until the commit: a lease that is ended meanwhile finds what was exchanged from it. */
async function standingParents(tx: Tx, kept: readonly Keeping[]): Promise<ReadonlySet<string>> {
  const parents = new Set(kept.flatMap(({ lease }) => (lease?.parent_id ? [lease.parent_id] : [])))
  if (parents.size === 0) return parents
  const rows = await tx
    .selectFrom('lease')
    .select(['id', 'state'])
    .where('id', 'in', [...parents].sort())
    .orderBy('id')
    .forShare()
    .execute()
  // Asked for their state as well, SQLite looks through all that are active.
  return new Set(rows.flatMap(({ id, state }) => (state === 'active' ? [id] : [])))
}

const leases = new RowInsert('lease', insert => insert)
const presented = new RowInsert('presented_token', insert =>
  insert.onConflict(conflict => conflict.column('digest').doNothing()).returning('digest'),
)
