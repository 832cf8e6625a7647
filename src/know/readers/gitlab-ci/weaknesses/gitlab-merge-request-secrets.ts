import type { Weakness } from '../../weakness.ts'
import { cloudLogins } from '../../pipeline/cloud-logins.ts'
import {
  type GitlabJob,
  type GitlabPipeline,
  holdsCredentials,
  runsOnMergeRequest,
} from '../gitlab-pipeline.ts'

export const gitlabMergeRequestSecrets: Weakness<GitlabPipeline, GitlabJob> = {
  id: 'gitlab-merge-request-secrets',
  title: 'A job that merge requests start holds credentials',
  severity: 'medium',
  why: 'A merge request changes what the job runs, and gets its tokens and secrets before anybody has reviewed it.',
  fix: 'Let such jobs run for protected branches only, and build merge requests in a job that holds nothing.',
  frameworks: ['NHI5:2025', 'CICD-SEC-4'],
  crossing: true,
  references: ['https://docs.gitlab.com/ci/pipelines/merge_request_pipelines/'],
  *find(pipeline) {
    for (const job of pipeline.jobs)
      if (runsOnMergeRequest(job) && (holdsCredentials(job) || cloudLogins(pipeline, job).length > 0))
        yield {
          line: job.line,
          certainty: 'conditional',
          when: 'a member runs the pipeline of their merge request in the project',
          why: `${job.id} runs what a merge request brings, and holds ${heldBy(job)}`,
          job,
        }
  },
}

function heldBy(job: GitlabJob): string {
  if (job.vaultSecrets.size > 0) return 'secrets of a vault'
  if (job.idTokens.size > 0) return 'a token for another system'
  return job.environment === undefined ? 'a role of a cloud' : 'an environment’s variables'
}
