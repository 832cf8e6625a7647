import { FirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef, Ref } from '../../core/contract/ref.ts'

export function refOf(instance: string, kind: string, id: string): Ref {
  return { system: 'redis', instance, kind, id }
}

/** The server itself is a resource of kind `instance`, named by its endpoints: that is how `?host:port` finds it. */
export function instanceRef(instance: string): Ref {
  return refOf(instance, 'instance', instance)
}

/** All that a user may log in with is one credential: the server tells its passwords apart by digests only. */
export function credentialRef(instance: string, name: string): CredentialRef {
  return { ...refOf(instance, 'password', name), identity: refOf(instance, 'user', name) }
}

/**
 * The user's name out of a reference to it or to its password: Redis has no other key for a user. Raises UNSUPPORTED or
 * CONFLICT for any other reference.
 */
export function userName(server: { readonly instance: string }, ref: Ref): string {
  if (ref.system !== 'redis' || !['user', 'password'].includes(ref.kind)) {
    throw new FirebreakError('UNSUPPORTED', `${ref.system} ${ref.kind} is neither a user nor a password here`)
  }
  if (ref.instance !== server.instance) {
    throw new FirebreakError(
      'CONFLICT',
      `the reference is to server ${ref.instance}, this is ${server.instance}`,
      'Use the connection of that server.',
    )
  }
  // What the server refuses as a name cannot be one of its users (ACLStringHasSpaces in acl.c).
  if (ref.id === '' || /[\s\0\uFFFD]/.test(ref.id))
    throw new FirebreakError('UNSUPPORTED', 'a user’s id here is its name, without spaces')
  return ref.id
}
