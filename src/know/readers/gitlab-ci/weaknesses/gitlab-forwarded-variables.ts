import { member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { GitlabJob, GitlabPipeline } from '../gitlab-pipeline.ts'

export const gitlabForwardedVariables: Weakness<GitlabPipeline, GitlabJob> = {
  id: 'gitlab-forwarded-variables',
  title: 'Every variable of the run goes to another pipeline',
  severity: 'medium',
  why: 'The other project’s jobs get what this run was started with, whether or not they need it.',
  fix: 'Take out forward: pipeline_variables, and hand over by variables: what is needed.',
  frameworks: ['NHI5:2025', 'CICD-SEC-5'],
  references: ['https://docs.gitlab.com/ci/yaml/#triggerforward'],
  *find({ jobs }) {
    for (const job of jobs) {
      const forward = member(job.node, 'trigger', 'forward', 'pipeline_variables')
      if (scalar(forward) === 'true')
        yield { line: forward!.line, certainty: 'proven', why: `${job.id} forwards the run’s variables`, job }
    }
  },
}
