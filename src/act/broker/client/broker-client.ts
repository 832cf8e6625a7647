import process from 'node:process'
import { z } from 'zod'
import { FirebreakError } from '../../../core/contract/errors.ts'
import { type Io, realIo } from '../../../core/contract/io.ts'
import { Secret } from '../../../core/contract/secret.ts'
import { ask, mustBePrivate } from './broker-call.ts'
import { secretOfParts } from '../lease/credential-parts.ts'
import { failureOf } from '../oauth-error.ts'
import { type TokenPlace, workloadToken } from './platform-token.ts'

const MOST_CHARACTERS = 64 * 1024
const text = z.string().max(1024)
const value = z.string().min(1).max(MOST_CHARACTERS)

const leaseAnswer: z.ZodType<LeaseStanding> = z.object({
  // It becomes part of an address.
  id: z.string().regex(/^[0-9a-f-]{36}$/),
  state: text,
  createdAt: z.iso.datetime(),
  notAfter: z.iso.datetime(),
  standing: z.boolean().optional(),
})

const credential: z.ZodType<LeaseAddress & LeasedParts> = z.object({
  system: text.min(1),
  host: text.optional(),
  port: z.int().min(0).max(65_535).optional(),
  database: text.optional(),
  region: text.optional(),
  endpoint: text.optional(),
  user: text,
  password: value.optional(),
  sessionToken: value.optional(),
  privateKey: value.optional(),
  certificate: value.optional(),
})

const granted: z.ZodType<LeaseAnswer> = z.object({
  lease: leaseAnswer,
  handle: value,
  credential: credential.optional(),
  accessToken: value.optional(),
})

const renewed = z.object({ lease: leaseAnswer, accessToken: value.optional() })

const refusal = z.object({ error: text, error_description: z.string().default('') })

/** What is asked for, and by which token. */
export interface LeaseAsk {
  /** As the broker's configuration names it. */
  readonly name: string
  readonly ttlSeconds?: number
  readonly scopes?: readonly string[]
  readonly task?: string
  /** Where the token stands that says who asks; without, where the platform puts it. */
  readonly token?: TokenPlace
  /** Whom the platform is to make the token for: the broker's `issuer`, where that is not its address. */
  readonly audience?: string
}

/** Where a credential is accepted. */
export interface LeaseAddress {
  readonly system: string
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly database?: string | undefined
  readonly region?: string | undefined
  readonly endpoint?: string | undefined
}

/** A broker elsewhere, by its HTTP API. What it refuses, and what fails, is raised as `FirebreakError`. */
export class BrokerClient {
  readonly #url: URL
  readonly #io: Pick<Io, 'fetch' | 'signal' | 'now'>

  constructor(url: string, io: Pick<Io, 'fetch' | 'signal' | 'now'> = realIo()) {
    if (!URL.canParse(url))
      throw new FirebreakError('INVALID_INPUT', 'the broker’s address is no URL', 'https://broker.example')
    this.#url = new URL(url)
    this.#url.search = this.#url.hash = ''
    mustBePrivate('the broker', this.#url)
    this.#io = io
  }

  /** A lease of its own for who asks. It has to be ended: `await using` does so by itself. */
  async lease(wanted: LeaseAsk, environment: NodeJS.ProcessEnv = process.env): Promise<HeldLease> {
    const { token: place, audience = this.#url.href.replace(/\/$/, ''), ...asked } = wanted
    const bearer = await workloadToken(this.#io, environment, audience, place)
    const call = (method: 'POST' | 'DELETE', path: string, by: Secret, json?: object) =>
      this.#call(method, path, by, json)
    const answer = parsed(granted, await call('POST', '/leases', bearer, asked))
    return new HeldLease(call, answer)
  }

  async #call(method: 'POST' | 'DELETE', path: string, bearer: Secret, json?: object): Promise<unknown> {
    const url = new URL(`${this.#url.pathname.replace(/\/$/, '')}${path}`, this.#url)
    const { status, body } = await ask(this.#io, 'the broker', url, {
      method,
      bearer,
      ...(json && { json }),
    })
    if (status === 200 || status === 201) return body
    const said = refusal.safeParse(body)
    if (!said.success) throw new FirebreakError('UNREACHABLE', `the broker answers ${status}`)
    const { error, error_description } = said.data
    throw failureOf(error, error_description.slice(0, 500))
  }
}

interface LeasedParts {
  readonly user: string
  readonly password?: string | undefined
  readonly sessionToken?: string | undefined
  readonly privateKey?: string | undefined
  readonly certificate?: string | undefined
}

interface LeaseStanding {
  readonly id: string
  readonly state: string
  readonly createdAt: string
  readonly notAfter: string
  readonly standing?: boolean | undefined
}

/** What the broker answers with, as far as it is used. */
interface LeaseAnswer {
  readonly lease: LeaseStanding
  readonly handle: string
  readonly credential?: (LeaseAddress & LeasedParts) | undefined
  readonly accessToken?: string | undefined
}

type Call = (method: 'POST' | 'DELETE', path: string, bearer: Secret, json?: object) => Promise<unknown>

/** A lease that this process holds. */
export class HeldLease {
  readonly id: string
  /** The password with its user as `id`; a session’s keys as `credential_process` has them; a private key with its certificate after it; or the access token. */
  secret: Secret
  /** Of a credential: where it is accepted. An access token has none. */
  readonly at: LeaseAddress | undefined
  readonly createdAt: Date
  /** It is a standing secret: `end` ends the lease, and not the secret. */
  readonly standing: boolean
  notAfter: Date
  readonly #call: Call
  readonly #handle: Secret
  #ended = false

  constructor(call: Call, answer: LeaseAnswer) {
    const { lease, handle, credential, accessToken } = answer
    this.#call = call
    this.#handle = new Secret(handle)
    this.id = lease.id
    this.createdAt = new Date(lease.createdAt)
    this.standing = lease.standing === true
    this.notAfter = new Date(lease.notAfter)
    if (credential) {
      const { user, password, sessionToken, privateKey, certificate, ...at } = credential
      this.at = at
      this.secret = secretOfParts({ user, password, sessionToken, privateKey, certificate })
    } else this.secret = new Secret(accessToken ?? '')
    if (this.secret.length === 0) throw unlike()
  }

  /**
   * For as long again as it was given for, though never beyond the lease's `maxTtl`; false where that is reached. It is decided
   * again, and refused as a first time would be. An access token is another one after it: `secret` is that.
   */
  async renew(): Promise<boolean> {
    const json = this.at ? {} : { accessToken: this.secret.revealText() }
    const answer = parsed(renewed, await this.#call('POST', `/leases/${this.id}/renew`, this.#handle, json))
    const notAfter = new Date(answer.lease.notAfter)
    const isLonger = notAfter.getTime() > this.notAfter.getTime()
    this.notAfter = notAfter
    if (answer.accessToken !== undefined) this.secret = new Secret(answer.accessToken)
    return isLonger
  }

  /** Ends it: what was issued is revoked. Raises STUCK where the broker has to try again; it does so by itself. */
  async end(): Promise<void> {
    if (this.#ended) return
    const answer = parsed(leaseAnswer, await this.#call('DELETE', `/leases/${this.id}`, this.#handle))
    this.#ended = true
    if (answer.state === 'ending')
      throw new FirebreakError(
        'STUCK',
        `the lease ${this.id} could not be ended yet`,
        'the broker tries again',
      )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }
}

function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  const read = schema.safeParse(body)
  if (!read.success) throw unlike()
  return read.data
}

function unlike(): FirebreakError {
  return new FirebreakError(
    'UNREACHABLE',
    'what answers is no broker, or one of another version',
    'see whether the address is right',
  )
}
