import { member, scalar } from '../../located.ts'
import { jobsOf, type Weakness } from '../weakness.ts'

export const workflowHardcodedRegistryPassword: Weakness = {
  id: 'workflow-hardcoded-registry-password',
  title: 'A registry’s password stands in the workflow',
  severity: 'high',
  why: 'Whoever reads the repository has it, and it stays in the history.',
  fix: 'Rotate it, and take it from a secret.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  alias: 'hardcoded-container-credentials',
  references: [
    'https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idcontainercredentials',
  ],
  *find(workflow) {
    for (const job of jobsOf(workflow))
      for (const container of [job.container, ...job.services.values()]) {
        const password = member(container, 'credentials', 'password')
        const text = scalar(password)
        if (password && text !== undefined && text !== '' && !text.includes('${{'))
          yield {
            line: password.line,
            certainty: 'proven',
            why: `${job.id} has the password of a registry in plain text`,
            job,
          }
      }
  },
}
