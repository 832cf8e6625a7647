import type { Check } from './check.ts'
import { copyOutsideApprovedStore } from './checks/copy-outside-approved-store.ts'
import { looseFederation } from './checks/loose-federation.ts'
import { weaknessChecks } from './checks/weaknesses.ts'

/** Every check, in the order in which they run. */
export const checks: readonly Check[] = [
  copyOutsideApprovedStore,
  looseFederation as Check,
  ...weaknessChecks,
]
