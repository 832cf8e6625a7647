import { scalar } from '../../located.ts'
import { jobsOf, type Weakness } from '../weakness.ts'

export const workflowSecretsInherit: Weakness = {
  id: 'workflow-secrets-inherit',
  title: 'It hands every secret to another workflow',
  severity: 'medium',
  why: 'The workflow that is called gets all secrets, those that it never asked for and those that are added later.',
  fix: 'Pass each secret that it needs by name.',
  frameworks: ['NHI5:2025', 'CICD-SEC-6'],
  alias: 'secrets-inherit',
  references: [
    'https://docs.github.com/en/actions/how-tos/reuse-automations/reuse-workflows#passing-inputs-and-secrets-to-a-reusable-workflow',
  ],
  *find(workflow) {
    for (const job of jobsOf(workflow))
      if (job.uses && scalar(job.secrets) === 'inherit')
        yield {
          line: job.secrets!.line,
          certainty: 'proven',
          why: `${job.uses.action} gets every secret there is`,
          job,
        }
  },
}
