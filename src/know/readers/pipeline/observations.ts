import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { scalar } from '../located.ts'
import { type Found, weaknessFact } from '../weakness.ts'
import { withinRepository } from '../within-repository.ts'
import type { JobTold, Pipeline, PipelineJob } from './pipeline.ts'

/** All that a file tells of its jobs: what each is, what it reads and becomes, and how someone outside runs code as it. */
export function* pipelineObservations<Job extends PipelineJob>(
  repository: Ref,
  pipeline: Pipeline<Job>,
  found: readonly Found<PipelineJob>[],
  tell: (job: Job) => JobTold,
): Generator<Observation> {
  const { path } = pipeline
  const byJob = Map.groupBy(found, ({ weak }) => weak.job)
  const ofFile = byJob.get(undefined) ?? []
  if (ofFile.length > 0)
    yield {
      see: 'resource',
      ref: withinRepository(repository, 'file', path),
      names: [],
      facts: { weaknesses: { value: ofFile.map(weaknessFact) } },
    }
  for (const job of pipeline.jobs) {
    const ofJob = byJob.get(job) ?? []
    const name = `${path}#${job.id}`
    const ref = withinRepository(repository, 'job', name)
    const { facts, reaches } = tell(job)
    const images = job.images.map(image => scalar(image) ?? '').filter(Boolean)
    yield {
      see: 'workload',
      ref,
      names: [name],
      facts: factsOf({
        runtime: pipeline.runtime,
        ...(images.length > 0 && { images }),
        ...facts,
        ...(ofJob.length > 0 && { weaknesses: ofJob.map(weaknessFact) }),
      }),
    }
    const about = { see: 'edge', from: ref, to: repository, certainty: 'proven' } as const
    yield { ...about, crossing: 'may-read', why: `${job.id} runs with the repository at hand` }
    yield { ...about, crossing: 'defined-in', why: `${path} defines ${job.id}` }
    for (const { to, names, ...said } of reaches) {
      if (names) yield { see: 'resource', ref: to, names: [...names], facts: {} }
      yield { see: 'edge', from: ref, to, ...said }
    }
    yield* fromOutside(repository, ref, ofJob)
  }
}

/** Who can propose a change, and so run code as the job. */
export function* fromOutside(
  repository: Ref,
  job: Ref,
  found: readonly Found<unknown>[],
): Generator<Observation> {
  const from = withinRepository(repository, 'outsider', 'anyone')
  const crossings = found.filter(({ weakness, weak }) => weakness.crossing && weak.certainty !== 'potential')
  if (crossings.length === 0) return
  yield { see: 'identity', ref: from, names: ['anyone who can open a pull request or an issue'], facts: {} }
  for (const { weakness, weak } of crossings)
    yield {
      see: 'edge',
      from,
      to: job,
      crossing: weakness.id,
      certainty: weak.certainty,
      ...(weak.certainty === 'conditional' && {
        when: weak.when ?? 'strangers can start it, and it runs what they bring',
      }),
      why: `${weak.why} (line ${weak.line})`,
    }
}
