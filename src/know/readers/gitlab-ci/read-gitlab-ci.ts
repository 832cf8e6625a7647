import type { Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { items, type Located, member, scalar } from '../located.ts'
import { readYaml } from '../read-text.ts'
import { cloudLogins } from '../pipeline/cloud-logins.ts'
import { pipelineObservations } from '../pipeline/observations.ts'
import { ownVariables } from '../pipeline/own-variables.ts'
import type { JobTold, Reach } from '../pipeline/pipeline.ts'
import { keptBy, type Manager } from '../kept-secret.ts'
import { weaknessesOf } from '../weakness.ts'
import { withinRepository } from '../within-repository.ts'
import { pipelineWeaknesses } from '../pipeline/weaknesses/all.ts'
import { DEFAULT, type GitlabJob, type GitlabPipeline, gitlabPipelineOf } from './gitlab-pipeline.ts'
import { gitlabWeaknesses } from './weaknesses/all.ts'

/** All that a document tells of jobs and what they hold. */
export async function* readGitlabCi(
  document: { readonly in: Ref; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const { path, in: repository } = document
  const read = yield* readYaml('gitlab-ci', path, bytes)
  if (!read) return
  const { text, documents } = read
  const pipeline = gitlabPipelineOf(path, documents)
  if (!pipeline) return
  const found = weaknessesOf(pipeline, [...pipelineWeaknesses, ...gitlabWeaknesses], text)
  yield* pipelineObservations(repository, pipeline, found, job => tell(repository, pipeline, job))
  yield* givesDefaults(repository, pipeline)
}

/** What `default:` and `variables:` of a file give is given to the jobs of each file that it includes. */
function* givesDefaults(repository: Ref, pipeline: GitlabPipeline): Generator<Observation> {
  const given = pipeline.jobs.find(({ id }) => id === DEFAULT)
  if (!given) return
  for (const file of localIncludes(pipeline)) {
    const from = withinRepository(repository, 'file', file)
    yield { see: 'resource', ref: from, names: [], facts: {} }
    yield {
      see: 'edge',
      from,
      to: withinRepository(repository, 'job', `${pipeline.path}#${DEFAULT}`),
      crossing: 'made-from',
      certainty: 'proven',
      why: `${pipeline.path} includes ${file}, and gives its jobs what is given to all (line ${given.line})`,
    }
  }
}

function tell(repository: Ref, pipeline: GitlabPipeline, job: GitlabJob): JobTold {
  return {
    facts: {
      startedBy: [...job.startedBy],
      ...(job.tags.length > 0 && { runsOn: job.tags.map(tag => scalar(tag) ?? '') }),
      ...(job.environment !== undefined && { environment: job.environment }),
      ...(job.idTokens.size > 0 && {
        idTokens: Object.fromEntries(
          [...job.idTokens].map(([name, token]) => [
            name,
            items(member(token, 'aud')).map(audience => scalar(audience) ?? ''),
          ]),
        ),
      }),
    },
    reaches: [
      ...ownVariables(repository, pipeline, job, {
        known: name =>
          /^(?:CI|GITLAB|FF)_/.test(name) || job.idTokens.has(name) || job.vaultSecrets.has(name),
        when: 'the project or a group of it defines the variable',
      }),
      ...vaultSecrets(pipeline, job),
      ...cloudLogins(pipeline, job),
      ...triggered(job),
      ...madeFrom(repository, pipeline, job),
      ...hasDefaults(repository, pipeline, job),
    ],
  }
}

/** Secrets that the runner fetches for the job: https://docs.gitlab.com/ci/yaml/#secrets */
function vaultSecrets(pipeline: GitlabPipeline, job: GitlabJob): Reach[] {
  const variable = (name: string) => scalar(job.variables.get(name) ?? pipeline.variables.get(name))
  return [...job.vaultSecrets].flatMap(([name, secret]): Reach[] => {
    const said = (...path: string[]) => scalar(member(secret, ...path))
    const vault = member(secret, 'vault')
    const kept: readonly [manager: Manager, key?: string, where?: string][] = [
      ['vault', scalar(vault) ?? pathOfVault(vault)],
      ['azure', said('azure_key_vault', 'name'), variable('AZURE_KEY_VAULT_SERVER_URL')],
      ['gcp', said('gcp_secret_manager', 'name'), variable('GCP_PROJECT_NUMBER')],
      [
        'aws',
        // `ID#FIELD` in short.
        said('aws_secrets_manager', 'secret_id') ?? said('aws_secrets_manager')?.replace(/#.*$/, ''),
        said('aws_secrets_manager', 'role_arn') ?? variable('AWS_ROLE_ARN'),
      ],
    ]
    return kept.flatMap(([manager, key, where]): Reach[] => {
      const to = key === undefined ? undefined : keptBy(manager, key, where)
      if (!to) return []
      return [
        {
          to,
          names: [to.id.slice(1)],
          crossing: 'reads-secret',
          certainty: 'conditional',
          when: 'the vault trusts the token of these runs',
          why: `${job.id} is given ${name} (line ${secret.keyLine ?? secret.line})`,
        },
      ]
    })
  })
}

function pathOfVault(vault: Located | undefined): string | undefined {
  const path = scalar(member(vault, 'path'))
  if (path === undefined) return undefined
  const engine = scalar(member(vault, 'engine', 'path')) ?? 'kv-v2'
  return `${path}/${scalar(member(vault, 'field')) ?? ''}@${engine}`
}

/**
 * What the job is made from in files of the repository that this one includes: it has what that has. Which of several files has
 * it is not told here; where none has, the edge leads nowhere.
 */
function madeFrom(repository: Ref, pipeline: GitlabPipeline, job: GitlabJob): Reach[] {
  const files = localIncludes(pipeline)
  const sure = files.length === 1 && pipeline.includes.length === 1
  return job.madeFrom.flatMap(template =>
    files.map(
      (file): Reach => ({
        to: withinRepository(repository, 'job', `${file}#${template}`),
        crossing: 'made-from',
        ...(sure
          ? { certainty: 'proven' }
          : { certainty: 'conditional', when: `${template} stands in ${file}` }),
        why: `${job.id} extends ${template}, which is included (line ${job.line})`,
      }),
    ),
  )
}

/** A job of a file that others include has what these give to all. */
function hasDefaults(repository: Ref, { path }: GitlabPipeline, job: GitlabJob): Reach[] {
  if (!job.inherits || job.id === DEFAULT || path === '.gitlab-ci.yml') return []
  return [
    {
      to: withinRepository(repository, 'file', path),
      crossing: 'made-from',
      certainty: 'proven',
      why: `${job.id} has what a file that includes ${path} gives to all jobs`,
    },
  ]
}

/** A path is from the root of the repository; one with a pattern could be any. */
function localIncludes({ includes }: GitlabPipeline): string[] {
  return includes.flatMap(include => {
    const path = scalar(include) ?? scalar(member(include, 'local'))
    if (path === undefined || /^https?:|[*$]/.test(path)) return []
    return [path.replace(/^\/+/, '')]
  })
}

/** A pipeline of another project that the job starts. */
function triggered(job: GitlabJob): Reach[] {
  const trigger = member(job.node, 'trigger')
  const project = scalar(trigger) ?? scalar(member(trigger, 'project'))
  if (!project || project.includes('$')) return []
  return [
    {
      to: { system: 'gitlab', instance: '?', kind: 'project', id: `?${project}` },
      names: [project],
      crossing: 'starts-pipeline',
      certainty: 'conditional',
      when: 'whoever started the job may start one there',
      why: `${job.id} starts a pipeline of ${project}`,
    },
  ]
}
