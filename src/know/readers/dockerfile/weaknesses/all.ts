import type { Weakness } from '../../weakness.ts'
import type { Build, Stage } from '../build.ts'
import { dockerfileCopiedKey } from './dockerfile-copied-key.ts'
import { dockerfileRemoteFile } from './dockerfile-remote-file.ts'
import { dockerfileRootUser } from './dockerfile-root-user.ts'
import { dockerfileSecretInLayer } from './dockerfile-secret-in-layer.ts'
import { dockerfileUnpinnedBase } from './dockerfile-unpinned-base.ts'

/** What no Dockerfile should do, beside what no job should. */
export const dockerfileWeaknesses: readonly Weakness<Build, Stage>[] = [
  dockerfileCopiedKey,
  dockerfileRemoteFile,
  dockerfileRootUser,
  dockerfileSecretInLayer,
  dockerfileUnpinnedBase,
]
