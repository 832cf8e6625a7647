import { isFirebreakError } from '../../../core/contract/errors.ts'
import { Secret } from '../../../core/contract/secret.ts'
import { fingerprint, publicFingerprint } from '../../../core/keys/fingerprint.ts'
import { seal, unseal } from '../../../core/keys/seal.ts'
import type { Row } from '../../../core/store/schema.ts'
import { transaction } from '../../../core/store/store.ts'
import { inChunks } from '../../../know/inventory/in-chunks.ts'
import type { CopyView, CredentialView } from '../../../know/inventory/queries.ts'
import type { World } from '../operation.ts'
import { areCompared, type Baselines, compared } from './compared.ts'
import type { Found } from './found.ts'
import { isLong, type Marks } from './marks.ts'

/** What was found, and all that is known of it. */
interface Kept {
  readonly view: CredentialView
  readonly found: Found
}

/** Node hashes four values at once, while others are read. */
const LANES = 8

/**
 * Fingerprints are keyed, and a baseline is for all machines: the value is read again, where a copy still gives it. Its mark
 * is kept, so that the next scan neither reads nor hashes it.
 */
export async function withBaselines(
  world: World,
  some: readonly Kept[],
  baselines: Baselines,
): Promise<Found[]> {
  const told = some.map(({ found }) => found)
  const asked = some.flatMap(({ found }, index) => (areCompared(found.copies, baselines) ? [index] : []))
  if (asked.length === 0) return told
  const marks = await KeptMarks.load(
    world,
    asked.flatMap(index => told[index]!.fingerprint ?? []),
    baselines,
  )
  const turn = asked.values()
  const lane = async (): Promise<void> => {
    for (const index of turn) told[index] = await withBaseline(world, some[index]!, marks, baselines)
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  await marks.keep()
  return told
}

async function withBaseline(
  world: World,
  { view, found }: Kept,
  kept: KeptMarks,
  baselines: Baselines,
): Promise<Found> {
  let secret: Secret | undefined
  const read = async () => {
    secret ??= await valueAgain(world, view)
    return secret && { secret, preview: found.preview }
  }
  const mark = async (marks: Marks) => {
    const before = kept.of(found, marks)
    if (before !== undefined) return before
    const value = await read()
    const fresh = value && (await marks.of(value))
    if (fresh !== undefined) kept.add(found, marks, fresh)
    return fresh
  }
  const copies = await compared(found.copies, { mark, read }, baselines)
  secret?.erase()
  return { ...found, copies }
}

async function valueAgain(
  { db, connections, keys }: World,
  view: CredentialView,
): Promise<Secret | undefined> {
  // A file is read sooner than what lies in a history.
  const isInHistory = ({ place }: CopyView) => Number(place.in.system === 'git')
  for (const copy of view.copies.toSorted((a, b) => isInHistory(a) - isInHistory(b)))
    try {
      const secret = await (await connections.open(db, copy.sourceId)).read?.(copy.place)
      if (!secret) continue
      const inner = fingerprint(keys.fingerprint, secret)
      if (publicFingerprint(keys.publicFingerprint, inner) === view.publicFingerprint) return secret
      secret.erase()
    } catch (error) {
      if (!isFirebreakError(error)) throw error
    }
  return undefined
}

/** The marks of some finds, as they were kept, and what is to be kept of them. */
class KeptMarks {
  readonly #world: World
  readonly #known: ReadonlyMap<string, string>
  readonly #fresh = new Map<string, Row<'baseline_mark'>>()

  private constructor(world: World, known: ReadonlyMap<string, string>) {
    this.#world = world
    this.#known = known
  }

  static async load(
    world: World,
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
    return new KeptMarks(
      world,
      new Map(
        rows.map(row => {
          const key = keyOf(row.baseline_id, row.fingerprint)
          return [key, unseal(world.keys.seal, row.sealed, key).revealText()] as const
        }),
      ),
    )
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
    this.#fresh.set(key, { baseline_id: id, fingerprint, sealed })
  }

  async keep(): Promise<void> {
    const rows = [...this.#fresh.values()]
    if (rows.length === 0) return
    await transaction(
      this.#world.db,
      async tx => {
        await tx
          .insertInto('baseline_mark')
          .values(rows)
          .onConflict(conflict =>
            conflict
              .columns(['baseline_id', 'fingerprint'])
              .doUpdateSet(update => ({ sealed: update.ref('excluded.sealed') })),
          )
          .execute()
      },
      'rows',
    )
  }
}

function keyOf(baselineId: string, fingerprint: string): string {
  return `baseline_mark/${baselineId}/${fingerprint}`
}
