import { scalar } from '../../located.ts'
import { letsIn } from '../guard.ts'
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
      if (!downloads(step) || letsIn(workflow, job, step) === 'members') continue
      const later = job.steps.slice(job.steps.indexOf(step) + 1)
      // Beside the job's own files it can take the place of what is run next.
      const folder = scalar(step.with.get('path'))?.trim()
      const inPlace =
        folder === undefined || /^(?:|\.|\.\/|\$\{\{\s*github\.workspace\s*\}\}\/?)$/.test(folder)
      const goesOn = inPlace
        ? later.some(({ run, uses }) => run || uses) || unpacks(step)
        : later.some(one => speaksOf(one, folder))
      if (!goesOn) continue
      yield {
        line: step.line,
        certainty: 'conditional',
        why: 'it goes on with an artifact of the run that started it',
        job,
      }
    }
  },
}

/** A script that downloads it and goes on with it at once. */
function unpacks({ run }: Step): boolean {
  return /\b(?:unzip|tar|bsdtar|7z|jar)\s/.test(scalar(run) ?? '')
}

/** Somewhere in a step the folder's name stands, or its working directory is that. */
function speaksOf(step: Step, folder: string): boolean {
  const name = folder.replace(/\/+$/, '').split('/').at(-1) ?? ''
  const texts = [step.run, ...step.with.values(), ...step.env.values()].map(one => scalar(one) ?? '')
  return name.includes('${{') || texts.some(text => text.split(/[^\w.-]+/).includes(name))
}

function downloads(step: Step): boolean {
  if (step.uses && DOWNLOADERS.has(step.uses.action))
    return step.uses.action !== 'actions/download-artifact' || step.with.has('run-id')
  const text = `${scalar(step.run) ?? ''}\n${scalar(step.with.get('script')) ?? ''}`
  return /\bgh\s+run\s+download\b|downloadArtifact\s*\(|\/actions\/artifacts\//.test(text)
}
