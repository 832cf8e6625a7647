import { scalar } from '../../located.ts'
import { jobsOf, type Weakness } from '../weakness.ts'
import { PRIVILEGED_OUTSIDE_EVENTS } from '../workflow.ts'

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
      const label = job.runsOn.find(one => scalar(one)?.toLowerCase() === 'self-hosted')
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
