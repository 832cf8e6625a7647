import type { Check } from './check.ts'
import { copyOutsideApprovedStore } from './checks/copy-outside-approved-store.ts'
import { looseFederation } from './checks/loose-federation.ts'
import { ownerConflict } from './checks/owner-conflict.ts'
import { ownerDeparted } from './checks/owner-departed.ts'
import { ownerMissing } from './checks/owner-missing.ts'
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
]
