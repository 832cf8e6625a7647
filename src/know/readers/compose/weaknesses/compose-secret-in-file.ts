import { scalar } from '../../located.ts'
import { isSecretName } from '../../pipeline/pipeline.ts'
import type { Weakness } from '../../weakness.ts'
import type { ComposeFile, Service } from '../compose-file.ts'

export const composeSecretInFile: Weakness<ComposeFile, Service> = {
  id: 'compose-secret-in-file',
  title: 'A service’s secret stands in the compose file',
  severity: 'high',
  why: 'Whoever can read the repository has it, and so has its history for ever.',
  fix: 'Rotate it, and give it by secrets: from a file that is not in the repository, or by a variable of the host.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: ['https://docs.docker.com/compose/how-tos/use-secrets/'],
  *find({ services }) {
    for (const service of services)
      for (const [name, value] of service.environment) {
        const text = scalar(value) ?? ''
        const initial = /^\$\{\w+:?-([^}]+)\}$/.exec(text)?.[1]
        const literal = initial ?? (text.includes('$') ? '' : text)
        if (!isSecretName(name) || literal.length < 4 || /^(?:true|false|changeme|\/.*)$/i.test(literal))
          continue
        yield {
          line: value.line,
          certainty: 'conditional',
          ...(initial !== undefined && { when: 'the variable is not set' }),
          why: `${service.name} is given ${name} in clear`,
          job: service,
        }
      }
  },
}
