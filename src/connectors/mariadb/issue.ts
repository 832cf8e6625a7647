import { createHash } from 'node:crypto'
import type { Issued, Want } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { isIssuedFor, issuedName, wantDigest } from '../../core/contract/issued-name.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type Account, accountOf, credentialRef, quoted, quotedName } from './account.ts'
import { defaultRoleOf, give, grantsOf } from './grants.ts'
import { listEntries, mustFindEntry, mustNotBeUs, type Server, type Sql } from './server.ts'

/**
 * A sibling: a new account with the same rights and roles, for the same hosts. It is locked until it has all of them. The server
 * ends no account at a time of its own: `notAfter` stays away.
 */
export async function issue(server: Server, want: Want): Promise<Issued> {
  const { like, scopes } = want
  if (!like) throw new FirebreakError('UNSUPPORTED', 'an account is issued beside another one only')
  if (scopes.length > 0)
    throw new FirebreakError(
      'UNSUPPORTED',
      'a sibling has all the rights of the account beside it',
      'Leave scopes empty.',
    )
  const old = accountOf(server, like)
  const account: Account = { user: issuedName(want.name, old.user), host: old.host }
  const { password, hash } = newPassword(server)
  await server.work('issuing an account', async sql => {
    await mustHold(sql, want)
    if ((await listEntries(sql)).some(({ user }) => isIssuedFor(user, want.name)))
      throw new FirebreakError(
        'CONFLICT',
        `the account ${account.user} is there already`,
        'Undo the attempt that made it, then issue again.',
      )
    await mustFindEntry(sql, old)
    const grants = await grantsOf(sql, old)
    const role = await defaultRoleOf(sql, old)
    await sql(`create user ${quoted(account)} identified via mysql_native_password using ? account lock`, [
      hash,
    ])
    for (const grant of grants) await give(sql, grant, account)
    if (role !== undefined) await sql(`set default role ${quotedName(role)} for ${quoted(account)}`)
    await sql(`alter user ${quoted(account)} account unlock`)
  })
  return { ref: credentialRef(server.instance, account), secret: new Secret(password, account.user) }
}

/** Removes what `issue(want)` may have left. */
export async function undo(server: Server, want: Want): Promise<void> {
  await server.work('looking for what is left', async sql => {
    await mustHold(sql, want)
    for (const { user, host } of await listEntries(sql))
      if (isIssuedFor(user, want.name)) await sql(`drop user if exists ${quoted({ user, host })}`)
  })
}

/** A new password in place of the one that the account had. Sessions that are open stay. */
export async function rotate(server: Server, ref: CredentialRef): Promise<Issued> {
  const account = accountOf(server, ref)
  mustNotBeUs(server, account, 'given another password')
  const { password, hash } = newPassword(server)
  await server.work('rotating a password', async sql => {
    await mustFindEntry(sql, account)
    await sql(`alter user ${quoted(account)} identified via mysql_native_password using ?`, [hash])
  })
  return { ref: credentialRef(server.instance, account), secret: new Secret(password, account.user) }
}

/**
 * One attempt at a time, and until its connection has ended: what a broken one has sent may still be carried out, and nothing is
 * looked for before that.
 */
async function mustHold(sql: Sql, want: Want): Promise<void> {
  const [row] = await sql('select get_lock(?, 10) got', [`firebreak_${wantDigest(want.name)}`])
  if (Number(row?.['got']) !== 1)
    throw new FirebreakError('RATE_LIMITED', 'another attempt of the same name is still at work', 'Retry.')
}

/** The server gets the digest only, which nobody guesses of 32 random bytes: the password stands in no statement. */
function newPassword({ io }: Server): { password: string; hash: string } {
  const password = Buffer.from(io.random(32)).toString('base64url')
  const sha1 = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest()
  return {
    password,
    hash: `*${sha1(sha1(Buffer.from(password)))
      .toString('hex')
      .toUpperCase()}`,
  }
}
