import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import { commandsOf, variablesIn } from '../command.ts'
import { isSecretName, type Pipeline, type PipelineJob } from '../pipeline.ts'

const PRINTS =
  /(?:^|[;&|]\s*|\b(?:do|then)\s+)(?:echo|printf|Write-Host|Write-Output)\s+([^;&|>]*)(?=$|[;&])/g
const ALL =
  /(?:^|[;&]\s*)(?:printenv|env|set|export\s+-p|export|Get-ChildItem\s+env:|gci\s+env:|dir\s+env:)\s*(?:$|[;&]|\|\s*sort\b)/i
const TRACE = /(?:^|[;&]\s*)set\s+-[a-z]*x|(?:^|[;&]\s*)set\s+-o\s+xtrace|\b(?:bash|sh)\s+-[a-z]*x\b/

export const pipelineSecretInLog: Weakness<Pipeline, PipelineJob> = {
  id: 'pipeline-secret-in-log',
  title: 'A job prints a secret into its log',
  severity: 'high',
  why: 'Logs are kept, and are read by more people than the secret is for; what masks values misses every other form of them.',
  fix: 'Do not print it; print its length or a digest where something has to be seen.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: [
    'https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-06-Insufficient-Credential-Hygiene',
  ],
  *find({ jobs }) {
    for (const job of jobs)
      for (const script of job.scripts) {
        const holds = variablesIn(scalar(script) ?? '').some(isSecretName)
        for (const { line, text } of commandsOf(script)) {
          const printed = [...text.matchAll(PRINTS)]
            .flatMap(([, what = '']) => variablesIn(what.replace(/\$\{#\w+\}|'[^']*'/g, '')))
            .find(isSecretName)
          if (printed !== undefined)
            yield { line, certainty: 'proven', why: `${job.id} prints ${printed}`, job }
          else if (ALL.test(text))
            yield {
              line,
              certainty: 'conditional',
              why: `${job.id} prints all of its environment`,
              job,
            }
          else if (holds && TRACE.test(text))
            yield {
              line,
              certainty: 'conditional',
              why: `${job.id} traces its commands, and some hold a secret`,
              job,
            }
        }
      }
  },
}
