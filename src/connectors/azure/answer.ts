import { bodyWithin } from '../../core/contract/bounded-body.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'

/** More than any page of what is asked for, and less than what would fill the memory. */
const MOST_BYTES = 64 * 2 ** 20

export interface Answer {
  readonly status: number
  /** Undefined where it is no JSON. */
  readonly body: unknown
  /** What it says of when to come again. */
  readonly retryAfter: string | null
}

/** One request over HTTP. No redirect is followed: it would take the token along. Raises as `fetch` does. */
export async function answerTo(
  io: Io,
  url: string,
  request: {
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: string
    readonly timeoutMs: number
  },
): Promise<Answer> {
  const { timeoutMs, ...sent } = request
  const response = await io.fetch(url, {
    ...sent,
    redirect: 'error',
    signal: AbortSignal.any([io.signal, AbortSignal.timeout(timeoutMs)]),
  })
  const bytes = await bodyWithin(
    response,
    MOST_BYTES,
    () => new FirebreakError('UNSUPPORTED', `an answer has more than ${MOST_BYTES / 2 ** 20} MiB`),
  )
  return {
    status: response.status,
    body: parsed(bytes.toString('utf8')),
    retryAfter: response.headers.get('retry-after'),
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
