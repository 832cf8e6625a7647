import { items, type Located, members, scalar } from '../located.ts'
import { embeddedIn, type Expression, flowsOf } from './expression.ts'
import type { Job, Step, Workflow } from './workflow.ts'

/**
 * Who decides what a text holds. `outsider`: anyone who can open an issue or a pull request. `someone`: any text, from
 * whoever starts the workflow, calls it, or made what an earlier step read. `unclear`: put together elsewhere from parts that
 * hold no code as they are known, or of a context that GitHub does not document. `nobody`: a fixed form, which holds no code.
 */
export type Control = 'outsider' | 'someone' | 'unclear' | 'nobody'

/** Whether a text of that kind may be code. */
export const mayBeCode = (control: Control): boolean => control === 'outsider' || control === 'someone'

/** What an expression may give, worst first, and the context that it comes from. */
export interface Controlled {
  readonly control: Control
  readonly context: string
}

/** Where a text stands decides what `env`, `matrix` and `inputs` are in it. */
export interface Scope {
  readonly workflow: Workflow
  readonly job: Job
  readonly step: Step | undefined
}

/**
 * Texts of an event that whoever causes it writes.
 * https://docs.github.com/en/actions/concepts/security/script-injections
 */
const WRITTEN_BY_OUTSIDERS = [
  /^github\.event\.(?:issue|pull_request|discussion|comment|review|review_comment|milestone|changes\..*)\.(?:title|body|name|description|from)$/,
  /^github\.event\.(?:.*\.)?(?:title|body|message|description|default_branch|page_name|email|label|labels\.\*\.name|label\.name|milestone\.title)$/,
  /^github\.event\.pull_request\.head\.(?:ref|label|repo\.(?:default_branch|description|homepage|name|full_name))$/,
  /^github\.event\.(?:workflow_run|check_run|check_suite)\.(?:.*\.)?(?:head_branch|display_title|head_commit\.(?:message|author\.(?:name|email)|committer\.(?:name|email)))$/,
  /^github\.event\.workflow_run\.pull_requests\.\*\.head\.ref$/,
  /^github\.event\.workflow_run\.head_repository\.(?:description|default_branch)$/,
  /^github\.event\.commits\.\*\.(?:message|author\.(?:name|email)|committer\.(?:name|email))$/,
  /^github\.event\.(?:head_commit|commits\.\*)\.(?:message|author\.(?:name|email)|committer\.(?:name|email))$/,
  /^github\.event\.pages\.\*\.page_name$/,
  /^github\.event\.(?:.*\.)?labels\.\*\.(?:name|description)$/,
  /^github\.head_ref$/,
]

/** What has a form that no shell takes for more than a word. */
const FIXED = [
  /^github\.(?:action|action_path|action_status|actor|actor_id|api_url|event_name|event_path|graphql_url|job|repository|repository_id|repository_owner|repository_owner_id|repository_visibility|repositoryurl|retention_days|run_attempt|run_id|run_number|secret_source|server_url|sha|token|triggering_actor|workflow_sha|workspace|ref_protected|ref_type|env|path|output|step_summary|state|base_ref)$/,
  /^github\.event\.(?:.*\.)?(?:id|node_id|number|sha|head_sha|base_sha|before|after|login|url|html_url|diff_url|patch_url|clone_url|ssh_url|git_url|avatar_url|created_at|updated_at|closed_at|merged_at|pushed_at|submitted_at|published_at|type|state|state_reason|draft|merged|mergeable|rebaseable|private|fork|archived|disabled|locked|action|author_association|conclusion|status|event|run_number|run_attempt|run_id|workflow_id|visibility|language|size|deleted|created|forced|prerelease|position|line|comments|commits|additions|deletions|changed_files|merge_commit_sha|commit_id|site_admin|active_lock_reason|schedule|mergeable_state|open_issues|stargazers_count|watchers_count|forks_count|has_issues|auto_merge|milestone\.number|full_name)$/,
  /^github\.event\.(?:pull_request\.base\.(?:ref|label)|repository\.(?:name|default_branch|owner\.name)|organization\.login|sender\..*|pull_request\.base\.repo\..*|workflow_run\.(?:pull_requests\.\*\.base\..*|name|path|repository\..*)|workflow_run\.head_repository\.(?:name|owner\..*)|label\.color|deployment\.environment)$/,
  /^(?:runner|job|strategy)\..*$/,
  /^(?:steps|needs|jobs)\.[^.]+\.(?:outcome|conclusion|result)$/,
  /^(?:secrets|vars)(?:\..*)?$/,
  /^matrix\..*\.(?:id|number)$/,
]

/** What is left of these after all of the above is free text. */
const CONTEXTS = new Set(['github', 'steps', 'needs', 'jobs'])

const WHOLE_EVENT =
  /^github(?:\.event(?:\.(?:issue|pull_request|comment|discussion|review|head_commit|commits|workflow_run))?)?$/

/** The worst that a context may hold. */
function controlOf(path: readonly string[], scope: Scope, seen: ReadonlySet<Located>): Controlled {
  const context = path.join('.')
  const as = (control: Control): Controlled => ({ control, context })
  const [root, name] = path
  if (root === 'env' && name !== undefined) return through(envValue(scope, name), seen) ?? as('someone')
  if (root === 'matrix') return matrixControl(path, scope, seen)
  if (root === 'inputs' || context.startsWith('github.event.inputs.')) {
    const input = root === 'inputs' ? name : path[3]
    const type = scope.workflow.inputs.get(input ?? '')
    const free = type === undefined || type === 'string'
    return as(free ? 'someone' : 'nobody')
  }
  if (WRITTEN_BY_OUTSIDERS.some(pattern => pattern.test(context))) return as('outsider')
  if (FIXED.some(pattern => pattern.test(context))) return as('nobody')
  // All of an event at once holds its texts, too.
  if (WHOLE_EVENT.test(context)) return as('outsider')
  return as(CONTEXTS.has(root ?? '') ? 'someone' : 'unclear')
}

/** `env` as a step sees it: its own, else its job's, else the workflow's. */
export function envValue(
  { workflow, job, step }: Scope,
  name: string,
): { value: Located; scope: Scope } | undefined {
  const find = (env: ReadonlyMap<string, Located>) =>
    [...env].find(([key]) => key.toLowerCase() === name)?.[1]
  const own = step && find(step.env)
  if (own) return { value: own, scope: { workflow, job, step: undefined } }
  const outer = find(job.env) ?? find(workflow.env)
  return outer && { value: outer, scope: { workflow, job, step: undefined } }
}

/** What a text gives through which something else is said: undefined where there is no such text. */
function through(
  found: { value: Located; scope: Scope } | undefined,
  seen: ReadonlySet<Located>,
): Controlled | undefined {
  if (!found || seen.has(found.value)) return undefined
  const text = scalar(found.value) ?? ''
  return worst(controlledBy(text, found.scope, new Set([...seen, found.value]))) ?? NOTHING
}

/** The variables of a step's shell, and who decides what is in each. */
export function shellVariables({ workflow, job, step }: Scope): ReadonlyMap<string, Controlled> {
  const here = { workflow, job, step: undefined }
  const own = [workflow.env, job.env, step?.env ?? new Map<string, Located>()].flatMap(env =>
    [...env].map(([name, value]): [string, Controlled] => [
      name,
      worst(controlledBy(scalar(value) ?? '', here)) ?? NOTHING,
    ]),
  )
  const branch: Controlled = { control: 'outsider', context: 'github.head_ref' }
  return new Map<string, Controlled>([['GITHUB_HEAD_REF', branch], ...own])
}

const NOTHING: Controlled = { control: 'nobody', context: '' }

/** A matrix is written out, or computed: what is written out is nobody's to decide. */
function matrixControl(path: readonly string[], scope: Scope, seen: ReadonlySet<Located>): Controlled {
  const matrix = scope.job.matrix
  const here = { workflow: scope.workflow, job: scope.job, step: undefined }
  const context = path.join('.')
  if (!matrix || seen.has(matrix)) return { control: 'nobody', context }
  const within = new Set([...seen, matrix])
  const texts: string[] = []
  const gather = (located: Located | undefined): void => {
    if (!located) return
    if (located.value instanceof Map) for (const inner of located.value.values()) gather(inner)
    else if (Array.isArray(located.value)) for (const inner of items(located)) gather(inner)
    else texts.push(scalar(located) ?? '')
  }
  if (matrix.value instanceof Map) {
    const key = path[1] ?? ''
    for (const [name, values] of matrix.value)
      if (name.toLowerCase() === key || path.length === 1) gather(values)
    const include = matrix.value.get('include')
    if (include && !Array.isArray(include.value)) gather(include)
    for (const one of items(include))
      for (const [name, value] of members(one)) if (name.toLowerCase() === key) gather(value)
  } else gather(matrix)
  const found = worst(texts.flatMap(text => controlledBy(text, here, within)))
  if (!found) return { control: 'nobody', context }
  // Whoever changes the matrix later does not see the script that it ends up in.
  const control = found.control === 'nobody' ? 'unclear' : found.control
  return { control, context: `${context} (${found.context})` }
}

const ORDER: readonly Control[] = ['outsider', 'someone', 'unclear', 'nobody']

export function worst(found: readonly Controlled[]): Controlled | undefined {
  return found.toSorted((a, b) => ORDER.indexOf(a.control) - ORDER.indexOf(b.control))[0]
}

/** What the expressions of a text put into it. */
export function controlledBy(
  text: string,
  scope: Scope,
  seen: ReadonlySet<Located> = new Set(),
): (Controlled & { readonly offset: number })[] {
  return embeddedIn(text).flatMap(({ start, expression }) => {
    if (!expression) return []
    const found = worst(flowsOf(expression).flatMap(part => controlOfPart(part, scope, seen)))
    return found ? [{ ...found, offset: start }] : []
  })
}

function controlOfPart(part: Expression, scope: Scope, seen: ReadonlySet<Located>): Controlled[] {
  return part.is === 'context' ? [controlOf(part.path, scope, seen)] : []
}
