import { type CryptoKey, importJWK, type JWK } from 'jose'
import { z } from 'zod'
import { bodyWithin } from '../../../core/contract/bounded-body.ts'
import type { Io } from '../../../core/contract/io.ts'
import type { Ms } from '../../../core/contract/ref.ts'
import { isLoopback } from '../../../core/contract/loopback.ts'
import { OauthError } from '../oauth-error.ts'

const MOST_BYTES = 256 * 1024
const MOST_KEYS = 64
const ANSWER_WITHIN_MS = 5_000
const FRESH_MS = 600_000
/** What was fetched stays usable for so long while the issuer does not answer. */
const USABLE_MS = 24 * 3_600_000
/** Unknown key ids make us ask again, but no more often than this: anybody can make one up. */
const ASK_AGAIN_MS = 30_000

const metadata = z.looseObject({ issuer: z.string(), jwks_uri: z.url() })
const keySet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).max(MOST_KEYS) })

/** Whose keys are wanted: `issuer` tells them apart, and is asked where they are unless `jwks` says so. */
export interface KeyHolder {
  readonly issuer: string
  readonly jwks?: string | undefined
}

interface Fetched {
  readonly keys: readonly JWK[]
  readonly at: Ms
}

/** The public keys of the configured issuers. Only what the configuration names is ever asked, never what a token says. */
export class IssuerKeys {
  readonly #io: Io
  readonly #kept = new Map<string, Fetched>()
  readonly #asking = new Map<string, Promise<Fetched>>()
  readonly #askedAt = new Map<string, Ms>()

  constructor(io: Io) {
    this.#io = io
  }

  /**
   * The key that a token's header names. One that is not known makes us ask once more, since the issuer may have changed
   * its keys. Raises `invalid_token` where there is none, and `temporarily_unavailable` where the issuer does not answer.
   */
  async find(trusted: KeyHolder, kid: string | undefined, algorithm: string): Promise<CryptoKey> {
    let fetched = await this.#keysOf(trusted, FRESH_MS)
    let key = chosen(fetched.keys, kid, algorithm)
    const asked = this.#askedAt.get(trusted.issuer) ?? 0
    if (!key && this.#now() - asked >= ASK_AGAIN_MS) {
      fetched = await this.#keysOf(trusted, 0)
      key = chosen(fetched.keys, kid, algorithm)
    }
    return await usable(key, algorithm)
  }

  /** All that the holder publishes. Raises `temporarily_unavailable`. */
  async all(trusted: KeyHolder): Promise<readonly JWK[]> {
    return (await this.#keysOf(trusted, FRESH_MS)).keys
  }

  async #keysOf(trusted: KeyHolder, freshMs: Ms): Promise<Fetched> {
    const kept = this.#kept.get(trusted.issuer)
    if (kept && this.#now() - kept.at < freshMs) return kept
    const running = this.#asking.get(trusted.issuer)
    if (running) return await running
    const asking = this.#ask(trusted)
      .then(keys => {
        const fetched = { keys, at: this.#now() }
        this.#kept.set(trusted.issuer, fetched)
        return fetched
      })
      .catch(error => {
        // An issuer that is away for a while does not end what it vouched for.
        if (kept && this.#now() - kept.at < USABLE_MS) return kept
        throw error
      })
      .finally(() => {
        this.#asking.delete(trusted.issuer)
        this.#askedAt.set(trusted.issuer, this.#now())
      })
    this.#asking.set(trusted.issuer, asking)
    return await asking
  }

  async #ask(trusted: KeyHolder): Promise<readonly JWK[]> {
    const address = trusted.jwks ?? (await this.#jwksAddress(trusted))
    const parsed = keySet.safeParse(await this.#json(address))
    if (!parsed.success) throw unavailable('its keys are of another form, or too many')
    return parsed.data.keys as JWK[]
  }

  /** OpenID Connect Discovery 1.0, section 4. Its keys must be where it is itself: elsewhere only the configuration says. */
  async #jwksAddress({ issuer }: KeyHolder): Promise<string> {
    const parsed = metadata.safeParse(
      await this.#json(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`),
    )
    if (!parsed.success || parsed.data.issuer !== issuer)
      throw unavailable('its metadata is of another form, or of another issuer')
    const { jwks_uri } = parsed.data
    if (new URL(jwks_uri).origin !== new URL(issuer).origin)
      throw unavailable('its metadata sends elsewhere for its keys; say in the configuration where they are')
    return jwks_uri
  }

  async #json(address: string): Promise<unknown> {
    const url = new URL(address)
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url)))
      throw unavailable('only https is asked')
    const signal = AbortSignal.any([AbortSignal.timeout(ANSWER_WITHIN_MS), this.#io.signal])
    try {
      // A redirection may lead to any place within our own network.
      const response = await this.#io.fetch(url, {
        redirect: 'error',
        signal,
        headers: { accept: 'application/json' },
      })
      if (!response.ok) throw unavailable(`it answers ${response.status}`)
      const body = await bodyWithin(response, MOST_BYTES, () => unavailable('it answers with too much'))
      return JSON.parse(body.toString('utf8'))
    } catch (error) {
      if (error instanceof OauthError) throw error
      throw unavailable('it does not answer, or with what is no JSON')
    }
  }

  #now(): Ms {
    return this.#io.now().getTime()
  }
}

/** The one of these that is meant, where the configuration has them itself. */
export async function keyAmong(
  keys: readonly JWK[],
  kid: string | undefined,
  algorithm: string,
): Promise<CryptoKey> {
  return await usable(chosen(keys, kid, algorithm), algorithm)
}

const imported = new WeakMap<JWK, Map<string, CryptoKey>>()

async function usable(key: JWK | undefined, algorithm: string): Promise<CryptoKey> {
  if (!key) throw new OauthError('invalid_token', 'it is signed with no key of its issuer')
  const known = imported.get(key)?.get(algorithm)
  if (known) return known
  try {
    const fresh = await importJWK(key, algorithm)
    if (fresh instanceof Uint8Array) throw new TypeError('a shared secret')
    imported.set(key, (imported.get(key) ?? new Map<string, CryptoKey>()).set(algorithm, fresh))
    return fresh
  } catch {
    throw new OauthError('invalid_token', 'the issuer’s key does not fit the algorithm')
  }
}

/** A key without an id is meant where it is the only one that fits. */
function chosen(keys: readonly JWK[], kid: string | undefined, algorithm: string): JWK | undefined {
  const fitting = keys.filter(
    key =>
      fits(key, algorithm) &&
      (key.use === undefined || key.use === 'sig' || key.use === 'jwt-svid') &&
      (key.alg === undefined || key.alg === algorithm) &&
      (kid === undefined || key.kid === kid),
  )
  return kid !== undefined || fitting.length === 1 ? fitting[0] : undefined
}

const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

function fits(key: JWK, algorithm: string): boolean {
  if (algorithm === 'EdDSA') return key.kty === 'OKP' && key.crv === 'Ed25519'
  const curve = CURVES[algorithm]
  return curve === undefined ? key.kty === 'RSA' : key.kty === 'EC' && key.crv === curve
}

function unavailable(why: string): OauthError {
  return new OauthError('temporarily_unavailable', `the token's issuer cannot be asked: ${why}`)
}
