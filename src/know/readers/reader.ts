import type { Document } from '../../core/contract/document.ts'
import type { Observation } from '../../core/contract/observation.ts'

/**
 * Turns documents of one format into observations. Pure: no network, no files, nothing kept between documents.
 * Several readers may read the same document.
 */
export interface Reader {
  readonly format: string
  /** Whether to read it, told by its path, its format where the source knows it, and its first bytes. */
  reads(document: { readonly path: string; readonly format?: string }, head: Uint8Array): boolean
  read(
    document: Pick<Document, 'id' | 'in' | 'path' | 'format' | 'about'>,
    bytes: AsyncIterable<Uint8Array>,
  ): AsyncIterable<Observation>
}

/** A document is not what it was taken for. The message says where and why, and never quotes it: it is printed. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable'
}
