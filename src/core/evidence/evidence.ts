import { canonicalJson } from '../contract/canonical-json.ts'
import { newId } from '../contract/id.ts'
import type { Io } from '../contract/io.ts'
import type { Json } from '../contract/ref.ts'
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

/** Appends in the caller's transaction, so that what is decided and what is recorded cannot come apart. */
export async function record(tx: Tx, io: Pick<Io, 'now' | 'random'>, entry: Entry): Promise<void> {
  await tx
    .insertInto('evidence')
    .values({
      id: newId(io),
      at: io.now().getTime(),
      kind: entry.kind,
      subject: entry.subject,
      body: canonicalJson(entry.body),
      seq: null,
      hash: null,
    })
    .execute()
}
