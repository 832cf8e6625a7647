import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import type { Checkpoint } from '../../../src/core/evidence/chain.ts'
import { record } from '../../../src/core/evidence/evidence.ts'
import {
  countUnsealed,
  exportEvidence,
  readCheckpoints,
  readExport,
  sealedEntries,
} from '../../../src/core/evidence/export.ts'
import { sealEvidence, startSealer } from '../../../src/core/evidence/sealer.ts'
import { type SealedEntry, verifyEvidence } from '../../../src/core/evidence/verify.ts'
import { deriveKeys } from '../../../src/core/keys/keys.ts'
import { RootKey } from '../../../src/core/keys/root-key.ts'
import { signer } from '../../../src/core/keys/sign.ts'
import { type Db, openStore, transaction } from '../../../src/core/store/store.ts'
import { ownDirectory } from '../../know/estate.ts'
import { openOwnStore, ownPlace } from '../../own-store.ts'

const io = realIo()
const ours = signer(new Secret(new Uint8Array(32).fill(1)))
const theirs = signer(new Secret(new Uint8Array(32).fill(2)))

const open = async (): Promise<Db> => (await openOwnStore()).db

const add = (db: Db, count: number) =>
  transaction(db, async tx => {
    for (let n = 0; n < count; n++)
      await record(tx, io, { kind: 'test', subject: `s${n}`, body: { n, text: 'é "x"' } })
  })

async function all(db: Db): Promise<{ entries: SealedEntry[]; checkpoints: Checkpoint[] }> {
  const entries: SealedEntry[] = []
  for await (const entry of sealedEntries(db)) entries.push(entry)
  return { entries, checkpoints: await readCheckpoints(db) }
}

/** Three seals of three entries each. */
async function sealed(db?: Db) {
  const store = db ?? (await open())
  for (let n = 0; n < 3; n++) {
    await add(store, 3)
    expect(await sealEvidence(store, ours, io)).toBe(3)
  }
  return await all(store)
}

describe('evidence', () => {
  test('that was not touched holds, and its tail is proven by an anchor', async () => {
    const { entries, checkpoints } = await sealed()
    expect(await verifyEvidence(entries, checkpoints)).toEqual({
      ok: true,
      entries: 9,
      checkpoints: 3,
      unsealed: 0,
      tail: 'unproven',
      problems: [],
    })
    for (const anchor of checkpoints)
      expect(await verifyEvidence(entries, checkpoints, { anchor })).toMatchObject({
        ok: true,
        tail: 'proven',
      })
  })

  test('of nothing holds', async () => {
    expect(await verifyEvidence([], [])).toMatchObject({ ok: true, entries: 0 })
  })

  test('sealed again stays as it is; what is not sealed yet is counted', async () => {
    const db = await open()
    const before = await sealed(db)
    expect(await sealEvidence(db, ours, io)).toBe(0)
    await add(db, 2)
    expect(await countUnsealed(db)).toBe(2)
    expect(await all(db)).toEqual(before)
  })

  test('of which one character anywhere is another does not hold', async () => {
    const { entries, checkpoints } = await sealed()
    const fields = ['id', 'kind', 'subject', 'body', 'hash'] as const
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 8 }),
        fc.constantFrom(...fields),
        fc.nat(),
        async (index, field, where) => {
          const entry = entries[index]!
          const text = entry[field]
          const at = where % text.length
          const other = String.fromCharCode(text.charCodeAt(at) ^ 1)
          const changed = entries.with(index, {
            ...entry,
            [field]: text.slice(0, at) + other + text.slice(at + 1),
          })
          const verdict = await verifyEvidence(changed, checkpoints)
          expect(verdict.ok).toBe(false)
          expect(verdict.problems.join()).toMatch(new RegExp(`${index + 1}\\b|checkpoint`))
        },
      ),
      { numRuns: 300, seed: 5 },
    )
  })

  test('with another time does not hold', async () => {
    const { entries, checkpoints } = await sealed()
    const changed = entries.with(4, { ...entries[4]!, at: entries[4]!.at + 1 })
    expect((await verifyEvidence(changed, checkpoints)).problems).toEqual(['entry 5 is not what was sealed'])
  })

  test.each([0, 4, 8])('without entry %i does not hold', async index => {
    const { entries, checkpoints } = await sealed()
    const { ok, problems } = await verifyEvidence(entries.toSpliced(index, 1), checkpoints)
    expect(ok).toBe(false)
    expect(problems.join()).toMatch(index === 8 ? /cut/ : new RegExp(`entry ${index + 1} is missing`))
  })

  test('with two entries exchanged, or one twice, does not hold', async () => {
    const { entries, checkpoints } = await sealed()
    const exchanged = entries.with(3, entries[4]!).with(4, entries[3]!)
    expect((await verifyEvidence(exchanged, checkpoints)).ok).toBe(false)
    expect((await verifyEvidence(entries.toSpliced(3, 0, entries[3]!), checkpoints)).ok).toBe(false)
  })

  test('made up anew without the key does not hold', async () => {
    const { entries, checkpoints } = await sealed()
    const db = await open()
    await add(db, 9)
    await sealEvidence(db, theirs, io)
    const forged = await all(db)
    expect((await verifyEvidence(forged.entries, forged.checkpoints, { publicKey: ours.publicKey })).ok).toBe(
      false,
    )
    expect((await verifyEvidence(forged.entries, forged.checkpoints, { anchor: checkpoints[0]! })).ok).toBe(
      false,
    )
    expect((await verifyEvidence(entries, [...checkpoints.slice(0, 2), forged.checkpoints[0]!])).ok).toBe(
      false,
    )
  })

  test('made up anew with the key is caught by an anchor', async () => {
    const { checkpoints } = await sealed()
    const forged = await sealed()
    expect((await verifyEvidence(forged.entries, forged.checkpoints)).ok).toBe(true)
    const verdict = await verifyEvidence(forged.entries, forged.checkpoints, { anchor: checkpoints[1]! })
    expect(verdict).toMatchObject({
      ok: false,
      tail: 'unproven',
      problems: ['the anchor at 6 is of another chain'],
    })
  })

  test('of which the tail was cut holds only without the anchor, and says that its tail is unproven', async () => {
    const { entries, checkpoints } = await sealed()
    const cut = { entries: entries.slice(0, 6), checkpoints: checkpoints.slice(0, 2) }
    expect(await verifyEvidence(cut.entries, cut.checkpoints)).toMatchObject({ ok: true, tail: 'unproven' })
    const verdict = await verifyEvidence(cut.entries, cut.checkpoints, { anchor: checkpoints[2]! })
    expect(verdict).toMatchObject({
      ok: false,
      tail: 'unproven',
      problems: [expect.stringContaining('tail was cut')],
    })
    expect((await verifyEvidence(cut.entries, checkpoints)).problems).toEqual(['entries 7 to 9 were cut'])
    expect((await verifyEvidence(entries, cut.checkpoints)).problems).toEqual([
      'entries after 6 bear no checkpoint',
    ])
    expect(await verifyEvidence([], [], { anchor: checkpoints[2]! })).toMatchObject({ ok: false })
  })

  test.each(['signature', 'hash', 'at', 'seq', 'publicKey'] as const)(
    'with another %s in a checkpoint does not hold',
    async field => {
      const { entries, checkpoints } = await sealed()
      const checkpoint = checkpoints[1]!
      const other = {
        ...checkpoint,
        [field]: { ...checkpoints[2]!, at: checkpoint.at + 1, publicKey: theirs.publicKey }[field],
      }
      expect((await verifyEvidence(entries, checkpoints.with(1, other))).ok).toBe(false)
      const anchored = await verifyEvidence(entries, checkpoints, { anchor: other })
      expect(anchored.ok).toBe(false)
    },
  )

  test('with two checkpoints of one place that are not of one chain does not hold', async () => {
    const one = await sealed()
    const two = await sealed()
    const forked = [one.checkpoints[0]!, two.checkpoints[1]!, ...one.checkpoints.slice(1)]
    expect((await verifyEvidence(one.entries, forked)).problems).toEqual([
      'the checkpoint at 6 is of another chain',
    ])
  })

  test('changed in the table is found there', async () => {
    const db = await open()
    await sealed(db)
    await db.updateTable('evidence').set({ body: '{"n":7}' }).where('seq', '=', 5).execute()
    const { entries, checkpoints } = await all(db)
    expect((await verifyEvidence(entries, checkpoints)).problems).toEqual(['entry 5 is not what was sealed'])
  })
})

describe('sealing', () => {
  test('by two processes at once makes one chain', async () => {
    const place = await ownPlace()
    const db = await openStore(place)
    onTestFinished(() => db.destroy())
    const module = (name: string) =>
      JSON.stringify(fileURLToPath(new URL(`../../../src/core/${name}`, import.meta.url)))
    const program = `
      import { openStore, transaction } from ${module('store/store.ts')}
      import { record } from ${module('evidence/evidence.ts')}
      import { sealEvidence } from ${module('evidence/sealer.ts')}
      import { deriveKeys } from ${module('keys/keys.ts')}
      import { RootKey } from ${module('keys/root-key.ts')}
      import { Secret } from ${module('contract/secret.ts')}
      import { realIo } from ${module('contract/io.ts')}
      const db = await openStore(process.argv[1])
      const { signer } = deriveKeys(new RootKey(new Secret(new Uint8Array(32).fill(1))))
      for (let n = 0; n < 40; n++) {
        await transaction(db, tx => record(tx, realIo(), { kind: 'k', subject: process.argv[2], body: { n } }))
        await sealEvidence(db, signer, realIo())
      }
      await db.destroy()`
    await Promise.all(['a', 'b', 'c'].map(name => run(program, place, name)))
    const { entries, checkpoints } = await all(db)
    const { publicKey } = deriveKeys(new RootKey(new Secret(new Uint8Array(32).fill(1)))).signer
    expect(await verifyEvidence(entries, checkpoints, { publicKey })).toMatchObject({
      ok: true,
      entries: 120,
    })
    expect(await countUnsealed(db)).toBe(0)
  })

  test('more than fits one batch leaves nothing over', async () => {
    const db = await open()
    await add(db, 2500)
    expect(await sealEvidence(db, ours, io)).toBe(2500)
    const { entries, checkpoints } = await all(db)
    expect(await verifyEvidence(entries, checkpoints)).toMatchObject({
      ok: true,
      entries: 2500,
      checkpoints: 10,
    })
  })

  test('goes on by itself within a second, and a stop seals the rest', async () => {
    const db = await open()
    const sealer = startSealer(db, ours, io, error => {
      throw error
    })
    await add(db, 1)
    await expect.poll(() => countUnsealed(db)).toBe(0)
    await add(db, 1)
    await sealer.stop()
    expect(await countUnsealed(db)).toBe(0)
  })

  test('a transaction that is taken back leaves no entry', async () => {
    const db = await open()
    const failing = transaction(db, async tx => {
      await record(tx, io, { kind: 'k', subject: 's', body: null })
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await countUnsealed(db)).toBe(0)
  })
})

describe('an export', () => {
  test('holds all that is needed to verify it elsewhere', async () => {
    const db = await open()
    const { entries, checkpoints } = await sealed(db)
    const path = join(await ownDirectory(), 'evidence.jsonl')
    const lines: string[] = []
    for await (const line of exportEvidence(db)) lines.push(line)
    await writeFile(path, lines.join(''))
    const read = await readExport(path)
    expect(read).toEqual({ entries, checkpoints })
    expect(await verifyEvidence(read.entries, read.checkpoints, { publicKey: ours.publicKey })).toMatchObject(
      { ok: true },
    )
  })

  test.each([
    ['no JSON', '{"entry":'],
    ['another shape', '{"entry":{"seq":1}}'],
    [
      'more than there should be',
      '{"checkpoint":{"seq":1,"hash":"a","at":1,"publicKey":"k","signature":"s","x":1}}',
    ],
  ])('with a line of %s is refused, and the line named', async (_, line) => {
    const path = join(await ownDirectory(), 'evidence.jsonl')
    await writeFile(path, `\n${line}\n`)
    await expect(readExport(path)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('line 2'),
    })
  })

  test('that is not there is NOT_FOUND', async () => {
    await expect(readExport('/nowhere/at/all')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

async function run(program: string, ...args: string[]): Promise<void> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const code = await new Promise(resolve => {
    child.on('exit', resolve)
  })
  expect(code).toBe(0)
}
