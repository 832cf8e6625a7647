import { laws } from './laws.ts'
import { absentPostgres, postgresWorld } from './postgres-world.ts'

// The version that npm has is newer than most systems', and from 16 on roles are granted by other rules.
laws({
  name: 'PostgreSQL of npm, scram-sha-256',
  absent: absentPostgres('embedded'),
  start: async () => ({ ...(await postgresWorld({ binaries: 'embedded' })), faultStep: 8 }),
})
