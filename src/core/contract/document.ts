import type { Cursor, Ref } from './ref.ts'

/**
 * A file, blob, export or log, to be read by readers. `id` is the content's id (a git blob id, `sha256:<hex>`), so
 * that the same bytes are read once. `bytes()` may be called once, and before the next document is asked for.
 * `format` is set where the source knows it (`cloudtrail`); otherwise readers tell by path and content.
 */
export interface Document {
  readonly id: string
  readonly in: Ref
  readonly path: string
  readonly format?: string
  /** What it tells of, where that is not what it lies in: the repository that a scanner's report is about. */
  readonly about?: Ref
  readonly size?: number
  /** Its bytes are fetched by themselves: where that raises CONFLICT, DENIED or NOT_FOUND it is told, and the others are read. */
  readonly mayFail?: boolean
  readonly cursor: Cursor
  bytes(): AsyncIterable<Uint8Array>
}
