import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { openStore, snapshot } from '../../../core/store/store.ts'
import { type CopiesRead, readCopies } from './copied-values.ts'

export interface CopiesTask {
  /** Of SQLite. */
  readonly file: string
  /** Where it is told what stands in code. */
  readonly toOwners: MessagePort
}

/** What stands in code is asked for by nobody but the owners, and the rest by everybody else. */
const { file, toOwners } = workerData as CopiesTask
const db = await openStore(file)
const { inCode, values, newKeys } = await snapshot(db, readCopies)
await db.destroy()
const { containers, paths, begins, numbers } = inCode
toOwners.postMessage(
  inCode,
  buffersOf([containers.bytes, containers.ends, paths.bytes, paths.ends, begins, numbers]),
)
toOwners.close()
const { fingerprints, claims, places, groups } = values
parentPort?.postMessage(
  { values, newKeys } satisfies CopiesRead,
  buffersOf([
    fingerprints.bytes,
    fingerprints.ends,
    fingerprints.slots,
    claims.bytes,
    claims.ends,
    claims.slots,
    places.bytes,
    places.ends,
    groups.numbers,
    values.values,
  ]),
)

function buffersOf(columns: readonly ArrayBufferView[]): ArrayBuffer[] {
  return columns.map(({ buffer }) => buffer as ArrayBuffer)
}
