import { request } from 'node:https'
import { isIP } from 'node:net'
import { whyRefused } from '../../core/contract/certified.ts'
import type { Verdict } from '../../core/contract/connector.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { Authority } from './authority.ts'

const KEY_AND_CERTIFICATE =
  /^(-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END [A-Z ]*PRIVATE KEY-----\n)((?:-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n)+)$/

/** Asks the server without a certificate, which it has to refuse, and then with the one that is asked about. */
export async function verify(authority: Authority, ref: CredentialRef, secret?: Secret): Promise<Verdict> {
  authority.mustBeOurs(ref)
  try {
    await authority.mustBeSame()
    if (!secret) return { state: 'unknown', why: 'There is no certificate to try.' }
    const [, key, certificate] = KEY_AND_CERTIFICATE.exec(secret.revealText()) ?? []
    if (!key || !certificate) return { state: 'unknown', why: 'It is no key with its certificate.' }
    const { config } = authority
    const at = `${config.host}:${config.port}`
    const without = await ask(authority)
    if (without === 'let in') return { state: 'unknown', why: `${at} lets in whoever has no certificate.` }
    if (without !== 'refused') return { state: 'unknown', why: without.why }
    const answer = await ask(authority, { key, certificate })
    if (answer === 'let in') return { state: 'live', why: `${at} let it in.`, access: [`is let in at ${at}`] }
    if (answer !== 'refused') return { state: 'unknown', why: answer.why }
    return { state: 'dead', why: `${at} refused it: ${whyRefused(authority, ref)}.` }
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: error.message }
    throw error
  }
}

type Answer = 'let in' | 'refused' | { readonly why: string }

/** What nginx answers to a certificate that it does not take, or where there is none: the connection itself stands. */
const REFUSALS = new Set([400, 495, 496])

function ask(
  { config, io, pem }: Authority,
  client?: { readonly key: string; readonly certificate: string },
): Promise<Answer> {
  return new Promise(resolve => {
    let asked: ReturnType<typeof request>
    try {
      asked = request({
        host: config.host,
        port: config.port,
        path: config.probePath,
        ca: config.serverCa ?? pem,
        agent: false,
        headers: { 'user-agent': 'firebreak' },
        signal: io.signal,
        ...(isIP(config.host) === 0 && { servername: config.host }),
        ...(client && { key: client.key, cert: client.certificate }),
      })
    } catch {
      // The two do not fit together, or are no key and no certificate: nothing was sent.
      return resolve({ why: 'It is no key with its certificate.' })
    }
    asked.setTimeout(config.timeoutMs, () => asked.destroy())
    asked.once('response', response => {
      response.destroy()
      const status = response.statusCode ?? 0
      if (REFUSALS.has(status)) resolve('refused')
      else if (status === 401 || status === 403 || status >= 500)
        resolve({
          why: `No verdict: the server answered ${status}, which need not be about the certificate.`,
        })
      else resolve('let in')
    })
    asked.once('error', error => {
      const code = 'code' in error ? String(error.code) : ''
      // An alert is the server's own word (RFC 8446, section 6.2).
      if (/^ERR_SSL_\w*ALERT/.test(code)) resolve('refused')
      else if (/^(ERR_TLS|ERR_SSL|CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code))
        resolve({ why: `No verdict: TLS failed (${code}).` })
      else resolve({ why: 'No verdict: nobody answers there, or the connection broke off.' })
    })
    asked.end()
  })
}
