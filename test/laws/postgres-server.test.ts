import { laws } from './laws.ts'
import { absentPostgres, postgresWorld } from './postgres-world.ts'

for (const auth of ['scram-sha-256', 'trust'] as const) {
  laws({
    name: `PostgreSQL, ${auth}`,
    absent: absentPostgres(),
    async start() {
      const world = await postgresWorld({ auth })
      // How a server authenticates changes little about faults: to try some is enough.
      return auth === 'trust' ? { ...world, faultStep: 12 } : world
    },
  })
}
