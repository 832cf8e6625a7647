import { items, type Located, member, members, scalar } from '../located.ts'
import type { Pipeline, PipelineJob } from '../pipeline/pipeline.ts'

/** A pipeline of GitLab CI, or a file that one includes, as far as what its jobs may do and who decides about it. */
export interface GitlabPipeline extends Pipeline<GitlabJob> {
  readonly includes: readonly Located[]
  /** `spec: inputs:` of an included file, by name. */
  readonly inputs: ReadonlyMap<string, Located>
}

export interface GitlabJob extends PipelineJob {
  /** All of it, with what it has from others and from the defaults. */
  readonly node: Located
  readonly rules: readonly Located[]
  readonly environment: string | undefined
  readonly idTokens: ReadonlyMap<string, Located>
  readonly vaultSecrets: ReadonlyMap<string, Located>
  /** What it is made from that stands in none of the file: in one that it includes, or that includes it. */
  readonly madeFrom: readonly string[]
  /** It has what `default:` gives: its file's own, and that of whatever file includes it. */
  readonly inherits: boolean
  readonly tags: readonly Located[]
  readonly startedBy: readonly Start[]
  /** It runs for branches or tags that not everyone may push to, or when a person says so, and for nothing else. */
  readonly guarded: boolean
}

export type Start = 'push' | 'tag' | 'merge request' | 'schedule' | 'trigger' | 'hand'

const KEYWORDS = new Set([
  'default',
  'include',
  'stages',
  'variables',
  'workflow',
  'image',
  'services',
  'cache',
  'before_script',
  'after_script',
  'spec',
  'types',
])
const DEFAULTS = [
  'image',
  'services',
  'cache',
  'before_script',
  'after_script',
  'tags',
  'artifacts',
  'id_tokens',
]
/** What `default:` and `variables:` make of a job that has nothing else; no job can be called so. */
export const DEFAULT = 'default'

/** GitLab itself allows eleven. */
const MOST_DEPTH = 11
/** A text that extends into more than this is made to. */
const MOST_MERGES = 20_000

/** Undefined where the document is none. */
export function gitlabPipelineOf(path: string, documents: readonly Located[]): GitlabPipeline | undefined {
  const header = documents.find(one => member(one, 'spec') !== undefined)
  const root = documents.findLast(
    one => one.value instanceof Map && (one !== header || documents.length === 1),
  )
  if (!root) return undefined
  const all = members(root)
  const resolving = new Resolving(all)
  const defaults = new Map(
    DEFAULTS.flatMap(name => {
      const given = member(root, 'default', name) ?? all.get(name)
      return given ? [[name, given] as const] : []
    }),
  )
  const extended = new Set([...all.values()].flatMap(job => items(member(job, 'extends')).map(scalar)))
  const workflow = items(member(root, 'workflow', 'rules'))
  const jobs = [...all].flatMap(([id, written]) => {
    if (KEYWORDS.has(id) || !(written.value instanceof Map)) return []
    // What only others are made from is looked at in them; what nobody here is made from is for other files.
    if (id.startsWith('.') && extended.has(id)) return []
    const node = resolving.job(id)
    const madeFrom = basesOf(all, id).filter(base => !all.has(base))
    const isJob = ['script', 'trigger', 'run', 'before_script'].some(name => node.has(name))
    if (!isJob && madeFrom.length === 0) return []
    return [{ ...jobOf(id, written, node, defaults, workflow), madeFrom }]
  })
  const includes = items(member(root, 'include'))
  // What it gives to jobs of the files that it includes: told as if it were one job of its own.
  const given = member(root, 'default') ?? member(root, 'variables')
  if (includes.length > 0 && given)
    jobs.push({ ...jobOf(DEFAULT, given, new Map(), defaults, workflow), madeFrom: [] })
  return {
    path,
    runtime: 'GitLab CI',
    jobs,
    variables: variablesOf(member(root, 'variables')),
    includes,
    inputs: members(member(header, 'spec', 'inputs')),
  }
}

/** All that a job extends, and what that extends. */
function basesOf(all: ReadonlyMap<string, Located>, id: string): string[] {
  const bases = new Set<string>()
  collect(id)
  return [...bases]

  function collect(name: string): void {
    for (const base of items(member(all.get(name), 'extends')).flatMap(one => scalar(one) ?? [])) {
      if (bases.has(base) || base === id) continue
      bases.add(base)
      collect(base)
    }
  }
}

/** Follows `extends` and `!reference`, as far as they lead within the file. */
class Resolving {
  readonly #all: ReadonlyMap<string, Located>
  readonly #known = new Map<string, ReadonlyMap<string, Located>>()
  #left = MOST_MERGES

  constructor(all: ReadonlyMap<string, Located>) {
    this.#all = all
  }

  job(id: string, depth = 0): ReadonlyMap<string, Located> {
    const known = this.#known.get(id)
    if (known) return known
    const own = members(this.#all.get(id))
    let node: ReadonlyMap<string, Located> = new Map<string, Located>()
    if (depth < MOST_DEPTH)
      for (const base of items(own.get('extends'))) {
        const name = scalar(base)
        if (name !== undefined && name !== id) node = this.#merge(node, this.job(name, depth + 1), 0)
      }
    node = this.#merge(node, own, 0)
    const followed = new Map([...node].map(([name, value]) => [name, this.#follow(value, 0)]))
    this.#known.set(id, followed)
    return followed
  }

  #merge(
    base: ReadonlyMap<string, Located>,
    over: ReadonlyMap<string, Located>,
    depth: number,
  ): ReadonlyMap<string, Located> {
    const merged = new Map(base)
    for (const [name, value] of over) {
      const below = merged.get(name)
      const both = below?.value instanceof Map && value.value instanceof Map
      if (both && depth < MOST_DEPTH && this.#left-- > 0)
        merged.set(name, { ...value, value: this.#merge(members(below), members(value), depth + 1) })
      else merged.set(name, value)
    }
    return merged
  }

  #follow(value: Located, depth: number): Located {
    if (!Array.isArray(value.value) || depth > MOST_DEPTH || this.#left-- <= 0) return value
    if (value.tag === '!reference') {
      const [first, ...rest] = items(value).map(item => scalar(item) ?? '')
      const found = member(this.#all.get(first ?? ''), ...rest)
      return found ? this.#follow(found, depth + 1) : { ...value, value: null }
    }
    const parts = items(value).flatMap(item => {
      const followed = this.#follow(item, depth + 1)
      return Array.isArray(followed.value) ? items(followed) : [followed]
    })
    return { ...value, value: parts }
  }
}

function jobOf(
  id: string,
  written: Located,
  own: ReadonlyMap<string, Located>,
  defaults: ReadonlyMap<string, Located>,
  workflow: readonly Located[],
): Omit<GitlabJob, 'madeFrom'> {
  const inherits = scalar(member({ line: 0, textLine: 0, value: own }, 'inherit', 'default')) !== 'false'
  const value = new Map(inherits ? [...defaults, ...own] : own)
  const node: Located = { ...written, value }
  const rules = items(value.get('rules'))
  const environment = value.get('environment')
  const tags = items(value.get('tags'))
  return {
    id,
    inherits,
    line: written.keyLine ?? written.line,
    node,
    scripts: ['before_script', 'script', 'after_script'].flatMap(name => items(value.get(name))),
    images: [imageOf(value.get('image')), ...items(value.get('services')).map(imageOf)].flatMap(image =>
      image ? [image] : [],
    ),
    variables: variablesOf(value.get('variables')),
    ownRunner: tags.find(tag => !/^(?:gitlab-org(?:-.*)?|saas-.*|shared|docker)$/.test(scalar(tag) ?? '')),
    rules,
    environment: scalar(environment) ?? scalar(member(environment, 'name')),
    idTokens: members(value.get('id_tokens')),
    vaultSecrets: members(value.get('secrets')),
    tags,
    startedBy: startsOf(value, rules, workflow),
    guarded: isGuarded(value, rules, workflow),
  }
}

function imageOf(image: Located | undefined): Located | undefined {
  return image?.value instanceof Map ? member(image, 'name') : image
}

function variablesOf(variables: Located | undefined): ReadonlyMap<string, Located> {
  return new Map(
    [...members(variables)].map(([name, value]) => {
      const given = value.value instanceof Map ? (member(value, 'value') ?? { ...value, value: '' }) : value
      return [name, { ...given, keyLine: value.keyLine ?? given.line }]
    }),
  )
}

/** What a condition speaks of, as far as it makes the job run. */
function startsIn(condition: string): Start[] {
  const starts: Start[] = []
  if (
    /merge_request_event|\$CI_MERGE_REQUEST_(?:IID|ID)\b(?!\s*==\s*null)|external_pull_request_event/.test(
      condition,
    )
  )
    starts.push('merge request')
  if (
    /"?'?push'?"?|\$CI_COMMIT_BRANCH|\$CI_COMMIT_REF_NAME|\$CI_DEFAULT_BRANCH|\$CI_COMMIT_REF_PROTECTED/.test(
      condition,
    )
  )
    starts.push('push')
  if (/\$CI_COMMIT_TAG/.test(condition)) starts.push('tag')
  if (/["']schedule["']/.test(condition)) starts.push('schedule')
  if (/["'](?:trigger|api|pipeline)["']/.test(condition)) starts.push('trigger')
  if (/["']web["']/.test(condition)) starts.push('hand')
  return starts
}

const REFS: Readonly<Record<string, Start>> = {
  merge_requests: 'merge request',
  external_pull_requests: 'merge request',
  branches: 'push',
  pushes: 'push',
  tags: 'tag',
  schedules: 'schedule',
  triggers: 'trigger',
  api: 'trigger',
  pipelines: 'trigger',
  web: 'hand',
}

function refsOf(value: ReadonlyMap<string, Located>, name: 'only' | 'except'): string[] {
  const filter = value.get(name)
  const refs = filter?.value instanceof Map ? member(filter, 'refs') : filter
  return items(refs).flatMap(ref => scalar(ref) ?? [])
}

function startsOf(
  value: ReadonlyMap<string, Located>,
  rules: readonly Located[],
  workflow: readonly Located[],
): Start[] {
  const only = refsOf(value, 'only')
  const own = positive(rules)
  if (rules.length > 0 && own.every(rule => scalar(member(rule, 'if')) !== undefined))
    return [...new Set(own.flatMap(rule => startsIn(scalar(member(rule, 'if'))!)))]
  if (only.length > 0) return [...new Set(only.map(ref => (Object.hasOwn(REFS, ref) ? REFS[ref]! : 'push')))]
  const of = positive(workflow)
  const some = of.flatMap(rule => startsIn(scalar(member(rule, 'if')) ?? ''))
  // Rules without a condition run whatever the workflow lets in, and merge requests where nothing says otherwise.
  const open = rules.length > 0 && workflow.length === 0
  return [
    ...new Set<Start>([
      ...(workflow.length === 0 ? (['push', 'tag'] as const) : some),
      ...(open ? (['merge request'] as const) : []),
    ]),
  ]
}

function positive(rules: readonly Located[]): readonly Located[] {
  return rules.filter(rule => scalar(member(rule, 'when')) !== 'never')
}

const GUARD =
  /\$CI_COMMIT_REF_PROTECTED\s*==\s*["']true["']|\$CI_COMMIT_(?:BRANCH|REF_NAME)\s*==\s*(?:\$CI_DEFAULT_BRANCH|["'][\w./-]+["'])|\$CI_DEFAULT_BRANCH\s*==\s*\$CI_COMMIT_(?:BRANCH|REF_NAME)|\$CI_COMMIT_TAG\b/

function isGuarded(
  value: ReadonlyMap<string, Located>,
  rules: readonly Located[],
  workflow: readonly Located[],
): boolean {
  if (scalar(value.get('when')) === 'manual') return true
  const guards = (rule: Located) =>
    scalar(member(rule, 'when')) === 'manual' || GUARD.test(scalar(member(rule, 'if')) ?? '')
  if (rules.length > 0) return positive(rules).every(guards)
  const only = refsOf(value, 'only')
  if (only.length > 0)
    return only.every(ref => ref === 'tags' || (!Object.hasOwn(REFS, ref) && !ref.startsWith('/')))
  return workflow.length > 0 && positive(workflow).every(guards)
}

/** Whether a stranger's change runs as the job: its merge request, once a member lets it run in the project. */
export function runsOnMergeRequest(job: GitlabJob): boolean {
  return job.startedBy.includes('merge request')
}

/** Whether it has more than the repository: a token for another system, a secret, a place where things run. */
export function holdsCredentials(job: GitlabJob): boolean {
  return job.idTokens.size > 0 || job.vaultSecrets.size > 0 || job.environment !== undefined
}
