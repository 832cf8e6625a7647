import type { Observation } from '../../../src/core/contract/observation.ts'
import type { Ref } from '../../../src/core/contract/ref.ts'

/** A text as a source has it. */
export interface Written {
  readonly in: Ref
  readonly path: string
  readonly text: string
  readonly format?: string
  /** In a repository: who wrote it, and the texts that stood there before, oldest first. */
  readonly history?: readonly { readonly author: string; readonly at: number; readonly text: string }[]
}

/** What one connection tells: documents for the readers, and what it says itself. */
export interface OrganisationSource {
  readonly system: string
  readonly instance: string
  readonly label: string
  readonly documents: readonly Written[]
  readonly observations: readonly Observation[]
}
