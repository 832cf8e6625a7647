import { createHash } from 'node:crypto'
import type { Cursor, Ref } from './ref.ts'

/**
 * A file, blob, export or log, to be read by readers. `id` is the content's id (a git blob id, `sha256:<hex>`), so
 * that the same bytes are read once. `bytes()` may be called once, and before the next document is asked for; what it gives
 * holds until then, and who needs it longer copies it.
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

/** The id by which the same bytes are the same document, wherever they are kept. */
export function contentId(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/** One whose bytes are at hand. */
export function documentOf(
  container: Ref,
  path: string,
  content: Uint8Array,
  { format, cursor = '' }: { readonly format?: string; readonly cursor?: Cursor } = {},
): Document {
  return {
    id: contentId(content),
    in: container,
    path,
    ...(format !== undefined && { format }),
    size: content.length,
    cursor,
    async *bytes() {
      yield content
    },
  }
}
