import { randomBytes } from 'node:crypto'
import { memoryPostgres } from '../../src/connectors/postgres/memory.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { laws } from './laws.ts'
import { memoryFaults } from './memory-faults.ts'
import type { World } from './world.ts'

for (const trust of [false, true]) {
  laws({
    name: `PostgreSQL in memory${trust ? ', taking any password' : ''}`,
    standInLacks: ['probe'],
    async start(): Promise<World> {
      const server = memoryPostgres({ pageSize: 2 })
      server.trust = trust
      let count = 0
      const open = () => server.connector.open({}, realIo())
      const login = (secret: Secret) => server.login(secret.id ?? '', secret)
      return {
        open,
        takesAnySecret: trust,
        manyPrincipals: 7,
        stop: async () => {},
        async principal() {
          const name = `app_${count++}`
          const secret = new Secret(randomBytes(18).toString('base64url'), name)
          const role = server.addRole({
            name,
            password: secret,
            attributes: { createrole: true },
            memberOf: ['readers'],
            owns: ['app.public.orders', 'audit.public.log'],
            grants: [
              {
                database: 'app',
                kind: 'table',
                object: 'public.customers',
                column: null,
                privilege: 'SELECT',
                grantable: false,
                grantor: 'postgres',
                grantee: name,
              },
            ],
          })
          const identity = { system: 'postgres', instance: server.instance, kind: 'role', id: role.oid }
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
        replace: async () => server.replace('7000000000000000002'),
        vanish: async () => {
          server.reachable = false
        },
      }
    },
  })
}
