import { scalar } from '../../located.ts'
import { jobsOf, type Weakness } from '../weakness.ts'
import { neverRuns, type Step, versionOf } from '../workflow.ts'

export const workflowPersistedCredentials: Weakness = {
  id: 'workflow-persisted-credentials',
  title: 'The token stays in the checkout',
  severity: 'medium',
  why: 'actions/checkout writes the job’s token to the disk: every later step has it, and an artifact of the folder publishes it.',
  fix: 'Set persist-credentials: false, and give the token to the step that pushes.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  alias: 'artipacked',
  references: ['https://github.com/actions/checkout#usage'],
  *find(workflow) {
    for (const job of jobsOf(workflow)) {
      const steps = job.steps.filter(step => !neverRuns(step))
      for (const [index, step] of steps.entries()) {
        if (step.uses?.action !== 'actions/checkout') continue
        const persists = scalar(step.with.get('persist-credentials'))
        if (persists !== undefined && persists.trim().toLowerCase() !== 'true') continue
        const published = steps.slice(index + 1).some(uploadsTheFolder)
        // From its sixth version on it keeps the token outside of the folder.
        const inFolder = (versionOf(step.uses)?.[0] ?? 0) < 6
        yield {
          line: step.line,
          certainty: published && inFolder ? 'proven' : persists === undefined ? 'potential' : 'conditional',
          why:
            published && inFolder
              ? 'the folder with the token in .git/config is uploaded as an artifact'
              : 'every later step can read the token',
          job,
        }
      }
    }
  },
}

function uploadsTheFolder(step: Step): boolean {
  if (step.uses?.action !== 'actions/upload-artifact') return false
  const paths = (scalar(step.with.get('path')) ?? '').split('\n').map(path => path.trim())
  return paths.some(path =>
    /^(?:\.|\.\/|\.\/\*{1,2}|\*{1,2}|\.\/\.git.*|\.git.*|\$\{\{\s*github\.workspace\s*\}\}\/?)$/.test(path),
  )
}
