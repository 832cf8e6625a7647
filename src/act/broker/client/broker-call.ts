import { bodyWithin } from '../../../core/contract/bounded-body.ts'
import { FirebreakError } from '../../../core/contract/errors.ts'
import type { Io } from '../../../core/contract/io.ts'
import type { Secret } from '../../../core/contract/secret.ts'
import { isLoopback } from '../../../core/contract/loopback.ts'

const MOST_BYTES = 256 * 1024
/** Longer than the broker itself tries what fails. */
const ANSWER_WITHIN_MS = 60_000

interface Answer {
  readonly status: number
  readonly body: unknown
}

/**
 * One call with a secret in its header: over https, or within this machine; where it leads elsewhere it is not followed. Raises
 * UNREACHABLE where there is no answer, or none that is JSON of a bounded size.
 */
export async function ask(
  io: Pick<Io, 'fetch' | 'signal'>,
  who: string,
  url: URL,
  call: { readonly method: 'GET' | 'POST' | 'DELETE'; readonly bearer: Secret; readonly json?: object },
): Promise<Answer> {
  mustBePrivate(who, url)
  const { method, bearer, json } = call
  const unreachable = (why: string) => new FirebreakError('UNREACHABLE', `${who} ${why}`)
  try {
    const response = await io.fetch(url, {
      method,
      redirect: 'error',
      signal: AbortSignal.any([AbortSignal.timeout(ANSWER_WITHIN_MS), io.signal]),
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${bearer.revealText()}`,
        ...(json && { 'content-type': 'application/json' }),
      },
      ...(json && { body: JSON.stringify(json) }),
    })
    const body = await bodyWithin(response, MOST_BYTES, () => unreachable('answers with too much'))
    return { status: response.status, body: JSON.parse(body.toString('utf8')) as unknown }
  } catch (error) {
    if (error instanceof FirebreakError) throw error
    if (error instanceof SyntaxError) throw unreachable('answers with what is no JSON')
    throw unreachable('does not answer, or sends elsewhere')
  }
}

/** Raises INVALID_CONFIG where others could read what is sent. */
export function mustBePrivate(who: string, url: URL): void {
  const isPrivate = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
  if (isPrivate && url.username === '' && url.password === '') return
  throw new FirebreakError(
    'INVALID_CONFIG',
    `${who} is asked over https only, or on a loopback address`,
    'give its address as https://…, with no user in it',
  )
}
