import { contextsIn } from '../expression.ts'
import { textsOf } from '../texts.ts'
import type { Weakness } from '../weakness.ts'

export const workflowSecretsOutsideEnvironment: Weakness = {
  id: 'workflow-secrets-outside-environment',
  title: 'A secret that every branch can read',
  severity: 'low',
  why: 'Without an environment, any workflow on any branch gets the secret: whoever may push one has it.',
  fix: 'Keep the secret in an environment with rules for who may deploy, and name that environment in the job.',
  frameworks: ['NHI8:2025', 'CICD-SEC-6'],
  alias: 'secrets-outside-env',
  references: ['https://docs.github.com/en/actions/concepts/workflows-and-actions/deployment-environments'],
  *find(workflow) {
    if (workflow.kind === 'action') return
    const told = new Set<string>()
    for (const { text, line, job } of textsOf(workflow)) {
      if (!job || job.environment) continue
      for (const [root, name] of contextsIn(text)) {
        if (root !== 'secrets' || name === undefined || name === '*' || name === 'github_token') continue
        const key = `${job.id} ${name} ${line}`
        if (told.has(key)) continue
        told.add(key)
        yield {
          line,
          certainty: 'proven',
          why: `${job.id} reads the secret ${name.toUpperCase()} and has no environment`,
          job,
        }
      }
    }
  },
}
