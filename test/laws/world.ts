import type { Connection } from '../../src/core/contract/connector.ts'
import type { Trial } from '../../src/core/contract/probe.ts'
import type { CredentialRef, Ref } from '../../src/core/contract/ref.ts'
import type { Secret } from '../../src/core/contract/secret.ts'

/** For how long a server's answer is waited for: on a busy machine it comes late. */
export const PATIENCE_MS = 60_000

/** An identity with a credential, made by the subject: with rights, and with things that it owns. */
export interface Principal {
  readonly identity: Ref
  readonly credential: CredentialRef
  readonly secret: Secret
  /** A hop that it may cross. */
  readonly trial?: Trial
}

/** Somebody who is logged in with a secret and in the middle of something. */
interface LiveSession {
  alive(): Promise<boolean>
  close(): Promise<void>
}

/** Breaks the n-th message to the system, before or after it got there. */
export interface Faults {
  /** A connection whose messages are counted from now on. */
  open(): Promise<Connection>
  failAt(call: number, when: 'before' | 'after'): void
  noFault(): void
  /** Messages since the last `failAt` or `noFault`. */
  count(): number
  close(): Promise<void>
}

/** A system to try a connector on. All methods beyond `open` are what it can offer; a law that needs more is skipped. */
export interface World {
  open(): Promise<Connection>
  stop(): Promise<void>
  principal?(): Promise<Principal>
  /** Really uses the secret, without the connector: did the system let it in? */
  use?(secret: Secret): Promise<boolean>
  session?(secret: Secret): Promise<LiveSession>
  faults?(): Promise<Faults>
  /** Try only every n-th call for a fault: for a subject much like another one, where all are tried. */
  readonly faultStep?: number
  /** Everything of the principals' that stands, as text: equal texts mean that nothing was left behind. */
  snapshot?(): Promise<string>
  /** Another instance takes over the address. */
  replace?(): Promise<void>
  /** Nothing answers at the address any more. */
  vanish?(): Promise<void>
  /** What the system itself has logged. */
  log?(): Promise<string>
  /** How many things discover must find that are on its second page or later. */
  manyPrincipals?: number
  /** The system takes any secret, so that nothing is ever proven live. */
  readonly takesAnySecret?: boolean
  /** It takes what was deleted or disabled too, so that nothing is proven dead: what stands there shows the end of it. */
  readonly takesWhatIsGone?: boolean
  /** It keeps no names with what is issued, so that undo goes by what was there before. */
  readonly keepsNoNames?: boolean
  /** What it issues for a time has to be revoked then: no time is promised. */
  readonly endsNothingByItself?: boolean
}

export interface Subject {
  readonly name: string
  /** A sentence why it cannot run here, and what to install. */
  readonly absent?: string | undefined
  /** Methods whose calls this stand-in for the system does not know: the laws that speak of them are left out. */
  readonly standInLacks?: readonly (keyof Connection)[]
  /** What the system has no equal of: the laws that speak of it are not there, and neither must the methods be. */
  readonly lacks?: readonly (keyof Connection)[]
  start(): Promise<World>
}
