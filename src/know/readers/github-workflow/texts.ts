import { items, type Located, scalar } from '../located.ts'
import { stepsOf } from './weakness.ts'
import type { Job, Workflow } from './workflow.ts'

/** A scalar that may hold expressions, and the job that it is a part of. */
export interface Text {
  readonly text: string
  readonly line: number
  readonly job: Job | undefined
}

/** Every text that GitHub evaluates for the workflow itself, for each of its jobs and for each step that may run. */
export function* textsOf(workflow: Workflow): Generator<Text> {
  for (const value of workflow.env.values()) yield* scalarsOf(value, undefined)
  for (const job of workflow.jobs) {
    if (job.envNode) yield* scalarsOf(job.envNode, job)
    for (const value of job.with.values()) yield* scalarsOf(value, job)
    for (const node of [job.container, job.secrets]) if (node) yield* scalarsOf(node, job)
    for (const value of job.services.values()) yield* scalarsOf(value, job)
  }
  for (const { job, step } of stepsOf(workflow)) {
    if (step.run) yield* scalarsOf(step.run, job)
    if (step.envNode) yield* scalarsOf(step.envNode, job)
    for (const value of step.with.values()) yield* scalarsOf(value, job)
    if (step.if !== undefined) yield { text: step.if, line: step.line, job }
  }
}

function* scalarsOf(node: Located, job: Job | undefined): Generator<Text> {
  if (node.value instanceof Map) for (const inner of node.value.values()) yield* scalarsOf(inner, job)
  else if (Array.isArray(node.value)) for (const inner of items(node)) yield* scalarsOf(inner, job)
  else {
    const text = scalar(node)
    if (text !== undefined) yield { text, line: node.line, job }
  }
}
