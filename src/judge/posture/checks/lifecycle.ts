import type { Check } from '../check.ts'
import { breakGlassInWorkflow } from './break-glass-in-workflow.ts'
import { endPassed } from './end-passed.ts'
import { purposeDrift } from './purpose-drift.ts'
import { requirementUnmet } from './requirement-unmet.ts'
import { rotationOverdue } from './rotation-overdue.ts'
import { storeNotAllowed } from './store-not-allowed.ts'
import { unrotatedAfterHandover } from './unrotated-after-handover.ts'
import { workloadGone } from './workload-gone.ts'

/** What is required of an identity by its class and environment, and whether it is used for what it is for. */
export const lifecycleChecks: readonly Check[] = [
  requirementUnmet as Check,
  rotationOverdue as Check,
  endPassed as Check,
  storeNotAllowed as Check,
  breakGlassInWorkflow as Check,
  purposeDrift as Check,
  unrotatedAfterHandover as Check,
  workloadGone as Check,
]
