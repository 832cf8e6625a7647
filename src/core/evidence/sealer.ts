import { setImmediate as turn } from 'node:timers/promises'
import { CompiledQuery } from 'kysely'
import type { Io } from '../contract/io.ts'
import type { Signer } from '../keys/sign.ts'
import { type Db, type Tx, transaction } from '../store/store.ts'
import { checkpointText, entryHash, GENESIS } from './chain.ts'

/** So few that whoever else waits for this thread, or for the database, does not wait long. */
const BATCH = 250

/**
 * Gives committed entries their sequence, hash and a signed checkpoint. Entries are chained in the order in which the
 * sealer sees them; its lock makes it the only one, of however many processes. Returns how many entries it sealed.
 */
export async function sealEvidence(db: Db, signer: Signer, io: Pick<Io, 'now'>): Promise<number> {
  let total = 0
  for (;;) {
    const sealed = await transaction(db, tx => sealBatch(tx, signer, io), 'sealing')
    total += sealed
    if (sealed < BATCH) return total
    await turn()
  }
}

async function sealBatch(tx: Tx, signer: Signer, io: Pick<Io, 'now'>): Promise<number> {
  const pending = await tx
    .selectFrom('evidence')
    .selectAll()
    .where('seq', 'is', null)
    .orderBy('id')
    .limit(BATCH)
    .execute()
  if (pending.length === 0) return 0
  const last = await tx
    .selectFrom('checkpoint')
    .selectAll()
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  let seq = last?.seq ?? 0
  let hash = last?.hash ?? GENESIS
  // Building the statement costs more than running it.
  const { sql } = tx.updateTable('evidence').set({ seq, hash }).where('id', '=', '').compile()
  for (const entry of pending) {
    seq++
    hash = entryHash(hash, { ...entry, seq })
    await tx.executeQuery(CompiledQuery.raw(sql, [seq, hash, entry.id]))
  }
  const at = io.now().getTime()
  const signature = signer.sign(checkpointText({ seq, hash, at }))
  await tx
    .insertInto('checkpoint')
    .values({ seq, hash, at, public_key: signer.publicKey, signature })
    .execute()
  return pending.length
}

export interface Sealer {
  /** Seals no more from then on, since another thread does; what was begun is waited for. */
  pause(): Promise<void>
  /** Seals what is left. */
  stop(): Promise<void>
}

/** Seals within a second of each commit until it is stopped or paused. */
export function startSealer(
  db: Db,
  signer: Signer,
  io: Pick<Io, 'now'>,
  onError: (error: unknown) => void,
): Sealer {
  let running: Promise<unknown> = Promise.resolve()
  let busy = false
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    running = sealEvidence(db, signer, io)
      .catch(onError)
      .finally(() => {
        busy = false
      })
  }, 500)
  timer.unref()
  const pause = async () => {
    clearInterval(timer)
    await running
  }
  return {
    pause,
    async stop() {
      await pause()
      await sealEvidence(db, signer, io)
    },
  }
}
