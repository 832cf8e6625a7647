import type { Weakness } from '../../weakness.ts'
import type { ComposeFile, Service } from '../compose-file.ts'
import { composeHostMount } from './compose-host-mount.ts'
import { composePrivileged } from './compose-privileged.ts'
import { composeRuntimeSocket } from './compose-runtime-socket.ts'
import { composeSecretInFile } from './compose-secret-in-file.ts'
import { composeUnpinnedImage } from './compose-unpinned-image.ts'

/** What no compose file should do. */
export const composeWeaknesses: readonly Weakness<ComposeFile, Service>[] = [
  composeHostMount,
  composePrivileged,
  composeRuntimeSocket,
  composeSecretInFile,
  composeUnpinnedImage,
]
