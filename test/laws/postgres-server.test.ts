import { laws } from './laws.ts'
import { absentPostgres, postgresWorld } from './postgres-world.ts'

for (const auth of ['scram-sha-256', 'trust'] as const) {
  laws({
    name: `PostgreSQL, ${auth}`,
    absent: absentPostgres(),
    async start() {
      const world = await postgresWorld({ auth })
      if (auth === 'scram-sha-256') return world
      // How a server authenticates changes nothing about faults: to try them once is enough.
      const { faults: _, ...rest } = world
      return rest
    },
  })
}
