import type { Weakness } from '../../weakness.ts'
import type { AzureJob, AzurePipeline } from '../azure-pipeline.ts'

export const azurePipelinesPullRequestSecrets: Weakness<AzurePipeline, AzureJob> = {
  id: 'azure-pipelines-pull-request-secrets',
  title: 'A job that pull requests start holds credentials',
  severity: 'medium',
  why: 'A pull request changes what the job runs, and gets its connections and secrets before anybody has reviewed it.',
  fix: 'Build pull requests in a pipeline that holds nothing (pr: none here), and check what a connection or group is approved for.',
  frameworks: ['NHI5:2025', 'CICD-SEC-4'],
  crossing: true,
  references: ['https://learn.microsoft.com/en-us/azure/devops/pipelines/security/repos'],
  *find({ jobs, pullRequests }) {
    if (pullRequests === false) return
    for (const job of jobs) {
      if (job.connections.size === 0 && job.groups.length === 0) continue
      yield {
        line: job.line,
        // A host of its own has its pull requests by policies, of which the file knows nothing.
        certainty: pullRequests ? 'conditional' : 'potential',
        when: 'the pipeline gives its secrets to builds of forks, or they may push a branch',
        why: `${job.id} runs what a pull request brings, and holds ${job.connections.size > 0 ? 'a service connection' : 'a variable group'}`,
        job,
      }
    }
  },
}
