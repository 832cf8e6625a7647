import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { MessageChannel, type Transferable, Worker } from 'node:worker_threads'
import { sql } from 'kysely'
import { programBeside, threadEnvironment } from '../../../core/contract/thread.ts'
import type { Ms } from '../../../core/contract/ref.ts'
import { type Db, fileOf } from '../../../core/store/store.ts'
import { type NonHuman, type NonHumanColumns, rowsOf } from '../../ownership/non-human.ts'
import type { Ownership } from '../../ownership/weigh.ts'
import { type CheckContext, oncePerRun } from '../check.ts'
import type { CopiesRead } from './copied-values.ts'
import type { CopiesTask } from './copies-thread.ts'
import type { OwnersTask } from './owners-thread.ts'

/** What threads read of a store, beside all else. */
export interface Reading {
  readonly copies: Promise<CopiesRead>
  /** Weighed from when they are asked for, which is done once. */
  owners(): Promise<ReadonlyMap<string, Ownership>>
  /** Identities that are no person's own account, which whoever weighs owners has read; undefined where nobody asked for owners. */
  machines(): Promise<NonHuman[] | undefined>
  /** Until fewer threads read than there are processors: one more would hold up those, and they are what all wait for. */
  turn(): Promise<void>
}

/** Of fewer copies threads would be gone before they are worth their start. */
const COPIES_FOR_THREADS = 200_000

/** The threads of a run; undefined where it is not worth them. */
export const reading = oncePerRun(async ({ db, now }): Promise<Reading | undefined> => {
  const file = await fileOf(db)
  return file === undefined || (await sizeOf(db)) < COPIES_FOR_THREADS ? undefined : inThreads(file, now)
})

/** Before much is read beside the threads, where there are any. */
export async function turnToRead(context: CheckContext): Promise<void> {
  await (await reading(context))?.turn()
}

async function sizeOf(db: Db): Promise<number> {
  const { rows } = await sql<{ key: number | null }>`select max(rowid) as key from copy`.execute(db)
  return rows[0]?.key ?? 0
}

/**
 * Before V8 collects what is not needed any more it lets a heap more than double, each thread its own: of a large organisation
 * that is most of what memory would hold. It is set for the whole process, and as before once no thread reads any more.
 */
const MOST_GARBAGE_PERCENT = 20
/** V8 decides by itself. */
const AS_BEFORE = 0
/** What a thread makes is either gone at once or kept to the end: with half as much room again for what is young, less is copied. */
const YOUNG_MIB = 72

/** One reads all copies, and the other whose every identity is, which follows from copies in code as well. */
export function inThreads(file: string, now: Ms): Reading {
  const { port1: toOwners, port2: fromCopies } = new MessageChannel()
  const copies = answerOf<CopiesRead>(
    programBeside(import.meta.url, 'copies-thread'),
    { file, toOwners } satisfies CopiesTask,
    [toOwners],
  )
  const readers: Promise<unknown>[] = [copies.catch(() => {})]
  let machines: Promise<NonHumanColumns | undefined> = Promise.resolve(undefined)
  return {
    copies,
    async owners() {
      const { port1: whenRead, port2: read } = new MessageChannel()
      const task: OwnersTask = { file, now, fromCopies, whenRead }
      const program = programBeside(import.meta.url, 'owners-thread')
      const owners = answerOf<ReadonlyMap<string, Ownership>>(program, task, [fromCopies, whenRead])
      const closed = once(read, 'close')
      readers.push(closed)
      const told = once(read, 'message') as Promise<[NonHumanColumns]>
      machines = Promise.race([told.then(([columns]) => columns), closed.then(() => undefined)])
      try {
        return (await Promise.all([copies, owners]))[1]
      } catch (error) {
        // Where copies cannot be read, nothing can be said of owners either: that is why, whichever is told first.
        await Promise.allSettled([copies, owners])
        await copies
        throw error
      }
    },
    async machines() {
      const columns = await machines
      return columns && rowsOf(columns)
    },
    async turn() {
      // Whoever asks for owners does it in this turn.
      await setImmediate()
      if (readers.length >= availableParallelism()) await Promise.race(readers)
    },
  }
}

let threads = 0

function countThreads(change: 1 | -1): void {
  threads += change
  const percent = threads > 0 ? MOST_GARBAGE_PERCENT : AS_BEFORE
  setFlagsFromString(`--heap-growing-percent=${percent}`)
}

function answerOf<Answer>(program: string, task: object, transferList: Transferable[]): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const worker = new Worker(program, {
    workerData: task,
    transferList,
    env: threadEnvironment(),
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
  })
  countThreads(1)
  let failure: unknown
  worker.once('message', resolve)
  worker.once('error', error => {
    failure = error
  })
  // Told once it is gone: until then it has the store open.
  worker.once('exit', code => {
    countThreads(-1)
    reject(failure ?? new Error(`the thread ${program} ended with ${code} and no answer`))
  })
  return promise
}
