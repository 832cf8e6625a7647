import { laws } from './laws.ts'
import { absentPostgres, postgresWorld } from './postgres-world.ts'

for (const auth of ['scram-sha-256', 'trust'] as const) {
  laws({
    name: `PostgreSQL, ${auth}`,
    absent: absentPostgres(),
    start: () => postgresWorld({ auth }),
  })
}
