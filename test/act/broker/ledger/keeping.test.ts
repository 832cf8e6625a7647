import { mkdir, rm } from 'node:fs/promises'
import { expect, onTestFinished, test } from 'vitest'
import { type KeepingThread, startKeeping } from '../../../../src/act/broker/ledger/keeping.ts'
import { Ledger } from '../../../../src/act/broker/ledger/ledger.ts'
import { realIo } from '../../../../src/core/contract/io.ts'
import { record } from '../../../../src/core/evidence/evidence.ts'
import { countUnsealed, readCheckpoints, sealedEntries } from '../../../../src/core/evidence/export.ts'
import { verifyEvidence } from '../../../../src/core/evidence/verify.ts'
import { type Db, fileOf, openStore, transaction } from '../../../../src/core/store/store.ts'
import type { SqliteOptions } from '../../../../src/core/store/sqlite.ts'
import { testKeys } from '../../../know/estate.ts'
import { ownPlace } from '../../../own-store.ts'
import { memoryStore } from '../../../memory-store.ts'

const entry = (said: string) => ({ kind: 'broker.refused', subject: 'broker', body: { said } })
const once = (digest: string) => [{ digest, expiresAt: 2e12, refusedAs: 'invalid_grant' as const }]

async function keptInThread(options: SqliteOptions = {}): Promise<{ db: Db; thread: KeepingThread }> {
  const db = await openStore(await ownPlace(), options)
  onTestFinished(() => db.destroy())
  const thread = (await startKeeping(db, testKeys.signer))!
  return { db, thread }
}

test('keeps what it is given, refuses what was presented before, and leaves all of it sealed', async () => {
  const { db, thread } = await keptInThread()
  const ledger = new Ledger(thread.keep, realIo())
  const said = Array.from({ length: 40 }, (_, n) =>
    ledger.keep({ once: once(`${n}`), entries: [entry(`${n}`)] }),
  )
  const again = ledger.keep({ once: once('7'), entries: [entry('again')] })
  await expect(again).rejects.toMatchObject({ code: 'invalid_grant' })
  await Promise.all(said)
  // Another connection sees it at once: it is committed when it is answered.
  const rows = await db.selectFrom('evidence').select('body').execute()
  expect(rows).toHaveLength(40)
  await thread.stop()
  expect(await countUnsealed(db)).toBe(0)
  const verdict = await verifyEvidence(sealedEntries(db), await readCheckpoints(db), {
    publicKey: testKeys.signer.publicKey,
  })
  expect(verdict).toMatchObject({ ok: true, entries: 40 })
})

test('writes beside the process that it belongs to', async () => {
  const { db, thread } = await keptInThread()
  const ledger = new Ledger(thread.keep, realIo())
  await Promise.all(
    Array.from({ length: 50 }, async (_, n) => {
      await ledger.keep({ entries: [entry(`${n}`)] })
      await transaction(db, tx => record(tx, realIo(), entry(`beside ${n}`)), 'rows')
    }),
  )
  await thread.stop()
  expect(await countUnsealed(db)).toBe(0)
  expect(await db.selectFrom('evidence').select('id').execute()).toHaveLength(100)
})

test('says what the store says where it cannot grow', async () => {
  const { db, thread } = await keptInThread({ maxPageCount: 400 })
  const ledger = new Ledger(thread.keep, realIo())
  const large = 'x'.repeat(400 * 4096)
  const refused = ledger.keep({ entries: [entry(large)] })
  await expect(refused).rejects.toMatchObject({
    code: 'STORE_FULL',
    message: expect.stringMatching(/^The database cannot grow: \w/),
  })
  await ledger.keep({ entries: [entry('small')] })
  await thread.stop()
  expect(await db.selectFrom('evidence').selectAll().execute()).toHaveLength(1)
})

test('answers in order, the last one too, and a batch that is none fails alone', async () => {
  const { db, thread } = await keptInThread()
  const ledger = new Ledger(thread.keep, realIo())
  const broken = thread.keep({ kept: null as never })
  const kept = ledger.keep({ once: once('a'), entries: [entry('a')] })
  await expect(broken).rejects.toThrow(TypeError)
  await kept
  const last = thread.keep({ kept: [{ once: once('a'), entries: [] }] })
  const stopped = thread.stop()
  expect(await last).toMatchObject([{ code: 'invalid_grant' }])
  await stopped
  expect(await countUnsealed(db)).toBe(0)
})

test('who comes after its end is told', async () => {
  const { thread } = await keptInThread()
  await thread.stop()
  await expect(thread.died).rejects.toThrow('ended with 0')
  await expect(thread.keep({ kept: [] })).rejects.toThrow('ended with 0')
})

test('says why it cannot begin', async () => {
  const db = await openStore(await ownPlace(), { maxPageCount: 400 })
  onTestFinished(() => db.destroy())
  await rm((await fileOf(db))!)
  await mkdir((await fileOf(db))!)
  await expect(startKeeping(db, testKeys.signer)).rejects.toMatchObject({ code: 'STORE_BROKEN' })
})

test('is not started where the store is no file', async () => {
  const db = await memoryStore()
  onTestFinished(() => db.destroy())
  expect(await startKeeping(db, testKeys.signer)).toBeUndefined()
})
