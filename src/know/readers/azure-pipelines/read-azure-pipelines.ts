import type { Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { readYaml } from '../read-text.ts'
import { type Located, member, members, scalar } from '../located.ts'
import { cloudLogins } from '../pipeline/cloud-logins.ts'
import { pipelineObservations } from '../pipeline/observations.ts'
import { isSecretName, type JobTold, type Reach } from '../pipeline/pipeline.ts'
import { pipelineWeaknesses } from '../pipeline/weaknesses/all.ts'
import { keyVault } from '../kept-secret.ts'
import { weaknessesOf } from '../weakness.ts'
import { type AzureJob, type AzurePipeline, azurePipelineOf } from './azure-pipeline.ts'
import { azurePipelinesWeaknesses } from './weaknesses/all.ts'
import { withinRepository } from '../within-repository.ts'

/** All that a document tells of jobs and what they hold. */
export async function* readAzurePipelines(
  document: { readonly in: Ref; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const { path, in: repository } = document
  const read = yield* readYaml('azure-pipelines', path, bytes)
  if (!read) return
  const { text, documents } = read
  const pipeline = documents[0] && azurePipelineOf(path, documents[0])
  if (!pipeline) return
  const found = weaknessesOf(pipeline, [...pipelineWeaknesses, ...azurePipelinesWeaknesses], text)
  yield* pipelineObservations(repository, pipeline, found, job => tell(repository, pipeline, job))
}

function tell(repository: Ref, pipeline: AzurePipeline, job: AzureJob): JobTold {
  return {
    facts: {
      ...(job.pool && {
        runsOn: [
          scalar(job.pool) ?? scalar(member(job.pool, 'name')) ?? scalar(member(job.pool, 'vmImage')) ?? '',
        ],
      }),
      ...(job.environment !== undefined && { environment: job.environment }),
      ...(pipeline.pullRequests !== undefined && { pullRequests: pipeline.pullRequests }),
    },
    reaches: [
      ...connections(repository, job),
      ...groups(repository, job),
      ...secretVariables(repository, job),
      ...vaults(job),
      ...cloudLogins(pipeline, job),
    ],
  }
}

function connections(repository: Ref, job: AzureJob): Reach[] {
  return [...job.connections].flatMap(([name, line]) =>
    name.includes('$')
      ? []
      : [
          {
            to: withinRepository(repository, 'service-connection', name),
            names: [name],
            crossing: 'uses-connection',
            certainty: 'proven' as const,
            why: `${job.id} logs in by the service connection ${name} (line ${line})`,
          },
        ],
  )
}

function groups(repository: Ref, job: AzureJob): Reach[] {
  return job.groups.flatMap(group => {
    const name = scalar(group)
    if (name === undefined || name.includes('$')) return []
    return [
      {
        to: withinRepository(repository, 'variable-group', name),
        names: [name],
        crossing: 'reads-secret',
        certainty: 'proven' as const,
        why: `${job.id} is given the variable group ${name} (line ${group.line})`,
      },
    ]
  })
}

/** Variables that the file speaks of as `$(name)` and gives no value: the pipeline’s own, or a group’s. */
function secretVariables(repository: Ref, job: AzureJob): Reach[] {
  const names = new Map<string, number>()
  const texts: readonly Located[] = [
    ...job.scripts,
    ...job.steps.flatMap(step => [
      ...members(member(step, 'env')).values(),
      ...members(member(step, 'inputs')).values(),
    ]),
  ]
  for (const text of texts)
    for (const [, name = ''] of (scalar(text) ?? '').matchAll(/\$\(([\w.-]{1,200})\)/g))
      if (isSecretName(name) && !/^(?:System|Build|Agent)\./i.test(name))
        names.set(name, names.get(name) ?? text.line)
  return [...names].flatMap(([name, line]) =>
    job.variables.has(name)
      ? []
      : [
          {
            to: withinRepository(repository, 'ci-variable', name),
            names: [name],
            crossing: 'reads-secret',
            certainty: 'conditional' as const,
            when: 'the pipeline or a group of its defines the variable',
            why: `${job.id} reads the variable ${name} (line ${line})`,
          },
        ],
  )
}

/** A task that fetches secrets of a vault for the steps after it. */
function vaults(job: AzureJob): Reach[] {
  return job.steps.flatMap(step => {
    if (!/^AzureKeyVault@/i.test(scalar(member(step, 'task')) ?? '')) return []
    const inputs = [...members(member(step, 'inputs'))]
    const name = scalar(inputs.find(([key]) => key.toLowerCase() === 'keyvaultname')?.[1])
    const to = name === undefined ? undefined : keyVault(name)
    if (name === undefined || !to) return []
    return [
      {
        to,
        names: [name],
        crossing: 'reads-secret',
        certainty: 'conditional' as const,
        when: 'the service connection may read the vault',
        why: `${job.id} fetches secrets of the vault ${name} (line ${step.line})`,
      },
    ]
  })
}
