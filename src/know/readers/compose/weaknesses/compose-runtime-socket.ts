import type { Weakness } from '../../weakness.ts'
import type { ComposeFile, Service } from '../compose-file.ts'

export const composeRuntimeSocket: Weakness<ComposeFile, Service> = {
  id: 'compose-runtime-socket',
  title: 'A service has the socket of the container runtime',
  severity: 'high',
  why: 'Whoever speaks to it starts containers with the host’s files, and reads what every container is given; read-only changes nothing about that.',
  fix: 'Leave it out, or put a proxy before it that lets through what is needed.',
  frameworks: ['NHI5:2025', 'NHI6:2025'],
  references: ['https://docs.docker.com/engine/security/#docker-daemon-attack-surface'],
  *find({ services }) {
    for (const service of services)
      for (const { source, line } of service.mounts)
        if (/(?:docker|containerd|podman|crio)\.sock$/.test(source))
          yield { line, certainty: 'proven', why: `${service.name} has the runtime’s socket`, job: service }
  },
}
