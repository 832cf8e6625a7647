import type { Located } from '../located.ts'
import type { Weak as WeakOf, Weakness as WeaknessOf } from '../weakness.ts'
import { type Job, neverRuns, type Step, type Workflow } from './workflow.ts'

export type Weak = WeakOf<Job>

/** One thing that a workflow should not do. */
export interface Weakness extends WeaknessOf<Workflow, Job> {
  /** What a mark `zizmor: ignore[…]` beside it calls it: a team that keeps both tools says a thing once. */
  readonly alias?: string
}

/** A weakness of files beside the workflows: of Dependabot and pre-commit. */
export interface ConfigWeakness extends Omit<Weakness, 'find' | 'crossing'> {
  reads(path: string): boolean
  findIn(root: Located): Iterable<Weak>
}

/** Every step that may run, with its job. */
export function* stepsOf(workflow: Workflow): Generator<{ readonly job: Job; readonly step: Step }> {
  for (const job of workflow.jobs)
    if (!neverRuns(job)) for (const step of job.steps) if (!neverRuns(step)) yield { job, step }
}

export function* jobsOf(workflow: Workflow): Generator<Job> {
  for (const job of workflow.jobs) if (!neverRuns(job)) yield job
}
