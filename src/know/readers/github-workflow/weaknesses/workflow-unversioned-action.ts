import type { Weakness } from '../weakness.ts'
import { isCommit } from '../workflow.ts'
import { usesIn } from './workflow-unpinned-action.ts'

export const workflowUnversionedAction: Weakness = {
  id: 'workflow-unversioned-action',
  title: 'An action by a name that may be a branch and a tag',
  severity: 'medium',
  why: 'Where both bear the name, GitHub takes one and the reader thinks of the other: whoever may make a branch decides what runs.',
  fix: 'Name the full commit.',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  alias: 'ref-confusion',
  references: ['https://docs.github.com/en/actions/reference/security/secure-use#using-third-party-actions'],
  *find(workflow) {
    for (const { uses, job } of usesIn(workflow)) {
      if (uses.kind !== 'repository' || uses.ref === undefined || isCommit(uses.ref)) continue
      if (uses.ref.startsWith('refs/') || /^v?\d+(?:\.\d+)*(?:[-.+][\w.-]+)?$/.test(uses.ref)) continue
      yield {
        line: uses.line,
        certainty: 'potential',
        why: `${uses.action} by a name that is no version`,
        job,
      }
    }
  },
}
