import { randomBytes } from 'node:crypto'
import { connect } from 'amqplib'
import { rabbitmq } from '../../src/connectors/rabbitmq/connector.ts'
import { FirebreakError } from '../../src/core/contract/errors.ts'
import { type Io, realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { ADMIN, type RabbitmqServer } from '../connectors/rabbitmq/rabbitmq-server.ts'
import { cuttingProxy } from './cutting-proxy.ts'
import type { Faults, World } from './world.ts'

let count = 0

/** A real broker, which several worlds share: another one takes ten seconds to start. */
export async function rabbitmqWorld(server: RabbitmqServer): Promise<World> {
  const proxy = await cuttingProxy(server.managementPort, () => chunk => [chunk])
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
      await admin('PUT', `users/${name}`, { password: secret.revealText(), tags: 'policymaker,monitoring' })
      await admin('PUT', `permissions/%2F/${name}`, { configure: '^orders', write: '.*', read: '.*' })
      await admin('PUT', `topic-permissions/%2F/${name}`, {
        exchange: 'amq.topic',
        write: '^orders',
        read: '.*',
      })
      await admin('PUT', `user-limits/${name}/max-channels`, { value: 9 })
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
      let alive = true
      opened.on('close', () => (alive = false))
      // It is listed a moment later, and its age with it.
      for (let listed = 0; listed === 0; await new Promise(resolve => setTimeout(resolve, 50)))
        listed = ((await admin('GET', 'connections')) as { user?: string; connected_at?: number }[]).filter(
          each => each.user === secret.id && each.connected_at !== undefined,
        ).length
      return {
        async alive() {
          await new Promise(resolve => setTimeout(resolve, 50))
          return alive
        },
        close: async () => void (await opened.close().catch(() => {})),
      }
    },
    faults: async () => requestFaults(open),
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

/** Cuts a request off before it is sent, or when it was answered. */
function requestFaults(open: (io: Io) => ReturnType<World['open']>): Faults {
  let seen = 0
  let fault: { at: number; when: 'before' | 'after' } | undefined
  const io: Io = {
    ...realIo(),
    async fetch(...request) {
      const breaks = ++seen === fault?.at ? fault : undefined
      if (breaks?.when !== 'before') {
        const answer = await fetch(...request)
        if (!breaks) return answer
      }
      throw new FirebreakError('UNREACHABLE', 'the connection broke off')
    },
  }
  return {
    open: () => open(io),
    failAt(at, when) {
      seen = 0
      fault = { at, when }
    },
    noFault() {
      seen = 0
      fault = undefined
    },
    count: () => seen,
    close: async () => {},
  }
}
