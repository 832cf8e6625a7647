import { DAY_MS, type Ms } from '../../../core/contract/ref.ts'
import { Secret } from '../../../core/contract/secret.ts'
import { seal, unseal } from '../../../core/keys/seal.ts'
import type { Row } from '../../../core/store/schema.ts'
import { transaction } from '../../../core/store/store.ts'
import { inChunks } from '../../../know/inventory/in-chunks.ts'
import type { World } from '../operation.ts'
import type { Baselines } from './compared.ts'
import type { Found } from './found.ts'
import { isLong, type Marks } from './marks.ts'

type MarksWorld = Pick<World, 'db' | 'keys' | 'io'>

/** What no scan used for so long is of no baseline that anybody has, or stands nowhere any more; else it is made again. */
const KEPT_MS = 90 * DAY_MS

/** The marks of some finds, as they were kept, and what is to be kept of them. */
export class KeptMarks {
  readonly #world: MarksWorld
  readonly #now: Ms
  readonly #known = new Map<string, string>()
  readonly #written = new Map<string, Row<'baseline_mark'>>()

  private constructor(world: MarksWorld, rows: readonly Row<'baseline_mark'>[]) {
    this.#world = world
    this.#now = world.io.now().getTime()
    for (const row of rows) {
      const key = keyOf(row.baseline_id, row.fingerprint)
      this.#known.set(key, unseal(world.keys.seal, row.sealed, key).revealText())
      // A scan of every hour does not write all of them each time.
      if (row.used_at < this.#now - DAY_MS) this.#written.set(key, { ...row, used_at: this.#now })
    }
  }

  static async load(
    world: MarksWorld,
    fingerprints: readonly string[],
    { accept, collect }: Baselines,
  ): Promise<KeptMarks> {
    const ids = [accept, collect].flatMap(baseline => baseline?.marks.id ?? [])
    const rows = await inChunks(fingerprints, chunk =>
      world.db
        .selectFrom('baseline_mark')
        .selectAll()
        .where('baseline_id', 'in', ids)
        .where('fingerprint', 'in', chunk)
        .execute(),
    )
    return new KeptMarks(world, rows)
  }

  of({ fingerprint, preview }: Found, { id }: Marks): string | undefined {
    const mark = this.#known.get(keyOf(id, fingerprint ?? ''))
    // By a change of the rules it may be of what a person may have chosen.
    return mark !== undefined && isLong(mark) && preview === null ? undefined : mark
  }

  add({ fingerprint }: Found, { id }: Marks, mark: string): void {
    if (fingerprint === null) return
    const key = keyOf(id, fingerprint)
    // Whoever has the database alone shall not be able to try passwords against it.
    const sealed = seal(this.#world.keys.seal, new Secret(mark), key, this.#world.io)
    this.#written.set(key, { baseline_id: id, fingerprint, sealed, used_at: this.#now })
  }

  /** Whether there was anything to write. */
  async keep(): Promise<boolean> {
    const rows = [...this.#written.values()]
    if (rows.length === 0) return false
    await transaction(
      this.#world.db,
      async tx => {
        await tx
          .insertInto('baseline_mark')
          .values(rows)
          .onConflict(conflict =>
            conflict.columns(['baseline_id', 'fingerprint']).doUpdateSet(update => ({
              sealed: update.ref('excluded.sealed'),
              used_at: update.ref('excluded.used_at'),
            })),
          )
          .execute()
      },
      'rows',
    )
    return true
  }

  /** Forgets what no scan used for long. */
  static async forget({ db, io }: MarksWorld): Promise<void> {
    const before = io.now().getTime() - KEPT_MS
    await transaction(
      db,
      async tx => void (await tx.deleteFrom('baseline_mark').where('used_at', '<', before).execute()),
      'rows',
    )
  }
}

function keyOf(baselineId: string, fingerprint: string): string {
  return `baseline_mark/${baselineId}/${fingerprint}`
}
