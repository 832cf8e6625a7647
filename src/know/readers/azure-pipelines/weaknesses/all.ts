import type { Weakness } from '../../weakness.ts'
import type { AzureJob, AzurePipeline } from '../azure-pipeline.ts'
import { azurePipelinesKeyInEnvironment } from './azure-pipelines-key-in-environment.ts'
import { azurePipelinesOwnPool } from './azure-pipelines-own-pool.ts'
import { azurePipelinesPersistedCredentials } from './azure-pipelines-persisted-credentials.ts'
import { azurePipelinesPullRequestSecrets } from './azure-pipelines-pull-request-secrets.ts'
import { azurePipelinesScriptInjection } from './azure-pipelines-script-injection.ts'
import { azurePipelinesUnpinnedTemplate } from './azure-pipelines-unpinned-template.ts'

/** What no pipeline of Azure Pipelines should do, beside what none should. */
export const azurePipelinesWeaknesses: readonly Weakness<AzurePipeline, AzureJob>[] = [
  azurePipelinesKeyInEnvironment,
  azurePipelinesOwnPool,
  azurePipelinesPersistedCredentials,
  azurePipelinesPullRequestSecrets,
  azurePipelinesScriptInjection,
  azurePipelinesUnpinnedTemplate,
]
