import { parentPort, workerData } from 'node:worker_threads'
import type { Ms } from '../../../core/contract/ref.ts'
import { openStore } from '../../../core/store/store.ts'
import { nonHumans } from '../../ownership/non-human.ts'
import { type CopiesInCode, readCopies, type ValuesOfCopies } from './copied-values.ts'
import { weighAll } from './owners.ts'

export interface ReadingTask {
  /** Of SQLite. */
  readonly file: string
  readonly now: Ms
}

/** First what is kept of all copies, then whose every identity is: what follows from both is found out beside it meanwhile. */
const { file, now } = workerData as ReadingTask
const db = await openStore(file)
const code = await tellOfCopies()
const owners = await weighAll(db, now, await nonHumans(db), async () => code)
await db.destroy()
parentPort?.postMessage(owners, [])

/** What stands in code is asked for by nobody but the owners, and the rest by everybody else. */
async function tellOfCopies(): Promise<CopiesInCode> {
  const { byFingerprint, newKeys, ...code } = await readCopies(db)
  parentPort?.postMessage({ byFingerprint, newKeys } satisfies ValuesOfCopies, [])
  return code
}
