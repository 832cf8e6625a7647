import type { Verdict } from '../../core/contract/connector.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { OWN_AGENT } from '../../core/contract/use.ts'
import { listClients } from './client-list.ts'
import { dial, type Dialled } from './dial.ts'
import { whyLost } from './durability.ts'
import { complaintOf, networkReason } from './failure.ts'
import { userName } from './instance-ref.ts'
import { passwordDigest } from './revoke.ts'
import { listUsers, type Server } from './server.ts'
import { allows, channelsOf, keysOf, type User, waysOf } from './user-rules.ts'

/**
 * Tries the password at this connection's own address, on a connection of its own. First a wrong one: a user that is let in
 * with that too (`nopass`) tells nothing about the right one. A login that went through has to be seen by the server that
 * this connection is of, else another one answered.
 */
export async function verify(server: Server, ref: Ref, secret?: Secret): Promise<Verdict> {
  const name = userName(server, ref)
  try {
    return await server.read('trying a password', async (connection, seen) => {
      const users = await listUsers(connection)
      const user = users.find(each => each.name === name)
      if (!secret) {
        if (user?.on) return { state: 'unknown', why: 'There is no password to try.' }
        const why = user ? 'Nobody may log in as this user, which is off.' : `There is no user ${name}.`
        return { state: 'dead', why }
      }
      const wrong = await offer(server, connection, name, wrongSecret(server))
      if (wrong === 'let in')
        return { state: 'unknown', why: `${name} is let in with any password (nopass).` }
      if (wrong !== 'refused') return { state: 'unknown', why: wrong.why }
      const right = await offer(server, connection, name, secret)
      const lost = server.unsaved ?? (await whyLost(connection, seen))
      const unlasting = lost ? ` What is changed here is lost when the server restarts: ${lost}.` : ''
      if (right === 'let in')
        return {
          state: 'live',
          why: `Logged in as ${name}.${alsoOpens(users, name, secret)}${unlasting}`,
          access: accessOf(user),
        }
      if (right !== 'refused') return { state: 'unknown', why: right.why }
      return { state: 'dead', why: `${refusal(name, user)}${alsoOpens(users, name, secret)}${unlasting}` }
    })
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: error.message }
    throw error
  }
}

function wrongSecret(server: Server): Secret {
  return new Secret(Buffer.from(server.io.random(24)).toString('base64url'))
}

type Answer = 'let in' | 'refused' | { readonly why: string }

async function offer(server: Server, watching: Dialled, user: string, password: Secret): Promise<Answer> {
  let tried: Dialled | undefined
  try {
    tried = await dial(server.config, { user, password, name: OWN_AGENT }, server.io.signal)
    const { id } = tried
    const seen = (await listClients(watching)).find(client => client.id === id)
    if (seen?.user === user && seen.name === OWN_AGENT) return 'let in'
    return { why: 'Another server answered than the one this credential belongs to.' }
  } catch (error) {
    const complaint = complaintOf(error)
    // After HELLO with AUTH it means this alone: the user is unknown or off, or the password wrong (acl.c).
    if (complaint?.word === 'WRONGPASS') return 'refused'
    if (complaint) return { why: `The server refused to talk before any verdict (${complaint.word}).` }
    if (isFirebreakError(error)) return { why: error.message }
    return { why: `No verdict: ${networkReason(error)}.` }
  } finally {
    await tried?.close()
  }
}

/** The server gives one answer to all that it refuses; what stands there tells why. */
function refusal(name: string, user: User | undefined): string {
  if (!user) return `Refused: there is no user ${name}.`
  if (!user.on) return 'Refused: nobody may log in as this user, which is off.'
  if (user.digests.length === 0) return 'Refused, and the user has no password any more.'
  return 'The server refused the password (WRONGPASS).'
}

/** Passwords are kept without salt, so that one value that opens several users shows. */
function alsoOpens(users: readonly User[], name: string, secret: Secret): string {
  const digest = passwordDigest(secret)
  const others = users.filter(user => user.name !== name && user.on && user.digests.includes(digest))
  if (others.length === 0) return ''
  return ` The same password opens ${others.map(user => user.name).join(', ')} too.`
}

function accessOf(user: User | undefined): string[] {
  if (!user) return []
  return waysOf(user.rules).flatMap(way => {
    const keys = keysOf(way)
    const channels = channelsOf(way)
    return [
      ...(allows(way, 'acl|setuser') ? ['may change users'] : []),
      ...(allows(way, 'config|set') ? ['may change the configuration'] : []),
      ...(keys.length > 0 ? [`keys ${keys.join(' ')}`] : []),
      ...(channels.length > 0 ? [`channels ${channels.join(' ')}`] : []),
      `commands ${way.filter(rule => /^[+-]/.test(rule)).join(' ') || 'none'}`,
    ]
  })
}
