import type { Issued, Want } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Certified } from '../../core/contract/issue-ledger.ts'
import { newSshKey } from '../../core/contract/new-ssh-key.ts'
import type { CredentialRef, Json, Ref, State } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type Authority, certificateRef, mustBeOurs, mustBeSame, publishKrl, sign } from './authority.ts'

/** A certificate is good a little before it is made: a host's clock may be behind. */
const SKEW_MS = 60_000
/** Of a certificate of which only the number is known, when it ends is not: it is refused for as long as one can be signed for. */
const UNKNOWN_END = Date.UTC(9999, 0)

/**
 * A key of its own and a certificate for it, for the principal of `like`. It is in the book before it is signed. It ends by
 * itself, and its time starts a minute ago.
 */
export async function issue(authority: Authority, want: Want): Promise<Issued> {
  const { config, io, instance, ledger } = authority
  const principal = principalOf(authority, want)
  await mustBeSame(authority)
  const now = io.now().getTime()
  const ttlSeconds = Math.min(want.ttlSeconds ?? config.maxTtlSeconds, config.maxTtlSeconds)
  const notAfter = Math.floor(now / 1000 + ttlSeconds) * 1000
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

/** What an attempt of that name may have let out is refused. */
export async function undo(authority: Authority, want: Want): Promise<void> {
  const { io, ledger } = authority
  await mustBeSame(authority)
  const left = ledger.issuedFor(want.name)
  for (const each of left) ledger.set(each, 'revoked', io.now().getTime())
  if (left.length > 0) await publishKrl(authority)
}

/** Refused from now on: one certificate, or all that are known of a principal. Also what we did not sign, by its number. */
export async function revoke(authority: Authority, ref: CredentialRef): Promise<void> {
  await refuse(authority, ref, 'revoked')
}

export async function suspend(authority: Authority, ref: CredentialRef): Promise<void> {
  await refuse(authority, ref, 'suspended')
}

/** What was revoked stays so. */
export async function resume(authority: Authority, ref: CredentialRef, before: State): Promise<void> {
  mustBeOurs(authority, ref)
  await mustBeSame(authority)
  const stood = (before as { state?: Json } | null)?.state
  if (stood !== 'standing' && stood !== 'not known')
    throw new FirebreakError('CONFLICT', 'the certificate did not stand before')
  const { io, ledger } = authority
  for (const each of known(authority, ref)) ledger.set(each, 'standing', io.now().getTime())
  await publishKrl(authority)
}

async function refuse(
  authority: Authority,
  ref: CredentialRef,
  state: 'suspended' | 'revoked',
): Promise<void> {
  mustBeOurs(authority, ref)
  await mustBeSame(authority)
  const { io, ledger } = authority
  for (const each of known(authority, ref)) ledger.set(each, state, io.now().getTime())
  // Also where nothing changed: whoever set it may have died before it was published.
  await publishKrl(authority)
}

function known(
  authority: Authority,
  ref: CredentialRef,
): Pick<Certified, 'serial' | 'name' | 'identity' | 'notAfter'>[] {
  const { io, ledger } = authority
  if (ref.kind === 'principal')
    return ledger.all(io.now().getTime()).filter(({ identity }) => identity === ref.id)
  const identity = ref.identity?.id ?? ''
  return [ledger.find(ref.id) ?? { serial: ref.id, name: '', identity, notAfter: UNKNOWN_END }]
}

/** What the book says; `not known` is signed by somebody else, or by nobody. */
export async function inspect(authority: Authority, ref: Ref): Promise<State> {
  mustBeOurs(authority, ref)
  await mustBeSame(authority)
  if (ref.kind === 'principal') return { principal: ref.id }
  const entry = authority.ledger.find(ref.id)
  // By hand signed and only ever suspended here: as if it were not known.
  if (!entry || (entry.name === '' && entry.state === 'standing'))
    return { serial: ref.id, state: 'not known' }
  return { serial: ref.id, keyId: entry.name, state: entry.state, notAfter: entry.notAfter }
}

function principalOf(authority: Authority, { like, scopes }: Want): string {
  if (!like)
    throw new FirebreakError(
      'UNSUPPORTED',
      'a certificate is issued for a principal',
      'Name the one to be like.',
    )
  mustBeOurs(authority, like)
  if (scopes.length > 0)
    throw new FirebreakError(
      'UNSUPPORTED',
      'a certificate has all the rights of its principal',
      'Leave scopes empty.',
    )
  const principal = like.identity?.id ?? (like.kind === 'principal' ? like.id : undefined)
  if (principal === undefined)
    throw new FirebreakError('UNSUPPORTED', 'it is not known whose certificate it is like')
  return principal
}

/** 63 random bits, so that processes need not agree on the next one. */
function newSerial({ io }: Authority): string {
  const bytes = Buffer.from(io.random(8))
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return bytes.readBigUInt64BE().toString()
}
