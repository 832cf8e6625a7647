import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { Pipeline, PipelineJob } from '../pipeline.ts'

export const pipelineUnpinnedImage: Weakness<Pipeline, PipelineJob> = {
  id: 'pipeline-unpinned-image',
  title: 'A job runs in an image by a tag that can be moved',
  severity: 'medium',
  why: 'Whoever may push that tag runs their code as the job, with all that it holds.',
  fix: 'Name the image by its digest: image@sha256:…',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  references: [
    'https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-03-Dependency-Chain-Abuse',
  ],
  *find({ jobs }) {
    for (const job of jobs)
      for (const image of job.images) {
        const name = scalar(image)?.trim() ?? ''
        if (name === '' || /@sha256:[0-9a-f]{64}$/.test(name)) continue
        // What a variable names, and no tag with it, is pinned where the variable is set, or is not.
        const computed = /\$[({]?\w|<<|\{\{/.test(name)
        yield {
          line: image.line,
          certainty: computed ? 'potential' : 'conditional',
          when: 'someone moves the tag',
          why: `${job.id} runs an image without its digest`,
          job,
        }
      }
  },
}
