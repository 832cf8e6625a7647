import { canonicalJson } from '../contract/canonical-json.ts'
import { newId } from '../contract/id.ts'
import type { Io } from '../contract/io.ts'
import type { Json } from '../contract/ref.ts'
import { RowInsert } from '../store/row-insert.ts'
import type { NewRow } from '../store/schema.ts'
import type { Tx } from '../store/store.ts'

/**
 * What happened, for ever. `kind` says what (`step.intent`, `verdict`, `approval`, …), `subject` what it is about (a run's or
 * an entity's id). `body` never holds a secret, a fingerprint or a preview: evidence is exported whole.
 */
export interface Entry {
  readonly kind: string
  readonly subject: string
  readonly body: Json
}

/** Appends in the caller's transaction, so that what is decided and what is recorded cannot come apart. Gives the entry's id. */
export async function record(tx: Tx, io: Pick<Io, 'now' | 'random'>, entry: Entry): Promise<string> {
  const [id] = await recordAll(tx, io, [entry])
  return id!
}

/** The same of many, in their order. */
export async function recordAll(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  entries: readonly Entry[],
): Promise<string[]> {
  const made = evidenceRows(io, entries)
  await recordRows(tx, made)
  return made.map(({ id }) => id)
}

/** What is recorded of entries; whoever makes it elsewhere than where it is kept says when they were. */
export function evidenceRows(
  io: Pick<Io, 'now' | 'random'>,
  entries: readonly Entry[],
): NewRow<'evidence'>[] {
  return entries.map(({ kind, subject, body }) => ({
    id: newId(io),
    at: io.now().getTime(),
    kind,
    subject,
    body: canonicalJson(body),
    seq: null,
    hash: null,
  }))
}

export async function recordRows(tx: Tx, made: readonly NewRow<'evidence'>[]): Promise<void> {
  await rows.run(tx, made)
}

const rows = new RowInsert('evidence', insert => insert)
