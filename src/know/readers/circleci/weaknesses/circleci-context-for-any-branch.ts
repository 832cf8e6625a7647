import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { CircleciConfig, CircleciJob } from '../circleci-config.ts'

export const circleciContextForAnyBranch: Weakness<CircleciConfig, CircleciJob> = {
  id: 'circleci-context-for-any-branch',
  title: 'A context’s secrets go to builds of every branch',
  severity: 'medium',
  why: 'Whoever may push a branch changes what the job runs, and takes the context’s secrets; no review stands between.',
  fix: 'Run the job for protected branches or after an approval only, and restrict the context to them.',
  frameworks: ['NHI5:2025', 'CICD-SEC-4'],
  crossing: true,
  references: ['https://circleci.com/docs/guides/security/contexts/#expression-restrictions'],
  *find({ jobs }) {
    for (const job of jobs)
      for (const run of job.runs)
        if (run.contexts.length > 0 && !run.guarded)
          yield {
            line: run.contexts[0]!.line,
            certainty: 'conditional',
            when: 'they may push a branch, or pull requests of forks get secrets',
            why: `${job.id} has ${run.contexts.map(context => scalar(context) ?? '').join(', ')} for every branch`,
            job,
          }
  },
}
