import { items, member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { GitlabJob, GitlabPipeline } from '../gitlab-pipeline.ts'

export const gitlabSharedCache: Weakness<GitlabPipeline, GitlabJob> = {
  id: 'gitlab-shared-cache',
  title: 'Protected branches take a cache that any branch may fill',
  severity: 'high',
  why: 'What a branch of anybody’s puts into the cache is run by the job of the protected branch, with its secrets.',
  fix: 'Take out unprotect: true, so that protected branches have a cache of their own.',
  frameworks: ['NHI8:2025', 'CICD-SEC-9'],
  references: ['https://docs.gitlab.com/ci/yaml/#cacheunprotect'],
  *find({ jobs }) {
    for (const job of jobs)
      for (const cache of items(member(job.node, 'cache'))) {
        const shared = member(cache, 'unprotect')
        if (scalar(shared) === 'true')
          yield {
            line: shared!.line,
            certainty: 'proven',
            why: `${job.id} shares its cache with every branch`,
            job,
          }
      }
  },
}
