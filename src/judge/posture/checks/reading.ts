import { Worker } from 'node:worker_threads'
import { sql } from 'kysely'
import { programBeside, threadEnvironment } from '../../../core/contract/thread.ts'
import { type Db, fileOf } from '../../../core/store/store.ts'
import type { Ownership } from '../../ownership/weigh.ts'
import { oncePerRun } from '../check.ts'
import type { CopiesRead } from './copied-values.ts'
import type { ReadingTask } from './reading-thread.ts'

/** What a thread reads of a store, beside all else. */
export interface Reading {
  readonly copies: Promise<CopiesRead>
  readonly owners: Promise<ReadonlyMap<string, Ownership>>
}

/** Of fewer copies a thread would be gone before it is worth its start. */
const COPIES_FOR_THREAD = 200_000

/** The thread of a run; undefined where it is not worth one. A database on a server is mostly waited for. */
export const reading = oncePerRun(async ({ db, now }): Promise<Reading | undefined> => {
  const file = await fileOf(db)
  return file === undefined || (await sizeOf(db)) < COPIES_FOR_THREAD ? undefined : inThread({ file, now })
})

async function sizeOf(db: Db): Promise<number> {
  const { rows } = await sql<{ key: number | null }>`select max(rowid) as key from copy`.execute(db)
  return rows[0]?.key ?? 0
}

/** Its first message is the one, and its second the other. */
export function inThread(task: ReadingTask): Reading {
  const copies = Promise.withResolvers<CopiesRead>()
  const owners = Promise.withResolvers<ReadonlyMap<string, Ownership>>()
  const worker = new Worker(programBeside(import.meta.url, 'reading-thread'), {
    workerData: task,
    env: threadEnvironment(),
  })
  worker.once('message', (read: CopiesRead) => {
    copies.resolve(read)
    worker.once('message', (weighed: ReadonlyMap<string, Ownership>) => owners.resolve(weighed))
  })
  const fail = (error: Error) => {
    copies.reject(error)
    owners.reject(error)
  }
  worker.once('error', fail)
  worker.once('exit', code => fail(new Error(`the thread that reads copies and owners ended with ${code}`)))
  // Whoever asks for the one may never ask for the other.
  for (const { promise } of [copies, owners] as Pick<PromiseWithResolvers<unknown>, 'promise'>[])
    promise.catch(() => {})
  return { copies: copies.promise, owners: owners.promise }
}
