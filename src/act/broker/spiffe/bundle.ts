import { createHash, X509Certificate } from 'node:crypto'
import type { JWK } from 'jose'
import { z } from 'zod'
import { isFirebreakError } from '../../../core/contract/errors.ts'
import type { Trust } from '../../../core/contract/connector.ts'
import { type Db, transaction } from '../../../core/store/store.ts'
import type { Broker } from '../broker.ts'
import { spiffeIdOf } from '../broker-config.ts'
import { identityNamed } from '../decision/facts.ts'
import type { TrustDomain } from './trust-domain.ts'

/** How often whoever verifies our SVIDs should look for other keys: a new one signs an hour after it is here. */
const REFRESH_SECONDS = 300
const SETTING = 'spiffe_bundle'

const counted = z.object({ digest: z.string(), sequence: z.int() })

/** SPIFFE Trust Domain and Bundle, section 4: by what SVIDs of a trust domain are verified. */
export interface Bundle {
  readonly keys: readonly JWK[]
  readonly spiffe_sequence: number
  readonly spiffe_refresh_hint: number
}

/** Of our own trust domain, as it stands now. Raises where an authority cannot be asked: one that is left out would be distrusted. */
export async function ownBundle(
  db: Db,
  broker: Pick<Broker, 'keys' | 'config' | 'connections'>,
  domain: TrustDomain,
): Promise<Bundle> {
  const { certificates } = await x509Trust(db, broker, domain)
  // Read anew, so that replicas agree on what there is.
  const tokens = await domain.signing.published(0)
  const keys = [...certificates.map(authorityKey), ...tokens.keys]
  const digest = createHash('sha256').update(JSON.stringify(keys)).digest('base64url')
  return {
    keys,
    spiffe_sequence: await sequenceOf(db, digest),
    spiffe_refresh_hint: REFRESH_SECONDS,
  }
}

/** X.509-SVID, section 6.1: it has no `kid`, and one certificate. */
function authorityKey(der: Uint8Array): JWK {
  const certificate = new X509Certificate(der)
  const jwk = certificate.publicKey.export({ format: 'jwk' }) as JWK
  return { ...jwk, use: 'x509-svid', x5c: [certificate.raw.toString('base64')] }
}

/** The authorities that X.509-SVIDs of the trust domain are leased of, with the lists of what they refuse. */
export async function x509Trust(
  db: Db,
  { keys, config, connections }: Pick<Broker, 'keys' | 'config' | 'connections'>,
  domain: TrustDomain,
): Promise<Trust> {
  const instances = new Map<string, { system: string; instance: string }>()
  for (const definition of config.leases) {
    if (definition.like === undefined || !spiffeIdOf(definition)?.startsWith(`${domain.id}/`)) continue
    try {
      const { system, instance } = await identityNamed(db, keys, definition.like)
      instances.set(`${system} ${instance}`, { system, instance })
    } catch (error) {
      // Of what is not observed yet nothing was issued.
      if (!isFirebreakError(error, 'NOT_FOUND', 'AMBIGUOUS')) throw error
    }
  }
  const trusts: Trust[] = []
  for (const [, { system, instance }] of [...instances].sort(([a], [b]) => (a < b ? -1 : 1)))
    for (const source of await connections.forInstance(db, system, instance)) {
      const trust = await (await connections.open(db, source.id)).trust?.()
      if (!trust) continue
      trusts.push(trust)
      break
    }
  return {
    certificates: trusts.flatMap(({ certificates }) => certificates),
    revocationLists: trusts.flatMap(({ revocationLists }) => revocationLists),
  }
}

/** Another number, and a higher one, whenever the content is another (section 4.1.1); the same of all replicas. */
async function sequenceOf(db: Db, digest: string): Promise<number> {
  const standing = async (by: Db) => {
    const row = await by.selectFrom('setting').select('value').where('name', '=', SETTING).executeTakeFirst()
    return row && counted.parse(JSON.parse(row.value))
  }
  const known = await standing(db)
  if (known?.digest === digest) return known.sequence
  return await transaction(db, async tx => {
    const before = await standing(tx)
    if (before?.digest === digest) return before.sequence
    const sequence = (before?.sequence ?? 0) + 1
    const value = JSON.stringify({ digest, sequence })
    await tx
      .insertInto('setting')
      .values({ name: SETTING, value })
      .onConflict(conflict => conflict.column('name').doUpdateSet({ value }))
      .execute()
    return sequence
  })
}
