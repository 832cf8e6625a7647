import { parentPort, workerData } from 'node:worker_threads'
import { openStore } from '../../core/store/store.ts'
import { Ids, type IdsParts } from './ids.ts'
import { type ClosedPairs, readEdges } from './stored-edges.ts'

/** Edges with a rowid behind `after`, up to `upTo`; to the end, where it is left out. */
export interface EdgeTask {
  readonly file: string
  readonly ids: IdsParts
  readonly closed: ClosedPairs
  readonly after?: number | undefined
  readonly upTo?: number | undefined
}

const { file, ids, closed, ...range } = workerData as EdgeTask
const db = await openStore(file)
const read = await readEdges(db, Ids.of(ids), closed, range)
await db.destroy()
parentPort?.postMessage(read, read.edges.buffers())
