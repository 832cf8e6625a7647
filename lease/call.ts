const MOST_CHARACTERS = 256 * 1024
const ANSWER_WITHIN_MS = 60_000
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost'])

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** Over https, or within this machine, and nowhere else than to that address: a secret goes along. */
export async function call(
  who: string,
  address: string,
  asked: { readonly method: 'GET' | 'POST' | 'DELETE'; readonly bearer: string; readonly json?: object },
): Promise<Answer> {
  const url = URL.canParse(address) ? new URL(address) : undefined
  const isPrivate = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.has(url.hostname))
  if (!url || !isPrivate || url.username !== '')
    throw new Error(`${who} is asked over https only: give its address as https://…`)
  let response: Response
  let text: string
  try {
    response = await fetch(url, {
      method: asked.method,
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${asked.bearer}`,
        ...(asked.json && { 'content-type': 'application/json' }),
      },
      ...(asked.json && { body: JSON.stringify(asked.json) }),
    })
    text = await response.text()
  } catch {
    throw new Error(`${who} does not answer, or sends elsewhere`)
  }
  let body: unknown
  try {
    body = text.length <= MOST_CHARACTERS ? JSON.parse(text) : undefined
  } catch {
    // It is as none.
  }
  if (typeof body !== 'object' || body === null)
    throw new Error(`${who} answers ${response.status} with no JSON`)
  return { status: response.status, body: body as Answer['body'] }
}

/** What a text of the answer is; empty where it is none. */
export function textIn(body: unknown, name: string): string {
  const value =
    typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined
  return typeof value === 'string' ? value : ''
}

/** OAuth's error code with its description, on one line. */
export function refusal(body: unknown): string {
  return `${textIn(body, 'error')}: ${textIn(body, 'error_description')}`
    .replaceAll(/\s+/g, ' ')
    .slice(0, 500)
}
