import type { Weakness } from '../../weakness.ts'
import type { ComposeFile, Service } from '../compose-file.ts'

const WIDE =
  /^(?:\/|\/(?:etc|root|home|var|proc|sys|boot|var\/lib\/docker|var\/run)|~|\$HOME|(?:~|\$HOME)?\/?(?:.*\/)?\.(?:ssh|aws|kube|gnupg|docker|azure|config\/gcloud))\/?$/

export const composeHostMount: Weakness<ComposeFile, Service> = {
  id: 'compose-host-mount',
  title: 'A service has a folder of its host in which credentials lie',
  severity: 'high',
  why: 'Whoever breaks into it has the host’s keys, or a user’s, and with them other systems.',
  fix: 'Mount the one file that it needs, read-only, or give it an identity of its own.',
  frameworks: ['NHI5:2025', 'NHI9:2025'],
  references: ['https://docs.docker.com/engine/storage/bind-mounts/'],
  *find({ services }) {
    for (const service of services)
      for (const { source, line } of service.mounts)
        if (WIDE.test(source))
          yield { line, certainty: 'proven', why: `${service.name} has ${source} of its host`, job: service }
  },
}
