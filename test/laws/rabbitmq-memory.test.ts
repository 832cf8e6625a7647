import { randomBytes } from 'node:crypto'
import { memoryRabbitmq } from '../../src/connectors/rabbitmq/memory.ts'
import { type Io, realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { laws } from './laws.ts'
import { memoryFaults } from './memory-faults.ts'
import { principalRequests } from './rabbitmq-world.ts'
import type { World } from './world.ts'

/** Seconds pass in a moment, here and at the broker. */
const FASTER = 50

laws({
  name: 'RabbitMQ in memory',
  lacks: ['extend', 'probe', 'documents'],
  async start(): Promise<World> {
    const broker = memoryRabbitmq({ measuredAfterMs: 5000 / FASTER })
    let count = 0
    const real = realIo()
    const io: Io = { ...real, sleep: ms => real.sleep(ms / FASTER) }
    const open = () => broker.connector.open({}, io)
    const { instance } = await open()
    const login = (secret: Secret) => broker.login(secret.id ?? '', secret)
    return {
      open,
      endsNothingByItself: true,
      manyPrincipals: 7,
      stop: async () => {},
      async principal() {
        const name = `app_${count++}`
        const secret = new Secret(randomBytes(18).toString('base64url'), name)
        for (const [path, body] of principalRequests(name, secret)) broker.ask('PUT', path, body)
        const identity = { system: 'rabbitmq', instance, kind: 'user', id: name }
        return { identity, credential: { ...identity, kind: 'password', identity }, secret }
      },
      use: async secret => {
        const session = login(secret)
        if (session) broker.ask('DELETE', `connections/username/${session.user}`)
        return session !== undefined
      },
      async session(secret) {
        const session = login(secret)
        if (!session) throw new Error('the broker refused the login')
        return { alive: async () => session.alive, close: async () => {} }
      },
      faults: async () => memoryFaults(broker.wire, open),
      snapshot: async () => broker.snapshot(),
      replace: async () => broker.replace(),
      vanish: async () => {
        broker.wire.reachable = false
      },
      log: async () => broker.log.join('\n'),
    }
  },
})
