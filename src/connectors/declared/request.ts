import { contentTypeOf, type RevokeCall } from '../../core/contract/declared-step.ts'
import type { Secret } from '../../core/contract/secret.ts'

/** A call that is ready to be made: it holds the secret, and is never printed. */
export interface Request {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** A declared call without its address. */
export type Template = Pick<RevokeCall, 'method' | 'headers' | 'basic' | 'body'>

/** Some servers turn away who does not say what they are. */
const USER_AGENT = 'firebreak'

/**
 * Fills a secret into a declared call, encoded as each place needs. A sentence where it cannot be: no server accepts what no
 * request can carry, but nobody has asked it.
 */
export function fill(url: string, template: Template, secret: Secret, own = ''): Request | string {
  const value = textOf(secret)
  if (value === undefined) return 'The credential is no text that a request could carry.'
  const texts = [url, template.body ?? '', ...Object.values(template.headers ?? {})]
  if (template.basic) texts.push(template.basic.user, template.basic.password)
  const { id } = secret
  if (id === undefined && texts.some(text => text.includes('{{id}}')))
    return 'It is accepted only together with its public half, which is not known.'
  const parts = new Map([
    ['value', value],
    ['id', id ?? ''],
    ['own', own],
  ])
  const filled = (text: string, encode: (part: string) => string) =>
    text.replace(/\{\{(value|id|own)\}\}/g, (_, name: string) => encode(parts.get(name) ?? ''))

  const address = new URL(filled(url, urlEncoding))
  // A literal host begins the template, and what is filled in is encoded: this cannot be another one.
  if (address.protocol !== 'https:' || address.host !== new URL(url.replace(/\{\{.*?\}\}/g, 'x')).host)
    throw new TypeError('a declared call leads to another host than it declares')
  const headers: Record<string, string> = { 'User-Agent': USER_AGENT, Accept: 'application/json' }
  for (const [name, text] of Object.entries(template.headers ?? {})) {
    const header = filled(text, part => part)
    if (!/^[\x20-\x7e]*$/.test(header)) return 'The credential holds characters that no header can carry.'
    for (const own of Object.keys(headers)) if (own.toLowerCase() === name.toLowerCase()) delete headers[own]
    headers[name] = header
  }
  if (template.basic) {
    const user = filled(template.basic.user, part => part)
    if (user.includes(':')) return 'A user name with a colon cannot be sent by HTTP Basic.'
    const password = filled(template.basic.password, part => part)
    headers['Authorization'] = `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`
  }
  return {
    url: address,
    method: template.method,
    headers,
    ...(template.body !== undefined && { body: filled(template.body, bodyEncoding(template)) }),
  }
}

/** A colon may stand in a path (RFC 3986, section 3.3), and some servers want it so. No part may be a way up. */
function urlEncoding(part: string): string {
  const encoded = encodeURIComponent(part).replaceAll('%3A', ':')
  return /^\.{1,2}$/.test(encoded) ? encoded.replaceAll('.', '%2E') : encoded
}

function bodyEncoding({ headers }: Template): (part: string) => string {
  if (contentTypeOf(headers) === 'application/json') return part => JSON.stringify(part).slice(1, -1)
  return part => new URLSearchParams({ '': part }).toString().slice(1)
}

function textOf(secret: Secret): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(secret.reveal())
  } catch {
    return undefined
  }
}
