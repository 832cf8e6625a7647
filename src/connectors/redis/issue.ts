import { createHash } from 'node:crypto'
import type { Issued, Want } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { isIssuedFor, issuedName, wantDigest } from '../../core/contract/issued-name.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { listClients } from './client-list.ts'
import { credentialRef, userName } from './instance-ref.ts'
import { listUsers, mustFindUser, mustNotBeUs, mustReadRules, type Server, setUser } from './server.ts'
import { settingRules } from './user-rules.ts'

/**
 * A sibling: a new user with the same rules and a password of its own. The old one stays as it is. Redis ends no user at a
 * time of its own: what is issued for a time has to be revoked then, and `notAfter` stays away.
 */
export async function issue(server: Server, want: Want): Promise<Issued> {
  const { like, scopes } = want
  if (!like)
    throw new FirebreakError(
      'UNSUPPORTED',
      'a user is issued beside another one only',
      'Name the credential to be like.',
    )
  if (scopes.length > 0)
    throw new FirebreakError(
      'UNSUPPORTED',
      'a sibling has all the rights of the user beside it',
      'Leave scopes empty, or issue like a user that has only those rights.',
    )
  const likeName = userName(server, like)
  const name = issuedName(want.name, likeName)
  const { password, digest } = newPassword(server)
  await server.change(
    'issuing a user',
    async connection => {
      const users = await listUsers(connection)
      if (users.some(user => isIssuedFor(user.name, want.name)))
        throw new FirebreakError(
          'CONFLICT',
          `the user ${name} is there already`,
          'Undo the attempt that made it, then issue again.',
        )
      const { rules } = await mustReadRules(connection, likeName)
      await setUser(connection, name, 'reset', `#${digest}`, ...settingRules(rules, []), 'on')
    },
    connectionName(want),
  )
  return { ref: credentialRef(server.instance, name), secret: new Secret(password, name) }
}

/** Removes what `issue(want)` may have left. */
export async function undo(server: Server, want: Want): Promise<void> {
  await server.change('looking for what is left', async connection => {
    // What a broken connection has sent may still be on its way: once the server has ended it, it never comes.
    for (const client of await listClients(connection))
      if (client.name === connectionName(want))
        await connection.command('CLIENT', 'KILL', 'ID', client.id, 'SKIPME', 'yes')
    for (const user of await listUsers(connection))
      if (isIssuedFor(user.name, want.name)) await connection.command('ACL', 'DELUSER', user.name)
  })
}

/** A new password in place of all that the user had. Sessions that are open stay. */
export async function rotate(server: Server, ref: CredentialRef, want: Want): Promise<Issued> {
  const name = userName(server, ref)
  mustNotBeUs(server, name, 'given another password')
  const { password, digest } = newPassword(server)
  await server.change(
    'rotating a password',
    async connection => {
      await mustFindUser(connection, name)
      await setUser(connection, name, 'resetpass', `#${digest}`)
    },
    connectionName(want),
  )
  return { ref: credentialRef(server.instance, name), secret: new Secret(password, name) }
}

/** The server gets the digest only, which nobody guesses of 32 random bytes: the password stands in no command. */
function newPassword(server: Server): { password: string; digest: string } {
  const password = Buffer.from(server.io.random(32)).toString('base64url')
  return { password, digest: createHash('sha256').update(password).digest('hex') }
}

/** One for each want, so that `undo` finds the connections of its attempts. */
function connectionName(want: Want): string {
  return `firebreak-${wantDigest(want.name)}`
}
