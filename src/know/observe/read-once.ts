import type { Io } from '../../core/contract/io.ts'
import type { Db } from '../../core/store/store.ts'
import { toldBy } from '../readers/path-bound.ts'
import { documentsRead } from './documents-before.ts'
import { IdSet } from './id-set.ts'

/** Each document is read once by its content, and once more for each place to which what it tells is bound. */
export class ReadOnce {
  readonly #before: IdSet
  readonly #begun: IdSet

  private constructor(before: IdSet, begun: IdSet) {
    this.#before = before
    this.#begun = begun
  }

  static async load(db: Db, sourceId: string, reader: string, io: Pick<Io, 'random'>): Promise<ReadOnce> {
    return new ReadOnce(await documentsRead(db, sourceId, reader, io), new IdSet(io))
  }

  /** Nothing was read by an earlier run. */
  get isFirst(): boolean {
    return this.#before.size === 0
  }

  /** Whether it is to be read now: never before, or its content only, at another place. Asked once, it counts as read. */
  begin({ id, path }: { readonly id: string; readonly path: string }): {
    /** By an earlier run. */
    readonly readBefore: boolean
    readonly isRead: boolean
    readonly isTold: boolean
  } {
    const readBefore = this.#before.has(id)
    const isRead = readBefore || !this.#begun.add(id)
    const told = toldBy({ document: id, path })
    return { readBefore, isRead, isTold: told === id ? isRead : !this.#beginsAt(told) }
  }

  /** Whether what is known by its content is to be read for what it tells there. */
  isFurther(at: { readonly document: string; readonly path: string }): boolean {
    const told = toldBy(at)
    return told !== at.document && this.#beginsAt(told)
  }

  #beginsAt(told: string): boolean {
    return !this.#before.has(told) && this.#begun.add(told)
  }
}
