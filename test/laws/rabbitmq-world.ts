import { randomBytes } from 'node:crypto'
import { connect } from 'amqplib'
import { rabbitmq } from '../../src/connectors/rabbitmq/connector.ts'
import { BreakableCalls, brokenFetch } from '../../src/core/contract/breakable-calls.ts'
import { type Io, realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { ADMIN, type RabbitmqServer } from '../connectors/rabbitmq/rabbitmq-server.ts'
import { cuttingProxy } from './cutting-proxy.ts'
import { memoryFaults } from './memory-faults.ts'
import { PATIENCE_MS, type World } from './world.ts'

let count = 0

/** What is put for a principal with rights of all kinds. */
export function principalRequests(name: string, password: Secret): [string, object][] {
  return [
    [`users/${name}`, { password: password.revealText(), tags: 'policymaker,monitoring' }],
    [`permissions/%2F/${name}`, { configure: '^orders', write: '.*', read: '.*' }],
    [`topic-permissions/%2F/${name}`, { exchange: 'amq.topic', write: '^orders', read: '.*' }],
    [`user-limits/${name}/max-channels`, { value: 9 }],
  ]
}

/** A real broker, which several worlds share: another one takes ten seconds to start. */
export async function rabbitmqWorld(server: RabbitmqServer): Promise<World> {
  const proxy = await cuttingProxy(server.managementPort, () => chunk => [chunk])
  const wire = new BreakableCalls(brokenFetch)
  let put: string | undefined
  const authorization = `Basic ${Buffer.from(`${ADMIN}:${server.adminPassword}`).toString('base64')}`
  const admin = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${server.managementPort}/api/${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    const text = await answer.text()
    return text === '' ? undefined : JSON.parse(text)
  }
  const config = rabbitmq.config.parse({
    host: '127.0.0.1',
    port: server.port,
    management: `http://127.0.0.1:${proxy.port}`,
    user: ADMIN,
    password: new Secret(server.adminPassword),
    timeoutMs: PATIENCE_MS,
  })
  const open = (io: Io = realIo()) => rabbitmq.open(config, io)
  const { instance } = await open()
  const login = async (secret: Secret) => {
    const opened = await connect({
      protocol: 'amqp',
      hostname: '127.0.0.1',
      port: server.port,
      username: secret.id ?? '',
      password: secret.revealText(),
      vhost: '/',
    })
    opened.on('error', () => {})
    return opened
  }
  const ours = async (path: string) =>
    ((await admin('GET', path)) as { name?: string; user?: string; password_hash?: string }[])
      .filter(each => /^(app|fb)_/.test(each.name ?? each.user ?? ''))
      .map(({ password_hash: _, ...rest }) => JSON.stringify(rest))
      .sort()

  return {
    open,
    endsNothingByItself: true,
    manyPrincipals: 7,
    async stop() {
      if (put !== undefined) await admin('PUT', 'global-parameters/internal_cluster_id', { value: put })
      await proxy.close()
    },
    async principal() {
      const name = `app_${count++}`
      const secret = new Secret(randomBytes(18).toString('base64url'), name)
      for (const [path, body] of principalRequests(name, secret)) await admin('PUT', path, body)
      const identity = { system: 'rabbitmq', instance, kind: 'user', id: name }
      return { identity, credential: { ...identity, kind: 'password', identity }, secret }
    },
    async use(secret) {
      try {
        const opened = await login(secret)
        await opened.createChannel()
        await opened.close()
        return true
      } catch (error) {
        if (error instanceof Error && /ACCESS[-_]REFUSED|Expected ConnectionOpenOk/.test(error.message))
          return false
        throw error
      }
    },
    async session(secret) {
      const opened = await login(secret)
      return {
        async alive() {
          try {
            const channel = await opened.createChannel()
            await channel.close()
            return true
          } catch {
            return false
          }
        },
        close: async () => void (await opened.close().catch(() => {})),
      }
    },
    faults: async () =>
      memoryFaults(wire, () =>
        open({ ...realIo(), fetch: async (...asked) => wire.run(() => fetch(...asked)) }),
      ),
    snapshot: async () =>
      JSON.stringify([await ours('users'), await ours('permissions'), await ours('topic-permissions')]),
    async replace() {
      const { value } = (await admin('GET', 'global-parameters/internal_cluster_id')) as { value: string }
      put = value
      await admin('PUT', 'global-parameters/internal_cluster_id', { value: 'another' })
    },
    vanish: () => proxy.close(),
    log: () => server.log(),
  }
}
