import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import { commandsOf } from '../command.ts'
import type { Pipeline, PipelineJob } from '../pipeline.ts'

const RIGHTS = String.raw`(?:--privileged(?!=false)\b|\/var\/run\/docker\.sock|--pid[ =]host\b|\s-v\s*["']?\/:|--cap-add[ =](?:ALL|SYS_ADMIN)\b)`
const OPENS = new RegExp(
  String.raw`\b(?:docker|podman|nerdctl)\s+(?:container\s+)?(?:run|create)\b[^;|&]{0,1000}${RIGHTS}`,
)
const OPTIONS = new RegExp(RIGHTS)

export const pipelinePrivilegedContainer: Weakness<Pipeline, PipelineJob> = {
  id: 'pipeline-privileged-container',
  title: 'A container has the machine that runs the job',
  severity: 'medium',
  why: 'What runs in it can become root of the runner, and reads what other jobs there hold.',
  fix: 'Build without a privileged container (kaniko, buildah, rootless BuildKit), and do not hand in the runtime’s socket.',
  frameworks: ['NHI5:2025', 'CICD-SEC-7'],
  references: [
    'https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-07-Insecure-System-Configuration',
  ],
  *find({ jobs }) {
    for (const job of jobs) {
      for (const image of job.images)
        if (/(?:^|\/)docker:(?:[\w.-]*-)?dind(?![\w-]*rootless)/.test(scalar(image) ?? ''))
          yield {
            line: image.line,
            certainty: 'conditional',
            when: 'its runner lets it be privileged, which it needs',
            why: `${job.id} runs a container runtime beside it`,
            job,
          }
      for (const { line, text } of job.containerOptions ?? [])
        if (OPTIONS.test(` ${text}`))
          yield {
            line,
            certainty: 'proven',
            why: `${job.id} runs in a container with the host’s rights`,
            job,
          }
      for (const script of job.scripts)
        for (const { line, text } of commandsOf(script))
          if (OPENS.test(text))
            yield {
              line,
              certainty: 'proven',
              why: `${job.id} starts a container with the host’s rights`,
              job,
            }
    }
  },
}
