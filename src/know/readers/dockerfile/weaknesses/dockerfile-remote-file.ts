import type { Weakness } from '../../weakness.ts'
import type { Build, Stage } from '../build.ts'

export const dockerfileRemoteFile: Weakness<Build, Stage> = {
  id: 'dockerfile-remote-file',
  title: 'A file from an address is put into an image, whatever it is',
  severity: 'medium',
  why: 'Whoever controls that address, or the way to it, is in the image.',
  fix: 'Give its digest: ADD --checksum=sha256:…',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  references: ['https://docs.docker.com/reference/dockerfile/#add---checksum'],
  *find({ jobs }) {
    for (const stage of jobs)
      for (const { name, text, line, flags } of stage.instructions)
        if (
          name === 'ADD' &&
          /^\s*\[?\s*"?https?:\/\//i.test(text) &&
          !flags.some(flag => flag.startsWith('checksum='))
        )
          yield { line, certainty: 'proven', why: `${stage.id} adds a file without its digest`, job: stage }
  },
}
