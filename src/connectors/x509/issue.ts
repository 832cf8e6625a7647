import { endOf, holderOf } from '../../core/contract/certified.ts'
import type { Issued, Want } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type Authority, certificateRef, pem, renewCrl, sign, subjectRef } from './authority.ts'

/** A certificate is good a little before it is made: a server's clock may be behind. */
const SKEW_MS = 60_000

/**
 * A key of its own (ECDSA, P-256) and a certificate for it, for the subject of `like`. It is in the book before it is signed, and
 * ends by itself.
 */
export async function issue(authority: Authority, want: Want): Promise<Issued> {
  const { config, io, instance, ledger } = authority
  const subject = holderOf(authority, want)
  const name = /^CN=([^,]+)$/.exec(subject)?.[1]
  if (name === undefined)
    throw new FirebreakError(
      'UNSUPPORTED',
      `certificates are issued for a common name alone, not for ${subject}`,
    )
  await authority.mustBeSame()
  await renewCrl(authority)
  const now = io.now().getTime()
  const notAfter = endOf(want, now, config.maxTtlSeconds)
  const serial = newSerial(authority)
  ledger.enter({ serial, name: `firebreak:${want.name}`, identity: subject, notAfter }, want.name, now)
  const { privateKey, publicKey } = await crypto.subtle.generateKey(
    { name: 'ECDSA', namedCurve: 'P-256' },
    true,
    ['sign', 'verify'],
  )
  const signedAt = io.now().getTime()
  const certificate = await sign(authority, publicKey, {
    serial,
    name,
    from: signedAt - SKEW_MS,
    until: notAfter,
  })
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', privateKey))
  const secret = new Secret(`${pem('PRIVATE KEY', der)}${certificate}`, name)
  return { ref: certificateRef(instance, serial, subjectRef(instance, name)), secret, notAfter }
}

/** 127 random bits, so that processes need not agree on the next one. */
function newSerial({ io }: Authority): string {
  const bytes = Buffer.from(io.random(16))
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return bytes.toString('hex').toUpperCase()
}
