import { member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { AzureJob, AzurePipeline } from '../azure-pipeline.ts'

export const azurePipelinesPersistedCredentials: Weakness<AzurePipeline, AzureJob> = {
  id: 'azure-pipelines-persisted-credentials',
  title: 'The checkout leaves its token in the folder',
  severity: 'medium',
  why: 'Every step after it, and whatever it installs, can read the token and push with it; an artifact of the folder holds it.',
  fix: 'Take out persistCredentials: true; where a step has to push, give the token to that step by env:.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: ['https://learn.microsoft.com/en-us/azure/devops/pipelines/yaml-schema/steps-checkout'],
  *find({ jobs }) {
    for (const job of jobs)
      for (const step of job.steps) {
        const persisted = member(step, 'checkout') && member(step, 'persistCredentials')
        if (scalar(persisted) === 'true')
          yield {
            line: persisted!.line,
            certainty: 'proven',
            why: `${job.id} keeps the checkout’s token`,
            job,
          }
      }
  },
}
