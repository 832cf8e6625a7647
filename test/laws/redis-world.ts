import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import type { RedisConfig } from '../../src/connectors/redis/config.ts'
import { redis } from '../../src/connectors/redis/connector.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import {
  availableRedis,
  INSTALL_REDIS,
  type RedisServer,
  type RedisServerOptions,
  startRedis,
} from '../../src/serve/operations/drill/redis-server.ts'
import { cuttingProxy, redisMessages } from './cutting-proxy.ts'
import { PATIENCE_MS, type Principal, type World } from './world.ts'

/** Why real servers cannot be tried here, unless they must be: then the first start fails. */
export function absentRedis(): string | undefined {
  if (availableRedis() || process.env['FIREBREAK_REQUIRE_SERVERS'] === '1') return undefined
  return `Redis is not installed: ${INSTALL_REDIS}`
}

export interface RedisWorldOptions extends RedisServerOptions {
  /** The server bears a mark that outlasts its restarts. */
  readonly marked?: boolean
}

export interface RedisWorld extends World {
  readonly server: RedisServer
  readonly instance: string
  config(overrides?: Partial<RedisConfig>): RedisConfig
  /** One command as the administrator. */
  admin(name: string, ...args: string[]): Promise<unknown>
  /** A connection as anybody would open it; rejects as the server refuses. The caller ends it. */
  client(secret: Secret, name?: string): Promise<Redis>
  principal(): Promise<Principal>
}

const RULES = ['~orders:*', '%R~stock:*', '&orders.*', '+@all', '-flushall', '(~cart:* -@all +get +acl|load)']

/** A real server on which every principal has rights of all kinds. */
export async function redisWorld(options: RedisWorldOptions = {}): Promise<RedisWorld> {
  const settings = ['loglevel debug', ...(options.settings ?? [])]
  const mark = () =>
    options.marked ? [`user firebreak-instance-${randomBytes(16).toString('hex')} off`] : []
  const start = (more: RedisServerOptions = {}) =>
    startRedis({ ...options, ...more, settings, acl: [...mark(), ...(options.acl ?? [])] })
  let server = await start()
  // The connector never knows another address than this one: without a mark the address is part of what the server is.
  const proxy = await cuttingProxy(server.port, redisMessages)
  let count = 0

  const client = async (secret: Secret, name = 'law') => {
    const opened = new Redis({
      host: server.host,
      port: server.port,
      lazyConnect: true,
      protocol: 2,
      enableReadyCheck: false,
      disableClientInfo: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    })
    opened.on('error', () => {})
    await opened.connect()
    try {
      await opened.call('HELLO', '2', 'AUTH', secret.id ?? '', secret.revealText(), 'SETNAME', name)
    } catch (error) {
      opened.disconnect()
      throw error
    }
    return opened
  }
  const admin = async (name: string, ...args: string[]) => {
    const opened = await client(new Secret(server.adminPassword.reveal(), server.adminUser), 'admin')
    try {
      return await opened.call(name, ...args)
    } finally {
      opened.disconnect()
    }
  }
  const config = (overrides: Partial<RedisConfig> = {}): RedisConfig => ({
    ...redis.config.parse({
      host: server.host,
      port: proxy.port,
      password: server.adminPassword,
      connectTimeoutMs: PATIENCE_MS,
    }),
    ...overrides,
  })
  const open = () => redis.open(config(), realIo())
  const instance = (await open()).instance

  return {
    get server() {
      return server
    },
    instance,
    config,
    admin,
    client,
    endsNothingByItself: true,
    manyPrincipals: 7,
    open,
    async stop() {
      await proxy.close()
      await server.stop()
    },
    async principal() {
      const name = `app_${count++}.x`
      const secret = new Secret(randomBytes(18).toString('base64url'), name)
      await admin('ACL', 'SETUSER', name, 'on', `>${secret.revealText()}`, ...RULES)
      const identity = { system: 'redis', instance, kind: 'user', id: name }
      const to = { system: 'redis', instance, kind: 'database', id: '0' }
      return {
        identity,
        credential: { ...identity, kind: 'password', identity },
        secret,
        trial: { from: identity, to, toNames: ['db0'], crossing: 'may-read' },
      }
    },
    async use(secret) {
      try {
        const opened = await client(secret)
        await opened.get('orders:1')
        opened.disconnect()
        return true
      } catch (error) {
        if (error instanceof Error && error.message.startsWith('WRONGPASS')) return false
        throw error
      }
    },
    async session(secret) {
      const opened = await client(secret)
      // In the middle of something: it waits for a message.
      void opened.blpop('orders:queue', 0).catch(() => {})
      const id = async () => String(await admin('CLIENT', 'LIST')).includes(` user=${secret.id} `)
      return {
        alive: async () => opened.status === 'ready' && (await id()),
        close: async () => opened.disconnect(),
      }
    },
    faults: async () => ({ ...proxy, open, close: async () => {} }),
    async snapshot() {
      const users = (await admin('ACL', 'LIST')) as string[]
      return users
        .map(line => line.replaceAll(/#[0-9a-f]{64}/g, '#'))
        .sort()
        .join('\n')
    },
    async replace() {
      const { port, adminPassword } = server
      await server.stop()
      server = await start({ port, adminPassword })
    },
    vanish: () => server.stop(),
    log: () => server.log(),
  }
}
