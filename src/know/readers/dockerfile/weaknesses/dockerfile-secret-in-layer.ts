import { scalar } from '../../located.ts'
import { isSecretName } from '../../pipeline/pipeline.ts'
import type { Weakness } from '../../weakness.ts'
import { type Build, pairsOf, type Stage } from '../build.ts'

export const dockerfileSecretInLayer: Weakness<Build, Stage> = {
  id: 'dockerfile-secret-in-layer',
  title: 'A secret is part of an image',
  severity: 'high',
  why: 'Arguments and variables of a build stand in the image’s history and configuration: whoever may pull it has them.',
  fix: 'Mount it for the one command that needs it (RUN --mount=type=secret), and give what the program needs when it starts.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: [
    'https://docs.docker.com/build/building/secrets/',
    'https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/',
  ],
  *find({ jobs }) {
    for (const stage of jobs)
      for (const instruction of stage.instructions) {
        if (instruction.name !== 'ENV' && instruction.name !== 'ARG') continue
        for (const [name, value] of pairsOf(instruction)) {
          const text = scalar(value) ?? ''
          if (!isSecretName(name) || (instruction.name === 'ENV' && text === '')) continue
          yield {
            line: value.line,
            certainty: text === '' || text.includes('$') ? 'conditional' : 'proven',
            when: 'it is given when the image is built',
            why: `${name} stays in the image as ${instruction.name === 'ENV' ? 'a variable' : 'an argument'}`,
            job: stage,
          }
        }
      }
  },
}
