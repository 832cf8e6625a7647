import { afterAll, beforeAll } from 'vitest'
import {
  availableRabbitmq,
  INSTALL_RABBITMQ,
  type RabbitmqServer,
  startRabbitmq,
} from '../connectors/rabbitmq/rabbitmq-server.ts'
import { requireServer } from '../servers.ts'
import { laws } from './laws.ts'
import { rabbitmqWorld } from './rabbitmq-world.ts'

const installed = requireServer('RabbitMQ', availableRabbitmq(), INSTALL_RABBITMQ)
let server: Promise<RabbitmqServer> | undefined

// It takes longer to start than any other.
beforeAll(async () => {
  if (!installed.skip) await (server = startRabbitmq())
})
afterAll(async () => (await server)?.stop())

laws({
  name: 'RabbitMQ',
  absent: installed.skip ? installed.reason : undefined,
  lacks: ['extend', 'probe', 'documents'],
  start: async () => await rabbitmqWorld((await server)!),
})
