import { oncePerRun } from '../check.ts'
import { type CopyKey, placesAndBaselines, readCopies, type SourcesOfCopies } from './copied-values.ts'
import { reading } from './reading.ts'
import { ValuesOfCopies } from './values-of-copies.ts'

export interface Copied extends SourcesOfCopies {
  readonly values: ValuesOfCopies
  /** Of the copies that are new somewhere, and of what stands, or stood, beside them. */
  readonly newKeys: readonly CopyKey[]
}

/** What is kept of all copies, read once for all checks. */
export const copied = oncePerRun(async (context): Promise<Copied> => {
  const sources = await placesAndBaselines(context.db)
  const thread = await reading(context)
  const { values, newKeys } = await (thread?.copies ?? readHere(context))
  return { ...sources, values: new ValuesOfCopies(values), newKeys }
})

/** The same, where no thread reads it. */
export const readHere = oncePerRun(({ db }) => readCopies(db))
