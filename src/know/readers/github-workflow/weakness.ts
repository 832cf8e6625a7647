import type { Certainty } from '../../../core/contract/ref.ts'
import type { Located } from '../located.ts'
import { type Job, neverRuns, type Step, type Workflow } from './workflow.ts'

/** Where a weakness stands. `job` is the job that it gives away, where it is one job's. */
export interface Weak {
  readonly line: number
  /** What is so there; it quotes names, never values. */
  readonly why: string
  readonly certainty: Certainty
  readonly job?: Job
}

/** One thing that a workflow should not do. The id is the file's name, and that of the finding and of its crossing. */
export interface Weakness {
  readonly id: string
  readonly title: string
  readonly severity: 'low' | 'medium' | 'high' | 'critical'
  /** Why it matters, and what to do about it. */
  readonly why: string
  readonly fix: string
  /** OWASP NHI Top 10 and OWASP CI/CD Top 10 identifiers. */
  readonly frameworks: readonly string[]
  /** What a mark `zizmor: ignore[…]` beside it calls it: a team that keeps both tools says a thing once. */
  readonly alias?: string
  /** Through it someone outside runs what they want as the job: it is an edge of the graph, too. */
  readonly crossing?: boolean
  readonly references: readonly string[]
  find(workflow: Workflow): Iterable<Weak>
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
