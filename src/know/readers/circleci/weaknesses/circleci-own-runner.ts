import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { CircleciConfig, CircleciJob } from '../circleci-config.ts'

export const circleciOwnRunner: Weakness<CircleciConfig, CircleciJob> = {
  id: 'circleci-own-runner',
  title: 'Builds of every branch run on a machine of one’s own',
  severity: 'medium',
  why: 'What a branch leaves on that machine, or in its network, meets the next job there.',
  fix: 'Run branches of others on machines that are made anew for each job.',
  frameworks: ['NHI8:2025', 'CICD-SEC-7'],
  references: ['https://circleci.com/docs/guides/execution-runner/runner-overview/'],
  *find({ jobs }) {
    for (const job of jobs)
      if (job.ownRunner && job.runs.some(run => !run.guarded))
        yield {
          line: job.ownRunner.line,
          certainty: 'conditional',
          when: 'the machine is kept between jobs',
          why: `${job.id} runs on ${scalar(job.ownRunner) ?? ''}`,
          job,
        }
  },
}
