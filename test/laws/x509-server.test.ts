import { availableNginx, INSTALL_NGINX } from '../connectors/x509/nginx.ts'
import { requireServer } from '../servers.ts'
import { laws } from './laws.ts'
import { x509World } from './x509-world.ts'

const nginx = requireServer('nginx', availableNginx(), INSTALL_NGINX)

laws({
  name: 'X.509 certificates at nginx',
  absent: nginx.skip ? nginx.reason : undefined,
  // An authority has no sessions, and no passwords to rotate; what its subjects may do, servers say.
  lacks: ['extend', 'rotate', 'probe', 'sessions', 'endSessions', 'freeze', 'thaw', 'narrow', 'documents'],
  start: x509World,
})
