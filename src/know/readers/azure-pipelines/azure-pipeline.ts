import { items, type Located, member, members, scalar } from '../located.ts'
import type { Pipeline, PipelineJob } from '../pipeline/pipeline.ts'

/** A pipeline of Azure Pipelines, or a template of one, as far as what its jobs may do and who decides about it. */
export interface AzurePipeline extends Pipeline<AzureJob> {
  /** Types of its parameters; one with given values has the type `one of`. */
  readonly parameters: ReadonlyMap<string, string>
  readonly repositories: readonly Located[]
  /** Templates of other files, `path@repository`. */
  readonly templates: readonly Located[]
  /** Whether pull requests start it; undefined where the file does not say, which some hosts take for all. */
  readonly pullRequests: boolean | undefined
  readonly groups: readonly Located[]
}

export interface AzureJob extends PipelineJob {
  readonly steps: readonly Located[]
  readonly pool: Located | undefined
  readonly environment: string | undefined
  /** Variable groups of the pipeline, of its stage and its own. */
  readonly groups: readonly Located[]
  /** Service connections that its tasks log in by, with their lines. */
  readonly connections: ReadonlyMap<string, number>
}

const MOST_DEPTH = 30
const MOST_JOBS = 5000

/** Inputs of tasks that name a service connection. */
const CONNECTIONS = new Set([
  'azuresubscription',
  'connectedservicename',
  'connectedservicenamearm',
  'azureresourcemanagerconnection',
  'kubernetesserviceendpoint',
  'kubernetesserviceconnection',
  'containerregistry',
  'dockerregistryendpoint',
  'dockerregistryserviceconnection',
  'azurecontainerregistry',
  'awscredentials',
  'githubconnection',
  'sshendpoint',
  'externalendpoint',
  'externalendpoints',
  'serviceconnection',
  'serviceendpoint',
  'sonarqube',
  'customendpoint',
  'publishfeedcredentials',
  'backendservicearm',
  'environmentservicenameaws',
])

/** Undefined where the document is none. */
export function azurePipelineOf(path: string, written: Located): AzurePipeline | undefined {
  const root = conditional(written, 0)
  const top = members(root)
  const jobs: AzureJob[] = []
  const around = {
    pool: top.get('pool'),
    variables: variablesOf(top.get('variables')),
    groups: groupsOf(top.get('variables')),
  }
  const extended = member(top.get('extends'), 'parameters')
  const templates: Located[] = []
  const containers = containersByName(top.get('resources'))
  const walk = (place: Located | undefined, given: Around, names: readonly string[], depth: number): void => {
    if (!place || depth > MOST_DEPTH || jobs.length >= MOST_JOBS) return
    for (const stage of items(member(place, 'stages'))) {
      see(stage)
      const name = scalar(member(stage, 'stage'))
      walk(stage, within(given, stage), name === undefined ? names : [...names, name], depth + 1)
    }
    for (const job of items(member(place, 'jobs'))) {
      see(job)
      const name = scalar(member(job, 'job')) ?? scalar(member(job, 'deployment'))
      if (member(job, 'template') === undefined && jobs.length < MOST_JOBS)
        jobs.push(
          jobOf(
            [...names, name ?? `job ${jobs.length + 1}`].join('/'),
            job,
            within(given, job),
            containers,
            see,
          ),
        )
    }
    if (member(place, 'steps') && jobs.length < MOST_JOBS) {
      const id = names.length > 0 ? names.join('/') : 'steps'
      jobs.push(
        jobOf(id, { ...place, line: member(place, 'steps')!.keyLine ?? place.line }, given, containers, see),
      )
    }
  }
  const see = (place: Located) => {
    const template = member(place, 'template')
    if (template) templates.push(template)
  }
  for (const variable of items(top.get('variables'))) see(variable)
  if (top.has('extends')) see(top.get('extends')!)
  walk(root, around, [], 0)
  walk(extended, around, [], 0)
  if (jobs.length === 0 && templates.length === 0) return undefined
  const pr = top.get('pr')
  return {
    path,
    runtime: 'Azure Pipelines',
    jobs,
    variables: around.variables,
    groups: around.groups,
    parameters: typesOf(top.get('parameters')),
    repositories: items(member(top.get('resources'), 'repositories')),
    templates,
    pullRequests: pr === undefined ? undefined : scalar(pr) !== 'none',
  }
}

interface Around {
  readonly pool: Located | undefined
  readonly variables: ReadonlyMap<string, Located>
  readonly groups: readonly Located[]
}

function within(around: Around, place: Located): Around {
  const variables = member(place, 'variables')
  return {
    pool: member(place, 'pool') ?? around.pool,
    variables: new Map([...around.variables, ...variablesOf(variables)]),
    groups: [...around.groups, ...groupsOf(variables)],
  }
}

/** The file as if every `${{ if … }}:` of it held, and each `${{ each … }}:` once. */
function conditional(located: Located, depth: number): Located {
  if (depth > MOST_DEPTH) return located
  if (Array.isArray(located.value)) {
    const value = items(located).flatMap(item => {
      const inner = conditional(item, depth + 1)
      const [only, ...others] = members(item)
      if (!only || others.length > 0 || !only[0].startsWith('${{')) return [inner]
      const list = conditional(only[1], depth + 1)
      return Array.isArray(list.value) ? items(list) : [list]
    })
    return { ...located, value }
  }
  if (!(located.value instanceof Map)) return located
  const value = new Map<string, Located>()
  const add = (name: string, one: Located) => {
    const before = value.get(name)
    const both = before && Array.isArray(before.value) && Array.isArray(one.value)
    value.set(name, both ? { ...before, value: [...items(before), ...items(one)] } : (before ?? one))
  }
  for (const [name, one] of located.value) {
    const inner = conditional(one, depth + 1)
    if (name.startsWith('${{') && inner.value instanceof Map)
      for (const [key, deep] of inner.value) add(key, deep)
    else add(name, inner)
  }
  return { ...located, value }
}

function jobOf(
  id: string,
  job: Located,
  around: Around,
  containers: ReadonlyMap<string, Located>,
  see: (step: Located) => void,
): AzureJob {
  const steps = [...items(member(job, 'steps')), ...strategySteps(member(job, 'strategy'), 0)]
  steps.forEach(see)
  const scripts = steps.flatMap(scriptsOf)
  const container = member(job, 'container')
  const used = [container, ...members(member(job, 'services')).values()].flatMap(one =>
    one === undefined ? [] : [containers.get(scalar(one) ?? '') ?? one],
  )
  const pool = around.pool
  const poolName = scalar(pool) === undefined ? member(pool, 'name') : pool
  const environment = member(job, 'environment')
  const connections = new Map<string, number>()
  for (const step of steps)
    for (const [name, value] of members(member(step, 'inputs'))) {
      const named = CONNECTIONS.has(name.toLowerCase()) ? scalar(value) : undefined
      if (named !== undefined && !connections.has(named)) connections.set(named, value.line)
    }
  return {
    id,
    line: job.keyLine ?? job.line,
    steps,
    scripts,
    images: used
      .map(one => (one.value instanceof Map ? member(one, 'image') : one))
      .filter((one): one is Located => one !== undefined && scalar(one) !== undefined),
    containerOptions: used.flatMap(one => [
      ...items(member(one, 'options')).map(part => ({ line: part.line, text: scalar(part) ?? '' })),
      ...items(member(one, 'volumes')).map(part => ({ line: part.line, text: `-v ${scalar(part) ?? ''}` })),
    ]),
    variables: new Map([...around.variables, ...steps.flatMap(step => [...members(member(step, 'env'))])]),
    ownRunner:
      poolName &&
      !/^(?:Azure Pipelines|Hosted .*|Default hosted.*)$/i.test(scalar(poolName) ?? '') &&
      !member(pool, 'vmImage')
        ? poolName
        : undefined,
    pool,
    environment: scalar(environment) ?? scalar(member(environment, 'name')),
    groups: around.groups,
    connections,
  }
}

/** Steps of a deployment's strategy, wherever in it they stand. */
function strategySteps(strategy: Located | undefined, depth: number): Located[] {
  if (!strategy || depth > 4) return []
  return [...members(strategy)].flatMap(([name, one]) =>
    name === 'steps' ? [...items(one)] : strategySteps(one, depth + 1),
  )
}

function scriptsOf(step: Located): Located[] {
  const inputs = members(member(step, 'inputs'))
  const ofTask = [...inputs].flatMap(([name, value]) =>
    /^(?:script|inlineScript|inline|arguments|bashCommand|runInlineScript|commands|args)$/i.test(name)
      ? [value]
      : [],
  )
  return [...['script', 'bash', 'pwsh', 'powershell'].flatMap(name => member(step, name) ?? []), ...ofTask]
}

function variablesOf(variables: Located | undefined): ReadonlyMap<string, Located> {
  if (variables?.value instanceof Map) return variables.value
  return new Map(
    items(variables).flatMap(one => {
      const [name, value] = [scalar(member(one, 'name')), member(one, 'value')]
      return name !== undefined && value ? [[name, value] as const] : []
    }),
  )
}

function groupsOf(variables: Located | undefined): readonly Located[] {
  if (variables?.value instanceof Map) return []
  return items(variables).flatMap(one => member(one, 'group') ?? [])
}

function containersByName(resources: Located | undefined): ReadonlyMap<string, Located> {
  return new Map(
    items(member(resources, 'containers')).flatMap(one => {
      const name = scalar(member(one, 'container'))
      return name !== undefined && member(one, 'image') ? [[name, one] as const] : []
    }),
  )
}

function typesOf(parameters: Located | undefined): ReadonlyMap<string, string> {
  if (parameters?.value instanceof Map)
    return new Map([...parameters.value.keys()].map(name => [name, 'string']))
  return new Map(
    items(parameters).flatMap(one => {
      const name = scalar(member(one, 'name'))
      const type = member(one, 'values') ? 'one of' : (scalar(member(one, 'type')) ?? 'string')
      return name === undefined ? [] : [[name, type] as const]
    }),
  )
}
