import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import { type GitlabJob, type GitlabPipeline, runsOnMergeRequest } from '../gitlab-pipeline.ts'

export const gitlabOwnRunner: Weakness<GitlabPipeline, GitlabJob> = {
  id: 'gitlab-own-runner',
  title: 'Merge requests run on a runner of one’s own',
  severity: 'medium',
  why: 'What a merge request leaves on that machine, or in its network, meets the next job there.',
  fix: 'Run merge requests on machines that are made anew for each job, and mark the runner protected.',
  frameworks: ['NHI8:2025', 'CICD-SEC-7'],
  references: ['https://docs.gitlab.com/runner/security/'],
  *find({ jobs }) {
    for (const job of jobs) {
      if (!job.ownRunner || !runsOnMergeRequest(job)) continue
      yield {
        line: job.ownRunner.line,
        certainty: 'conditional',
        when: 'the runner is kept between jobs',
        why: `${job.id} runs merge requests on runners tagged ${scalar(job.ownRunner) ?? ''}`,
        job,
      }
    }
  },
}
