import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Ms } from '../../core/contract/ref.ts'
import { record } from '../../core/evidence/evidence.ts'
import { isFree } from '../../core/store/holder.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../core/store/store.ts'
import { withoutSealed } from '../connections/config.ts'
import { linkKeys } from '../inventory/link-keys.ts'
import { linkWithinRepositories } from '../inventory/link-within-repositories.ts'
import { markUnread } from '../inventory/standing.ts'
import { markUntold } from '../inventory/told.ts'

export interface Disconnected {
  /** Since when it is a source no more. */
  readonly at: Ms
  /** It was none before. */
  readonly already: boolean
  /** Copies in it that count as gone now. */
  readonly copies: number
}

/**
 * Makes a source one no more, in one transaction with its entry in the record. Nothing that it told stands from then on, and
 * all of it stays known as what was; the secrets that it was connected with are erased. Connected again, it is read from its
 * beginning. Twice is the same as once. Raises CONFLICT while a watch reads it, or while a run has something left to do there.
 */
export async function disconnect(
  db: Db,
  io: Pick<Io, 'now' | 'random'>,
  sourceId: string,
  said: { readonly by: string; readonly why?: string | undefined },
): Promise<Disconnected> {
  return await transaction(db, async tx => {
    const source = await tx
      .selectFrom('source')
      .selectAll()
      .where('id', '=', sourceId)
      .executeTakeFirstOrThrow()
    if (source.disconnected_at !== null) return { at: source.disconnected_at, already: true, copies: 0 }
    const watch = await watchOf(tx, io, sourceId)
    if (watch !== undefined)
      throw new FirebreakError(
        'CONFLICT',
        `${source.system}:${source.label} is being read by the watch ${watch}`,
        'try again when it has read it, or stop the watch first',
      )
    await refuseNeeded(tx, source)
    // Later than its last look, which by that tells what it saw go from what is only out of sight.
    const at = Math.max(io.now().getTime(), (source.observed_at ?? -1) + 1)
    const copies = await markUnread(tx, sourceId, at)
    await markUntold(tx, sourceId, at)
    await linkWithinRepositories(tx, io)
    await linkKeys(tx, io)
    await tx
      .updateTable('source')
      .set({
        disconnected_at: at,
        cursor: null,
        config: withoutSealed(source.config),
        epoch: source.epoch + 1,
      })
      .where('id', '=', sourceId)
      .execute()
    await tx
      .updateTable('watch')
      .set({ failures: 0, error: null })
      .where('source_id', '=', sourceId)
      .execute()
    const { system, instance, label } = source
    const body = {
      system,
      instance,
      label,
      copies,
      by: said.by,
      ...(said.why !== undefined && { why: said.why }),
    }
    await record(tx, io, { kind: 'source.disconnected', subject: sourceId, body })
    return { at, already: false, copies }
  })
}

/** By whom it is being read. What is claimed after this waits for the transaction, and finds a source no more. */
async function watchOf(tx: Tx, io: Pick<Io, 'now'>, sourceId: string): Promise<string | undefined> {
  const row = await tx
    .selectFrom('watch')
    .selectAll()
    .where('source_id', '=', sourceId)
    .forUpdate()
    .executeTakeFirst()
  return !row || isFree(row, io.now().getTime()) ? undefined : (row.claimed_by ?? undefined)
}

/** A lease that has to be revoked there would stand for ever. */
async function refuseNeeded(tx: Tx, { id, system, label }: Row<'source'>): Promise<void> {
  const needed = await tx
    .selectFrom('step')
    .innerJoin('run', 'run.id', 'step.run_id')
    .select(['run.id', 'run.kind', 'step.title'])
    .where('run.state', 'in', ['running', 'stuck'])
    .where('step.state', 'not in', ['verified', 'skipped', 'undone'])
    .where('step.args', 'like', `%"sourceId":"${id}"%`)
    .orderBy('run.id')
    .executeTakeFirst()
  if (!needed) return
  throw new FirebreakError(
    'CONFLICT',
    `the ${needed.kind} run ${needed.id} has something left to do at ${system}:${label}: ${needed.title}`,
    'let it end first: firebreak ls runs shows it, and firebreak lease list the leases that stand',
  )
}

/**
 * Takes a source back of which nothing could ever be read: what was never known is no history. Gives whether it did; one that
 * told of anything is kept, and one that a watch reads.
 */
export async function forgetUnread(db: Db, io: Pick<Io, 'now'>, sourceId: string): Promise<boolean> {
  return await transaction(db, async tx => {
    if ((await watchOf(tx, io, sourceId)) !== undefined) return false
    for (const table of ['document', 'copy', 'sighting'] as const) {
      const told = await tx
        .selectFrom(table)
        .select('source_id')
        .where('source_id', '=', sourceId)
        .limit(1)
        .executeTakeFirst()
      if (told) return false
    }
    for (const table of ['coverage', 'watch'] as const)
      await tx.deleteFrom(table).where('source_id', '=', sourceId).execute()
    await tx.deleteFrom('source').where('id', '=', sourceId).execute()
    return true
  })
}
