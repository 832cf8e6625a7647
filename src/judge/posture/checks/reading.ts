import { MessageChannel, type Transferable, Worker } from 'node:worker_threads'
import { sql } from 'kysely'
import { programBeside, threadEnvironment } from '../../../core/contract/thread.ts'
import type { Ms } from '../../../core/contract/ref.ts'
import { type Db, fileOf } from '../../../core/store/store.ts'
import type { Ownership } from '../../ownership/weigh.ts'
import { oncePerRun } from '../check.ts'
import type { CopiesRead } from './copied-values.ts'
import type { CopiesTask } from './copies-thread.ts'
import type { OwnersTask } from './owners-thread.ts'

/** What threads read of a store, beside all else. */
export interface Reading {
  readonly copies: Promise<CopiesRead>
  readonly owners: Promise<ReadonlyMap<string, Ownership>>
}

/** Of fewer copies threads would be gone before they are worth their start. */
const COPIES_FOR_THREADS = 200_000

/** The threads of a run; undefined where it is not worth them. */
export const reading = oncePerRun(async ({ db, now }): Promise<Reading | undefined> => {
  const file = await fileForThreads(db)
  return file === undefined ? undefined : inThreads(file, now)
})

/** The file of a store that several handles at once are worth; a database on a server is mostly waited for. */
export async function fileForThreads(db: Db): Promise<string | undefined> {
  const file = await fileOf(db)
  return file === undefined || (await sizeOf(db)) < COPIES_FOR_THREADS ? undefined : file
}

async function sizeOf(db: Db): Promise<number> {
  const { rows } = await sql<{ key: number | null }>`select max(rowid) as key from copy`.execute(db)
  return rows[0]?.key ?? 0
}

/** One reads all copies, and the other whose every identity is, which follows from copies in code as well. */
export function inThreads(file: string, now: Ms): Reading {
  const { port1: toOwners, port2: fromCopies } = new MessageChannel()
  const copies = answerOf<CopiesRead>(
    programBeside(import.meta.url, 'copies-thread'),
    { file, toOwners } satisfies CopiesTask,
    [toOwners],
  )
  const owners = answerOf<ReadonlyMap<string, Ownership>>(
    programBeside(import.meta.url, 'owners-thread'),
    { file, now, fromCopies } satisfies OwnersTask,
    [fromCopies],
  )
  // Whoever asks for the one may never ask for the other.
  for (const promise of [copies, owners] as Promise<unknown>[]) promise.catch(() => {})
  return { copies, owners }
}

function answerOf<Answer>(program: string, task: object, transferList: Transferable[]): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const worker = new Worker(program, {
    workerData: task,
    transferList,
    env: threadEnvironment(),
  })
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.once('exit', code => reject(new Error(`the thread ${program} ended with ${code} and no answer`)))
  return promise
}
