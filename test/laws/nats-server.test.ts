import { availableNats, INSTALL_NATS } from '../connectors/nats/nats-server.ts'
import { requireServer } from '../servers.ts'
import { laws } from './laws.ts'
import { natsWorld } from './nats-world.ts'

const installed = requireServer('NATS', availableNats(), INSTALL_NATS)

laws({
  name: 'NATS',
  absent: installed.skip ? installed.reason : undefined,
  // A user's key is its name: another one is another user, and its end stands in its token. Who is connected is cut
  // off by a revocation, and not without one.
  lacks: ['extend', 'rotate', 'probe', 'endSessions', 'freeze', 'thaw', 'narrow', 'documents'],
  start: natsWorld,
})
