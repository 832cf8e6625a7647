import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect } from 'vitest'

interface HeldStore {
  readonly answer: number
  letGo(): void
}

/** As soon as the store in that home answers with more than `most`, nobody else writes to it until it is let go: whoever is at work there stays in the middle. */
export async function heldStore(home: string, sql: string, most: number): Promise<HeldStore> {
  let held: HeldStore | undefined
  await expect.poll(() => (held = hold(home, sql, most)), { timeout: 300_000, interval: 5 }).toBeDefined()
  return held!
}

function hold(home: string, sql: string, most: number): HeldStore | undefined {
  const file = join(home, 'firebreak.db')
  // To open it would make it.
  if (!existsSync(file)) return undefined
  const db = new DatabaseSync(file, { timeout: 60_000 })
  try {
    if (answerOf(db, sql) > most) {
      db.exec('begin immediate')
      return { answer: answerOf(db, sql), letGo: () => db.close() }
    }
  } catch (error) {
    db.close()
    // Its tables are being made.
    if (String(error).includes('no such table')) return undefined
    throw error
  }
  db.close()
  return undefined
}

function answerOf(db: DatabaseSync, sql: string): number {
  return Number(Object.values(db.prepare(sql).get() ?? {})[0])
}
