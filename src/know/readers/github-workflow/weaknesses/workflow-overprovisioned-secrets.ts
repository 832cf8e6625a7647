import { type Expression, embeddedIn, partsOf } from '../expression.ts'
import type { Weakness } from '../weakness.ts'
import { textsOf } from '../texts.ts'

export const workflowOverprovisionedSecrets: Weakness = {
  id: 'workflow-overprovisioned-secrets',
  title: 'It takes all secrets at once',
  severity: 'medium',
  why: 'Every secret of the repository and the organization reaches the runner, and any code in the job.',
  fix: 'Name the one secret that is needed: secrets.NAME.',
  frameworks: ['NHI5:2025', 'CICD-SEC-6'],
  alias: 'overprovisioned-secrets',
  references: ['https://docs.github.com/en/actions/reference/security/secure-use'],
  *find(workflow) {
    for (const { text, line, job } of textsOf(workflow))
      for (const { expression } of embeddedIn(text))
        if (expression && partsOf(expression).some(isAll))
          yield { line, certainty: 'proven', why: 'the whole secrets context', ...(job && { job }) }
  },
}

function isAll(part: Expression): boolean {
  if (part.is === 'context')
    return part.path[0] === 'secrets' && (part.path.length === 1 || part.path[1] === '*')
  return false
}
