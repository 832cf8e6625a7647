import { jobsOf, stepsOf, type Weakness } from '../weakness.ts'
import { isCommit, type Job, type Uses } from '../workflow.ts'

export const workflowUnpinnedAction: Weakness = {
  id: 'workflow-unpinned-action',
  title: 'An action by a name that can be moved',
  severity: 'medium',
  why: 'Whoever may move that tag or branch, or takes over its repository, runs their code as the job the next time.',
  fix: 'Name the full commit, with the version as a comment beside it; let a bot raise it.',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  alias: 'unpinned-uses',
  references: ['https://docs.github.com/en/actions/reference/security/secure-use#using-third-party-actions'],
  *find(workflow) {
    for (const { uses, job } of usesIn(workflow)) {
      if (uses.kind === 'local') continue
      if (uses.kind === 'image') {
        if (!/^sha256:[0-9a-f]{64}$/.test(uses.ref ?? ''))
          yield { line: uses.line, certainty: 'conditional', why: 'an image without its digest', job }
        continue
      }
      if (isCommit(uses.ref)) continue
      const why = uses.ref === undefined ? 'no version at all' : 'a tag or branch that can be moved'
      yield { line: uses.line, certainty: 'conditional', why: `${uses.action} by ${why}`, job }
    }
  },
}

/** Everything that a workflow's steps and jobs use, of whoever it is. */
export function* usesIn(workflow: Parameters<Weakness['find']>[0]): Generator<{ uses: Uses; job: Job }> {
  for (const job of jobsOf(workflow)) if (job.uses) yield { uses: job.uses, job }
  for (const { job, step } of stepsOf(workflow)) if (step.uses) yield { uses: step.uses, job }
}
