import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { FirebreakError } from '../contract/errors.ts'
import type { Db } from '../store/store.ts'
import type { Checkpoint } from './chain.ts'
import type { SealedEntry } from './verify.ts'

const PAGE = 1000

const checkpointSchema = z.strictObject({
  seq: z.int().nonnegative(),
  hash: z.string(),
  at: z.int(),
  publicKey: z.string(),
  signature: z.string(),
})
const entrySchema = z.strictObject({
  seq: z.int().positive(),
  id: z.string(),
  at: z.int(),
  kind: z.string(),
  subject: z.string(),
  body: z.string(),
  hash: z.string(),
})
const lineSchema = z.union([
  z.strictObject({ entry: entrySchema }),
  z.strictObject({ checkpoint: checkpointSchema }),
])

/** The sealed entries in order, a page at a time. */
export async function* sealedEntries(db: Db): AsyncIterable<SealedEntry> {
  for (let after = 0; ; ) {
    const rows = await db
      .selectFrom('evidence')
      .selectAll()
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(PAGE)
      .execute()
    for (const { seq, hash, ...row } of rows)
      if (seq !== null && hash !== null) {
        after = seq
        yield { ...row, seq, hash }
      }
    if (rows.length < PAGE) return
  }
}

export async function readCheckpoints(db: Db): Promise<Checkpoint[]> {
  const rows = await db.selectFrom('checkpoint').selectAll().orderBy('seq').execute()
  return rows.map(({ public_key, ...row }) => ({ ...row, publicKey: public_key }))
}

export async function countUnsealed(db: Db): Promise<number> {
  const row = await db
    .selectFrom('evidence')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('seq', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** Lines of JSON: `{ entry }` in order, then `{ checkpoint }`. What `readExport` reads and anyone can verify. */
export async function* exportEvidence(db: Db): AsyncIterable<string> {
  for await (const { seq, id, at, kind, subject, body, hash } of sealedEntries(db))
    yield `${JSON.stringify({ entry: { seq, id, at, kind, subject, body, hash } })}\n`
  for (const { seq, hash, at, publicKey, signature } of await readCheckpoints(db))
    yield `${JSON.stringify({ checkpoint: { seq, hash, at, publicKey, signature } })}\n`
}

/** Reads an export, or an anchor (one checkpoint line). Raises INVALID_INPUT with the line that does not parse. */
export async function readExport(
  path: string,
): Promise<{ entries: SealedEntry[]; checkpoints: Checkpoint[] }> {
  const entries: SealedEntry[] = []
  const checkpoints: Checkpoint[] = []
  let line = 0
  try {
    for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      line++
      if (text.trim() === '') continue
      const parsed = lineSchema.safeParse(JSON.parse(text))
      if (!parsed.success) throw new SyntaxError('neither an entry nor a checkpoint')
      if ('entry' in parsed.data) entries.push(parsed.data.entry)
      else checkpoints.push(parsed.data.checkpoint)
    }
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new FirebreakError(
        'INVALID_INPUT',
        `${path}, line ${line}: ${error.message}`,
        'give a file made by evidence export',
      )
    throw new FirebreakError('NOT_FOUND', `${path} cannot be read`, 'check the path and its rights')
  }
  return { entries, checkpoints }
}
