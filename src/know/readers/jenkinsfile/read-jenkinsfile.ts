import { readText, unread } from '../read-text.ts'
import type { Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { awsRole } from '../cloud-role.ts'
import { cloudLogins } from '../pipeline/cloud-logins.ts'
import { pipelineObservations } from '../pipeline/observations.ts'
import type { JobTold, Reach } from '../pipeline/pipeline.ts'
import { pipelineWeaknesses } from '../pipeline/weaknesses/all.ts'
import { weaknessesOf } from '../weakness.ts'
import { blockOf } from './block.ts'
import { type JenkinsPipeline, jenkinsPipelineOf, type JenkinsStage } from './jenkins-pipeline.ts'
import { tokensOf } from './token.ts'
import { jenkinsWeaknesses } from './weaknesses/all.ts'
import { withinRepository } from '../within-repository.ts'

/** All that a document tells of stages and what they hold. */
export async function* readJenkinsfile(
  document: { readonly in: Ref; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const { path, in: repository } = document
  const text = yield* readText('jenkinsfile', path, bytes)
  if (text === undefined) return
  const { tokens, complete } = tokensOf(text)
  if (!complete)
    yield unread('jenkinsfile', path, tokens.at(-1)?.line ?? 1, 'it has more words than are looked at')
  const pipeline = jenkinsPipelineOf(path, blockOf(tokens))
  const found = weaknessesOf(pipeline, [...pipelineWeaknesses, ...jenkinsWeaknesses], text)
  yield* pipelineObservations(repository, pipeline, found, stage => tell(repository, pipeline, stage))
}

function tell(repository: Ref, pipeline: JenkinsPipeline, stage: JenkinsStage): JobTold {
  return {
    facts: { ...(stage.agent && { runsOn: [stage.agent.kind] }) },
    reaches: [
      ...[...stage.credentials].flatMap(([id, line]): Reach[] =>
        id.includes('$')
          ? []
          : [
              {
                to: withinRepository(repository, 'jenkins-credential', id),
                names: [id],
                crossing: 'reads-secret',
                certainty: 'proven',
                why: `${stage.id} is given the credential ${id} (line ${line})`,
              },
            ],
      ),
      ...roles(stage),
      ...cloudLogins(pipeline, stage),
    ],
  }
}

/** `withAWS(role: 'arn:…')`, or the role of a profile by its account. */
function roles(stage: JenkinsStage): Reach[] {
  return stage.steps.flatMap(({ name, args, line }): Reach[] => {
    if (name !== 'withAWS') return []
    const value = (key: string) => {
      const at = args.findIndex((one, index) => one.text === key && args[index + 1]?.text === ':')
      return at < 0 ? undefined : args[at + 2]?.text
    }
    const [role = '', account] = [value('role'), value('roleAccount')]
    const to = awsRole(role.startsWith('arn:') ? role : `arn:aws:iam::${account ?? ''}:role/${role}`)
    if (!to) return []
    return [
      {
        to,
        crossing: 'may-assume',
        certainty: 'conditional',
        when: 'the credentials that the stage has by then may assume it',
        why: `it assumes it (line ${line})`,
      },
    ]
  })
}
