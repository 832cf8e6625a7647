import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { decode } from '@nats-io/jwt'
import {
  AuthorizationError,
  connect,
  credsAuthenticator,
  UserAuthenticationExpiredError,
} from '@nats-io/transport-node'
import { nats } from '../../src/connectors/nats/connector.ts'
import { answered, type Opened } from '../../src/connectors/nats/server.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import type { NatsKeys } from '../connectors/nats/nats-keys.ts'
import { type NatsServer, startNats } from '../connectors/nats/nats-server.ts'
import { cuttingProxy, natsMessages } from './cutting-proxy.ts'
import { PATIENCE_MS, type Principal, type Subject, type World } from './world.ts'

export interface NatsWorld extends World {
  readonly server: NatsServer
  principal(): Promise<Principal>
  logIn(secret: Secret): ReturnType<typeof connect>
}

/**
 * A user's key is its name: another one is another user, and its end stands in its token. Who is connected is cut off by a revocation,
 * and not without one.
 */
export const NATS_LACKS: Subject['lacks'] = [
  'extend',
  'rotate',
  'probe',
  'endSessions',
  'freeze',
  'thaw',
  'narrow',
  'documents',
]

const ROLES = 8

/** Roles that principals share, in turn. */
export const NATS_ROLES = Object.fromEntries(
  Array.from({ length: ROLES }, (_, number) => [
    `job-${number}`,
    { pub: { allow: [`orders.${number}.>`], deny: [] }, sub: { allow: ['_INBOX.>'], deny: [] } },
  ]),
)

/** What is the same at a real server and in memory: users are signed by hand, and log in over the given way. */
export function natsClients(
  keys: NatsKeys,
  logIn: (secret: Secret) => Promise<Opened>,
  accountToken: () => Promise<string>,
) {
  let count = 0
  return {
    manyPrincipals: 7,
    async principal(): Promise<Principal> {
      const name = `job-${count++ % ROLES}`
      const { user, credentials } = await keys.sign(name)
      const identity = { system: 'nats', instance: keys.account, kind: 'role', id: keys.roles[name]! }
      return {
        identity,
        credential: { ...identity, kind: 'user', id: user, identity },
        secret: new Secret(credentials, user),
      }
    },
    async use(secret: Secret) {
      try {
        const connection = await logIn(secret)
        // Who is let in and cut off at once, as when a user's time is over, has no use of it.
        const isOfUse = await answered(connection, PATIENCE_MS).then(
          () => true,
          () => false,
        )
        await connection.close()
        return isOfUse
      } catch (error) {
        if (error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError)
          return false
        throw error
      }
    },
    async session(secret: Secret) {
      const connection = await logIn(secret)
      await connection.flush()
      return {
        async alive() {
          return await answered(connection, PATIENCE_MS).then(
            () => true,
            () => false,
          )
        },
        close: () => connection.close(),
      }
    },
    /** Who stands by the book, and who is refused by it but not by the server. */
    async snapshot() {
      const book = new DatabaseSync(join(keys.keys, 'issued.db'), { readOnly: true })
      const rows = book.prepare('select serial, state from certified order by 1').all()
      book.close()
      const token = decode<{ revocations?: Record<string, number> }>(await accountToken())
      const standing = rows.filter(({ state }) => state !== 'revoked').map(({ serial }) => serial)
      const refused = rows.filter(({ state }) => state === 'revoked').map(({ serial }) => String(serial))
      const letIn = refused.filter(user => token.nats.revocations?.[user] === undefined)
      return JSON.stringify({ standing, letIn })
    },
  } satisfies Partial<World>
}

/** A real server behind a proxy, with roles whose own users are signed by hand. */
export async function natsWorld(): Promise<NatsWorld> {
  const server = await startNats(NATS_ROLES)
  let other: NatsServer | undefined
  const proxy = await cuttingProxy(server.port, natsMessages, message =>
    /^H?PUB /.test(message.toString('latin1', 0, 5)),
  )
  const openAt = (port: number) =>
    nats.open(
      nats.config.parse({
        path: server.keys,
        account: server.account,
        host: '127.0.0.1',
        port,
        timeoutMs: PATIENCE_MS,
      }),
      realIo(),
    )
  const logIn = async (secret: Secret) =>
    await connect({
      servers: `127.0.0.1:${server.port}`,
      authenticator: credsAuthenticator(secret.reveal()),
      reconnect: false,
      timeout: PATIENCE_MS,
    })

  return {
    ...natsClients(server, logIn, server.accountToken),
    server,
    logIn,
    open: () => openAt(server.port),
    async stop() {
      await proxy.close()
      await server.stop()
      await other?.stop()
    },
    faults: async () => ({
      ...proxy,
      open: () => openAt(proxy.port),
      close: async () => proxy.noFault(),
    }),
    async replace() {
      await server.end()
      other = await startNats({}, { port: server.port })
    },
    vanish: () => server.end(),
    log: () => server.log(),
  }
}
