import { DatabaseSync } from 'node:sqlite'
import { migrate } from '../src/core/store/migrate.ts'
import { dialectOn } from '../src/core/store/sqlite.ts'
import { type Db, storeOn } from '../src/core/store/store.ts'

let empty: Promise<Uint8Array> | undefined

/** A store in memory, empty or with what another one held. Its tables are made once: each time would take a hundred times as long. */
export async function memoryStore(content?: Uint8Array): Promise<Db> {
  const database = new DatabaseSync(':memory:')
  database.deserialize(content ?? (await (empty ??= made())))
  return storeOn(dialectOn(database))
}

async function made(): Promise<Uint8Array> {
  const database = new DatabaseSync(':memory:')
  const db = storeOn(dialectOn(database))
  await migrate(db)
  const bytes = database.serialize()
  await db.destroy()
  return bytes
}
