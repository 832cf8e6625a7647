/** Who posted something, where and when; each where the export says so. */
export interface Post {
  readonly author?: string
  /** A channel, an issue, a page. */
  readonly postedIn?: string
  /** As it is written, or ISO 8601 where it was a number. */
  readonly postedAt?: string
}

/** A post around each of these places in a text. */
export type PostsAt = (offsets: readonly number[]) => ReadonlyMap<number, Post>

const LONGEST = 200

/** Names come from whoever made the export: one line of it, and not too long. */
export function plain(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined
  const line = text.replace(/\s+/g, ' ').trim().slice(0, LONGEST)
  return line === '' ? undefined : line
}
