import type { KeyObject } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { isFirebreakError, type PlainError, plainError } from '../../../core/contract/errors.ts'
import { type Sealer, startSealer } from '../../../core/evidence/sealer.ts'
import { signerOf } from '../../../core/keys/sign.ts'
import { openStore } from '../../../core/store/store.ts'
import { type Batch, keepAll, type NotKept } from './keep-all.ts'

export interface KeepingTask {
  /** Of SQLite. */
  readonly file: string
  readonly maxPageCount: number
  /** What checkpoints of the evidence are signed with. */
  readonly key: KeyObject
}

/** The first answer says that it is ready, each other one what became of a batch, and the last one of what was left to seal. */
export type KeepingAnswer =
  | { readonly verdicts: readonly (NotKept | undefined)[] }
  | { readonly failed: PlainError }

const { file, maxPageCount, key } = workerData as KeepingTask
/** A caller waits for each commit: pages are written back in small parts, so that none takes long. */
const CHECKPOINT_PAGES = 2_048

const db = await openStore(file, { maxPageCount, checkpointPages: CHECKPOINT_PAGES })
const sealer: Sealer = startSealer(
  db,
  signerOf(key),
  { now: () => new Date() },
  // What cannot be sealed now is sealed later, or its failure is told at the end.
  () => {},
)

// `null` is the last.
parentPort!.on('message', (batch: Batch | null) => {
  void answer(batch).then(answered => {
    parentPort!.postMessage(answered, [])
    if (batch === null) parentPort!.close()
  })
})
parentPort!.postMessage({ verdicts: [] } satisfies KeepingAnswer, [])

async function answer(batch: Batch | null): Promise<KeepingAnswer> {
  try {
    if (batch) return { verdicts: await keepAll(db, batch) }
    try {
      await sealer.stop()
    } finally {
      await db.destroy()
    }
    return { verdicts: [] }
  } catch (error) {
    if (!isFirebreakError(error)) throw error
    return { failed: plainError(error) }
  }
}
