import { items, member } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import { type GitlabJob, type GitlabPipeline, runsOnMergeRequest } from '../gitlab-pipeline.ts'

export const gitlabGeneratedPipeline: Weakness<GitlabPipeline, GitlabJob> = {
  id: 'gitlab-generated-pipeline',
  title: 'A pipeline is made by a job, and then run',
  severity: 'medium',
  why: 'Whatever can change that job’s artifact writes the jobs of the pipeline after it, which have all that this project’s have.',
  fix: 'Keep the child pipeline in the repository, or generate it only for protected branches.',
  frameworks: ['NHI4:2025', 'CICD-SEC-9'],
  references: ['https://docs.gitlab.com/ci/pipelines/downstream_pipelines/#dynamic-child-pipelines'],
  *find({ jobs }) {
    for (const job of jobs)
      for (const include of items(member(job.node, 'trigger', 'include'))) {
        const artifact = member(include, 'artifact')
        if (artifact && !job.guarded)
          yield {
            line: artifact.line,
            certainty: runsOnMergeRequest(job) ? 'conditional' : 'potential',
            why: `${job.id} runs a pipeline that another job has made`,
            job,
          }
      }
  },
}
