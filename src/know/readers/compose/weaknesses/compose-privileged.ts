import { items, member, scalar } from '../../located.ts'
import type { Weak, Weakness } from '../../weakness.ts'
import type { ComposeFile, Service } from '../compose-file.ts'

export const composePrivileged: Weakness<ComposeFile, Service> = {
  id: 'compose-privileged',
  title: 'A service has the rights of its host',
  severity: 'high',
  why: 'Whoever breaks into it is root of the host, and has what every other container there is given.',
  fix: 'Take privileged and the host’s namespaces out, and add the one capability or device that it needs.',
  frameworks: ['NHI5:2025', 'NHI6:2025'],
  references: ['https://docs.docker.com/reference/compose-file/services/#privileged'],
  *find({ services }) {
    for (const service of services) {
      const is = (name: string, value: string): Weak<Service> | undefined => {
        const found = member(service.node, name)
        const hit = items(found).find(one => scalar(one)?.toLowerCase() === value)
        return (
          hit && {
            line: hit.line,
            certainty: 'proven',
            why: `${service.name} has ${name} ${value === 'true' ? '' : value}`.trim(),
            job: service,
          }
        )
      }
      const settings = [
        is('privileged', 'true'),
        is('pid', 'host'),
        is('userns_mode', 'host'),
        is('cap_add', 'all'),
        is('cap_add', 'sys_admin'),
        is('cap_add', 'sys_ptrace'),
      ]
      for (const weak of settings) if (weak) yield weak
    }
  },
}
