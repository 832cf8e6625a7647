import type { IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import type { Access } from './config.ts'

/** As much of `fetch` as is needed. */
export type Fetch = (
  url: URL,
  init: { method: string; headers: Record<string, string>; body?: string; signal: AbortSignal },
) => Promise<Response>

/**
 * What speaks to the API server. Only where a certificate authority or certificate of our own is given is it not
 * `fetch` itself, which takes neither. With `bare` no certificate is shown: who would show one is taken for its owner, whatever
 * token comes beside it.
 */
export function transportOf(
  { ca, clientCertificate, clientKey }: Access,
  plain: typeof fetch,
  { bare }: { readonly bare: boolean },
): Fetch {
  const shows = clientCertificate !== undefined && clientKey !== undefined && !bare
  if (ca === undefined && !shows)
    // Followed, a token would go to wherever a redirect points.
    return (url, init) => plain(url, { ...init, redirect: 'manual' })
  const options: RequestOptions = {
    ...(ca !== undefined && { ca }),
    ...(shows && { cert: clientCertificate, key: Buffer.from(clientKey.reveal()) }),
  }
  return async (url, { method, headers, body, signal }) => {
    const { request } = await import('node:https')
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const asking = request(url, { ...options, method, headers, signal }, resolve)
      asking.on('error', reject)
      asking.end(body)
    })
    const chunks: Uint8Array[] = []
    for await (const chunk of answer) chunks.push(chunk as Uint8Array)
    const status = answer.statusCode ?? 0
    return new Response(status === 204 || status === 304 ? null : Buffer.concat(chunks), {
      status,
      headers: Object.entries(answer.headers).flatMap(([name, value]) =>
        typeof value === 'string' ? [[name, value] as [string, string]] : [],
      ),
    })
  }
}
