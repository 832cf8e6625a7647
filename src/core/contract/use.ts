import type { CredentialRef, Cursor, Ms, Ref } from './ref.ts'

/**
 * How Firebreak names itself to the systems that it asks (`source.agent`). Its own tries of a credential are no consumer's
 * use. Anyone can take the name, so it only ever means "need not be waited for": whoever bears it is cut off and counted
 * as all others are.
 */
export const OWN_AGENT = 'firebreak'

/** One use of an identity, at the identity layer. `id` is the source's own event id. */
export interface Use {
  readonly id: string
  readonly at: Ms
  readonly cursor: Cursor
  readonly identity: Ref
  readonly credential?: CredentialRef
  readonly workload?: Ref
  readonly session?: { id: string; parent?: string; issuedAt?: Ms }
  readonly onBehalfOf?: Ref
  readonly source: { ip?: string; agent?: string }
  readonly action: string
  readonly target?: Ref
  readonly outcome: 'success' | 'denied' | 'failure' | 'unknown'
}
