import { once } from 'node:events'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Ms } from '../../../core/contract/ref.ts'
import { openStore, snapshot } from '../../../core/store/store.ts'
import { columnsOf, nonHumans } from '../../ownership/non-human.ts'
import { type InCode, placesInCode } from './copies-in-code.ts'
import { weighAll } from './owners.ts'

export interface OwnersTask {
  /** Of SQLite. */
  readonly file: string
  readonly now: Ms
  readonly fromCopies: MessagePort
  /** Where it is told which identities there are; closed when all but the copies was read. */
  readonly whenRead: MessagePort
}

/** Whose every identity is: all else that tells of it is read while another thread reads the copies. */
const { file, now, fromCopies, whenRead } = workerData as OwnersTask
// Where copies cannot be read, nothing comes: whoever waited for ever would be told of it by Node as well.
const copies = Promise.race([
  once(fromCopies, 'message') as Promise<[InCode]>,
  once(fromCopies, 'close').then(() => Promise.reject(new Error('nobody tells of copies any more'))),
])
const db = await openStore(file)
const owners = await snapshot(db, async tx => {
  const identities = await nonHumans(tx)
  whenRead.postMessage(columnsOf(identities), [])
  return await weighAll(tx, now, identities, async () => {
    whenRead.close()
    return placesInCode((await copies)[0])
  })
})
await db.destroy()
parentPort?.postMessage(owners, [])
