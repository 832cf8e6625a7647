import { FirebreakError, orGone } from '../../core/contract/errors.ts'
import type { Ms, Ref } from '../../core/contract/ref.ts'
import type { Use } from '../../core/contract/use.ts'
import { call, credentialRef, listClients, mustBeSame, path, refOf, type Server, userName } from './server.ts'

/** Who is connected as the user at this moment. */
export async function* sessions(server: Server, identity: Ref): AsyncGenerator<Use> {
  const name = userName(server, identity)
  await mustBeSame(server)
  const now = server.io.now().getTime()
  for (const client of await listClients(server, name))
    yield {
      id: `session:${client.name}`,
      at: now,
      cursor: '',
      identity: refOf(server.instance, 'user', name),
      credential: credentialRef(server.instance, name),
      workload: refOf(server.instance, 'client', `${name}@${client.peer_host ?? ''}`),
      session: {
        id: client.name,
        ...(client.connected_at !== undefined && { issuedAt: client.connected_at }),
      },
      source: { ...(client.peer_host !== undefined && { ip: client.peer_host }) },
      action: 'connection',
      target: refOf(server.instance, 'vhost', client.vhost ?? ''),
      outcome: 'success',
    }
}

const WAIT_MS = 15_000
/** A connection is listed a moment after it was opened. */
const LISTED_MS = 250

/** Closes the user's connections begun before then, until none was seen twice. */
export async function endSessions(server: Server, identity: Ref, issuedBefore: Ms): Promise<void> {
  const name = userName(server, identity)
  await mustBeSame(server)
  for (let waitedMs = 0, empty = 0; empty < 2; waitedMs += LISTED_MS) {
    const old = (await listClients(server, name)).filter(
      client => client.connected_at === undefined || client.connected_at < issuedBefore,
    )
    empty = old.length === 0 ? empty + 1 : 0
    if (waitedMs >= WAIT_MS)
      throw new FirebreakError('RATE_LIMITED', `sessions of ${name} did not end in time`, 'Retry.')
    for (const client of old) await orGone(call(server, 'DELETE', path('connections', client.name)))
    if (empty < 2) await server.io.sleep(LISTED_MS)
  }
}
