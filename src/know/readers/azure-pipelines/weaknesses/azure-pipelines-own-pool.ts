import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { AzureJob, AzurePipeline } from '../azure-pipeline.ts'

export const azurePipelinesOwnPool: Weakness<AzurePipeline, AzureJob> = {
  id: 'azure-pipelines-own-pool',
  title: 'Pull requests run on machines of one’s own',
  severity: 'medium',
  why: 'What a pull request leaves on that machine, or in its network, meets the next job there.',
  fix: 'Run pull requests on hosted agents, or on a scale set that makes a machine for each job.',
  frameworks: ['NHI8:2025', 'CICD-SEC-7'],
  references: ['https://learn.microsoft.com/en-us/azure/devops/pipelines/agents/agents'],
  *find({ jobs, pullRequests }) {
    if (pullRequests === false) return
    for (const job of jobs)
      if (job.ownRunner && !(scalar(job.ownRunner) ?? '').includes('$'))
        yield {
          line: job.ownRunner.line,
          certainty: pullRequests ? 'conditional' : 'potential',
          when: 'the machine is kept between jobs',
          why: `${job.id} runs on the pool ${scalar(job.ownRunner) ?? ''}`,
          job,
        }
  },
}
