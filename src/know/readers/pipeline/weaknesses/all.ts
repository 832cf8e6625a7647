import type { Weakness } from '../../weakness.ts'
import type { Pipeline, PipelineJob } from '../pipeline.ts'
import { pipelineDebugLog } from './pipeline-debug-log.ts'
import { pipelinePasswordOnCommandLine } from './pipeline-password-on-command-line.ts'
import { pipelinePipedDownload } from './pipeline-piped-download.ts'
import { pipelinePrivilegedContainer } from './pipeline-privileged-container.ts'
import { pipelineSecretInFile } from './pipeline-secret-in-file.ts'
import { pipelineSecretInLog } from './pipeline-secret-in-log.ts'
import { pipelineStaticCloudKey } from './pipeline-static-cloud-key.ts'
import { pipelineTlsOff } from './pipeline-tls-off.ts'
import { pipelineUnpinnedImage } from './pipeline-unpinned-image.ts'

/** What no job should do, whichever system runs it. */
export const pipelineWeaknesses: readonly Weakness<Pipeline, PipelineJob>[] = [
  pipelineDebugLog,
  pipelinePasswordOnCommandLine,
  pipelinePipedDownload,
  pipelinePrivilegedContainer,
  pipelineSecretInFile,
  pipelineSecretInLog,
  pipelineStaticCloudKey,
  pipelineTlsOff,
  pipelineUnpinnedImage,
]
