import { randomBytes } from 'node:crypto'
import { memoryMariadb } from '../../src/connectors/mariadb/memory.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { laws } from './laws.ts'
import { principalStatements, SETTING } from './mariadb-world.ts'
import { memoryFaults } from './memory-faults.ts'
import type { World } from './world.ts'

for (const trust of [false, true]) {
  laws({
    name: `MariaDB in memory${trust ? ', taking any password' : ''}`,
    lacks: ['extend', 'probe', 'documents'],
    async start(): Promise<World> {
      const server = memoryMariadb()
      server.trust = trust
      for (const statement of SETTING) server.run(statement)
      let count = 0
      const open = () => server.connector.open({}, realIo())
      const { instance } = await open()
      const login = (secret: Secret) => server.login(secret.id ?? '', secret)
      return {
        open,
        takesAnySecret: trust,
        endsNothingByItself: true,
        manyPrincipals: 7,
        stop: async () => {},
        async principal() {
          const user = `app_${count++}`
          const secret = new Secret(randomBytes(18).toString('base64url'), user)
          for (const statement of principalStatements(user, secret)) server.run(statement)
          const identity = { system: 'mariadb', instance, kind: 'user', id: `${user}@%` }
          return { identity, credential: { ...identity, kind: 'password', identity }, secret }
        },
        use: async secret => login(secret) !== undefined,
        async session(secret) {
          const session = login(secret)
          if (!session) throw new Error('the server refused the login')
          return { alive: async () => session.alive, close: async () => {} }
        },
        faults: async () => memoryFaults(server.wire, open),
        snapshot: async () => server.snapshot(),
        replace: async () => server.replace(),
        vanish: async () => {
          server.wire.reachable = false
        },
        log: async () => server.log.join('\n'),
      }
    },
  })
}
