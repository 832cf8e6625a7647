import { scalar } from '../../located.ts'
import { stepsOf, type Weakness } from '../weakness.ts'
import type { Step } from '../workflow.ts'

const DOWNLOADERS = new Set([
  'actions/download-artifact',
  'dawidd6/action-download-artifact',
  'bettermarks/action-artifact-download',
  'aochmann/actions-download-artifact',
  'levonet/action-download-last-artifact',
])

export const workflowArtifactPoisoning: Weakness = {
  id: 'workflow-artifact-poisoning',
  title: 'It uses files that a less trusted run made',
  severity: 'high',
  why: 'A pull request’s run decides what is in its artifact: files that overwrite scripts, or text that becomes a command.',
  fix: 'Download into a folder of its own, take from it only what you check, and run nothing of it.',
  frameworks: ['NHI4:2025', 'CICD-SEC-9'],
  crossing: true,
  references: ['https://securitylab.github.com/resources/github-actions-preventing-pwn-requests/'],
  *find(workflow) {
    if (!workflow.triggers.has('workflow_run')) return
    for (const { job, step } of stepsOf(workflow)) {
      if (!downloads(step)) continue
      const later = job.steps.slice(job.steps.indexOf(step) + 1)
      // Beside the job's own files it can take the place of what is run next.
      const inPlace = scalar(step.with.get('path')) === undefined
      if (!later.some(({ run, uses }) => run || (inPlace && uses))) continue
      yield {
        line: step.line,
        certainty: 'conditional',
        why: 'it goes on with an artifact of the run that started it',
        job,
      }
    }
  },
}

function downloads(step: Step): boolean {
  if (step.uses && DOWNLOADERS.has(step.uses.action))
    return step.uses.action !== 'actions/download-artifact' || step.with.has('run-id')
  const text = `${scalar(step.run) ?? ''}\n${scalar(step.with.get('script')) ?? ''}`
  return /\bgh\s+run\s+download\b|downloadArtifact\s*\(|\/actions\/artifacts\//.test(text)
}
