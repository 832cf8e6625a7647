import type { KeyObject } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { isFirebreakError, type PlainError, plainError } from '../../../core/contract/errors.ts'
import { type Sealer, startSealer } from '../../../core/evidence/sealer.ts'
import { signerOf } from '../../../core/keys/sign.ts'
import { type Db, openStore } from '../../../core/store/store.ts'
import { type Batch, keepAll, type NotKept } from './keep-all.ts'

export interface KeepingTask {
  /** Of SQLite. */
  readonly file: string
  readonly maxPageCount: number
  /** What checkpoints of the evidence are signed with. */
  readonly key: KeyObject
}

/** The first answer says whether it is ready, each other one what became of a batch, and the last one of what was left to seal. */
export type KeepingAnswer =
  | { readonly verdicts: readonly (NotKept | undefined)[] }
  | { readonly failed: PlainError }
  | { readonly bug: unknown }

/** A caller waits for each commit: pages are written back in small parts, so that none takes long. */
const CHECKPOINT_PAGES = 2_048

let db: Db
let sealer: Sealer
const { file, maxPageCount, key } = workerData as KeepingTask
// Answers go in the order of what was asked.
let last = answering(false, async () => {
  db = await openStore(file, { maxPageCount, checkpointPages: CHECKPOINT_PAGES })
  // What cannot be sealed now is sealed later, or its failure is told at the end.
  sealer = startSealer(db, signerOf(key), { now: () => new Date() }, () => {})
  return []
})
// `null` is the last.
parentPort!.on('message', (batch: Batch | null) => {
  last = last.then(() => answering(batch === null, () => (batch ? keepAll(db, batch) : end())))
})

async function end(): Promise<[]> {
  try {
    await sealer.stop()
  } finally {
    await db.destroy()
  }
  return []
}

async function answering(isLast: boolean, work: () => Promise<(NotKept | undefined)[]>): Promise<void> {
  parentPort!.postMessage(await answerOf(work), [])
  if (isLast) parentPort!.close()
}

async function answerOf(work: () => Promise<(NotKept | undefined)[]>): Promise<KeepingAnswer> {
  try {
    return { verdicts: await work() }
  } catch (error) {
    return isFirebreakError(error) ? { failed: plainError(error) } : { bug: error }
  }
}
