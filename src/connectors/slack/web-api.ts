import { z } from 'zod'
import { bodyWithin } from '../../core/contract/bounded-body.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { SlackConfig } from './config.ts'

const MOST_BYTES = 32 * 2 ** 20
const TIMEOUT_MS = 30_000
/** A workspace's limits are counted by the minute: a few waits outlast them. */
const MOST_WAITS = 5
const MOST_WAIT_SECONDS = 90
/** What one answer holds at most: Slack recommends no more. */
const PAGE = 200
const MOST_PAGES = 100_000

const said = z.looseObject({ ok: z.boolean(), error: z.string().optional() })
const paged = z.looseObject({
  response_metadata: z.looseObject({ next_cursor: z.string().optional() }).optional(),
})

/** The errors by which a method says that the token is none, or none any more. */
const REFUSED: ReadonlySet<string> = new Set([
  'not_authed',
  'invalid_auth',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'access_denied',
])

/** What a method refused for a reason that is its own: a scope, a channel. */
export class SlackRefusal extends FirebreakError {
  readonly reason: string

  constructor(method: string, reason: string) {
    super('DENIED', `Slack refused ${method}: ${reason}`, adviceFor(reason))
    this.reason = reason
  }
}

function adviceFor(reason: string): string {
  return reason === 'missing_scope'
    ? 'Give the app the scopes that connecting asks for, and install it anew.'
    : 'Look up the error at the method’s page on docs.slack.dev.'
}

/**
 * Slack's Web API (https://docs.slack.dev/apis/web-api). All methods answer 200 and say in the body whether they went through; 429 says
 * how many seconds to wait. Raises UNREACHABLE, RATE_LIMITED and DENIED.
 */
export class WebApi {
  readonly #config: SlackConfig
  readonly #io: Io

  constructor(config: SlackConfig, io: Io) {
    this.#config = config
    this.#io = io
  }

  async call<Answer>(
    method: string,
    parameters: Readonly<Record<string, string>>,
    answer: z.ZodType<Answer>,
  ): Promise<Answer> {
    const body = said.safeParse(await this.#answered(method, parameters))
    if (!body.success) throw unreadable(method)
    const { ok, error = 'no reason' } = body.data
    if (!ok) {
      // Some methods say it in the body as well.
      if (error === 'ratelimited') throw slowDown()
      if (REFUSED.has(error))
        throw new FirebreakError('DENIED', `Slack does not take the token: ${reasonOf(error)}`)
      throw new SlackRefusal(method, reasonOf(error))
    }
    const read = answer.safeParse(body.data)
    if (!read.success) throw unreadable(method)
    return read.data
  }

  /** Every item of all pages. */
  async *pages<Answer extends object>(
    method: string,
    parameters: Readonly<Record<string, string>>,
    answer: z.ZodType<Answer>,
  ): AsyncGenerator<Answer> {
    const known = new Set<string>()
    for (let cursor = ''; known.size < MOST_PAGES; known.add(cursor)) {
      const page = await this.call(
        method,
        { ...parameters, limit: String(PAGE), ...(cursor !== '' && { cursor }) },
        answer.and(paged),
      )
      yield page as Awaited<Answer>
      cursor = page.response_metadata?.next_cursor ?? ''
      if (cursor === '') return
      if (known.has(cursor))
        throw new FirebreakError('UNREACHABLE', `${method} came back to a page that was read`, 'Try again.')
    }
  }

  async #answered(method: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
    const { endpoint, token } = this.#config
    for (let waits = 0; ; waits++) {
      let response: Response
      let text: string
      try {
        response = await this.#io.fetch(`${endpoint}/${method}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token.revealText()}` },
          body: new URLSearchParams(parameters),
          // The token goes to nobody else.
          redirect: 'error',
          signal: AbortSignal.any([this.#io.signal, AbortSignal.timeout(TIMEOUT_MS)]),
        })
        text = await bounded(response)
      } catch (error) {
        this.#io.signal.throwIfAborted()
        if (error instanceof FirebreakError) throw error
        throw new FirebreakError(
          'UNREACHABLE',
          `Slack did not answer ${method}`,
          'Check the network, then try again.',
        )
      }
      if (response.status === 429 && waits < MOST_WAITS) {
        const seconds = Number(response.headers.get('retry-after') ?? 1)
        if (!Number.isFinite(seconds) || seconds > MOST_WAIT_SECONDS) throw slowDown()
        await this.#io.sleep(Math.max(0, seconds) * 1000)
        continue
      }
      if (response.status === 429) throw slowDown()
      if (!response.ok)
        throw new FirebreakError('UNREACHABLE', `Slack answered ${method} with status ${response.status}`)
      try {
        return JSON.parse(text)
      } catch {
        throw unreadable(method)
      }
    }
  }
}

/** What a server says is shown only where it is one of Slack's own words. */
function reasonOf(error: string): string {
  return /^[a-z_]{1,60}$/.test(error) ? error : 'for a reason that is not shown'
}

async function bounded(response: Response): Promise<string> {
  const bytes = await bodyWithin(
    response,
    MOST_BYTES,
    () => new FirebreakError('UNREACHABLE', `an answer of Slack is larger than ${MOST_BYTES / 2 ** 20} MiB`),
  )
  return bytes.toString()
}

function slowDown(): FirebreakError {
  return new FirebreakError(
    'RATE_LIMITED',
    'Slack takes no more calls for now',
    'Try again in a few minutes.',
  )
}

function unreadable(method: string): FirebreakError {
  return new FirebreakError(
    'UNREACHABLE',
    `Slack’s answer to ${method} is not of the form that is documented`,
  )
}
