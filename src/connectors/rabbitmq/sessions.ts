import { FirebreakError, orGone } from '../../core/contract/errors.ts'
import type { Ms, Ref } from '../../core/contract/ref.ts'
import type { Use } from '../../core/contract/use.ts'
import { call, credentialRef, listClients, mustBeSame, path, refOf, type Server, userName } from './server.ts'

/** Who is connected as the user at this moment. */
export async function* sessions(server: Server, identity: Ref): AsyncGenerator<Use> {
  const name = userName(server, identity)
  await mustBeSame(server)
  const now = server.io.now().getTime()
  for (const client of await listClients(server, name)) {
    // `127.0.0.1:40336 -> 127.0.0.1:5672`
    const ip = /^(.+):\d+ -> /.exec(client.name)?.[1]
    yield {
      id: `session:${client.name}`,
      at: now,
      cursor: '',
      identity: refOf(server.instance, 'user', name),
      credential: credentialRef(server.instance, name),
      workload: refOf(server.instance, 'client', `${name}@${ip ?? ''}`),
      session: {
        id: client.name,
        ...(client.connected_at !== undefined && { issuedAt: client.connected_at }),
      },
      source: { ...(ip !== undefined && { ip }) },
      action: 'connection',
      target: refOf(server.instance, 'vhost', client.vhost ?? ''),
      outcome: 'success',
    }
  }
}

const WAIT_MS = 15_000
/** Who logs in at this moment is tracked a moment later. */
const LOOK_MS = 250

/**
 * Closes the user's connections begun before then, until none was seen twice. All of them where that is now; of an earlier moment it
 * waits until it is known when each began.
 */
export async function endSessions(server: Server, identity: Ref, issuedBefore: Ms): Promise<void> {
  const name = userName(server, identity)
  const all = issuedBefore > server.io.now().getTime() - 1000
  await mustBeSame(server)
  for (let waitedMs = 0, empty = 0; empty < 2; waitedMs += LOOK_MS) {
    const clients = await listClients(server, name)
    const old = clients.filter(({ connected_at: at }) => all || at === undefined || at < issuedBefore)
    empty = old.length === 0 ? empty + 1 : 0
    if (waitedMs >= WAIT_MS)
      throw new FirebreakError('RATE_LIMITED', `sessions of ${name} did not end in time`, 'Retry.')
    if (all && old.length > 0) await call(server, 'DELETE', path('connections', 'username', name))
    else
      for (const { name: client, connected_at: at } of old)
        if (at !== undefined) await orGone(call(server, 'DELETE', path('connections', client)))
    if (empty < 2) await server.io.sleep(LOOK_MS)
  }
}
