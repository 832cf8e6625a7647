import type { Document } from './document.ts'
import type { Ms } from './ref.ts'

/**
 * What is to be looked at: what the next commit would take, or all commits that `since` does not reach; with `within`, only what lies in
 * one of these files and folders, by their paths in the repository.
 */
export type ChangeRange = ({ readonly staged: true } | { readonly since: string }) & {
  readonly within?: readonly string[]
}

/** Where a change puts a document, and what stood at that path before: ids of documents, none for a new file. */
export interface ChangedPlace {
  readonly path: string
  readonly before: readonly string[]
  readonly commit?: string
  readonly author?: string
  readonly at?: Ms
}

/** A part of a repository's contents, or what was piped in: to be read once and not kept. */
export interface Change {
  /** The repository's folder; what was piped in lies in none. */
  readonly root: string | undefined
  /** A sentence: what was looked at. */
  readonly scope: string
  /** The commit that the change leads to; the one before it where nothing is committed yet. */
  readonly revision: string | undefined
  /** Where the repository was cloned from, without user names and passwords. */
  readonly origin: string | undefined
  readonly places: ReadonlyMap<string, readonly ChangedPlace[]>
  /** Documents by id. What cannot be read is added to `gaps`. */
  documents(ids: Iterable<string>): AsyncIterable<Document>
  /** `failed`: it was meant to be read and could not be. */
  readonly gaps: readonly { readonly what: string; readonly why: string; readonly failed: boolean }[]
  close(): Promise<void>
}
