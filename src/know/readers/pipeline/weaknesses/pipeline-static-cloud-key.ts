import { type Located, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import { commandsOf } from '../command.ts'
import type { Pipeline, PipelineJob } from '../pipeline.ts'

const USES: readonly { readonly to: string; readonly pattern: RegExp }[] = [
  { to: 'AWS', pattern: /\bAWS_SECRET_ACCESS_KEY\b|\baws\s+configure\s+set\s+aws_secret_access_key\b/ },
  {
    to: 'Google Cloud',
    pattern:
      /\bgcloud\s+auth\s+activate-service-account\b|\bGOOGLE_(?:CREDENTIALS|APPLICATION_CREDENTIALS_JSON)\b|\bGCLOUD_SERVICE_KEY\b|\bGCP_(?:SA|SERVICE_ACCOUNT)_KEY\b/,
  },
  {
    to: 'Azure',
    pattern: /\bARM_CLIENT_SECRET\b|\bAZURE_CLIENT_SECRET\b|\baz\s+login\b.{0,300}\s(?:-p|--password)\b/,
  },
]

export const pipelineStaticCloudKey: Weakness<Pipeline, PipelineJob> = {
  id: 'pipeline-static-cloud-key',
  title: 'A job logs in to a cloud with a stored key',
  severity: 'medium',
  why: 'A stored key works from anywhere, for as long as it exists; a token of the run’s own works for this run alone.',
  fix: 'Let the cloud trust the OpenID Connect token of these runs, and delete the key.',
  frameworks: ['NHI7:2025', 'CICD-SEC-6'],
  references: [
    'https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-06-Insufficient-Credential-Hygiene',
  ],
  *find({ jobs }) {
    for (const job of jobs) {
      const told = new Set<string>()
      for (const { line, text } of textsOf(job))
        for (const { to, pattern } of USES) {
          if (told.has(to) || !pattern.test(text)) continue
          told.add(to)
          yield { line, certainty: 'proven', why: `${job.id} uses a stored key of ${to}`, job }
        }
    }
  },
}

function* textsOf(job: PipelineJob): Generator<{ line: number; text: string }> {
  for (const script of job.scripts) yield* commandsOf(script)
  for (const [name, value] of job.variables)
    yield { line: lineOf(value), text: `${name} ${scalar(value) ?? ''}` }
}

function lineOf(value: Located): number {
  return value.keyLine ?? value.line
}
