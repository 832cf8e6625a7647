import { availableMariadb, INSTALL_MARIADB } from '../connectors/mariadb/mariadb-server.ts'
import { requireServer } from '../servers.ts'
import { laws } from './laws.ts'
import { mariadbWorld } from './mariadb-world.ts'

const server = requireServer('MariaDB', availableMariadb(), INSTALL_MARIADB)

laws({
  name: 'MariaDB',
  absent: server.skip ? server.reason : undefined,
  lacks: ['extend', 'probe', 'documents'],
  start: mariadbWorld,
})
