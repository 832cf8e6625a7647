import type { Verdict } from '../../core/contract/connector.ts'
import type { CredentialRef, Json, PlaceRef, Ref } from '../../core/contract/ref.ts'
import { toJson } from '../actions/arguments.ts'
import type { Reader } from './readers.ts'

/**
 * `graceful` replaces first and cuts when every consumer seen has moved: nothing that works stops working. `emergency`
 * cuts first: for a credential that is being abused now.
 */
export type Mode = 'graceful' | 'emergency'

/** What a connection can do, as its methods' names. */
export type Capability =
  | 'issue'
  | 'rotate'
  | 'suspend'
  | 'freeze'
  | 'thaw'
  | 'endSessions'
  | 'revoke'
  | 'verify'
  | 'sessions'
  | 'lastUse'

/** One credential at one system: what is cut. One leaked value may be several. */
export interface Target {
  /** Which of the values that leaked together it is, as `Holding.leak`. One alone is 0. */
  readonly leak: number
  /** The entity in the inventory. */
  readonly credentialId: string
  readonly credential: CredentialRef
  readonly identity: Ref
  /** What people call the identity; unique within the incident. */
  readonly label: string
  readonly sourceId: string
  readonly can: readonly Capability[]
  readonly settleSeconds: number
  /** As the connection says it: a new credential has no other name than this one. */
  readonly keepsPublicHalf?: true
  /** Firebreak issued it. */
  readonly ours?: boolean
  /** Nobody connected a system for it: its vendor is asked with the credential itself, and issues nothing for that. */
  readonly atVendor?: {
    readonly kind: string
    /** Why only a person can end it. */
    readonly byHand?: string
  }
  readonly verdict: Verdict
  readonly consumers: readonly Consumer[]
}

/** What every step that cuts a target is told of it, and steps read by `actions/arguments`. */
export function argumentsAbout(target: Target): { readonly [name: string]: Json } {
  return {
    sourceId: target.sourceId,
    credentialId: target.credentialId,
    leak: target.leak,
    credential: toJson(target.credential),
    identity: toJson(target.identity),
    acceptedAt: target.verdict.acceptedAt ?? null,
  }
}

/** An identity that a target may act as: a session of it that was begun with the credential goes on without it. */
export interface Derived {
  /** The target's. */
  readonly of: string
  readonly identity: Ref
  /** Unique within the incident. */
  readonly label: string
  /** Where its sessions can be ended; absent where no connection reaches it. */
  readonly sourceId?: string
  readonly why: string
}

/** Who uses the credential, or is said to. */
export interface Consumer {
  readonly name: string
  /** Sessions seen in the window; 0 means that whether it uses the credential is unknown. */
  readonly seen: number
  /** How it is known: `session from 127.0.0.1`, `reads worker-a/.env`. */
  readonly how: string
}

/** One document that holds the value once or more. */
export interface Holding {
  readonly leak: number
  readonly copyIds: readonly string[]
  readonly sourceId: string
  /** All slots of all copies in the document: written in one go, since each write changes the content. */
  readonly place: PlaceRef
  /** Where a person finds it: paths, lines, commits. */
  readonly where: string
  /** The file on disk, of which several sources may tell. */
  readonly file?: string
  /** Firebreak may write it, and can. */
  readonly writable: boolean
  /** The identity that the text names, where no connection covers it. */
  readonly elsewhere?: string
  readonly atHead: boolean
  /** Who reads it when they start, and has to start anew once it is written. */
  readonly readers?: readonly Reader[]
  /** The identities that the text names. Without any, the document is of whichever one identity bears the value. */
  readonly claims: readonly Ref[]
}

/** All that the plan is made from. */
export interface Incident {
  readonly mode: Mode
  readonly targets: readonly Target[]
  readonly derived: readonly Derived[]
  readonly holdings: readonly Holding[]
  readonly windowSeconds: number
  /** What was never looked at: the denominator. */
  readonly notSearched: readonly { what: string; why: string }[]
  readonly owners: readonly { label: string; owner: string; source: string }[]
  /** What a holder gets beyond the identity itself: as sentences, most certain first. */
  readonly reach: readonly string[]
  /** What leaked with the rest and cannot be cut off: no connected system accepts it. */
  readonly uncovered: readonly { label: string; why: string }[]
}

/** What is one for all sources that tell of the same value in the same file: what is written by way of one is written for the others. */
export function spotOf(holding: Holding): Holding | string {
  return holding.file === undefined ? holding : `${holding.leak} ${holding.file}`
}
