import { type Located, items, member, scalar } from '../../located.ts'
import { embeddedIn, flowsOf } from '../expression.ts'
import { jobsOf, type Weakness } from '../weakness.ts'
import { type Job, PRIVILEGED_OUTSIDE_EVENTS } from '../workflow.ts'

export const workflowSelfHostedRunner: Weakness = {
  id: 'workflow-self-hosted-runner',
  title: 'It runs on a machine of one’s own',
  severity: 'medium',
  why: 'What one job leaves on the machine waits for the next; where strangers can start it, they are on the network behind it.',
  fix: 'Use runners that live for one job, or runners of GitHub; keep self-hosted ones from public repositories.',
  frameworks: ['NHI9:2025', 'CICD-SEC-7'],
  alias: 'self-hosted-runner',
  references: [
    'https://docs.github.com/en/actions/reference/security/secure-use#hardening-for-self-hosted-runners',
  ],
  *find(workflow) {
    const open = ['pull_request', ...PRIVILEGED_OUTSIDE_EVENTS].find(event => workflow.triggers.has(event))
    for (const job of jobsOf(workflow)) {
      const label =
        job.runsOn.find(one => mayBe(one, job).some(name => name.toLowerCase() === 'self-hosted')) ??
        ownByLabels(job)
      if (!label) continue
      const who = open === undefined ? '' : `, and ${open} lets strangers start it`
      yield {
        line: label.line,
        certainty: 'conditional',
        why: `${job.id} runs on a self-hosted runner${who}`,
        job,
      }
    }
  },
}

/** GitHub's own runners have one label each: a list of others is met by machines of one's own. */
function ownByLabels({ runsOn }: Job): Located | undefined {
  const labels = runsOn.map(one => scalar(one) ?? '')
  const own = labels.length > 1 && !labels.some(label => /^(?:ubuntu|windows|macos)-|\$\{\{/i.test(label))
  return own ? runsOn[0] : undefined
}

/** Each label that one may be: as it is written, or by its expression and the matrix. */
function mayBe(label: Located, { matrix }: Job): string[] {
  const text = scalar(label) ?? ''
  const embedded = embeddedIn(text)
  if (embedded.length === 0) return [text]
  return embedded.flatMap(({ expression }) =>
    (expression ? flowsOf(expression) : []).flatMap(part => {
      if (part.is === 'literal') return [String(part.value)]
      const [root, name = ''] = part.is === 'context' ? part.path : []
      if (root !== 'matrix') return []
      const values = [
        ...items(member(matrix, name)),
        ...items(member(matrix, 'include')).flatMap(one => items(member(one, name))),
      ]
      // A value may be a list of labels, or have them as a member.
      return values.flatMap(deepScalars)
    }),
  )
}

function deepScalars(located: Located): string[] {
  if (located.value instanceof Map) return [...located.value.values()].flatMap(deepScalars)
  if (Array.isArray(located.value)) return items(located).flatMap(deepScalars)
  return [scalar(located) ?? '']
}
