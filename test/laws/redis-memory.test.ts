import { randomBytes } from 'node:crypto'
import { memoryRedis } from '../../src/connectors/redis/memory.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { laws } from './laws.ts'
import { memoryFaults } from './memory-faults.ts'
import type { World } from './world.ts'

laws({
  name: 'Redis in memory',
  lacks: ['extend'],
  standInLacks: ['probe'],
  async start(): Promise<World> {
    const server = memoryRedis()
    let count = 0
    const open = () => server.connector.open({}, realIo())
    const login = (secret: Secret) => server.login(secret.id ?? '', secret)
    return {
      open,
      endsNothingByItself: true,
      manyPrincipals: 7,
      stop: async () => {},
      async principal() {
        const name = `app_${count++}`
        const secret = new Secret(randomBytes(18).toString('base64url'), name)
        const rules = [
          '~orders:*',
          '&orders',
          '-@all',
          '+@all',
          '-flushall',
          '(~stock:* -@all +get +acl|load)',
        ]
        server.addUser({ name, passwords: [secret], rules })
        const identity = { system: 'redis', instance: server.instance, kind: 'user', id: name }
        return { identity, credential: { ...identity, kind: 'password', identity }, secret }
      },
      use: async secret => login(secret) !== undefined,
      async session(secret) {
        const session = login(secret)
        if (!session) throw new Error('the server refused the login')
        return { alive: async () => session.alive, close: async () => {} }
      },
      faults: async () => memoryFaults(server, open),
      snapshot: async () => server.snapshot(),
      replace: async () => server.replace(`mark-${'2'.repeat(32)}`),
      vanish: async () => {
        server.reachable = false
      },
    }
  },
})
