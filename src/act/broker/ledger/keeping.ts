import { Worker } from 'node:worker_threads'
import { sql } from 'kysely'
import { errorOf } from '../../../core/contract/errors.ts'
import { programBeside, threadEnvironment } from '../../../core/contract/thread.ts'
import type { Signer } from '../../../core/keys/sign.ts'
import { type Db, fileOf } from '../../../core/store/store.ts'
import type { NotKept } from './keep-all.ts'
import type { KeepingAnswer, KeepingTask } from './keeping-thread.ts'
import type { Keep } from './ledger.ts'

/** A thread that keeps batches, and seals what is recorded. */
export interface KeepingThread {
  readonly keep: Keep
  /** Rejects when it has ended before it was stopped: nothing is kept any more then. */
  readonly died: Promise<never>
  /** After the last batch: seals what is left. */
  stop(): Promise<void>
}

/**
 * SQLite is waited for where it is called, and a disk takes long: what this process answers meanwhile would wait too. One thread
 * writes all that there is much of, so that no two wait for one lock. Undefined where the store is no file; a server is waited for
 * without any thread.
 */
export async function startKeeping(db: Db, { key }: Signer): Promise<KeepingThread | undefined> {
  const file = await fileOf(db)
  if (file === undefined) return undefined
  const { rows } = await sql<{
    pages: number
  }>`select max_page_count as pages from pragma_max_page_count`.execute(db)
  const task: KeepingTask = { file, maxPageCount: rows[0]!.pages, key }
  const worker = new Worker(programBeside(import.meta.url, 'keeping-thread'), {
    workerData: task,
    env: threadEnvironment(),
  })
  const waiting: PromiseWithResolvers<readonly (NotKept | undefined)[]>[] = []
  const next = () => {
    const answer = Promise.withResolvers<readonly (NotKept | undefined)[]>()
    waiting.push(answer)
    return answer.promise
  }
  const death = Promise.withResolvers<never>()
  death.promise.catch(() => {})
  let ended: Error | undefined
  const end = (error: Error) => {
    ended ??= error
    death.reject(ended)
    for (const { reject } of waiting.splice(0)) reject(ended)
  }
  // In the order in which they were asked.
  worker.on('message', (answer: KeepingAnswer) => {
    const asked = waiting.shift()!
    if ('failed' in answer) asked.reject(errorOf(answer.failed))
    else if ('bug' in answer) asked.reject(answer.bug)
    else asked.resolve(answer.verdicts)
  })
  worker.on('error', end)
  worker.on('exit', code => end(new Error(`the thread that keeps what was answered ended with ${code}`)))
  const ask = async (batch: Parameters<Keep>[0] | null) => {
    if (ended) throw ended
    const answer = next()
    worker.postMessage(batch, [])
    return await answer
  }
  try {
    await next()
  } catch (error) {
    await worker.terminate()
    throw error
  }
  return {
    keep: ask,
    died: death.promise,
    async stop() {
      await ask(null)
    },
  }
}
