import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { CircleciConfig, CircleciJob } from '../circleci-config.ts'

export const circleciUnpinnedOrb: Weakness<CircleciConfig, CircleciJob> = {
  id: 'circleci-unpinned-orb',
  title: 'An orb of whatever version is newest',
  severity: 'high',
  why: 'Whoever publishes the orb runs their code in every job that uses it, with its contexts.',
  fix: 'Name the orb’s whole version: namespace/orb@1.2.3.',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  references: ['https://circleci.com/docs/orbs/use/orb-concepts/#semantic-versioning'],
  *find({ orbs }) {
    for (const [name, orb] of orbs) {
      const version = scalar(orb)?.split('@')[1]?.trim()
      if (orb.value instanceof Map || scalar(orb)?.includes('<<')) continue
      if (version === undefined || /^(?:volatile|dev:.*)$/.test(version))
        yield { line: orb.line, certainty: 'proven', why: `the orb ${name} can be anything at any time` }
      else if (!/^\d+\.\d+\.\d+$/.test(version))
        yield {
          line: orb.line,
          certainty: 'conditional',
          why: `the orb ${name} is the newest of its version`,
        }
    }
  },
}
