import type { Check } from './check.ts'
import { copyOutsideApprovedStore } from './checks/copy-outside-approved-store.ts'

/** Every check, in the order in which they run. */
export const checks: readonly Check[] = [copyOutsideApprovedStore]
