import type { Io } from '../../core/contract/io.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Connections } from '../../know/connections/registry.ts'
import type { RunOptions } from '../actions/run.ts'
import type { BrokerConfig } from './broker-config.ts'
import type { IssuerKeys } from './attest/issuer-keys.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { PolicyBook } from './decision/policy-book.ts'
import type { SigningKeys } from './token/signing-keys.ts'
import type { TrustDomain } from './spiffe/trust-domain.ts'

/** What leases are decided, issued and ended with. */
export interface Broker {
  readonly io: Io
  readonly keys: Keys
  readonly connections: Connections
  readonly config: BrokerConfig
  readonly policies: PolicyBook
  readonly signing: SigningKeys
  /** Of its own SVIDs, where it signs any. */
  readonly spiffe?: TrustDomain | undefined
  readonly issuers: IssuerKeys
  readonly ledger: Ledger
  /** How long what fails is retried before it is put off. */
  readonly patienceSeconds?: number
  /** Told of every step at every boundary, after what the boundary names is durable. */
  readonly onBoundary?: RunOptions['onBoundary']
  /** Leases that this process is issuing or ending at this moment. */
  readonly atWork: Set<string>
}
