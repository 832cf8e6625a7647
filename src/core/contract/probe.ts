import type { CredentialRef, PlaceRef, Ref } from './ref.ts'
import type { Secret } from './secret.ts'

/** What a tester has in hand: a credential that was accepted, and whom they act as by now, which a login need not be. */
export interface Held {
  readonly by: CredentialRef
  readonly as: Ref
  readonly secret: Secret
  /** Beside the secret, where it is of a session. */
  readonly sessionToken?: Secret
}

/** One hop that is to be tried. */
export interface Trial {
  readonly from: Ref
  readonly to: Ref
  /** What `to` is called, where a system is asked by names. */
  readonly toNames: readonly string[]
  readonly crossing: string
  /** Where what is gained stands. */
  readonly place?: PlaceRef
  /** An OpenID Connect token of a job that was run for the test: what a cloud that trusts the pipeline takes. */
  readonly idToken?: Secret
  /** What has to be allowed, where the crossing is made of actions; on what is gained, or on anything. One of `or` will do as well. */
  readonly actions?: readonly {
    readonly action: string
    readonly or?: readonly string[]
    readonly onTarget: boolean
  }[]
}

/**
 * What trying showed. `refused` is the system's own no; `unknown` is no answer; `not-tried` is what cannot be tried
 * without changing something. `why` is a sentence. `held` is what the tester has after it: absent where crossing it in
 * earnest would have changed something, so that nothing was gained.
 */
export interface Tried {
  readonly state: 'confirmed' | 'refused' | 'unknown' | 'not-tried'
  readonly why: string
  readonly held?: Held
}
