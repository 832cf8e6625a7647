import { availableSshd, INSTALL_SSHD } from '../connectors/ssh/sshd.ts'
import { requireServer } from '../servers.ts'
import { laws } from './laws.ts'
import { sshWorld } from './ssh-world.ts'

const sshd = requireServer('OpenSSH’s server', availableSshd(), INSTALL_SSHD)

laws({
  name: 'certificates of OpenSSH',
  absent: sshd.skip ? sshd.reason : undefined,
  // An authority has no sessions, and no passwords to rotate; what its principals may do, hosts say.
  lacks: ['extend', 'rotate', 'probe', 'sessions', 'endSessions', 'freeze', 'thaw', 'narrow', 'documents'],
  start: sshWorld,
})
