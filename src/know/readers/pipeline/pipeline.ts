import type { Json, Ref } from '../../../core/contract/ref.ts'
import type { Certainty } from '../../../core/contract/ref.ts'
import type { Located } from '../located.ts'

/** What every system that runs jobs has in common. A reader of one system adds what it has of its own. */
export interface PipelineJob {
  readonly id: string
  readonly line: number
  /** Texts that a shell runs. */
  readonly scripts: readonly Located[]
  /** Images that it, or a service beside it, is run from. */
  readonly images: readonly Located[]
  /** Options that its containers are run with, where the file gives them. */
  readonly containerOptions?: readonly { readonly line: number; readonly text: string }[]
  /** Variables that the file gives it, by name. */
  readonly variables: ReadonlyMap<string, Located>
  /** Its labels, where only runners of one's own have such. */
  readonly ownRunner: Located | undefined
}

export interface Pipeline<Job extends PipelineJob = PipelineJob> {
  readonly path: string
  /** `GitLab CI`. */
  readonly runtime: string
  readonly jobs: readonly Job[]
  /** Variables of all jobs. */
  readonly variables: ReadonlyMap<string, Located>
}

/** What a job reads or becomes. */
export interface Reach {
  readonly to: Ref
  /** What is told of it, where it is known by this file alone. */
  readonly names?: readonly string[]
  readonly crossing: string
  readonly certainty: Certainty
  readonly when?: string
  readonly why: string
}

/** What a reader tells of a job beside its weaknesses. */
export interface JobTold {
  readonly facts: Readonly<Record<string, Json>>
  readonly reaches: readonly Reach[]
}

/** A variable's name that says that a credential is in it. */
export function isSecretName(name: string): boolean {
  return (
    /(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|CREDENTIALS?|API_?KEY|APIKEY|ACCESS_?KEY|PRIVATE_?KEY|SSH_?KEY|DEPLOY_?KEY|SIGNING_?KEY|SECRET_?KEY|PAT)(?:_|\d*$)/i.test(
      name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/[.-]/g, '_'),
    ) && !/(?:_(?:FILE|PATH|NAME|URL|TTL|LENGTH|TYPE|ID)|ACCESS_KEY_ID)$/i.test(name)
  )
}
