import { type Located, scalar } from '../../located.ts'
import type { Weak, Weakness } from '../../weakness.ts'
import { isSecretName, type Pipeline, type PipelineJob } from '../pipeline.ts'

export const pipelineSecretInFile: Weakness<Pipeline, PipelineJob> = {
  id: 'pipeline-secret-in-file',
  title: 'A variable of the file holds a secret in clear',
  severity: 'high',
  why: 'Whoever can read the repository, or any clone or fork of it, has it, and so has its history for ever.',
  fix: 'Rotate it, and keep the new one in the system’s own protected variables or in a vault.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: [
    'https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-06-Insufficient-Credential-Hygiene',
  ],
  *find({ jobs, variables }) {
    yield* within(variables)
    for (const job of jobs) for (const weak of within(job.variables)) yield { ...weak, job }
  },
}

function* within(variables: ReadonlyMap<string, Located>): Generator<Weak<PipelineJob>> {
  for (const [name, value] of variables) {
    const text = scalar(value)?.trim() ?? ''
    if (!isSecretName(name) || text.length < 4) continue
    // What comes from elsewhere, or stands for nothing.
    if (
      /\$|<<|\{\{|^(?:true|false|null|none|yes|no|file|env|masked|changeme|example|dummy|test|\*+|x+|<.*>|\/.*|https?:.*)$/i.test(
        text,
      )
    )
      continue
    yield { line: value.line, certainty: 'conditional', why: `${name} is given in clear` }
  }
}
