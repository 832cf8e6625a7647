import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { Build, Stage } from '../build.ts'

export const dockerfileUnpinnedBase: Weakness<Build, Stage> = {
  id: 'dockerfile-unpinned-base',
  title: 'An image is built on a tag that can be moved',
  severity: 'medium',
  why: 'Whoever may push that tag is in every image that is built on it, with what those are given when they run.',
  fix: 'Name the base by its digest: FROM image:tag@sha256:…',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  references: ['https://docs.docker.com/build/building/best-practices/#pin-base-image-versions'],
  *find({ jobs }) {
    for (const stage of jobs)
      for (const image of stage.images) {
        const name = scalar(image) ?? ''
        if (/@sha256:[0-9a-f]{64}$/.test(name)) continue
        const computed = name.includes('$')
        yield {
          line: image.line,
          certainty: computed ? 'potential' : 'conditional',
          when: 'someone moves the tag',
          why: `${stage.id} is based on an image without its digest`,
          job: stage,
        }
      }
  },
}
