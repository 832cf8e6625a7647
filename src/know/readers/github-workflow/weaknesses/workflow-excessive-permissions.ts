import { jobsOf, type Weakness } from '../weakness.ts'
import { permissionLevels } from '../workflow.ts'

export const workflowExcessivePermissions: Weakness = {
  id: 'workflow-excessive-permissions',
  title: 'Its token may do more than the job needs',
  severity: 'medium',
  why: 'Whatever runs in any step of the job has the token: an action that was taken over, or a script that was injected.',
  fix: 'Say permissions: {} for the workflow, and give each job what it needs.',
  frameworks: ['NHI5:2025', 'CICD-SEC-5'],
  alias: 'excessive-permissions',
  references: [
    'https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions',
  ],
  *find(workflow) {
    if (workflow.kind === 'action') return
    const jobs = [...jobsOf(workflow)]
    const ofAll = permissionLevels(workflow.permissions)
    if (ofAll?.get('*') === 'write')
      yield {
        line: workflow.permissions!.line,
        certainty: 'proven',
        why: 'every job’s token may write everything',
      }
    else if (jobs.length > 1 && ofAll)
      for (const [scope, level] of ofAll)
        if (level === 'write' && scope !== '*' && !jobs.every(job => job.permissions))
          yield {
            line: workflow.permissions!.line,
            certainty: 'proven',
            why: `every job’s token may write ${scope}`,
          }
    for (const job of jobs) {
      const own = permissionLevels(job.permissions)
      if (own?.get('*') === 'write')
        yield {
          line: job.permissions!.line,
          certainty: 'proven',
          why: `the token of ${job.id} may write everything`,
          job,
        }
      else if (!own && !ofAll && !workflow.triggers.has('workflow_call'))
        yield {
          line: job.line,
          certainty: 'conditional',
          why: `no permissions are said: the token of ${job.id} has the repository’s default, which may be to write`,
          job,
        }
    }
  },
}
