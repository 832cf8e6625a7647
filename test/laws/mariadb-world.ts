import { randomBytes } from 'node:crypto'
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise'
import { mariadb } from '../../src/connectors/mariadb/connector.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { ADMIN, startMariadb } from '../connectors/mariadb/mariadb-server.ts'
import { cuttingProxy, mariadbMessages } from './cutting-proxy.ts'
import { PATIENCE_MS, type World } from './world.ts'

export interface MariadbWorld extends World {
  readonly instance: string
  /** Statements as the administrator. */
  admin(...statements: string[]): Promise<RowDataPacket[]>
  login(secret: Secret): Promise<Connection>
}

/** What every server is given first, as statements. */
export const SETTING = [
  'create database shop',
  'create table shop.orders (id int)',
  'create role `clerk`',
  'grant SELECT ON `shop`.`orders` to `clerk`',
]

/** A principal with rights of all kinds. */
export function principalStatements(user: string, password: Secret): string[] {
  return [
    `create user \`${user}\` identified by '${password.revealText()}'`,
    `grant SELECT, INSERT ON \`shop\`.* to \`${user}\` with grant option`,
    `grant CREATE USER, PROCESS ON *.* to \`${user}\``,
    `grant SELECT (\`id\`), UPDATE (\`id\`) ON \`shop\`.\`orders\` to \`${user}\``,
    `grant \`clerk\` to \`${user}\` with admin option`,
    `set default role \`clerk\` for \`${user}\``,
  ]
}

/** A real server, on which every principal has rights of all kinds. */
export async function mariadbWorld(): Promise<MariadbWorld> {
  let server = await startMariadb()
  const proxy = await cuttingProxy(server.port, mariadbMessages)
  let count = 0

  const connect = async (user: string, password: string) => {
    const opened = await createConnection({ host: '127.0.0.1', port: server.port, user, password })
    opened.on('error', () => {})
    return opened
  }
  const admin = async (...statements: string[]) => {
    const opened = await connect(ADMIN, server.adminPassword)
    let rows: RowDataPacket[] = []
    for (const statement of statements) rows = (await opened.query<RowDataPacket[]>(statement))[0]
    await opened.end()
    return rows
  }
  const login = (secret: Secret) => connect(secret.id ?? '', secret.revealText())
  const config = () =>
    mariadb.config.parse({
      host: '127.0.0.1',
      port: proxy.port,
      user: ADMIN,
      password: new Secret(server.adminPassword),
      connectTimeoutMs: PATIENCE_MS,
    })
  const open = () => mariadb.open(config(), realIo())
  const { instance } = await open()
  await admin(...SETTING)

  return {
    instance,
    admin,
    login,
    endsNothingByItself: true,
    manyPrincipals: 7,
    // Most of the messages are those of logins, one like the other.
    faultStep: 2,
    open,
    async stop() {
      await proxy.close()
      await server.stop()
    },
    async principal() {
      const user = `app_${count++}`
      const secret = new Secret(randomBytes(18).toString('base64url'), user)
      const [create, ...rights] = principalStatements(user, secret)
      await admin(`/* by hand */ ${create}`, ...rights)
      const identity = { system: 'mariadb', instance, kind: 'user', id: `${user}@%` }
      return { identity, credential: { ...identity, kind: 'password', identity }, secret }
    },
    async use(secret) {
      try {
        const opened = await login(secret)
        await opened.query('select * from shop.orders')
        await opened.end()
        return true
      } catch (error) {
        if (error instanceof Error && /denied|locked/.test(error.message)) return false
        throw error
      }
    },
    async session(secret) {
      const opened = await login(secret)
      await opened.query('start transaction')
      return {
        alive: async () =>
          await opened.query('select 1').then(
            () => true,
            () => false,
          ),
        close: async () => opened.destroy(),
      }
    },
    faults: async () => ({ ...proxy, open, close: async () => {} }),
    async snapshot() {
      const users = await admin(
        "select User, Host, regexp_replace(Priv, '\\\\*[0-9A-F]{40}|\"password_last_changed\":[0-9]+', '') priv from mysql.global_priv where User like 'app%' or User like 'fb%' order by 1, 2",
      )
      const rights = await admin(
        "select * from information_schema.schema_privileges where grantee like '%app%' or grantee like '%fb%' order by 1, 4",
      )
      const roles = await admin('select * from mysql.roles_mapping order by 1, 2, 3')
      return JSON.stringify([users, rights, roles], undefined, 1)
    },
    async replace() {
      const { port, adminPassword } = server
      await server.stop()
      server = await startMariadb({ port, adminPassword })
    },
    vanish: () => server.stop(),
    log: () => server.log(),
  }
}
