import { canonicalJson } from '../contract/canonical-json.ts'
import { newId } from '../contract/id.ts'
import type { Io } from '../contract/io.ts'
import type { Json } from '../contract/ref.ts'
import { RowInsert } from '../store/row-insert.ts'
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
  const ids = entries.map(() => newId(io))
  await rows.run(
    tx,
    entries.map(({ kind, subject, body }, index) => ({
      id: ids[index]!,
      at: io.now().getTime(),
      kind,
      subject,
      body: canonicalJson(body),
      seq: null,
      hash: null,
    })),
  )
  return ids
}

const rows = new RowInsert('evidence', insert => insert)
