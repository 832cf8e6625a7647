import { parentPort, workerData } from 'node:worker_threads'
import type { Ms } from '../../../core/contract/ref.ts'
import { openStore } from '../../../core/store/store.ts'
import { nonHumans } from '../../ownership/non-human.ts'
import { type CopiesRead, readCopies } from './copied-values.ts'
import { weighAll } from './owners.ts'

export interface ReadingTask {
  /** Of SQLite. */
  readonly file: string
  readonly now: Ms
}

/** First what is kept of all copies, then whose every identity is: what follows from both is found out beside it meanwhile. */
const { file, now } = workerData as ReadingTask
const db = await openStore(file)
const inCode = await tellOfCopies()
const owners = await weighAll(db, now, await nonHumans(db), async () => inCode())
await db.destroy()
parentPort?.postMessage(owners, [])

/** What stands in code is asked for by nobody but the owners, and the rest by everybody else. */
async function tellOfCopies() {
  const { inCode, values, newKeys } = await readCopies(db)
  // What is claimed is looked at here, too: all else is handed over.
  const { fingerprints, places, groups, groupOf, exposedSince } = values
  const columns = [
    fingerprints.bytes,
    fingerprints.ends,
    fingerprints.slots,
    fingerprints.hashes,
    places.bytes,
    places.ends,
    groups.numbers,
    groupOf,
    exposedSince,
  ]
  parentPort?.postMessage(
    { values, newKeys } satisfies CopiesRead,
    columns.map(({ buffer }) => buffer as ArrayBuffer),
  )
  return inCode
}
