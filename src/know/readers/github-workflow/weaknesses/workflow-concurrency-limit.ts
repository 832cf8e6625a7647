import { type Located, member, scalar } from '../../located.ts'
import { jobsOf, type Weakness } from '../weakness.ts'

export const workflowConcurrencyLimit: Weakness = {
  id: 'workflow-concurrency-limit',
  title: 'Old runs go on beside new ones',
  severity: 'low',
  why: 'Each run that nobody waits for any more still holds its token and secrets, and may overtake the newer one.',
  fix: 'Say concurrency with a group for each branch, and whether a newer run cancels the older (cancel-in-progress).',
  frameworks: ['NHI7:2025'],
  alias: 'concurrency-limits',
  references: [
    'https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency',
  ],
  *find(workflow) {
    if (workflow.kind === 'action') return
    const events = [...workflow.triggers.keys()]
    // Who calls a workflow says how often it runs at once.
    if (events.length > 0 && events.every(event => event === 'workflow_call')) return
    if (workflow.concurrency) {
      if (!cancels(workflow.concurrency))
        yield {
          line: workflow.concurrency.line,
          certainty: 'proven',
          why: 'whether a newer run cancels the older is not said',
        }
      return
    }
    for (const job of jobsOf(workflow)) {
      if (!job.concurrency)
        yield {
          line: job.line,
          certainty: 'proven',
          why: `${job.id} has no limit to how many run at once`,
          job,
        }
      else if (!cancels(job.concurrency))
        yield {
          line: job.concurrency.line,
          certainty: 'proven',
          why: `for ${job.id} it is not said whether a newer run cancels the older`,
          job,
        }
    }
  },
}

/** That it does not is a decision, too, once it is said. */
function cancels(concurrency: Located): boolean {
  return scalar(member(concurrency, 'cancel-in-progress')) !== undefined
}
