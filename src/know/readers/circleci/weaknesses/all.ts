import type { Weakness } from '../../weakness.ts'
import type { CircleciConfig, CircleciJob } from '../circleci-config.ts'
import { circleciAllSshKeys } from './circleci-all-ssh-keys.ts'
import { circleciContextForAnyBranch } from './circleci-context-for-any-branch.ts'
import { circleciOwnRunner } from './circleci-own-runner.ts'
import { circleciScriptInjection } from './circleci-script-injection.ts'
import { circleciSharedCache } from './circleci-shared-cache.ts'
import { circleciUnpinnedOrb } from './circleci-unpinned-orb.ts'

/** What no configuration of CircleCI should do, beside what none should. */
export const circleciWeaknesses: readonly Weakness<CircleciConfig, CircleciJob>[] = [
  circleciAllSshKeys,
  circleciContextForAnyBranch,
  circleciOwnRunner,
  circleciScriptInjection,
  circleciSharedCache,
  circleciUnpinnedOrb,
]
