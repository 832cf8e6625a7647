import type { Weakness } from '../../weakness.ts'
import type { Build, Stage } from '../build.ts'

export const dockerfileRootUser: Weakness<Build, Stage> = {
  id: 'dockerfile-root-user',
  title: 'An image runs as root',
  severity: 'low',
  why: 'Whoever breaks into the program is root in the container, and nearer to its host and to what is mounted.',
  fix: 'End with USER and a user that has no more than it needs.',
  frameworks: ['NHI5:2025'],
  references: ['https://docs.docker.com/build/building/best-practices/#user'],
  *find({ jobs }) {
    const last = jobs.find(({ isLast }) => isLast)
    if (!last || /nonroot|rootless/.test(last.base)) return
    const user = last.instructions.findLast(({ name }) => name === 'USER')
    const said = user?.text.trim().split(':')[0]
    if (user === undefined)
      yield {
        line: last.line,
        certainty: 'conditional',
        when: 'its base names no user',
        why: `${last.id} names no user`,
        job: last,
      }
    else if (said === 'root' || said === '0')
      yield { line: user.line, certainty: 'proven', why: `${last.id} runs as root`, job: last }
  },
}
