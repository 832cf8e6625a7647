import { createHash, timingSafeEqual, randomBytes, verify } from 'node:crypto'
import type { Answered, Asked, MemoryApplication, MemoryAzure } from './memory.ts'

const CODES = {
  absent: [400, 'unauthorized_client', 700016],
  disabled: [401, 'unauthorized_client', 7000112],
  ended: [401, 'invalid_client', 7000222],
  missing: [401, 'invalid_client', 7000216],
  signature: [401, 'invalid_client', 700027],
  tenant: [400, 'invalid_tenant', 90002],
  wrong: [401, 'invalid_client', 7000215],
} as const

/** What login.microsoftonline.com answers: which tenant a name is, and tokens. */
export function tokenAnswer(twin: MemoryAzure, { url, body }: Asked): Answered {
  const [, name = '', rest = ''] = /^\/([^/]+)\/(.+)$/.exec(url.pathname) ?? []
  if (name !== twin.domain && name !== twin.tenant) return refusal('tenant')
  if (rest === 'v2.0/.well-known/openid-configuration')
    return {
      status: 200,
      body: { issuer: `https://login.microsoftonline.com/${twin.tenant}/v2.0`, token_endpoint: '' },
    }
  const form = new URLSearchParams(body)
  const application = twin.applications.get(form.get('client_id') ?? '')
  if (!application) return refusal('absent')
  const assertion = form.get('client_assertion')
  const refused =
    assertion === null
      ? refusedSecret(application, form.get('client_secret') ?? '')
      : refusedAssertion(application, assertion, url)
  if (refused) return refusal(refused)
  if (!application.enabled) return refusal('disabled')
  const token = randomBytes(24).toString('base64url')
  const { hostname } = new URL(form.get('scope') ?? '')
  twin.tokens.set(token, hostname === '127.0.0.1' ? 'loopback' : hostname)
  return { status: 200, body: { token_type: 'Bearer', expires_in: 3599, access_token: token } }
}

function refusedSecret(
  { passwords, principalPasswords }: MemoryApplication,
  given: string,
): keyof typeof CODES | undefined {
  if (given === '') return 'missing'
  const found = [...passwords, ...principalPasswords].find(({ secretText }) => same(secretText, given))
  if (!found) return 'wrong'
  return Date.parse(found.endDateTime) < Date.now() ? 'ended' : undefined
}

function refusedAssertion(
  { certificates, appId }: MemoryApplication,
  assertion: string,
  url: URL,
): keyof typeof CODES | undefined {
  const [header = '', payload = '', signature = ''] = assertion.split('.')
  const read = (part: string) =>
    JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
  const { x5t, alg } = read(header)
  const { iss, sub, aud, exp } = read(payload)
  const certificate = certificates.find(
    ({ customKeyIdentifier }) => Buffer.from(customKeyIdentifier, 'hex').toString('base64url') === x5t,
  )
  const isRight =
    certificate !== undefined &&
    alg === 'RS256' &&
    iss === appId &&
    sub === appId &&
    String(aud).endsWith(url.pathname) &&
    Number(exp) * 1000 > Date.now() &&
    verify(
      'sha256',
      Buffer.from(`${header}.${payload}`),
      certificate.publicKey,
      Buffer.from(signature, 'base64url'),
    )
  return isRight ? undefined : 'signature'
}

function refusal(why: keyof typeof CODES): Answered {
  const [status, error, code] = CODES[why]
  return { status, body: { error, error_codes: [code], error_description: `AADSTS${code}: ${why}` } }
}

function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
