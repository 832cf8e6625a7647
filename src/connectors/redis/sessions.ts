import { FirebreakError } from '../../core/contract/errors.ts'
import { sleep } from '../../core/contract/io.ts'
import type { Ms, Ref } from '../../core/contract/ref.ts'
import type { Use } from '../../core/contract/use.ts'
import { type Client, hostOf, listClients } from './client-list.ts'
import type { Dialled } from './dial.ts'
import { credentialRef, refOf, userName } from './instance-ref.ts'
import { findUser, type Server } from './server.ts'

/** Who is connected as the user at this moment: ordinary clients, subscribers, blocked ones, and replicas. */
export async function* sessions(server: Server, identity: Ref): AsyncGenerator<Use> {
  const name = userName(server, identity)
  const now = server.io.now().getTime()
  const { clients, serverNow } = await server.read('listing sessions', async (connection, seen) => ({
    clients: await clientsOf(connection, name),
    serverNow: seen.nowMs ?? now,
  }))
  for (const client of clients) {
    const from = hostOf(client.from)
    yield {
      id: `session:${client.id}:${client.from}`,
      at: now,
      cursor: '',
      identity: refOf(server.instance, 'user', name),
      credential: credentialRef(server.instance, name),
      workload: refOf(server.instance, 'client', `${client.name}@${from}`),
      session: { id: `${client.id}:${client.from}`, issuedAt: startedMs(client, serverNow) },
      source: { ip: from, ...(client.name ? { agent: client.name } : {}) },
      action: actionOf(client),
      target: refOf(server.instance, 'database', client.database),
      outcome: 'success',
    }
  }
}

function actionOf({ replica, subscribed, database }: Client): string {
  if (replica) return 'replication'
  return subscribed ? 'subscription' : `session in db${database}`
}

/**
 * The clients that are the user, but for the one that asks. Who has not logged in yet is listed as `default`: where that
 * one needs a password, a client that never said anything is nobody.
 */
async function clientsOf(connection: Dialled, name: string): Promise<Client[]> {
  const clients = (await listClients(connection)).filter(
    client => client.user === name && client.id !== connection.id,
  )
  if (name !== 'default' || clients.length === 0) return clients
  const open = (await findUser(connection, name))?.nopass === true
  return open ? clients : clients.filter(client => client.command !== 'NULL')
}

/** The server counts age in whole seconds: the earliest moment that fits, so that none is taken for younger than it is. */
function startedMs(client: Client, serverNowMs: number): Ms {
  return (Math.floor(serverNowMs / 1000) - client.ageSeconds) * 1000
}

const WAIT_MS = 10_000

/** Ends the user's sessions begun before `issuedBefore`, to the second, and waits until they are gone. */
export async function endSessions(server: Server, identity: Ref, issuedBefore: Ms): Promise<void> {
  const name = userName(server, identity)
  // As an age, so that it holds by the server's clock whatever ours says.
  const began = server.io.now().getTime()
  const ageMs = Math.max(0, began - issuedBefore)
  await server.read('ending sessions', async (connection, seen) => {
    const end = () => {
      const now = server.io.now().getTime()
      // The server told the time once. Sessions grow older while they are waited for, and none must be taken for older.
      const serverNow = seen.nowMs === undefined ? now : seen.nowMs + now - began
      return endClients(
        connection,
        name,
        serverNow,
        ageMs === 0 ? undefined : serverNow - (now - began) - ageMs,
      )
    }
    for (
      let waitedMs = 0, stepMs = 10;
      (await end()) > 0;
      waitedMs += stepMs, stepMs = Math.min(stepMs * 2, 500)
    ) {
      if (waitedMs >= WAIT_MS)
        throw new FirebreakError(
          'RATE_LIMITED',
          `sessions of user ${name} did not end within ${WAIT_MS / 1000} s`,
          'Retry; CLIENT LIST shows what is left.',
        )
      await sleep(stepMs, server.io.signal)
    }
  })
}

/** Ends those begun before `cutoff` by the server's clock, all of them without one, and gives how many there were. */
async function endClients(
  connection: Dialled,
  name: string,
  serverNow: Ms,
  cutoff: Ms | undefined,
): Promise<number> {
  const old = (await clientsOf(connection, name)).filter(
    client => cutoff === undefined || startedMs(client, serverNow) < cutoff,
  )
  // In one command, so that none comes in between; the single ones where younger ones have to stay.
  if (cutoff === undefined && old.length > 0)
    await connection.command('CLIENT', 'KILL', 'USER', name, 'SKIPME', 'yes')
  else for (const client of old) await connection.command('CLIENT', 'KILL', 'ID', client.id, 'SKIPME', 'yes')
  return old.length
}
