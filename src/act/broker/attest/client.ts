import type { X509Certificate } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { Db } from '../../../core/store/store.ts'
import {
  type Attested,
  type Attesting,
  attestUnkept,
  MOST_CHARACTERS,
  recordingRefusal,
  verifiedJwt,
} from './attest.ts'
import { ALGORITHMS, type Client } from '../broker-config.ts'
import { attestCertificate } from './certificate.ts'
import { keyAmong } from './issuer-keys.ts'
import { onceOf } from '../ledger/keep-all.ts'
import { OauthError } from '../oauth-error.ts'
import { CLIENT } from '../workload.ts'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** How a client says who it is: RFC 7521, section 4.2. */
export interface ClientAuthentication {
  readonly client_id?: string | undefined
  readonly client_assertion?: string | undefined
  readonly client_assertion_type?: string | undefined
}

/**
 * The client of a request, by the assertion that came with it: one that it signed itself (private_key_jwt), or a token of an
 * issuer that vouches for it (RFC 7523, section 3); else by its certificate (RFC 8705, section 2). Nothing where none came. Raises `invalid_client`, which is recorded.
 */
export async function authenticateClient(
  db: Db,
  broker: Attesting,
  given: ClientAuthentication,
  certificate: X509Certificate | undefined,
): Promise<Attested | undefined> {
  const { client_id, client_assertion, client_assertion_type } = given
  if (client_assertion === undefined && client_assertion_type === undefined) {
    const workload = certificate && attestCertificate(broker.config, certificate)
    if (!workload) return undefined
    if (client_id !== undefined && client_id !== workload.subject)
      throw new OauthError('invalid_client', 'the certificate is of another client')
    return { workload, once: [] }
  }
  return await recordingRefusal(broker, client_assertion ?? '', async () => {
    if (client_assertion === undefined || client_assertion_type !== ASSERTION_TYPE)
      throw new OauthError('invalid_client', 'a client is known by an assertion, which is a JWT')
    const known = ownClient(broker, client_assertion)
    const attested = await asClient(() =>
      known ? bySelf(broker, known, client_assertion) : attestUnkept(db, broker, client_assertion),
    )
    if (client_id !== undefined && client_id !== attested.workload.subject)
      throw new OauthError('invalid_client', 'the assertion is of another client')
    return attested
  })
}

/** What is refused of an assertion is refused of its client. */
async function asClient(work: () => Promise<Attested>): Promise<Attested> {
  try {
    const { once, ...attested } = await work()
    return { ...attested, once: once.map(each => ({ ...each, refusedAs: 'invalid_client' as const })) }
  } catch (error) {
    if (!(error instanceof OauthError) || error.code !== 'invalid_token') throw error
    throw new OauthError('invalid_client', error.message)
  }
}

/** The client that an assertion says it is of, where it says that it issued it itself. */
function ownClient({ config }: Attesting, assertion: string): Client | undefined {
  if (assertion.length > MOST_CHARACTERS) return undefined
  try {
    const { iss, sub } = decodeJwt(assertion)
    return iss === sub ? config.clients.find(({ id }) => id === iss) : undefined
  } catch {
    return undefined
  }
}

async function bySelf(broker: Attesting, client: Client, assertion: string): Promise<Attested> {
  const { io, config, issuers } = broker
  const { alg, kid } = decodeProtectedHeader(assertion)
  const algorithm = ALGORITHMS.find(known => known === alg)
  if (!algorithm) throw new OauthError('invalid_token', 'it is signed in a way that is not taken')
  const id = typeof kid === 'string' ? kid : undefined
  const holder = { issuer: `${CLIENT} ${client.id}`, jwks: client.jwks }
  const { payload, expiresAt } = await verifiedJwt(io, assertion, {
    key: client.keys ? await keyAmong(client.keys, id, algorithm) : await issuers.find(holder, id, algorithm),
    algorithm,
    issuer: client.id,
    audience: [config.issuer, `${config.issuer.replace(/\/$/, '')}/token`],
  })
  if (typeof payload.jti !== 'string')
    throw new OauthError('invalid_token', 'it has no id, by which it would be good once')
  return {
    workload: { issuer: CLIENT, subject: client.id, claims: {} },
    once: [onceOf(`${CLIENT} ${client.id} ${payload.jti}`, expiresAt, 'invalid_client')],
    expiresAt,
  }
}
