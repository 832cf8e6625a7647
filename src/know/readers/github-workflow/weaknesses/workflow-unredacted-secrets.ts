import { embeddedIn, flowsOf, partsOf } from '../expression.ts'
import { textsOf } from '../texts.ts'
import type { Weakness } from '../weakness.ts'

export const workflowUnredactedSecrets: Weakness = {
  id: 'workflow-unredacted-secrets',
  title: 'A part of a secret, which logs do not hide',
  severity: 'medium',
  why: 'Logs hide a secret’s whole value only: a member that is taken out of it is printed as it is.',
  fix: 'Keep each value as a secret of its own, or mask it with ::add-mask:: before anything else.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  alias: 'unredacted-secrets',
  references: ['https://docs.github.com/en/actions/reference/security/secrets'],
  *find(workflow) {
    for (const { text, line, job } of textsOf(workflow))
      for (const { expression } of embeddedIn(text)) {
        const parts = expression ? partsOf(expression) : []
        const opens = parts.some(
          part =>
            part.is === 'call' &&
            part.name === 'fromjson' &&
            part.args.flatMap(flowsOf).some(it => it.is === 'context' && it.path[0] === 'secrets'),
        )
        if (opens) yield { line, certainty: 'proven', why: 'fromJSON of a secret', ...(job && { job }) }
      }
  },
}
