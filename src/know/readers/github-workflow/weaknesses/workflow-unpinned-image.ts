import { type Located, member, scalar } from '../../located.ts'
import { jobsOf, type Weakness } from '../weakness.ts'

export const workflowUnpinnedImage: Weakness = {
  id: 'workflow-unpinned-image',
  title: 'A container image by a tag that can be moved',
  severity: 'medium',
  why: 'Whoever may push that tag runs their code beside the job’s token and secrets.',
  fix: 'Name the image by its digest: image@sha256:…',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  alias: 'unpinned-images',
  references: [
    'https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idcontainer',
  ],
  *find(workflow) {
    for (const job of jobsOf(workflow))
      for (const image of [imageOf(job.container), ...[...job.services.values()].map(imageOf)]) {
        const name = scalar(image)
        if (!image || name === undefined || name === '' || name.includes('${{')) continue
        if (!/@sha256:[0-9a-f]{64}$/.test(name))
          yield {
            line: image.line,
            certainty: 'conditional',
            why: `${job.id} runs an image without its digest`,
            job,
          }
      }
  },
}

function imageOf(container: Located | undefined): Located | undefined {
  return scalar(container) === undefined ? member(container, 'image') : container
}
