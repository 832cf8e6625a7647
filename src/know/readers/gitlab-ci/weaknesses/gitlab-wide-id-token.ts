import { items, member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { GitlabJob, GitlabPipeline } from '../gitlab-pipeline.ts'

export const gitlabWideIdToken: Weakness<GitlabPipeline, GitlabJob> = {
  id: 'gitlab-wide-id-token',
  title: 'One identity token is good for several systems',
  severity: 'medium',
  why: 'Each system that is shown the token can show it to the others, and is the job there.',
  fix: 'Give the job one token for each system, each with that system’s own audience.',
  frameworks: ['NHI4:2025', 'CICD-SEC-5'],
  references: ['https://docs.gitlab.com/ci/secrets/id_token_authentication/'],
  *find({ jobs }) {
    for (const job of jobs)
      for (const [name, token] of job.idTokens) {
        const audiences = items(member(token, 'aud'))
        const any = audiences.find(audience => scalar(audience) === '*')
        if (audiences.length > 1 || any)
          yield {
            line: audiences[0]!.line,
            certainty: 'proven',
            why: `${name} of ${job.id} has several audiences`,
            job,
          }
      }
  },
}
