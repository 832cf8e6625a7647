import { member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { GitlabJob, GitlabPipeline } from '../gitlab-pipeline.ts'

export const gitlabUnguardedDeployment: Weakness<GitlabPipeline, GitlabJob> = {
  id: 'gitlab-unguarded-deployment',
  title: 'Any branch is deployed to production',
  severity: 'high',
  why: 'Whoever may push a branch runs what they like in production, and gets that environment’s secrets; no review stands between.',
  fix: 'Let the job run for a protected branch or tag only, or by hand, and protect the environment.',
  frameworks: ['NHI8:2025', 'CICD-SEC-1'],
  references: ['https://docs.gitlab.com/ci/environments/protected_environments/'],
  *find({ jobs }) {
    for (const job of jobs) {
      const environment = member(job.node, 'environment')
      const tier = scalar(member(environment, 'deployment_tier'))
      const production =
        tier === 'production' || /^(?:prod|production|live)(?:$|[/_-])/i.test(job.environment ?? '')
      const acts = scalar(member(environment, 'action')) ?? 'start'
      if (!production || job.guarded || /^(?:prepare|verify|access)$/.test(acts)) continue
      yield {
        line: environment!.keyLine ?? environment!.line,
        certainty: 'conditional',
        when: 'the environment is not protected',
        why: `${job.id} deploys to ${job.environment ?? 'production'}, whichever branch it runs for`,
        job,
      }
    }
  },
}
