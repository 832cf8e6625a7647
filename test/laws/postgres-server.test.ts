import { laws } from './laws.ts'
import { absentPostgres, postgresWorld } from './postgres-world.ts'

/** A server that asks nobody for a password is one for the long campaigns. */
const AUTHENTICATION = process.env['SOAK']
  ? (['scram-sha-256', 'trust'] as const)
  : (['scram-sha-256'] as const)

for (const auth of AUTHENTICATION) {
  laws({
    name: `PostgreSQL, ${auth}`,
    absent: absentPostgres(),
    async start() {
      // To try some is enough here. All are in the long campaigns.
      const faultStep = process.env['SOAK'] ? 1 : 4
      return { ...(await postgresWorld({ auth })), faultStep }
    },
  })
}
