import { factsOf, type Facts, type Observation } from '../../../core/contract/observation.ts'
import type { Certainty, Json, Ref } from '../../../core/contract/ref.ts'
import { namedRepository } from '../../../core/contract/repository-key.ts'
import { awsRole, entraPrincipal, serviceAccount } from '../cloud-role.ts'
import { fromOutside } from '../pipeline/observations.ts'
import { readYaml } from '../read-text.ts'
import { scalar } from '../located.ts'
import { withinRepository } from '../within-repository.ts'
import { contextsIn } from './expression.ts'
import { type Text, textsOf } from './texts.ts'
import { type Found, weaknessesIn } from './weaknesses-in.ts'
import {
  isCommit,
  type Job,
  permissionLevels,
  permissionsOf,
  repositoryOf,
  type Step,
  type Workflow,
  workflowOf,
} from './workflow.ts'

/** All that a document tells of workflows, jobs and what they hold. */
export async function* readWorkflow(
  document: { readonly in: Ref; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const read = yield* readYaml('github-workflow', document.path, bytes)
  const [root] = read?.documents ?? []
  if (!read || !root) return
  const workflow = workflowOf(document.path, root)
  const found = weaknessesIn(document.path, root, workflow, read.text)
  yield* observations(document.in, document.path, workflow, found)
}

function* observations(
  repository: Ref,
  path: string,
  workflow: Workflow | undefined,
  found: readonly Found[],
): Generator<Observation> {
  const file = withinRepository(repository, 'file', path)
  const byJob = Map.groupBy(found, ({ weak }) => weak.job)
  const told = byJob.get(undefined) ?? []
  const texts = Map.groupBy(workflow ? textsOf(workflow) : [], ({ job }) => job)
  if (told.length > 0)
    yield { see: 'resource', ref: file, names: [], facts: { weaknesses: { value: told.map(asFact) } } }
  for (const job of workflow?.jobs ?? []) {
    const ofJob = byJob.get(job) ?? []
    const name = `${path}#${job.id}`
    const ref = withinRepository(repository, 'job', name)
    yield { see: 'workload', ref, names: [name], facts: jobFacts(workflow!, job, ofJob) }
    yield {
      see: 'edge',
      from: ref,
      to: repository,
      ...mayPush(workflow!, job),
    }
    yield {
      see: 'edge',
      from: ref,
      to: repository,
      crossing: 'defined-in',
      certainty: 'proven',
      why: `${path} defines ${job.id}`,
    }
    yield* secretsOf(repository, ref, job, [...(texts.get(undefined) ?? []), ...(texts.get(job) ?? [])])
    yield* handedDown(ref, job)
    for (const step of job.steps) yield* cloudRoles(ref, step)
    yield* fromOutside(repository, ref, ofJob)
  }
}

/** The environment that a job names; undefined where an expression gives the name. */
function environmentOf({ environment }: Job): string | undefined {
  return environment?.name.includes('${{') ? undefined : environment?.name
}

function jobFacts(workflow: Workflow, job: Job, found: readonly Found[]): Facts {
  const levels = permissionLevels(permissionsOf(workflow, job))
  return factsOf({
    runtime: 'GitHub Actions',
    startedBy: [...workflow.triggers.keys()],
    runsOn: job.runsOn.map(label => scalar(label) ?? ''),
    permissions: levels === undefined ? 'as the repository has it' : Object.fromEntries(levels),
    uses: [job.uses, ...job.steps.map(({ uses }) => uses)].flatMap(uses => (uses ? [uses.written] : [])),
    ...(job.environment && { environment: job.environment.name }),
    ...(found.length > 0 && { weaknesses: found.map(asFact) }),
  })
}

function asFact({ weakness, weak }: Found): Json {
  return { id: weakness.id, line: weak.line, certainty: weak.certainty, why: weak.why }
}

/** A job reads its repository; with `contents: write` its token may also change it. */
function mayPush(
  workflow: Workflow,
  job: Job,
): { crossing: string; certainty: Certainty; when?: string; why: string } {
  const levels = permissionLevels(permissionsOf(workflow, job))
  const contents = levels?.get('*') ?? levels?.get('contents')
  if (contents === 'write')
    return { crossing: 'may-push', certainty: 'proven', why: `the token of ${job.id} may write contents` }
  if (levels === undefined)
    return {
      crossing: 'may-push',
      certainty: 'conditional',
      when: 'the repository’s default lets tokens write',
      why: `the token of ${job.id} has the repository’s default rights`,
    }
  return { crossing: 'may-read', certainty: 'proven', why: `${job.id} runs with the repository at hand` }
}

function* secretsOf(repository: Ref, from: Ref, job: Job, texts: readonly Text[]): Generator<Observation> {
  const names = new Map<string, number>()
  for (const { text, line } of texts)
    for (const [root, name] of contextsIn(text))
      if (root === 'secrets' && name !== undefined && name !== '*' && name !== 'github_token')
        names.set(name.toUpperCase(), names.get(name.toUpperCase()) ?? line)
  for (const [name, line] of names) {
    // Whether the environment has one of that name, or the repository's is meant, only the host knows.
    const environment = environmentOf(job)
    const owner = environment === undefined ? '' : `environments/${environment}/`
    const to = withinRepository(repository, 'actions-secret', `${owner}secrets/${name}`)
    yield { see: 'resource', ref: to, names: [name], facts: {} }
    const why = `${job.id} reads the secret ${name} (line ${line})`
    yield { see: 'edge', from, to, crossing: 'reads-secret', certainty: 'proven', why }
  }
}

/** The workflow elsewhere that gets all of a job's secrets, at a name that can be moved. */
function* handedDown(from: Ref, { uses, secrets }: Job): Generator<Observation> {
  if (uses?.kind !== 'repository' || scalar(secrets) !== 'inherit' || isCommit(uses.ref)) return
  yield {
    see: 'edge',
    from,
    to: namedRepository(`github.com/${repositoryOf(uses)}`),
    crossing: 'inherits-secrets',
    certainty: 'proven',
    why: `all secrets go to ${uses.written} (line ${uses.line})`,
  }
}

/** The cloud identities that a step takes on by the run’s OpenID Connect token. */
function* cloudRoles(from: Ref, { uses, with: inputs, line }: Step): Generator<Observation> {
  const input = (name: string) => scalar(inputs.get(name))?.trim()
  const to = federatedRole(uses?.kind === 'repository' ? uses.action : '', input)
  if (!to) return
  yield {
    see: 'edge',
    from,
    to,
    crossing: 'federates-into',
    certainty: 'conditional',
    when: 'the role trusts this repository’s OpenID Connect subject',
    why: `the job logs in as it with the run’s own token (line ${line})`,
  }
}

function federatedRole(action: string, input: (name: string) => string | undefined): Ref | undefined {
  if (action === 'aws-actions/configure-aws-credentials') return awsRole(input('role-to-assume') ?? '')
  if (action === 'google-github-actions/auth') return serviceAccount(input('service_account') ?? '')
  return action === 'azure/login' ? entraPrincipal(input('client-id'), input('tenant-id')) : undefined
}
