import type { Weakness } from '../weakness.ts'
import { usesIn } from './workflow-unpinned-action.ts'

export const workflowLocalAction: Weakness = {
  id: 'workflow-local-action',
  title: 'An action from whatever is checked out',
  severity: 'low',
  why: 'What stands behind ./ is what the job’s steps put there by then, and that may be a stranger’s.',
  fix: 'Name it by $/, which is the commit of the workflow itself.',
  frameworks: ['NHI3:2025', 'CICD-SEC-4'],
  alias: 'self-repository',
  references: [
    'https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsuses',
  ],
  *find(workflow) {
    for (const { uses, job } of usesIn(workflow))
      if (uses.kind === 'local' && uses.action.startsWith('./'))
        yield { line: uses.line, certainty: 'conditional', why: 'it runs what is checked out by then', job }
  },
}
