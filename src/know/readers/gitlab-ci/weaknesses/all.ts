import type { Weakness } from '../../weakness.ts'
import type { GitlabJob, GitlabPipeline } from '../gitlab-pipeline.ts'
import { gitlabArtifactWithSecrets } from './gitlab-artifact-with-secrets.ts'
import { gitlabDotenvInjection } from './gitlab-dotenv-injection.ts'
import { gitlabForwardedVariables } from './gitlab-forwarded-variables.ts'
import { gitlabGeneratedPipeline } from './gitlab-generated-pipeline.ts'
import { gitlabInputInjection } from './gitlab-input-injection.ts'
import { gitlabMergeRequestSecrets } from './gitlab-merge-request-secrets.ts'
import { gitlabOwnRunner } from './gitlab-own-runner.ts'
import { gitlabRemoteInclude } from './gitlab-remote-include.ts'
import { gitlabScriptInjection } from './gitlab-script-injection.ts'
import { gitlabSharedCache } from './gitlab-shared-cache.ts'
import { gitlabUnguardedDeployment } from './gitlab-unguarded-deployment.ts'
import { gitlabUnpinnedInclude } from './gitlab-unpinned-include.ts'
import { gitlabUnquotedText } from './gitlab-unquoted-text.ts'
import { gitlabWideIdToken } from './gitlab-wide-id-token.ts'

/** What no pipeline of GitLab CI should do, beside what none should. */
export const gitlabWeaknesses: readonly Weakness<GitlabPipeline, GitlabJob>[] = [
  gitlabArtifactWithSecrets,
  gitlabDotenvInjection,
  gitlabForwardedVariables,
  gitlabGeneratedPipeline,
  gitlabInputInjection,
  gitlabMergeRequestSecrets,
  gitlabOwnRunner,
  gitlabRemoteInclude,
  gitlabScriptInjection,
  gitlabSharedCache,
  gitlabUnguardedDeployment,
  gitlabUnpinnedInclude,
  gitlabUnquotedText,
  gitlabWideIdToken,
]
