import type { Io } from '../../core/contract/io.ts'
import type { Ms } from '../../core/contract/ref.ts'
import { HostGate } from './host-gate.ts'
import type { Request } from './request.ts'

/** What a server answered; `json` where the body is that, and is not too long to be read. */
export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly json?: unknown
}

/** There was no answer that tells anything: `why` is a clause. */
export interface NoReply {
  readonly none: 'unreachable' | 'slow-down'
  readonly why: string
}

export interface Limits {
  readonly timeoutMs: Ms
  /** Longest pause, asked for by a server, that is kept rather than told. */
  readonly patienceMs: Ms
}

const DEFAULT_LIMITS: Limits = { timeoutMs: 10_000, patienceMs: 20_000 }
const MOST_BODY_BYTES = 64 * 1024
const MOST_TRIES = 3
/** Where a server asks to slow down, and does not say for how long. */
const USUAL_PAUSE_MS = 2000

/** Makes calls: bounded in time, in size and in number at once for each host; no redirect is followed. */
export class Exchange {
  readonly #io: Io
  readonly #limits: Limits
  readonly #gates = new Map<string, HostGate>()

  constructor(io: Io, limits: Partial<Limits> = {}) {
    this.#io = io
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
  }

  async send(request: Request): Promise<Reply | NoReply> {
    const { host } = request.url
    const gate = this.#gates.get(host) ?? new HostGate(this.#io)
    this.#gates.set(host, gate)
    return await gate.pass(async () => {
      for (let tries = 1; ; tries++) {
        if (gate.pauseMs > this.#limits.patienceMs) return slowDown(host, gate.pauseMs)
        if (gate.pauseMs > 0) await this.#io.sleep(gate.pauseMs)
        const reply = await this.#once(request)
        if ('none' in reply) return reply
        const pause = this.#pauseOf(reply)
        if (pause === undefined) return reply
        gate.pauseFor(pause)
        if (tries === MOST_TRIES) return slowDown(host, pause)
      }
    })
  }

  async #once(request: Request): Promise<Reply | NoReply> {
    const { host } = request.url
    const timeout = AbortSignal.timeout(this.#limits.timeoutMs)
    try {
      const response = await this.#io.fetch(request.url, {
        method: request.method,
        headers: request.headers,
        ...(request.body !== undefined && { body: request.body }),
        redirect: 'manual',
        signal: AbortSignal.any([this.#io.signal, timeout]),
      })
      const json = await boundedJson(response)
      const { status, headers } = response
      return { status, headers, ...(json !== undefined && { json }) }
    } catch (error) {
      if (this.#io.signal.aborted) throw this.#io.signal.reason
      if (timeout.aborted)
        return { none: 'unreachable', why: `${host} gave no answer in ${this.#limits.timeoutMs / 1000} s` }
      return { none: 'unreachable', why: `${host} could not be reached (${reasonOf(error)})` }
    }
  }

  /** How long to wait before the same call may be made again, where that is what the server said. */
  #pauseOf({ status, headers }: Reply): Ms | undefined {
    const asked = retryAfter(headers.get('retry-after'), this.#io.now().getTime())
    if (status === 429) return asked ?? USUAL_PAUSE_MS
    return asked !== undefined && (status === 503 || status === 403) ? asked : undefined
  }
}

function slowDown(host: string, pauseMs: Ms): NoReply {
  return {
    none: 'slow-down',
    why: `${host} asks to slow down: it can be asked again in ${Math.ceil(pauseMs / 1000)} s`,
  }
}

/** Seconds, or a date (RFC 9110, section 10.2.3). */
function retryAfter(text: string | null, now: Ms): Ms | undefined {
  if (text === null) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/** What comes after the bound is not read: no answer that tells of a credential is that long. */
async function boundedJson(response: Response): Promise<unknown> {
  if (!response.body) return undefined
  const reader = response.body.getReader()
  const parts: Uint8Array[] = []
  let size = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      size += value.length
      if (size > MOST_BODY_BYTES) return undefined
      parts.push(value)
    }
  } finally {
    reader.cancel().catch(() => {})
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'))
  } catch {
    return undefined
  }
}

/** The code of what broke. A message may quote the address, and with it the secret. */
function reasonOf(error: unknown): string {
  for (let each: unknown = error; each instanceof Error; each = each.cause)
    if ('code' in each && typeof each.code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(each.code))
      return each.code
  return 'no answer'
}
