import { items, type Located, member, scalar } from '../located.ts'
import type { Pipeline, PipelineJob } from '../pipeline/pipeline.ts'
import { contextsIn } from './expression.ts'
import { jobsOf } from './weakness.ts'
import { type Job, neverRuns, runsInShell, type Step, type Workflow } from './workflow.ts'

/** A part of a job, as what is common to all systems of pipelines is looked for in it. */
interface Part extends PipelineJob {
  readonly of: Job
}

/** A workflow as a pipeline: what a job has for all of its steps is a part, and so is each step, whose variables are its own. */
export function pipelineOf(workflow: Workflow): Pipeline<Part> {
  const { path } = workflow
  const jobs = [...jobsOf(workflow)].flatMap(job => [
    whole(job),
    ...job.steps.filter(step => !neverRuns(step)).map(step => ofStep(job, step)),
  ])
  return { path, runtime: 'GitHub Actions', jobs, variables: given(workflow.env) }
}

function whole(job: Job): Part {
  const { id, line } = job
  const containers = [job.container, ...job.services.values()]
  return {
    id,
    line,
    of: job,
    scripts: [],
    ownRunner: undefined,
    variables: given(job.env),
    // Images by tags are told of as workflows name them.
    images: [],
    containerOptions: containers.flatMap(container => [
      ...items(member(container, 'options')).map(one => ({ line: one.line, text: scalar(one) ?? '' })),
      ...items(member(container, 'volumes')).map(one => ({
        line: one.line,
        text: `-v ${scalar(one) ?? ''}`,
      })),
    ]),
  }
}

function ofStep(job: Job, step: Step): Part {
  return {
    id: job.id,
    line: job.line,
    of: job,
    images: [],
    ownRunner: undefined,
    scripts: step.run && runsInShell(step) ? [step.run] : [],
    variables: given(step.env),
  }
}

/** What another step made is no stored value: variables that are written out, or hold a secret. */
function given(env: ReadonlyMap<string, Located>): ReadonlyMap<string, Located> {
  return new Map(
    [...env].filter(([, value]) => {
      const contexts = contextsIn(scalar(value) ?? '')
      return contexts.length === 0 || contexts.some(([root]) => root === 'secrets')
    }),
  )
}
