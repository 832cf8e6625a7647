import type { Io } from '../../../core/contract/io.ts'
import type { Keys } from '../../../core/keys/keys.ts'
import type { Db } from '../../../core/store/store.ts'
import type { BrokerConfig } from '../broker-config.ts'
import { SigningKeys } from '../token/signing-keys.ts'

/** The trust domain that the broker signs SVIDs of, with the keys of its tokens. */
export interface TrustDomain {
  /** As a SPIFFE ID: `spiffe://…`, with no path. */
  readonly id: string
  readonly signing: SigningKeys
}

export function ownTrustDomain(db: Db, io: Io, keys: Keys, config: BrokerConfig): TrustDomain | undefined {
  if (!config.spiffe) return undefined
  return {
    id: `spiffe://${config.spiffe.trustDomain}`,
    signing: new SigningKeys(db, io, keys, config, 'jwt-svid'),
  }
}
