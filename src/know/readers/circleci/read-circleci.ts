import type { Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { awsRole, serviceAccount } from '../cloud-role.ts'
import { readYaml } from '../read-text.ts'
import { type Located, member, members, scalar } from '../located.ts'
import { cloudLogins } from '../pipeline/cloud-logins.ts'
import { pipelineObservations } from '../pipeline/observations.ts'
import { ownVariables } from '../pipeline/own-variables.ts'
import type { JobTold, Reach } from '../pipeline/pipeline.ts'
import { pipelineWeaknesses } from '../pipeline/weaknesses/all.ts'
import { weaknessesOf } from '../weakness.ts'
import { type CircleciConfig, circleciConfigOf, type CircleciJob } from './circleci-config.ts'
import { circleciWeaknesses } from './weaknesses/all.ts'
import { withinRepository } from '../within-repository.ts'

/** All that a document tells of jobs and what they hold. */
export async function* readCircleci(
  document: { readonly in: Ref; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const { path, in: repository } = document
  const read = yield* readYaml('circleci', path, bytes)
  if (!read) return
  const { text, documents } = read
  const config = documents[0] && circleciConfigOf(path, documents[0])
  if (!config) return
  const found = weaknessesOf(config, [...pipelineWeaknesses, ...circleciWeaknesses], text)
  yield* pipelineObservations(repository, config, found, job => tell(repository, config, job))
}

function tell(repository: Ref, config: CircleciConfig, job: CircleciJob): JobTold {
  return {
    facts: { ...(job.ownRunner && { runsOn: [scalar(job.ownRunner) ?? ''] }) },
    reaches: [
      ...contexts(repository, job),
      ...ownVariables(repository, config, job, {
        known: name => name.startsWith('CIRCLE_'),
        when: 'the project or a context of the job defines the variable',
      }),
      ...cloudLogins(config, job),
      ...orbLogins(job),
    ],
  }
}

/** All variables of a context are the job's. */
function contexts(repository: Ref, job: CircleciJob): Reach[] {
  const named = new Map(
    job.runs.flatMap(({ contexts }) =>
      contexts.flatMap(context => {
        const name = scalar(context)
        return name === undefined || name.includes('<<') ? [] : [[name, context.line] as const]
      }),
    ),
  )
  return [...named].map(([name, line]) => ({
    to: withinRepository(repository, 'ci-context', name),
    names: [name],
    crossing: 'reads-secret',
    certainty: 'proven',
    why: `${job.id} is given the context ${name} (line ${line})`,
  }))
}

/** An orb's command logs in with the run's own token, as whom its parameters say. */
function orbLogins(job: CircleciJob): Reach[] {
  const found = new Map<string, Reach>()
  for (const step of job.steps)
    for (const [name, parameters] of [...members(step), ['', step] as const])
      for (const to of [
        awsRole(parameter(parameters, /^role[_-]arn$/)),
        serviceAccount(parameter(parameters, /^(?:gcp_)?service_account(?:_email)?$/)),
      ])
        if (to)
          found.set(to.id, {
            to,
            crossing: 'federates-into',
            certainty: 'conditional',
            when: 'it trusts the OpenID Connect subject of these runs',
            why: `${name || job.id} logs in as it (line ${step.line})`,
          })
  return [...found.values()]
}

function parameter(parameters: Located | undefined, name: RegExp): string {
  for (const [key] of members(parameters)) if (name.test(key)) return scalar(member(parameters, key)) ?? ''
  return ''
}
