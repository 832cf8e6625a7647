import { items, type Located, member, members, scalar } from '../located.ts'
import type { Pipeline, PipelineJob } from '../pipeline/pipeline.ts'

/** A configuration of CircleCI, as far as what its jobs may do and who decides about it. */
export interface CircleciConfig extends Pipeline<CircleciJob> {
  readonly orbs: ReadonlyMap<string, Located>
  /** Types of the pipeline's own parameters. */
  readonly parameters: ReadonlyMap<string, string>
}

export interface CircleciJob extends PipelineJob {
  readonly steps: readonly Located[]
  readonly parameters: ReadonlyMap<string, string>
  /** Each time that a workflow runs it. */
  readonly runs: readonly Run[]
}

export interface Run {
  readonly line: number
  readonly contexts: readonly Located[]
  /** Only for some branches or tags, or after a person has said so. */
  readonly guarded: boolean
}

const MOST_DEPTH = 10
const MOST_STEPS = 20_000

/** Undefined where the document is none. */
export function circleciConfigOf(path: string, root: Located): CircleciConfig | undefined {
  const jobs = members(member(root, 'jobs'))
  const workflows = members(member(root, 'workflows'))
  const orbs = members(member(root, 'orbs'))
  if (jobs.size === 0 && workflows.size === 0 && orbs.size === 0) return undefined
  const runs = runsIn(workflows)
  const expanding = new Expanding(members(member(root, 'commands')))
  const executors = members(member(root, 'executors'))
  return {
    path,
    runtime: 'CircleCI',
    orbs,
    variables: new Map(),
    parameters: typesOf(member(root, 'parameters')),
    jobs: [
      ...[...jobs].map(([id, job]) => jobOf(id, job, executors, expanding, runs.get(id) ?? [])),
      // What an orb brings is run by a workflow too, and has its contexts.
      ...[...runs].flatMap(([id, own]) => (jobs.has(id) ? [] : [orbJob(id, own)])),
    ],
  }
}

type WorkflowRun = Run & { readonly node: Located }

function runsIn(workflows: ReadonlyMap<string, Located>): Map<string, WorkflowRun[]> {
  const found = new Map<string, WorkflowRun[]>()
  for (const workflow of workflows.values()) {
    const jobs = items(member(workflow, 'jobs'))
    const approvals = new Set(
      jobs.flatMap(job =>
        [...members(job)].flatMap(([name, one]) =>
          scalar(member(one, 'type')) === 'approval' ? [scalar(member(one, 'name')) ?? name] : [],
        ),
      ),
    )
    for (const job of jobs) {
      const [named] = members(job)
      const name = named ? named[0] : scalar(job)
      if (name === undefined || (named && scalar(member(named[1], 'type')) === 'approval')) continue
      const node = named ? named[1] : job
      const run = {
        line: named?.[1].keyLine ?? job.line,
        contexts: contextsOf(node),
        guarded: isGuarded(node, approvals),
        node,
      }
      const before = found.get(name)
      if (before) before.push(run)
      else found.set(name, [run])
    }
  }
  return found
}

function contextsOf(run: Located): readonly Located[] {
  return items(member(run, 'context'))
}

function isGuarded(run: Located, approvals: ReadonlySet<string>): boolean {
  if (items(member(run, 'requires')).some(name => approvals.has(scalar(name) ?? ''))) return true
  const branches = items(member(run, 'filters', 'branches', 'only'))
  const ignored = items(member(run, 'filters', 'branches', 'ignore')).some(name => scalar(name) === '/.*/')
  const named =
    branches.length > 0 &&
    branches.every(name => !/^\/?\.\*\/?$/.test((scalar(name) ?? '').replaceAll('/', '')))
  return named || ignored
}

class Expanding {
  readonly #commands: ReadonlyMap<string, Located>
  #left = MOST_STEPS

  constructor(commands: ReadonlyMap<string, Located>) {
    this.#commands = commands
  }

  /** The steps with those of the commands that they call; what is within when and unless too. */
  steps(of: readonly Located[], depth = 0): Located[] {
    return of.flatMap(step => {
      if (this.#left-- <= 0) return []
      const [named] = members(step)
      const name = named ? named[0] : scalar(step)
      if (name === undefined) return []
      if ((name === 'when' || name === 'unless') && depth < MOST_DEPTH)
        return this.steps(items(member(named?.[1], 'steps')), depth + 1)
      const command = this.#commands.get(name)
      const within =
        command && depth < MOST_DEPTH ? this.steps(items(member(command, 'steps')), depth + 1) : []
      return [step, ...within]
    })
  }
}

function jobOf(
  id: string,
  job: Located,
  executors: ReadonlyMap<string, Located>,
  expanding: Expanding,
  runs: readonly WorkflowRun[],
): CircleciJob {
  const executor = member(job, 'executor')
  const named = executors.get(scalar(executor) ?? scalar(member(executor, 'name')) ?? '')
  const around = runs.flatMap(({ node }) =>
    ['pre-steps', 'post-steps'].flatMap(name => items(member(node, name))),
  )
  const steps = expanding.steps([...items(member(job, 'steps')), ...around])
  const resource = member(job, 'resource_class') ?? member(named, 'resource_class')
  const commands = steps.flatMap(step => commandOf(step) ?? [])
  return {
    id,
    line: job.keyLine ?? job.line,
    steps,
    scripts: commands,
    images: [job, named].flatMap(place =>
      items(member(place, 'docker')).flatMap(one => member(one, 'image') ?? []),
    ),
    variables: new Map([
      ...members(member(named, 'environment')),
      ...members(member(job, 'environment')),
      ...steps.flatMap(step => [...members(member(step, 'run', 'environment'))]),
      ...[job, named].flatMap(place =>
        items(member(place, 'docker')).flatMap(one => [...members(member(one, 'environment'))]),
      ),
    ]),
    // A namespace before the name is that of the organization whose machines they are.
    ownRunner: (scalar(resource) ?? '').includes('/') ? resource : undefined,
    parameters: typesOf(member(job, 'parameters')),
    runs,
  }
}

function orbJob(id: string, runs: readonly WorkflowRun[]): CircleciJob {
  const steps = runs.flatMap(({ node }) =>
    ['pre-steps', 'post-steps'].flatMap(name => items(member(node, name))),
  )
  return {
    id,
    line: runs[0]!.line,
    steps: [...steps, ...runs.map(({ node }) => node)],
    scripts: steps.flatMap(step => commandOf(step) ?? []),
    images: [],
    variables: new Map(),
    ownRunner: undefined,
    parameters: new Map(),
    runs,
  }
}

function commandOf(step: Located): Located | undefined {
  const run = member(step, 'run')
  return run?.value instanceof Map ? member(run, 'command') : run
}

function typesOf(parameters: Located | undefined): ReadonlyMap<string, string> {
  return new Map(
    [...members(parameters)].map(([name, parameter]) => [
      name,
      scalar(member(parameter, 'type')) ?? 'string',
    ]),
  )
}
