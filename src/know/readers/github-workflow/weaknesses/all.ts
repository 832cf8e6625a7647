import { dependabotExternalCode } from './dependabot-external-code.ts'
import { preCommitSource } from './pre-commit-source.ts'
import { workflowAdhocPackage } from './workflow-adhoc-package.ts'
import { workflowAppToken } from './workflow-app-token.ts'
import { workflowApprovalRace } from './workflow-approval-race.ts'
import { workflowArgumentInjection } from './workflow-argument-injection.ts'
import { workflowArchivedAction } from './workflow-archived-action.ts'
import { workflowArtifactPoisoning } from './workflow-artifact-poisoning.ts'
import { workflowBotCondition } from './workflow-bot-condition.ts'
import { workflowCachePoisoning } from './workflow-cache-poisoning.ts'
import { workflowCommentCommand } from './workflow-comment-command.ts'
import { workflowConcurrencyLimit } from './workflow-concurrency-limit.ts'
import { workflowDangerousTrigger } from './workflow-dangerous-trigger.ts'
import { workflowEnvironmentFile } from './workflow-environment-file.ts'
import { workflowExcessivePermissions } from './workflow-excessive-permissions.ts'
import { workflowHardcodedRegistryPassword } from './workflow-hardcoded-registry-password.ts'
import { workflowInsecureCommands } from './workflow-insecure-commands.ts'
import { workflowLocalAction } from './workflow-local-action.ts'
import { workflowObfuscated } from './workflow-obfuscated.ts'
import { workflowOverprovisionedSecrets } from './workflow-overprovisioned-secrets.ts'
import { workflowPersistedCredentials } from './workflow-persisted-credentials.ts'
import { workflowScriptInjection } from './workflow-script-injection.ts'
import { workflowSecretInLog } from './workflow-secret-in-log.ts'
import { workflowSecretsInherit } from './workflow-secrets-inherit.ts'
import { workflowSecretsOutsideEnvironment } from './workflow-secrets-outside-environment.ts'
import { workflowSelfHostedRunner } from './workflow-self-hosted-runner.ts'
import { workflowStaticCloudKey } from './workflow-static-cloud-key.ts'
import { workflowTyposquatAction } from './workflow-typosquat-action.ts'
import { workflowUnpinnedAction } from './workflow-unpinned-action.ts'
import { workflowUnpinnedImage } from './workflow-unpinned-image.ts'
import { workflowUnpinnedTool } from './workflow-unpinned-tool.ts'
import { workflowUnredactedSecrets } from './workflow-unredacted-secrets.ts'
import { workflowUnsoundCondition } from './workflow-unsound-condition.ts'
import { workflowUntrustedCheckout } from './workflow-untrusted-checkout.ts'
import { workflowUnversionedAction } from './workflow-unversioned-action.ts'
import { workflowVulnerableAction } from './workflow-vulnerable-action.ts'
import type { ConfigWeakness, Weakness } from '../weakness.ts'

/** Every weakness of workflows and composite actions that is looked for. */
export const weaknesses: readonly Weakness[] = [
  workflowAdhocPackage,
  workflowAppToken,
  workflowApprovalRace,
  workflowArchivedAction,
  workflowArgumentInjection,
  workflowArtifactPoisoning,
  workflowBotCondition,
  workflowCachePoisoning,
  workflowCommentCommand,
  workflowConcurrencyLimit,
  workflowDangerousTrigger,
  workflowEnvironmentFile,
  workflowExcessivePermissions,
  workflowHardcodedRegistryPassword,
  workflowInsecureCommands,
  workflowLocalAction,
  workflowObfuscated,
  workflowOverprovisionedSecrets,
  workflowPersistedCredentials,
  workflowScriptInjection,
  workflowSecretInLog,
  workflowSecretsInherit,
  workflowSecretsOutsideEnvironment,
  workflowSelfHostedRunner,
  workflowStaticCloudKey,
  workflowTyposquatAction,
  workflowUnpinnedAction,
  workflowUnpinnedImage,
  workflowUnpinnedTool,
  workflowUnredactedSecrets,
  workflowUnsoundCondition,
  workflowUntrustedCheckout,
  workflowUnversionedAction,
  workflowVulnerableAction,
]

/** And of the files beside them. */
export const configWeaknesses: readonly ConfigWeakness[] = [dependabotExternalCode, preCommitSource]
