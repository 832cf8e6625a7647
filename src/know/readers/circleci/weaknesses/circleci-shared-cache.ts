import { items, member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { CircleciConfig, CircleciJob } from '../circleci-config.ts'

export const circleciSharedCache: Weakness<CircleciConfig, CircleciJob> = {
  id: 'circleci-shared-cache',
  title: 'A job with a context takes a cache that any branch may fill',
  severity: 'medium',
  why: 'A cache is the project’s: what a branch of anybody’s puts under that key is used by the job, beside its secrets.',
  fix: 'Let the key hold a digest of what decides its content, or the branch, and let jobs that hold secrets build anew.',
  frameworks: ['NHI8:2025', 'CICD-SEC-9'],
  references: ['https://circleci.com/docs/guides/optimize/caching/'],
  *find({ jobs }) {
    for (const job of jobs) {
      if (!job.runs.some(run => run.contexts.length > 0)) continue
      for (const step of job.steps) {
        const restored = member(step, 'restore_cache')
        for (const key of [...items(member(restored, 'key')), ...items(member(restored, 'keys'))])
          if (!/checksum|\.Branch|\.Revision|\.BuildNum/.test(scalar(key) ?? ''))
            yield {
              line: key.line,
              certainty: 'conditional',
              why: `${job.id} takes a cache by a key that others can fill`,
              job,
            }
      }
    }
  },
}
