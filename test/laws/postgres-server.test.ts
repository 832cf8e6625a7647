import { laws } from './laws.ts'
import { absentPostgres, postgresWorld } from './postgres-world.ts'

for (const auth of ['scram-sha-256', 'trust'] as const) {
  laws({
    name: `PostgreSQL, ${auth}`,
    absent: absentPostgres(),
    async start() {
      // How a server authenticates changes little about faults: to try some is enough. All are in the long campaigns.
      const faultStep = auth === 'trust' ? 12 : process.env['SOAK'] ? 1 : 4
      return { ...(await postgresWorld({ auth })), faultStep }
    },
  })
}
