import type { Want } from './connector.ts'
import { FirebreakError } from './errors.ts'
import type { Io } from './io.ts'
import type { Certified, IssueLedger } from './issue-ledger.ts'
import type { CredentialRef, Json, Ms, Ref, State } from './ref.ts'

/**
 * An authority that signs certificates, keeps a book of them (`IssueLedger`), and publishes a list by which others refuse some. What
 * is done to certificates once they are signed is the same for all of them, and is done here.
 */
export interface Certifier {
  readonly io: Io
  readonly instance: string
  readonly ledger: IssueLedger
  /** The kind of those whom certificates are for. */
  readonly holder: string
  /** What a certificate is called there. */
  readonly signs: 'certificate' | 'user'
  /** Raises UNSUPPORTED or CONFLICT for a reference to anything but one of its holders or certificates. */
  mustBeOurs(ref: Ref): void
  /** Raises CONFLICT where another authority is there by now, UNREACHABLE where none is. */
  mustBeSame(): Promise<void>
  /** Makes the list what the book says. */
  publish(): Promise<void>
}

/** Of a certificate of which only the number is known, when it ends is not: it is refused for as long as one can be signed for. */
const UNKNOWN_END = Date.UTC(9999, 0)

/** Whom a certificate like that one is for. */
export function holderOf(certifier: Certifier, { like, scopes }: Want): string {
  if (!like)
    throw new FirebreakError(
      'UNSUPPORTED',
      `a ${certifier.signs} is issued for a ${certifier.holder}`,
      'Name the one to be like.',
    )
  certifier.mustBeOurs(like)
  if (scopes.length > 0)
    throw new FirebreakError(
      'UNSUPPORTED',
      `a ${certifier.signs} has all the rights of its ${certifier.holder}`,
      'Leave scopes empty.',
    )
  const holder = like.identity?.id ?? (like.kind === certifier.holder ? like.id : undefined)
  if (holder === undefined)
    throw new FirebreakError('UNSUPPORTED', `it is not known whose ${certifier.signs} it is like`)
  return holder
}

/** When a certificate ends that is asked for now: in whole seconds, as all of them are written. */
export function endOf({ ttlSeconds }: Want, now: Ms, mostSeconds: number): Ms {
  return Math.floor(now / 1000 + Math.min(ttlSeconds ?? mostSeconds, mostSeconds)) * 1000
}

/** What an attempt of that name may have let out is refused. */
export async function undo(certifier: Certifier, want: Want): Promise<void> {
  await certifier.mustBeSame()
  const left = certifier.ledger.issuedFor(want.name)
  for (const each of left) certifier.ledger.set(each, 'revoked', certifier.io.now().getTime())
  if (left.length > 0) await certifier.publish()
}

/** One certificate, or all that are known of a holder. Also what others signed, by its number. */
export async function refuse(
  certifier: Certifier,
  ref: CredentialRef,
  state: 'suspended' | 'revoked',
): Promise<void> {
  certifier.mustBeOurs(ref)
  await certifier.mustBeSame()
  for (const each of known(certifier, ref)) certifier.ledger.set(each, state, certifier.io.now().getTime())
  // Also where nothing changed: whoever entered it may have died before it was published.
  await certifier.publish()
}

/** What was revoked stays so. */
export async function resume(certifier: Certifier, ref: CredentialRef, before: State): Promise<void> {
  certifier.mustBeOurs(ref)
  await certifier.mustBeSame()
  const stood = (before as { state?: Json } | null)?.state
  if (stood !== 'standing' && stood !== 'not known')
    throw new FirebreakError('CONFLICT', `the ${certifier.signs} did not stand before`)
  for (const each of known(certifier, ref))
    certifier.ledger.set(each, 'standing', certifier.io.now().getTime())
  await certifier.publish()
}

/** What the book says; `not known` is signed by somebody else, or by nobody. */
export async function inspect(certifier: Certifier, ref: Ref): Promise<State> {
  certifier.mustBeOurs(ref)
  await certifier.mustBeSame()
  if (ref.kind === certifier.holder) return { [certifier.holder]: ref.id }
  const entry = certifier.ledger.find(ref.id)
  // Signed elsewhere and only ever suspended here: as if it were not known.
  if (!entry || (entry.name === '' && entry.state === 'standing'))
    return { serial: ref.id, state: 'not known' }
  return { serial: ref.id, name: entry.name, state: entry.state, notAfter: entry.notAfter }
}

/** Who refuses a certificate seldom says why; the book knows what it was told. */
export function whyRefused({ io, ledger }: Certifier, ref: CredentialRef): string {
  const entry = ledger.find(ref.id)
  if (entry?.state === 'revoked') return 'it is revoked'
  if (entry?.state === 'suspended') return 'it is suspended'
  if (entry && entry.notAfter <= io.now().getTime()) return 'its time is over'
  return 'why is not said'
}

function known(
  { io, ledger, holder }: Certifier,
  ref: CredentialRef,
): Pick<Certified, 'serial' | 'name' | 'identity' | 'notAfter'>[] {
  if (ref.kind === holder) return ledger.all(io.now().getTime()).filter(({ identity }) => identity === ref.id)
  const identity = ref.identity?.id ?? ''
  return [ledger.find(ref.id) ?? { serial: ref.id, name: '', identity, notAfter: UNKNOWN_END }]
}
