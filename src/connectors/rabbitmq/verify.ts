import type { Verdict } from '../../core/contract/connector.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { networkReason } from '../../core/contract/network-reason.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { findUser, listPermissions, mustBeSame, type Server, userName } from './server.ts'

/** Logs in over AMQP: first with a wrong password, which has to be refused, then with the one that is asked about. */
export async function verify(server: Server, ref: CredentialRef, secret?: Secret): Promise<Verdict> {
  const name = userName(server, ref)
  try {
    await mustBeSame(server)
    const user = await findUser(server, name)
    if (!secret) {
      if (user) return { state: 'unknown', why: 'There is no password to try.' }
      return { state: 'dead', why: `There is no user ${name}.` }
    }
    const rights = (await listPermissions(server)).filter(each => each.user === name)
    const vhost = rights[0]?.vhost ?? '/'
    const wrong = new Secret(Buffer.from(server.io.random(24)).toString('base64url'))
    const first = await offer(server, name, wrong, vhost)
    if (first === 'let in') return { state: 'unknown', why: 'The user is let in with any password.' }
    if (first !== 'refused')
      return { state: 'unknown', why: typeof first === 'string' ? 'It lets nobody in.' : first.why }
    const answer = await offer(server, name, secret, vhost)
    if (answer === 'let in')
      return {
        state: 'live',
        why: `Logged in as ${name}.`,
        access: rights.map(
          each => `${each.vhost}: configure ${each.configure}, write ${each.write}, read ${each.read}`,
        ),
      }
    if (answer === 'not opened' && user?.limits['max-connections'] === 0)
      return { state: 'dead', why: 'The user may open no connection (its limit is 0).' }
    if (answer === 'not opened')
      return rights.length === 0
        ? {
            state: 'live',
            why: `The password of ${name} was taken; it may enter no virtual host.`,
            access: [],
          }
        : { state: 'unknown', why: `The password was taken, and no connection to ${vhost} was opened.` }
    if (answer !== 'refused') return { state: 'unknown', why: answer.why }
    return {
      state: 'dead',
      why: user ? 'The broker refused the password.' : `Refused: there is no user ${name}.`,
    }
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: error.message }
    throw error
  }
}

type Answer = 'let in' | 'refused' | 'not opened' | { readonly why: string }

async function offer(server: Server, user: string, password: Secret, vhost: string): Promise<Answer> {
  try {
    await server.login(server.config, user, password, vhost)
    return 'let in'
  } catch (error) {
    const said = error instanceof Error ? error.message : ''
    if (/ACCESS[-_]REFUSED/.test(said)) return 'refused'
    // It comes after the login, and its reason is not told by the driver: no right in the virtual host, or a limit.
    if (/Expected ConnectionOpenOk; got/.test(said)) return 'not opened'
    return { why: `No verdict: ${networkReason(error)}.` }
  }
}
