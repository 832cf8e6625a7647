import type { Check } from './check.ts'
import { administrator } from './checks/administrator.ts'
import { archivedAction } from './checks/archived-action.ts'
import { consolePasswordInUse } from './checks/console-password-in-use.ts'
import { copiesInSeveralPlaces } from './checks/copies-in-several-places.ts'
import { copyInChat } from './checks/copy-in-chat.ts'
import { copyOutsideApprovedStore } from './checks/copy-outside-approved-store.ts'
import { credentialInPersonalFile } from './checks/credential-in-personal-file.ts'
import { credentialNeverExpires } from './checks/credential-never-expires.ts'
import { credentialOld } from './checks/credential-old.ts'
import { environmentsMixed } from './checks/environments-mixed.ts'
import { leakedInCode } from './checks/leaked-in-code.ts'
import { lifecycleChecks } from './checks/lifecycle.ts'
import { looseFederation } from './checks/loose-federation.ts'
import { noLogCoversUse } from './checks/no-log-covers-use.ts'
import { noPasswordNeeded } from './checks/no-password-needed.ts'
import { ownerConflict } from './checks/owner-conflict.ts'
import { ownerDeparted } from './checks/owner-departed.ts'
import { ownerMissing } from './checks/owner-missing.ts'
import { secretReused } from './checks/secret-reused.ts'
import { staticKeyBesideFederation } from './checks/static-key-beside-federation.ts'
import { thirdPartyAppEverywhere } from './checks/third-party-app-everywhere.ts'
import { trustWithoutExternalId } from './checks/trust-without-external-id.ts'
import { unrotatedAfterExposure } from './checks/unrotated-after-exposure.ts'
import { unused } from './checks/unused.ts'
import { weakPasswordHash } from './checks/weak-password-hash.ts'
import { weaknessChecks } from './checks/weaknesses.ts'
import { workloadsShareIdentity } from './checks/workloads-share-identity.ts'

/** What is to be heard of at once, when it begins: a watch runs these after each look. */
export const alarms: readonly Check[] = [
  copyOutsideApprovedStore,
  looseFederation as Check,
  ...weaknessChecks,
]

/** Every check, in the order in which what they say is kept: whose everything is, is known last. */
export const checks: readonly Check[] = [
  ...alarms,
  administrator as Check,
  noPasswordNeeded as Check,
  weakPasswordHash as Check,
  consolePasswordInUse as Check,
  thirdPartyAppEverywhere as Check,
  archivedAction as Check,
  credentialOld as Check,
  credentialNeverExpires as Check,
  unused as Check,
  copiesInSeveralPlaces as Check,
  copyInChat as Check,
  credentialInPersonalFile as Check,
  environmentsMixed as Check,
  leakedInCode as Check,
  noLogCoversUse as Check,
  staticKeyBesideFederation as Check,
  trustWithoutExternalId as Check,
  unrotatedAfterExposure as Check,
  workloadsShareIdentity as Check,
  secretReused as Check,
  ...lifecycleChecks,
  ownerMissing as Check,
  ownerDeparted as Check,
  ownerConflict as Check,
]
