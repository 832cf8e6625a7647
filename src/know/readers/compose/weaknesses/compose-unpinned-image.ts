import { member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { ComposeFile, Service } from '../compose-file.ts'

export const composeUnpinnedImage: Weakness<ComposeFile, Service> = {
  id: 'compose-unpinned-image',
  title: 'A service runs an image by a tag that can be moved',
  severity: 'low',
  why: 'Whoever may push that tag runs their code as the service, with what it is given.',
  fix: 'Name the image by its digest: image@sha256:…',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  references: ['https://docs.docker.com/reference/compose-file/services/#image'],
  *find({ services }) {
    for (const service of services) {
      const name = scalar(service.image) ?? ''
      if (name === '' || member(service.node, 'build') || /@sha256:[0-9a-f]{64}$/.test(name)) continue
      yield {
        line: service.image!.line,
        certainty: name.includes('$') ? 'potential' : 'conditional',
        when: 'someone moves the tag',
        why: `${service.name} runs an image without its digest`,
        job: service,
      }
    }
  },
}
