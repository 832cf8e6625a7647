import { pathOf } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import type { Coverage } from '../inventory/standing.ts'
import type { MemberGap } from '../readers/archive/member-gap.ts'

/**
 * What within documents could not be looked into. Such a document is read once like any other, so that its gaps are kept
 * with it, and told again in each run in which it stands.
 */
export class MemberGaps {
  readonly #known = new Map<string, readonly MemberGap[]>()
  readonly #standing = new Map<string, string>()

  /** Of the documents that this reader read before. */
  async load(db: Db, sourceId: string, reader: string): Promise<void> {
    const rows = await db
      .selectFrom('document')
      .select(['document', 'gaps'])
      .where('source_id', '=', sourceId)
      .where('reader', '=', reader)
      .where('gaps', 'is not', null)
      .execute()
    for (const { document, gaps } of rows) this.#known.set(document, JSON.parse(gaps ?? '[]') as MemberGap[])
  }

  /** Read now. */
  add(document: string, path: string, gaps: readonly MemberGap[]): void {
    if (gaps.length === 0) return void this.#known.delete(document)
    this.#known.set(document, gaps)
    this.#standing.set(document, path)
  }

  of(document: string): readonly MemberGap[] {
    return this.#known.get(document) ?? []
  }

  /** The document stands there in this run; the first path is the one that is told. */
  stands(document: string, path: string): void {
    if (this.#known.has(document) && !this.#standing.has(document)) this.#standing.set(document, path)
  }

  /** `placeOf` puts the source before a path. */
  coverage(placeOf: (path: string) => string): Coverage[] {
    return [...this.#standing].flatMap(([document, path]) =>
      this.of(document).map(({ member, why, failed, told }) => ({
        scope: pathOf({ path: placeOf(path), ...(member !== '' && { member }) }),
        complete: false,
        why,
        ...(failed && { failed }),
        ...(told && { told }),
      })),
    )
  }
}
