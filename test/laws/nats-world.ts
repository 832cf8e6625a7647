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
import { answered } from '../../src/connectors/nats/server.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { type NatsServer, startNats } from '../connectors/nats/nats-server.ts'
import { cuttingProxy, natsMessages } from './cutting-proxy.ts'
import type { Principal, World } from './world.ts'

export interface NatsWorld extends World {
  readonly server: NatsServer
  principal(): Promise<Principal>
  logIn(secret: Secret): ReturnType<typeof connect>
}

/** Principals share them, in turn. */
const ROLES = 8

/** A real server behind a proxy, with roles whose own users are signed by hand. */
export async function natsWorld(): Promise<NatsWorld> {
  const server = await startNats(
    Object.fromEntries(
      Array.from({ length: ROLES }, (_, number) => [
        `job-${number}`,
        { pub: { allow: [`orders.${number}.>`], deny: [] }, sub: { allow: ['_INBOX.>'], deny: [] } },
      ]),
    ),
  )
  let other: NatsServer | undefined
  const proxy = await cuttingProxy(server.port, natsMessages, message =>
    /^H?PUB /.test(message.toString('latin1', 0, 5)),
  )
  const openAt = (port: number) =>
    nats.open(
      nats.config.parse({ path: server.keys, account: server.account, host: '127.0.0.1', port }),
      realIo(),
    )
  const logIn = async (secret: Secret) =>
    await connect({
      servers: `127.0.0.1:${server.port}`,
      authenticator: credsAuthenticator(secret.reveal()),
      reconnect: false,
      timeout: 5000,
    })
  let count = 0

  return {
    server,
    logIn,
    open: () => openAt(server.port),
    manyPrincipals: 7,
    async stop() {
      await proxy.close()
      await server.stop()
      await other?.stop()
    },
    async principal() {
      const name = `job-${count++ % ROLES}`
      const { user, credentials } = await server.sign(name)
      const identity = { system: 'nats', instance: server.account, kind: 'role', id: server.roles[name]! }
      return {
        identity,
        credential: { ...identity, kind: 'user', id: user, identity },
        secret: new Secret(credentials, user),
      }
    },
    async use(secret) {
      try {
        const connection = await logIn(secret)
        // Who is let in and cut off at once, as when a user's time is over, has no use of it.
        const isOfUse = await answered(connection, 10_000).then(
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
    async session(secret) {
      const connection = await logIn(secret)
      connection.subscribe('_INBOX.law')
      await connection.flush()
      return {
        async alive() {
          await new Promise(resolve => setTimeout(resolve, 50))
          return !connection.isClosed()
        },
        close: () => connection.close(),
      }
    },
    faults: async () => ({
      ...proxy,
      open: () => openAt(proxy.port),
      close: async () => proxy.noFault(),
    }),
    /** Who stands by the book, and who is refused by it but not by the server. */
    async snapshot() {
      const book = new DatabaseSync(join(server.keys, 'issued.db'), { readOnly: true })
      const rows = book.prepare('select serial, state from certified order by 1').all()
      book.close()
      const token = decode<{ revocations?: Record<string, number> }>(await server.accountToken())
      const standing = rows.filter(({ state }) => state !== 'revoked').map(({ serial }) => serial)
      const refused = rows.filter(({ state }) => state === 'revoked').map(({ serial }) => String(serial))
      const letIn = refused.filter(user => token.nats.revocations?.[user] === undefined)
      return JSON.stringify({ standing, letIn })
    },
    async replace() {
      await server.end()
      other = await startNats({}, { port: server.port })
    },
    vanish: () => server.end(),
    log: () => server.log(),
  }
}
