import type { ZodType } from 'zod'
import type { Document } from './document.ts'
import type { Io } from './io.ts'
import type { Observation } from './observation.ts'
import type { Held, Trial, Tried } from './probe.ts'
import type { CredentialRef, Cursor, Ms, PlaceRef, Ref, State } from './ref.ts'
import type { Secret } from './secret.ts'
import type { Use } from './use.ts'

/**
 * A system that Firebreak can look at and act on. `system` is the folder's name, the rules' prefix, the test's and
 * the docs page's name. `config` is the one source of the command's flags, the HTTP body and the console's form.
 */
export interface Connector<Config = unknown> {
  readonly system: string
  readonly summary: string
  readonly config: ZodType<Config>
  open(config: Config, io: Io): Promise<Connection>
}

/** Ways to load them, each under the name of its system. */
export type ConnectorLoaders = Readonly<Record<string, () => Promise<Connector>>>

/**
 * What to issue. `name` is unique to the attempt, so that `undo` finds what a crash left behind; `like` is the
 * credential whose rights the new one gets; `before` is `inspect(like)` from before the first attempt.
 */
export interface Want {
  readonly name: string
  readonly like?: CredentialRef
  readonly scopes: readonly string[]
  readonly ttlSeconds?: number
  /** What it is for (`lease`, `task`), where the system keeps such words beside what it issues. */
  readonly labels?: Readonly<Record<string, string>>
  readonly before: State
}

export interface Issued {
  readonly ref: CredentialRef
  readonly secret: Secret
  readonly notAfter?: Ms
}

/**
 * `why` is a sentence; `access` what a live credential was seen to open; `acceptedAt` the address that accepted it and the machine that
 * asked, where a later refusal of the same machine by the same address tells more than one of another machine or by another address.
 */
export interface Verdict {
  readonly state: 'live' | 'dead' | 'unknown'
  readonly why: string
  readonly access?: readonly string[]
  readonly acceptedAt?: string
}

/** When a credential was last used, where the system tells no more than that; `how`, as `for s3 in eu-west-1`. */
export interface LastUse {
  readonly at: Ms | undefined
  readonly how: string
}

/** By what others verify the certificates that are issued: X.509, as DER. */
export interface Trust {
  readonly certificates: readonly Uint8Array[]
  readonly revocationLists: readonly Uint8Array[]
}

/**
 * An open system. A capability exists if and only if its method does: there are no empty bodies.
 *
 * Every method that changes something raises CONFLICT when the system behind the address is no longer `instance`,
 * and may be run twice with the same end. Failures are `FirebreakError`s with a connector's code.
 */
export interface Connection {
  /** Asked of the system itself, never taken from the configuration. */
  readonly instance: string
  /** How long the system may go on accepting what was revoked: dead means refused twice, this far apart. */
  readonly settleSeconds: number
  /**
   * What is issued is known by the same public half as what it is like, or its secret tells whose it is, so that a place which
   * holds the secret alone may be given the new one.
   */
  readonly keepsPublicHalf?: true
  /** The kinds of `want.like` of which `issue` gives no more than `want.scopes`; all others refuse scopes. */
  readonly narrowsLike?: readonly string[]
  /**
   * Kinds of issued credentials whose sessions are told from those of others of the same identity: `sessions` and `endSessions`
   * take these, too.
   */
  readonly endsAlone?: readonly string[]
  /** What `issue` gives is a standing secret: nothing here ends it, and whoever has read it can use it until it is changed where it is accepted. */
  readonly standing?: true
  /** It is one document itself, a file for instance, and not what holds one. */
  readonly isDocument?: true
  /** Verbs of this connection that a credential of that kind has not: another one of it cannot be issued. */
  cannot?(ref: CredentialRef): readonly ('issue' | 'rotate' | 'suspend')[]
  close(): Promise<void>

  /** Read to the last page; a scope it was denied is `covered(complete: false)`; anything else throws. */
  discover?(since?: Cursor): AsyncIterable<Observation>
  /** Files, blobs, exports and logs, to be read by readers. `covered` and `occurrence` come from discover(). */
  documents?(since?: Cursor): AsyncIterable<Document>
  /**
   * Documents at further places, where each is given once: what it tells may be bound to where it stands. What is gone is left out. The bytes
   * of one are read before the next one is asked for.
   */
  documentsAt?(places: readonly { document: string; path: string }[]): AsyncIterable<Document>
  /** Who is using the identity at this moment. */
  sessions?(identity: Ref): AsyncIterable<Use>
  /** By whom it is not told. What is not there any more was used at no known time. */
  lastUse?(ref: CredentialRef): Promise<LastUse>
  /**
   * Read-only. A system that cannot be reached, or that accepts a wrong secret too, answers `unknown`. `acceptedAt` is what an
   * earlier verdict said of this secret.
   */
  verify?(ref: CredentialRef, secret?: Secret, acceptedAt?: string): Promise<Verdict>
  /**
   * Tries one hop with what a tester holds. Read-only, one try; a wrong secret confirms nothing, and what cannot be
   * reached is `unknown`.
   */
  probe?(trial: Trial, held: Held): Promise<Tried>
  /** What stands now, journalled before every change. Never a secret. */
  inspect?(ref: Ref): Promise<State>

  /** Where certificates are issued that others verify by themselves. */
  trust?(): Promise<Trust>
  /** A second credential beside `want.like`, which stays valid. CONFLICT where there is no free slot. */
  issue?(want: Want): Promise<Issued>
  /** Takes back what `issue(want)` may have left: found by name, else by the one difference to `want.before`. */
  undo?(want: Want): Promise<void>
  /** So long from now, in place of the end that the system itself holds for what was issued. NOT_FOUND where it is not there. */
  extend?(ref: CredentialRef, ttlSeconds: number): Promise<void>
  /** A new secret in place; the old one is dead at once. For emergencies. */
  rotate?(ref: CredentialRef, want: Want): Promise<Issued>
  /** Takes away every grant not in `scopes`; `thaw` with inspect's state brings them back. */
  narrow?(identity: Ref, scopes: readonly string[]): Promise<void>
  suspend?(ref: CredentialRef): Promise<void>
  resume?(ref: CredentialRef, before: State): Promise<void>
  /** The identity can mint nothing new. */
  freeze?(identity: Ref): Promise<void>
  /** `issued` was issued beside it while it was frozen, and gets what that did not give it. */
  thaw?(identity: Ref, before: State, issued?: readonly CredentialRef[]): Promise<void>
  /** Ends sessions begun before then, derived ones too. */
  endSessions?(identity: Ref, issuedBefore: Ms): Promise<void>
  /** Absent at this instance is success. */
  revoke?(ref: CredentialRef, secret?: Secret): Promise<void>

  read?(place: PlaceRef): Promise<Secret>
  /** Compare-and-swap on `place.version`: CONFLICT when the content is another. Returns the place as it stands now. */
  write?(place: PlaceRef, secret: Secret): Promise<PlaceRef>
  remove?(place: PlaceRef): Promise<void>
  /** Makes the workload read its secret again. */
  reload?(workload: Ref): Promise<void>
}
