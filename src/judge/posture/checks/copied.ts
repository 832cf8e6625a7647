import { oncePerRun } from '../check.ts'
import {
  type CopiesInCode,
  placesAndBaselines,
  readCopies,
  type SourcesOfCopies,
  type ValuesOfCopies,
} from './copied-values.ts'
import { reading } from './reading.ts'

/** What is kept of all copies, read once for all checks. */
export const copied = oncePerRun(async (context): Promise<ValuesOfCopies & SourcesOfCopies> => {
  const sources = await placesAndBaselines(context.db)
  const thread = await reading(context)
  return { ...sources, ...(await (thread?.copies ?? readHere(context))) }
})

/** The same, where no thread reads it. */
export const readHere = oncePerRun(({ db }): Promise<ValuesOfCopies & CopiesInCode> => readCopies(db))
