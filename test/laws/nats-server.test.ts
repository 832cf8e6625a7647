import { availableNats, INSTALL_NATS } from '../connectors/nats/nats-server.ts'
import { requireServer } from '../servers.ts'
import { laws } from './laws.ts'
import { NATS_LACKS, natsWorld } from './nats-world.ts'

const installed = requireServer('NATS', availableNats(), INSTALL_NATS)

laws({
  name: 'NATS',
  absent: installed.skip ? installed.reason : undefined,
  lacks: NATS_LACKS,
  start: natsWorld,
})
