import { jobsOf, type Weakness } from '../weakness.ts'

/** Actions that read the event alone, and nothing of the pull request's content. */
const HARMLESS = new Set(['actions/labeler', 'actions/first-interaction', 'actions/stale'])

export const workflowDangerousTrigger: Weakness = {
  id: 'workflow-dangerous-trigger',
  title: 'Others start it, and it has the rights of the repository',
  severity: 'medium',
  why: 'pull_request_target and workflow_run give what strangers start the repository’s secrets and a token that may write.',
  fix: 'Use pull_request; do what needs rights in a second workflow that never runs, builds or checks out what the first one made.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  alias: 'dangerous-triggers',
  references: [
    'https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#pull_request_target',
  ],
  *find(workflow) {
    const jobs = [...jobsOf(workflow)]
    const harmless =
      jobs.length > 0 &&
      jobs.every(
        job => job.steps.length === 1 && HARMLESS.has(job.steps[0]!.uses?.action ?? '') && !job.steps[0]!.run,
      )
    if (harmless) return
    for (const event of ['pull_request_target', 'workflow_run']) {
      const trigger = workflow.triggers.get(event)
      if (!trigger) continue
      yield {
        line: trigger.keyLine ?? trigger.line,
        certainty: 'conditional',
        why: `it runs on ${event}, with the rights of the repository`,
      }
    }
  },
}
