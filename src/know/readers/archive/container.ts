import type { Budget } from './budget.ts'
import type { Content } from './content.ts'
import type { Spool } from './spool.ts'

/**
 * A kind of file that holds others: told by how it begins, so that a name neither hides one nor makes one up.
 * Nothing of it is ever written to disk under a name of its own, and no link in it is followed.
 */
export type Container = InOrder | OutOfOrder

interface Kind {
  readonly name: string
  /**
   * What its own bytes say beside its members: `nothing` (they are packed, or are the members), `first` (members only
   * show what the bytes do not show plainly), or `last` (the bytes also show what no member does).
   */
  readonly raw: 'nothing' | 'first' | 'last'
  /** It packs one stream, which has no path of its own in it. */
  readonly packs?: boolean
  /** `head` is the first 8 KiB, or more. */
  fits(head: Uint8Array, path: string): boolean
}

/**
 * `members`: each member is read, or let be, before the next one is asked for. Raises Damaged where it cannot be read on,
 * and LimitReached.
 */
export interface InOrder extends Kind {
  readonly order: 'in order'
  members(content: Content, context: Context): AsyncIterable<Member | Link | Gap>
}

export interface OutOfOrder extends Kind {
  readonly order: 'any'
  members(content: Spool, context: Context): AsyncIterable<Member | Link | Gap>
}

export interface Context {
  readonly path: string
  readonly budget: Budget
}

export interface Member {
  /** Relative to the container, as it is written there. */
  readonly path: string
  /** A name that tells what kind of text it is, where its path does not. */
  readonly readAs?: string
  readonly bytes: AsyncIterable<Uint8Array>
}

/** Another name of a member that came before it: it has no content of its own. */
export interface Link {
  readonly path: string
  readonly linkOf: string
}

/** What could not be looked into, and why. */
export interface Gap {
  readonly path: string
  readonly gap: string
}
