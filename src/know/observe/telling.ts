import type { Db } from '../../core/store/store.ts'
import type { Standing } from '../inventory/told.ts'

/**
 * The documents of a source that tell of more than copies: of accounts, jobs, clusters. A document is read once, so that in
 * each run in which it stands, all that it told is to stand without its being read.
 */
export class Telling {
  readonly #documents = new Set<string>()
  readonly #listed = new Set<string>()
  readonly #atHead = new Set<string>()
  /** Whether the source states where its documents stand, or is known by its list alone. */
  #statesPlaces = false

  async load(db: Db, sourceId: string): Promise<void> {
    const rows = await db
      .selectFrom('document')
      .select('document')
      .where('source_id', '=', sourceId)
      .where('tells', '=', 1)
      .execute()
    for (const { document } of rows) this.#documents.add(document)
  }

  get documents(): string[] {
    return [...this.#documents]
  }

  tells(document: string): boolean {
    return this.#documents.has(document)
  }

  read(document: string, tells: boolean): void {
    if (!tells) return void this.#documents.delete(document)
    this.#documents.add(document)
    this.#listed.add(document)
  }

  listed(document: string): void {
    if (this.#documents.has(document)) this.#listed.add(document)
  }

  occurs(document: string, atHead: boolean): void {
    this.#statesPlaces = true
    if (atHead && this.#documents.has(document)) this.#atHead.add(document)
  }

  /** `listsAll`: what was not listed in this run is not there. */
  standing(listsAll: boolean): Standing {
    return this.#statesPlaces
      ? { has: document => this.#atHead.has(document), complete: true }
      : { has: document => this.#listed.has(document), complete: listsAll }
  }
}
