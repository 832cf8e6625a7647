import { X509Certificate } from 'node:crypto'
import type { JWK } from 'jose'
import type { Ms } from '../../../core/contract/ref.ts'
import type { Secret } from '../../../core/contract/secret.ts'
import type { Db } from '../../../core/store/store.ts'
import type { Broker } from '../broker.ts'
import { type LeaseDefinition, type SocketWorkload, spiffeIdOf } from '../broker-config.ts'
import { credentialParts } from '../lease/credential-parts.ts'
import { issueLease } from '../lease/lease.ts'
import { OauthError } from '../oauth-error.ts'
import type { Workload } from '../workload.ts'
import { x509Trust } from './bundle.ts'
import type { TrustDomain } from './trust-domain.ts'

/** The issuer of workloads that are known by the socket that they may open. */
const SOCKET = 'socket'

export interface X509Svid {
  readonly spiffeId: string
  /** DER. */
  readonly certificate: Uint8Array
  /** PKCS #8, DER. */
  readonly key: Uint8Array
}

/** DER, one after the other; by the SPIFFE ID of each trust domain. */
export interface X509Bundles {
  readonly own: Uint8Array
  readonly revocationLists: readonly Uint8Array[]
  readonly federated: Readonly<Record<string, Uint8Array>>
}

interface Standing {
  readonly leaseId: string
  readonly secret: Secret
  /** From here on another one takes its place. */
  readonly rotatesAt: Ms
  readonly notAfter: Ms
}

/** What the workload at one socket gets: each SVID a lease, decided, recorded and ended as any other. */
export class SocketSvids {
  readonly #db: Db
  readonly #broker: Broker
  readonly #domain: TrustDomain
  readonly #leases: readonly LeaseDefinition[]
  readonly #workload: Workload
  readonly #standing = new Map<string, Standing>()
  readonly #issuing = new Map<string, Promise<Standing>>()

  constructor(db: Db, broker: Broker, domain: TrustDomain, of: SocketWorkload) {
    this.#db = db
    this.#broker = broker
    this.#domain = domain
    this.#leases = of.leases.map(name => broker.config.leases.find(lease => lease.name === name)!)
    this.#workload = { issuer: SOCKET, subject: of.workload, claims: {} }
  }

  /** Those that stand, each made anew at half of its time. Raises `access_denied` where there is none. */
  async x509(): Promise<readonly X509Svid[]> {
    return await this.#permitted(
      this.#leases.filter(({ like }) => like !== undefined),
      async definition => {
        const { secret } = await this.#certified(definition)
        const parts = credentialParts(secret)
        if (!('privateKey' in parts)) throw new OauthError('access_denied', 'it is no certificate')
        return {
          spiffeId: spiffeIdOf(definition)!,
          certificate: new X509Certificate(parts.certificate).raw,
          key: der(parts.privateKey),
        }
      },
    )
  }

  /** One for each lease that is for this audience, and of `spiffeId` where it is said. Raises `access_denied` where there is none. */
  async jwt(
    audience: readonly string[],
    spiffeId?: string,
  ): Promise<readonly { readonly spiffeId: string; readonly token: Secret }[]> {
    return await this.#permitted(
      this.#leases.filter(
        lease => lease.spiffeId !== undefined && (spiffeId === undefined || lease.spiffeId === spiffeId),
      ),
      async definition => {
        const { name } = definition
        const { secret } = await issueLease(this.#db, this.#broker, this.#workload, { name, audience })
        return { spiffeId: definition.spiffeId!, token: secret }
      },
    )
  }

  async x509Bundles(): Promise<X509Bundles> {
    const { certificates, revocationLists } = await x509Trust(this.#db, this.#broker, this.#domain)
    const federated = await this.#federated(keys => {
      const ders = keys.flatMap(({ use, x5c }) =>
        use === 'x509-svid' && x5c?.[0] !== undefined ? [Buffer.from(x5c[0], 'base64')] : [],
      )
      return ders.length > 0 ? Buffer.concat(ders) : undefined
    })
    return { own: Buffer.concat(certificates), revocationLists, federated }
  }

  /** Sets of keys, by the SPIFFE ID of each trust domain. */
  async jwtBundles(): Promise<Readonly<Record<string, { readonly keys: readonly JWK[] }>>> {
    const federated = await this.#federated(all => {
      const keys = all.filter(({ use }) => use === 'jwt-svid')
      return keys.length > 0 ? { keys } : undefined
    })
    return { ...federated, [this.#domain.id]: await this.#domain.signing.published() }
  }

  /** Of the trust domains whose SVIDs are taken here; one that was never reached is not there. */
  async #federated<T>(of: (keys: readonly JWK[]) => T | undefined): Promise<{ [id: string]: T }> {
    const found: { [id: string]: T } = {}
    for (const { name, bundle } of this.#broker.config.trustDomains) {
      const issuer = `spiffe://${name}`
      const keys = await this.#broker.issuers.all({ issuer, jwks: bundle }).catch(() => [])
      const mine = of(keys)
      if (mine !== undefined && issuer !== this.#domain.id) found[issuer] = mine
    }
    return found
  }

  /** What the policies refuse is left out, so that it may be asked for together with what they permit. */
  async #permitted<T>(
    definitions: readonly LeaseDefinition[],
    work: (definition: LeaseDefinition) => Promise<T>,
  ): Promise<readonly T[]> {
    const permitted: T[] = []
    let refused = new OauthError('access_denied', 'no such SVID is for this workload')
    for (const definition of definitions)
      try {
        permitted.push(await work(definition))
      } catch (error) {
        if (!(error instanceof OauthError)) throw error
        refused = error
      }
    if (permitted.length === 0) throw refused
    return permitted
  }

  async #certified(definition: LeaseDefinition): Promise<Standing> {
    const { name } = definition
    const now = this.#broker.io.now().getTime()
    const known = this.#standing.get(name)
    const stands = known !== undefined && now < known.notAfter && (await this.#isActive(known.leaseId))
    if (stands && now < known.rotatesAt) return known
    // Several streams wait for the same one.
    const issuing = this.#issuing.get(name) ?? this.#issue(name)
    this.#issuing.set(name, issuing)
    try {
      return await issuing
    } catch (error) {
      // What stands is good for its other half, if the authority is back by then.
      if (stands && error instanceof OauthError && error.code === 'temporarily_unavailable') return known
      this.#standing.delete(name)
      throw error
    } finally {
      this.#issuing.delete(name)
    }
  }

  async #issue(name: string): Promise<Standing> {
    const { lease, secret } = await issueLease(this.#db, this.#broker, this.#workload, { name })
    const rotatesAt = (lease.created_at + lease.not_after) / 2
    const standing = { leaseId: lease.id, secret, rotatesAt, notAfter: lease.not_after }
    this.#standing.set(name, standing)
    return standing
  }

  async #isActive(id: string): Promise<boolean> {
    const row = await this.#db.selectFrom('lease').select('state').where('id', '=', id).executeTakeFirst()
    return row?.state === 'active'
  }
}

function der(pem: string): Uint8Array {
  return Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64')
}
