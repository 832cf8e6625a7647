import { items, type Located, member, members, scalar } from '../located.ts'

/** A workflow, or an action that is composite or an image, as far as what it may do and who decides about it. */
export interface Workflow {
  readonly path: string
  readonly kind: 'workflow' | 'action'
  readonly name: string | undefined
  /** Events by name, each with its filters; none for an action. */
  readonly triggers: ReadonlyMap<string, Located>
  readonly permissions: Located | undefined
  readonly env: ReadonlyMap<string, Located>
  readonly concurrency: Located | undefined
  /** The types of inputs: of `workflow_call` and `workflow_dispatch`, or of the action. */
  readonly inputs: ReadonlyMap<string, string>
  readonly jobs: readonly Job[]
}

/** An action's steps are a job too, whose id is `runs`. */
export interface Job {
  readonly id: string
  readonly line: number
  readonly if: string | undefined
  /** Jobs that have to end before it starts. */
  readonly needs: readonly string[]
  /** Labels of the runner: literal ones, or expressions. */
  readonly runsOn: readonly Located[]
  readonly permissions: Located | undefined
  readonly environment: { readonly name: string; readonly line: number } | undefined
  readonly env: ReadonlyMap<string, Located>
  readonly envNode: Located | undefined
  readonly matrix: Located | undefined
  readonly concurrency: Located | undefined
  readonly container: Located | undefined
  readonly services: ReadonlyMap<string, Located>
  /** What a reusable workflow is called by, and with which secrets. */
  readonly uses: Uses | undefined
  readonly secrets: Located | undefined
  readonly with: ReadonlyMap<string, Located>
  readonly steps: readonly Step[]
}

export interface Step {
  readonly line: number
  readonly id: string | undefined
  readonly name: string | undefined
  readonly if: string | undefined
  readonly uses: Uses | undefined
  readonly run: Located | undefined
  readonly shell: string | undefined
  readonly with: ReadonlyMap<string, Located>
  readonly env: ReadonlyMap<string, Located>
  readonly envNode: Located | undefined
}

/**
 * What `uses` names. `action` is `owner/repository[/path]` in lower case, for a local one its path, for an image its name;
 * `version` is what a comment beside a commit says of it.
 */
export interface Uses {
  readonly line: number
  readonly kind: 'repository' | 'local' | 'image'
  readonly action: string
  /** As it is written. */
  readonly written: string
  readonly ref: string | undefined
  readonly version: string | undefined
}

/** Undefined where the document is no workflow and no composite action. */
export function workflowOf(path: string, root: Located): Workflow | undefined {
  const jobs = member(root, 'jobs')
  const on = member(root, 'on') ?? member(root, 'true') // YAML 1.1 writers make a boolean of it
  const common = { path, name: scalar(member(root, 'name')) }
  if (jobs?.value instanceof Map && on)
    return {
      ...common,
      kind: 'workflow',
      triggers: triggersOf(on),
      permissions: member(root, 'permissions'),
      env: members(member(root, 'env')),
      concurrency: member(root, 'concurrency'),
      inputs: inputTypes(on),
      jobs: [...jobs.value].map(([id, job]) => jobOf(id, job)),
    }
  const runs = member(root, 'runs')
  const using = scalar(member(runs, 'using'))
  if (!runs || (using !== 'composite' && using !== 'docker')) return undefined
  return {
    ...common,
    kind: 'action',
    triggers: new Map(),
    permissions: undefined,
    env: new Map(),
    concurrency: undefined,
    inputs: new Map([...members(member(root, 'inputs')).keys()].map(name => [name.toLowerCase(), 'string'])),
    jobs: [using === 'docker' ? imageJob(runs) : jobOf('runs', runs)],
  }
}

/** An action that is an image uses it, as a step does; one that is built from a Dockerfile is told of there. */
function imageJob(runs: Located): Job {
  const image = member(runs, 'image')
  const step = { ...image, line: image?.line ?? runs.line, textLine: 0, value: new Map([['uses', image!]]) }
  return {
    ...jobOf('runs', runs),
    steps: scalar(image)?.startsWith('docker:') ? [stepOf(step)] : [],
  }
}

function triggersOf(on: Located): ReadonlyMap<string, Located> {
  if (on.value instanceof Map) return on.value
  return new Map(items(on).flatMap(event => (scalar(event) === undefined ? [] : [[scalar(event)!, event]])))
}

function inputTypes(on: Located): ReadonlyMap<string, string> {
  const types = new Map<string, string>()
  for (const event of ['workflow_dispatch', 'workflow_call'])
    for (const [name, input] of members(member(on, event, 'inputs'))) {
      const type = scalar(member(input, 'type')) ?? 'string'
      // Of two that differ, the one that holds any text counts.
      if (types.get(name.toLowerCase()) !== 'string') types.set(name.toLowerCase(), type)
    }
  return types
}

function jobOf(id: string, job: Located): Job {
  const environment = member(job, 'environment')
  const name = scalar(environment) ?? scalar(member(environment, 'name'))
  const runsOn = member(job, 'runs-on')
  return {
    id,
    line: job.keyLine ?? job.line,
    if: scalar(member(job, 'if')),
    needs: items(member(job, 'needs')).flatMap(one => scalar(one) ?? []),
    runsOn: runsOn?.value instanceof Map ? items(member(runsOn, 'labels')) : items(runsOn),
    permissions: member(job, 'permissions'),
    environment: name === undefined ? undefined : { name, line: environment!.line },
    env: members(member(job, 'env')),
    envNode: member(job, 'env'),
    matrix: member(job, 'strategy', 'matrix'),
    concurrency: member(job, 'concurrency'),
    container: member(job, 'container'),
    services: members(member(job, 'services')),
    uses: usesOf(member(job, 'uses')),
    secrets: member(job, 'secrets'),
    with: members(member(job, 'with')),
    steps: items(member(job, 'steps')).map(stepOf),
  }
}

function stepOf(step: Located): Step {
  return {
    line: step.line,
    id: scalar(member(step, 'id'))?.toLowerCase(),
    name: scalar(member(step, 'name')),
    if: scalar(member(step, 'if')),
    uses: usesOf(member(step, 'uses')),
    run: member(step, 'run'),
    shell: scalar(member(step, 'shell')),
    with: new Map([...members(member(step, 'with'))].map(([name, value]) => [name.toLowerCase(), value])),
    env: members(member(step, 'env')),
    envNode: member(step, 'env'),
  }
}

function usesOf(uses: Located | undefined): Uses | undefined {
  const written = scalar(uses)?.trim()
  if (!uses || !written) return undefined
  const { line, comment } = uses
  const version = /(?:^|[\s=@])(v?\d+(?:\.\d+)*(?:[-.+][\w.]+)?)(?:\s|$)/.exec(comment ?? '')?.[1]
  const common = { line, written, version }
  if (written.startsWith('docker://')) {
    const [, image = '', digest] = /^docker:\/\/([^@]*)(?:@(.*))?$/.exec(written) ?? []
    return { ...common, kind: 'image', action: image, ref: digest }
  }
  if (/^(?:\.{1,2}|\$)\//.test(written)) return { ...common, kind: 'local', action: written, ref: undefined }
  const at = written.lastIndexOf('@')
  const action = at < 0 ? written : written.slice(0, at)
  return {
    ...common,
    kind: 'repository',
    action: action.toLowerCase(),
    ref: at < 0 ? undefined : written.slice(at + 1),
  }
}

/** `owner/repository` of what a step uses. */
export function repositoryOf(uses: Uses): string {
  return uses.action.split('/').slice(0, 2).join('/')
}

export function isCommit(ref: string | undefined): boolean {
  return ref !== undefined && /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/i.test(ref)
}

/** The version that a step uses, as numbers: of its ref, or of the comment beside a commit. */
export function versionOf(uses: Uses): readonly number[] | undefined {
  const text = isCommit(uses.ref) ? uses.version : uses.ref
  const found = /^v?(\d+(?:\.\d+)*)/.exec(text ?? '')?.[1]
  return found?.split('.').map(Number)
}

/** Whether the condition is false whatever happens: the step or job is there for tools only. */
export function neverRuns({ if: condition }: Pick<Step, 'if'>): boolean {
  return condition !== undefined && /^(?:false|\$\{\{\s*false\s*\}\})$/.test(condition.trim())
}

/** Whether a shell reads the step's script, and no interpreter of another language. */
export function runsInShell({ shell }: Pick<Step, 'shell'>): boolean {
  return !/^(?:python|node|perl|ruby|php|deno|bun)\b/.test(shell ?? '')
}

/** What a job's token may do: its own permissions, else the workflow's; undefined where neither says. */
export function permissionsOf(workflow: Workflow, job: Job): Located | undefined {
  return job.permissions ?? workflow.permissions
}

/** `contents` → `write`; `*` for all at once. */
export function permissionLevels(permissions: Located | undefined): ReadonlyMap<string, string> | undefined {
  if (permissions === undefined) return undefined
  const all = scalar(permissions)
  if (all === 'write-all') return new Map([['*', 'write']])
  if (all === 'read-all') return new Map([['*', 'read']])
  return new Map([...members(permissions)].map(([scope, level]) => [scope, scalar(level) ?? 'none']))
}

/** Events that anyone can cause who can open an issue or a pull request in a public repository, with the repository's rights. */
export const PRIVILEGED_OUTSIDE_EVENTS: ReadonlySet<string> = new Set([
  'pull_request_target',
  'workflow_run',
  'issues',
  'issue_comment',
  'pull_request_review_comment',
  'pull_request_review',
  'discussion',
  'discussion_comment',
  'fork',
  'watch',
  'pull_request_comment',
])
