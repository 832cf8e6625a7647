import { members, member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { AzureJob, AzurePipeline } from '../azure-pipeline.ts'

export const azurePipelinesKeyInEnvironment: Weakness<AzurePipeline, AzureJob> = {
  id: 'azure-pipelines-key-in-environment',
  title: 'A service principal’s own key is handed to a script',
  severity: 'medium',
  why: 'The script, and whatever it runs, can keep the principal’s key, which works from anywhere.',
  fix: 'Leave addSpnToEnvironment out, and let the service connection use workload identity federation.',
  frameworks: ['NHI7:2025', 'CICD-SEC-6'],
  references: ['https://learn.microsoft.com/en-us/azure/devops/pipelines/tasks/reference/azure-cli-v2'],
  *find({ jobs }) {
    for (const job of jobs)
      for (const step of job.steps)
        for (const [name, value] of members(member(step, 'inputs')))
          if (name.toLowerCase() === 'addspntoenvironment' && /^true$/i.test(scalar(value) ?? ''))
            yield {
              line: value.line,
              certainty: 'proven',
              why: `${job.id} gives a script the principal’s key`,
              job,
            }
  },
}
