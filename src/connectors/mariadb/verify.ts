import type { Verdict } from '../../core/contract/connector.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { networkReason } from '../../core/contract/network-reason.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type Account, accountOf } from './account.ts'
import { grantsOf } from './grants.ts'
import { type Dialled, findEntry, type Server, type Sql, wordOf } from './server.ts'

/**
 * Tries the password at this connection's own address. First a wrong one: an account that is let in with that too tells nothing
 * about the right one. A login has to be seen by the server that this connection is of, and to be of this very account.
 */
export async function verify(server: Server, ref: CredentialRef, secret?: Secret): Promise<Verdict> {
  const account = accountOf(server, ref)
  try {
    return await server.work('trying a password', async sql => {
      const entry = await findEntry(sql, account)
      if (!secret) {
        if (entry && !entry.locked) return { state: 'unknown', why: 'There is no password to try.' }
        return { state: 'dead', why: entry ? 'The account is locked.' : 'There is no such account.' }
      }
      const wrong = new Secret(Buffer.from(server.io.random(24)).toString('base64url'))
      const first = await offer(server, sql, account, wrong)
      if (first === 'let in') return { state: 'unknown', why: 'The account is let in with any password.' }
      if (first !== 'refused') return { state: 'unknown', why: first.why }
      const answer = await offer(server, sql, account, secret)
      if (answer === 'let in') {
        const access = (await grantsOf(sql, account)).map(({ what }) => what)
        return { state: 'live', why: `Logged in as ${account.user}.`, access }
      }
      if (answer !== 'refused') return { state: 'unknown', why: answer.why }
      if (!entry) return { state: 'dead', why: 'Refused: there is no such account.' }
      return {
        state: 'dead',
        why: entry.locked ? 'Refused: the account is locked.' : 'The password was refused.',
      }
    })
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: error.message }
    throw error
  }
}

type Answer = 'let in' | 'refused' | { readonly why: string }

async function offer(
  server: Server,
  watching: Sql,
  { user, host }: Account,
  password: Secret,
): Promise<Answer> {
  let opened: Dialled | undefined
  try {
    opened = await server.dial(server.config, user, password)
    const [row] = await opened.sql('select connection_id() id, current_user() account')
    const [seen] = await watching('select user from information_schema.processlist where id = ?', [
      String(row?.['id']),
    ])
    if (seen?.['user'] !== user)
      return { why: 'Another server answered than the one this account belongs to.' }
    if (row?.['account'] !== `${user}@${host}`)
      return { why: `From here, the name is another account’s: ${String(row?.['account'])}.` }
    return 'let in'
  } catch (error) {
    const word = wordOf(error)
    if (word === 'ER_ACCESS_DENIED_ERROR' || word === 'ER_ACCOUNT_HAS_BEEN_LOCKED') return 'refused'
    if (word !== undefined && word.startsWith('ER_'))
      return { why: `The server refused to talk before any verdict (${word}).` }
    return { why: `No verdict: ${networkReason(error)}.` }
  } finally {
    await opened?.close()
  }
}
