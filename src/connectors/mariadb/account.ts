import { FirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef, Ref } from '../../core/contract/ref.ts'

/** Whom a server knows: a name, and the hosts that it may come from (`%` is any). Roles have no host. */
export interface Account {
  readonly user: string
  readonly host: string
}

/** As a statement has it. */
export function quoted({ user, host }: Account): string {
  return host === '' ? quotedName(user) : `${quotedName(user)}@${quotedName(host)}`
}

export function quotedName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

export function refOf(instance: string, kind: string, id: string): Ref {
  return { system: 'mariadb', instance, kind, id }
}

export function accountRef(instance: string, { user, host }: Account): Ref {
  return refOf(instance, 'user', `${user}@${host}`)
}

/** All that an account may log in with is one credential. */
export function credentialRef(instance: string, account: Account): CredentialRef {
  const identity = accountRef(instance, account)
  return { ...identity, kind: 'password', identity }
}

/** Raises UNSUPPORTED or CONFLICT for a reference to anything but an account or its password. */
export function accountOf(server: { readonly instance: string }, ref: Ref): Account {
  if (ref.system !== 'mariadb' || !['user', 'password'].includes(ref.kind))
    throw new FirebreakError('UNSUPPORTED', `${ref.system} ${ref.kind} is neither a user nor a password here`)
  if (ref.instance !== server.instance)
    throw new FirebreakError(
      'CONFLICT',
      'the reference is to another server',
      'Use the connection of that server.',
    )
  const at = ref.id.lastIndexOf('@')
  if (at < 1) throw new FirebreakError('UNSUPPORTED', `${ref.id} is no account: it has no host`)
  return { user: ref.id.slice(0, at), host: ref.id.slice(at + 1) }
}
