import { type Certifier, endOf, holderOf } from '../../core/contract/certified.ts'
import type { Issued, Want } from '../../core/contract/connector.ts'
import { newSshKey } from '../../core/contract/new-ssh-key.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type Authority, certificateRef, sign } from './authority.ts'

/** A certificate is good a little before it is made: a host's clock may be behind. */
const SKEW_MS = 60_000

/**
 * A key of its own and a certificate for it, for the principal of `like`. It is in the book before it is signed. It ends by
 * itself, and its time starts a minute ago.
 */
export async function issue(authority: Authority, want: Want): Promise<Issued> {
  const { config, io, instance, ledger } = authority
  const principal = holderOf(authority, want)
  await authority.mustBeSame()
  const now = io.now().getTime()
  const notAfter = endOf(want, now, config.maxTtlSeconds)
  const serial = newSerial(authority)
  const keyId = `firebreak:${want.name}`.replaceAll(/[^\x21-\x7e]/g, '_').slice(0, 255)
  ledger.enter({ serial, name: keyId, identity: principal, notAfter }, want.name, now)
  const { privateKey, line } = newSshKey(keyId, io.random)
  const certificate = await sign(authority, line, {
    serial,
    keyId,
    principal,
    from: now - SKEW_MS,
    until: notAfter,
  })
  const secret = new Secret(`${privateKey}${certificate}\n`, principal)
  return { ref: certificateRef(instance, serial, principal), secret, notAfter }
}

/** 63 random bits, so that processes need not agree on the next one. */
function newSerial({ io }: Pick<Certifier, 'io'>): string {
  const bytes = Buffer.from(io.random(8))
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return bytes.readBigUInt64BE().toString()
}
