import type { Weakness } from '../../weakness.ts'
import type { JenkinsPipeline, JenkinsStage } from '../jenkins-pipeline.ts'
import { jenkinsAnyAgent } from './jenkins-any-agent.ts'
import { jenkinsChangeRequestCredentials } from './jenkins-change-request-credentials.ts'
import { jenkinsControllerAgent } from './jenkins-controller-agent.ts'
import { jenkinsDynamicCode } from './jenkins-dynamic-code.ts'
import { jenkinsScriptInjection } from './jenkins-script-injection.ts'
import { jenkinsSecretInterpolation } from './jenkins-secret-interpolation.ts'
import { jenkinsUnpinnedLibrary } from './jenkins-unpinned-library.ts'

/** What no pipeline of Jenkins should do, beside what none should. */
export const jenkinsWeaknesses: readonly Weakness<JenkinsPipeline, JenkinsStage>[] = [
  jenkinsAnyAgent,
  jenkinsChangeRequestCredentials,
  jenkinsControllerAgent,
  jenkinsDynamicCode,
  jenkinsScriptInjection,
  jenkinsSecretInterpolation,
  jenkinsUnpinnedLibrary,
]
