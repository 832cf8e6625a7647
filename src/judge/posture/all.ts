import type { Check } from './check.ts'
import { administrator } from './checks/administrator.ts'
import { consolePasswordInUse } from './checks/console-password-in-use.ts'
import { copiesInSeveralPlaces } from './checks/copies-in-several-places.ts'
import { copyOutsideApprovedStore } from './checks/copy-outside-approved-store.ts'
import { credentialNeverExpires } from './checks/credential-never-expires.ts'
import { credentialOld } from './checks/credential-old.ts'
import { lifecycleChecks } from './checks/lifecycle.ts'
import { looseFederation } from './checks/loose-federation.ts'
import { noPasswordNeeded } from './checks/no-password-needed.ts'
import { ownerConflict } from './checks/owner-conflict.ts'
import { ownerDeparted } from './checks/owner-departed.ts'
import { ownerMissing } from './checks/owner-missing.ts'
import { thirdPartyAppEverywhere } from './checks/third-party-app-everywhere.ts'
import { unused } from './checks/unused.ts'
import { weakPasswordHash } from './checks/weak-password-hash.ts'
import { weaknessChecks } from './checks/weaknesses.ts'

/** What is to be heard of at once, when it begins: a watch runs these after each look. */
export const alarms: readonly Check[] = [
  copyOutsideApprovedStore,
  looseFederation as Check,
  ...weaknessChecks,
]

/** Every check, in the order in which they run. */
export const checks: readonly Check[] = [
  ...alarms,
  ownerMissing as Check,
  ownerDeparted as Check,
  ownerConflict as Check,
  administrator as Check,
  noPasswordNeeded as Check,
  weakPasswordHash as Check,
  consolePasswordInUse as Check,
  thirdPartyAppEverywhere as Check,
  credentialOld as Check,
  credentialNeverExpires as Check,
  unused as Check,
  copiesInSeveralPlaces as Check,
  ...lifecycleChecks,
]
