import type { JWTPayload } from 'jose'
import type { Broker } from '../../../act/broker/broker.ts'
import { SocketSvids } from '../../../act/broker/spiffe/socket-svids.ts'
import type { TrustDomain } from '../../../act/broker/spiffe/trust-domain.ts'
import { validateJwtSvid } from '../../../act/broker/spiffe/validate-svid.ts'
import type { Io } from '../../../core/contract/io.ts'
import type { Db } from '../../../core/store/store.ts'

/** SPIFFE's Workload API for the workload at one socket, which main.ts makes a gRPC server of. */
export interface WorkloadApi {
  readonly socket: string
  readonly io: Io
  readonly domain: TrustDomain
  readonly svids: SocketSvids
  /** Raises `invalid_token`. */
  validate(
    svid: string,
    audience: string,
  ): Promise<{ readonly spiffeId: string; readonly claims: JWTPayload }>
  /** Told of what is no refusal, and of no caller's making. */
  onFailure(error: unknown): void
}

/** One for each workload of the configuration that has a socket. */
export function workloadApis(
  db: Db,
  broker: Broker,
  onFailure: (error: unknown) => void,
): readonly WorkloadApi[] {
  const { config, io, spiffe: domain } = broker
  if (!config.spiffe || !domain) return []
  return config.spiffe.workloads.map(of => ({
    socket: of.socket,
    io,
    domain,
    svids: new SocketSvids(db, broker, domain, of),
    validate: (svid, audience) => validateJwtSvid(db, broker, domain, svid, audience),
    onFailure,
  }))
}
