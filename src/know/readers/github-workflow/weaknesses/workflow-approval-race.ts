import type { Weakness } from '../weakness.ts'
import { strangersCode } from './workflow-untrusted-checkout.ts'

export const workflowApprovalRace: Weakness = {
  id: 'workflow-approval-race',
  title: 'What was approved is not what runs',
  severity: 'high',
  why: 'Between the label or comment and the fetch the pull request can be given another commit, which then runs with the job’s secrets (CWE-367).',
  fix: 'Check out github.event.pull_request.head.sha: the commit that was there when the label was set.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  crossing: true,
  references: [
    'https://cwe.mitre.org/data/definitions/367.html',
    'https://securitylab.github.com/resources/github-actions-new-patterns-and-mitigations/',
  ],
  *find(workflow) {
    for (const { job, step, fetch } of strangersCode(workflow))
      if (fetch.approved && (fetch.mutable || fetch.lasting))
        yield {
          line: step.line,
          certainty: 'conditional',
          why: fetch.mutable
            ? `once approved, it ${fetch.how} by then`
            : `once approved, it ${fetch.how}, and does so for every commit that follows`,
          job,
        }
  },
}
