import { readText } from '../read-text.ts'
import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import type { Json, Ref } from '../../../core/contract/ref.ts'
import { scalar } from '../located.ts'
import { pipelineSecretInLog } from '../pipeline/weaknesses/pipeline-secret-in-log.ts'
import { pipelinePasswordOnCommandLine } from '../pipeline/weaknesses/pipeline-password-on-command-line.ts'
import { pipelinePipedDownload } from '../pipeline/weaknesses/pipeline-piped-download.ts'
import { pipelineTlsOff } from '../pipeline/weaknesses/pipeline-tls-off.ts'
import { weaknessesOf, weaknessFact } from '../weakness.ts'
import { buildOf } from './build.ts'
import { dockerfileWeaknesses } from './weaknesses/all.ts'
import { withinRepository } from '../within-repository.ts'

/** A stage is a job of the build: what no job should do, it should not. */
const OF_JOBS = [pipelinePasswordOnCommandLine, pipelinePipedDownload, pipelineSecretInLog, pipelineTlsOff]

/** All that a Dockerfile tells of its stages. */
export async function* readDockerfile(
  document: { readonly in: Ref; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const { path, in: repository } = document
  const text = yield* readText('dockerfile', path, bytes)
  if (text === undefined) return
  const build = buildOf(path, text)
  const found = weaknessesOf(build, [...OF_JOBS, ...dockerfileWeaknesses], text)
  for (const stage of build.jobs) {
    const ref: Ref = withinRepository(repository, 'image-stage', `${path}#${stage.id}`)
    const weak = found.filter(({ weak }) => weak.job === stage).map(weaknessFact)
    const facts: Record<string, Json> = {
      runtime: 'Dockerfile',
      base: stage.base,
      ...(stage.images[0] && { images: [scalar(stage.images[0]) ?? ''] }),
      ...(weak.length > 0 && { weaknesses: weak }),
    }
    yield {
      see: 'workload',
      ref,
      names: [ref.id],
      facts: factsOf(facts),
    }
    yield {
      see: 'edge',
      from: ref,
      to: repository,
      crossing: 'defined-in',
      certainty: 'proven',
      why: `${path} defines ${stage.id}`,
    }
    for (const { name, flags, line } of stage.instructions)
      for (const flag of name === 'RUN' ? flags : []) {
        const [, options = ''] = /^mount=(.*type=secret.*)$/.exec(flag) ?? []
        const id = /(?:^|,)id=([^,]+)/.exec(options)?.[1]
        if (id === undefined) continue
        const to: Ref = withinRepository(repository, 'build-secret', id)
        yield { see: 'resource', ref: to, names: [id], facts: {} }
        yield {
          see: 'edge',
          from: ref,
          to,
          crossing: 'reads-secret',
          certainty: 'proven',
          why: `${stage.id} is given the secret ${id} (line ${line})`,
        }
      }
  }
}
