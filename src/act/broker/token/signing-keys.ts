import {
  type CryptoKey,
  exportJWK,
  exportPKCS8,
  generateKeyPair,
  importJWK,
  importPKCS8,
  type JWK,
} from 'jose'
import { newId } from '../../../core/contract/id.ts'
import type { Io } from '../../../core/contract/io.ts'
import type { Ms } from '../../../core/contract/ref.ts'
import { Secret } from '../../../core/contract/secret.ts'
import { record } from '../../../core/evidence/evidence.ts'
import type { Keys } from '../../../core/keys/keys.ts'
import { seal, unseal } from '../../../core/keys/seal.ts'
import type { Row } from '../../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../../core/store/store.ts'
import type { BrokerConfig } from '../broker-config.ts'

/** A new key is published for so long before it signs, so that whoever keeps our keys has it by then. */
const PUBLISHED_BEFORE_MS = 3_600_000
/** What was read is good for so long: a new key signs an hour after it is there, and no replica needs it sooner. */
const KEPT_MS = 10_000
const UNKNOWN_KEPT_MS = 1_000

export interface SigningKey {
  readonly id: string
  readonly algorithm: 'EdDSA' | 'ES256'
  readonly key: CryptoKey
}

/** Of SPIFFE's tokens EdDSA is none of the algorithms (JWT-SVID, section 2.1). */
const SVID_ALGORITHM = 'ES256'

type Configured = Pick<BrokerConfig, 'signing' | 'rotateKeys' | 'leases'>

/**
 * The broker's own keys: sealed by the root key, the same for all replicas, each in its time. What signs access tokens signs no
 * JWT-SVID, or the one could be shown for the other.
 */
export class SigningKeys {
  readonly #db: Db
  readonly #io: Io
  readonly #keys: Keys
  readonly #config: Configured
  readonly #signs: Row<'signing_key'>['signs']
  readonly #algorithm: SigningKey['algorithm']
  readonly #opened = new Map<string, CryptoKey>()
  readonly #public = new Map<string, CryptoKey>()
  #kept: { readonly rows: readonly Row<'signing_key'>[]; readonly at: Ms } | undefined

  constructor(
    db: Db,
    io: Io,
    keys: Keys,
    config: Configured,
    signs: Row<'signing_key'>['signs'] = 'access-token',
  ) {
    this.#db = db
    this.#io = io
    this.#keys = keys
    this.#config = config
    this.#signs = signs
    this.#algorithm = signs === 'jwt-svid' ? SVID_ALGORITHM : config.signing
  }

  /** The one that signs now. */
  async current(): Promise<SigningKey> {
    const rows = await this.#rows()
    // The first one signs from the moment at which it was made just now.
    const now = this.#now()
    const row = rows.filter(key => key.algorithm === this.#algorithm && key.signs_from <= now).at(-1)!
    return { id: row.id, algorithm: row.algorithm, key: await this.#open(row) }
  }

  /** RFC 7517: all that a token which is still good may be signed with, and the next one. */
  async published(keptMs: Ms = KEPT_MS): Promise<{ keys: JWK[] }> {
    return { keys: (await this.#rows(keptMs)).map(row => JSON.parse(row.public_key) as JWK) }
  }

  /** The public half of what a token that is still good may be signed with. */
  async verifying(id: string | undefined): Promise<{ algorithm: string; key: CryptoKey } | undefined> {
    const ofId = (key: Row<'signing_key'>) => key.id === id
    // Another replica may have made the very first one a moment ago.
    const row = (await this.#rows()).find(ofId) ?? (await this.#rows(UNKNOWN_KEPT_MS)).find(ofId)
    if (!row) return undefined
    const known = this.#public.get(row.id)
    const key = known ?? ((await importJWK(JSON.parse(row.public_key) as JWK, row.algorithm)) as CryptoKey)
    this.#public.set(row.id, key)
    return { algorithm: row.algorithm, key }
  }

  async #rows(keptMs: Ms = KEPT_MS): Promise<readonly Row<'signing_key'>[]> {
    const age = this.#kept && this.#now() - this.#kept.at
    if (this.#kept && age !== undefined && age >= 0 && age < keptMs) return this.#kept.rows
    await this.rotate()
    const rows = await this.#standing(this.#db)
    this.#kept = { rows, at: this.#now() }
    return rows
  }

  /** Makes the next key where its time has come. Of several replicas one does. */
  async rotate(): Promise<void> {
    if (!this.#isDue(await this.#standing(this.#db))) return
    const made = await this.#make()
    await transaction(this.#db, async tx => {
      const standing = await this.#standing(tx)
      if (!this.#isDue(standing)) return
      const now = this.#now()
      const first = !standing.some(key => key.algorithm === this.#algorithm)
      const signs_from = first ? now : now + PUBLISHED_BEFORE_MS
      const rotateMs = this.#config.rotateKeys * 1000
      const longestMs = Math.max(...this.#config.leases.map(({ maxTtl }) => maxTtl)) * 1000
      await tx
        .insertInto('signing_key')
        .values({
          ...made,
          created_at: now,
          signs_from,
          // The next one may be late by as long as it is published before.
          gone_at: signs_from + rotateMs + 2 * PUBLISHED_BEFORE_MS + longestMs,
        })
        .execute()
      await record(tx, this.#io, {
        kind: 'broker.signing-key',
        subject: made.id,
        body: {
          algorithm: made.algorithm,
          signs: made.signs,
          publicKey: made.public_key,
          signsFrom: signs_from,
        },
      })
    })
  }

  #isDue(standing: readonly Row<'signing_key'>[]): boolean {
    const newest = standing.filter(key => key.algorithm === this.#algorithm).at(-1)
    return !newest || newest.signs_from + this.#config.rotateKeys * 1000 - PUBLISHED_BEFORE_MS <= this.#now()
  }

  async #make() {
    const [algorithm, signs] = [this.#algorithm, this.#signs]
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
    const id = newId(this.#io)
    const about = signs === 'jwt-svid' ? { use: 'jwt-svid' } : { alg: algorithm, use: 'sig' }
    const jwk = { ...(await exportJWK(publicKey)), kid: id, ...about }
    const pem = new Secret(await exportPKCS8(privateKey))
    return {
      id,
      algorithm,
      signs,
      public_key: JSON.stringify(jwk),
      sealed: seal(this.#keys.seal, pem, `signing_key/${id}`, this.#io),
    }
  }

  async #standing(db: Db | Tx): Promise<Row<'signing_key'>[]> {
    return await db
      .selectFrom('signing_key')
      .selectAll()
      .where('signs', '=', this.#signs)
      .where('gone_at', '>', this.#now())
      .orderBy('signs_from')
      .orderBy('id')
      .execute()
  }

  async #open(row: Row<'signing_key'>): Promise<CryptoKey> {
    const known = this.#opened.get(row.id)
    if (known) return known
    const pem = unseal(this.#keys.seal, row.sealed, `signing_key/${row.id}`)
    const key = await importPKCS8(pem.revealText(), row.algorithm)
    this.#opened.set(row.id, key)
    return key
  }

  #now(): Ms {
    return this.#io.now().getTime()
  }
}
