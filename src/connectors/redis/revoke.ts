import { createHash } from 'node:crypto'
import { isIssued } from '../../core/contract/issued-name.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { refOf, userName } from './instance-ref.ts'
import { findUser, mustNotBeUs, type Server, setUser } from './server.ts'
import { endSessions } from './sessions.ts'
import type { User } from './user-rules.ts'

/** The user that every server has, and refuses to delete. */
const BUILT_IN = 'default'

/**
 * A user that we issued, or one revoked as a user, is deleted. Of an ordinary user's several passwords only the one that
 * is given goes; its only one, or all where none is given, leave it without a password and off. Its sessions end in every
 * case. What is not there is success.
 */
export async function revoke(server: Server, ref: CredentialRef, secret?: Secret): Promise<void> {
  const name = userName(server, ref)
  mustNotBeUs(server, name, 'revoked')
  const there = await server.change('revoking', async connection => {
    const user = await findUser(connection, name)
    if (!user) return false
    if ((ref.kind === 'user' || isIssued(name)) && name !== BUILT_IN) {
      // Ends its sessions as well (ACL DELUSER).
      await connection.command('ACL', 'DELUSER', name)
      return false
    }
    await setUser(connection, name, ...withoutPassword(user, secret))
    return true
  })
  if (there) await endSessions(server, refOf(server.instance, 'user', name), server.io.now().getTime())
}

/** The words that take the password away. */
export function withoutPassword(user: User, secret: Secret | undefined): string[] {
  if (secret === undefined || user.nopass) return SHUT
  const digest = passwordDigest(secret)
  const others = user.digests.filter(other => other !== digest)
  if (others.length === 0) return SHUT
  // Somebody may have taken it away before us: then the others stay as they are.
  return user.digests.includes(digest) ? [`!${digest}`] : []
}

const SHUT = ['off', 'resetpass']

/** As the server keeps it. It can be guessed at, so that it goes nowhere but there. */
export function passwordDigest(secret: Secret): string {
  return createHash('sha256').update(secret.reveal()).digest('hex')
}
