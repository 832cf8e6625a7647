import type { Check } from './check.ts'
import { copyOutsideApprovedStore } from './checks/copy-outside-approved-store.ts'
import { workflowWeaknesses } from './checks/workflow-weaknesses.ts'

/** Every check, in the order in which they run. */
export const checks: readonly Check[] = [copyOutsideApprovedStore, ...workflowWeaknesses]
