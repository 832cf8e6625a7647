import { items, member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { CircleciConfig, CircleciJob } from '../circleci-config.ts'

export const circleciAllSshKeys: Weakness<CircleciConfig, CircleciJob> = {
  id: 'circleci-all-ssh-keys',
  title: 'A job is given every SSH key of the project',
  severity: 'medium',
  why: 'Whatever runs in the job can log in wherever any job of the project can.',
  fix: 'Name the one key that it needs, by its fingerprint.',
  frameworks: ['NHI5:2025', 'CICD-SEC-5'],
  references: ['https://circleci.com/docs/guides/integration/add-ssh-key/'],
  *find({ jobs }) {
    for (const job of jobs)
      for (const step of job.steps) {
        const keys = scalar(step) === 'add_ssh_keys' ? step : member(step, 'add_ssh_keys')
        if (keys && items(member(keys, 'fingerprints')).length === 0)
          yield {
            line: keys.keyLine ?? keys.line,
            certainty: 'proven',
            why: `${job.id} adds all SSH keys`,
            job,
          }
      }
  },
}
