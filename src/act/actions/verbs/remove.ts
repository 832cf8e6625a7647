import { FirebreakError, isFirebreakError } from '../../../core/contract/errors.ts'
import type { Json } from '../../../core/contract/ref.ts'
import { markCopiesGone } from '../../../know/inventory/issued.ts'
import { placeArgument } from '../arguments.ts'
import type { StepHandler } from '../step.ts'

/** Takes values out of a document in which nothing else of it changes. */
export const remove: StepHandler = {
  async call(step) {
    const connection = await step.connection()
    const place = placeArgument(step)
    if (!connection.remove) throw new TypeError('planned remove where it cannot be done')
    try {
      await connection.remove(place)
    } catch (error) {
      // What is refused is left there: it is dead already. Another text than was read is for whoever wrote it.
      if (!isFirebreakError(error, 'UNSUPPORTED', 'DENIED', 'NOT_FOUND', 'CONFLICT')) throw error
      return { result: null, skipped: error.message }
    }
    return { result: null }
  },
  async verify(step, outcome) {
    const connection = await step.connection()
    const still = await connection.read?.(placeArgument(step)).catch(notThere)
    if (still && still.length > 0)
      throw new FirebreakError('STUCK', `${placeArgument(step).path} holds it still`)
    return outcome.result
  },
  async settle(step) {
    const copyIds = (step.args['copyIds'] as Json[]).map(String)
    return tx => markCopiesGone(tx, step.io, copyIds)
  },
}

/** The document is another one without it, or shows nobody what it holds. */
function notThere(error: unknown): undefined {
  if (!isFirebreakError(error, 'CONFLICT', 'NOT_FOUND', 'UNSUPPORTED')) throw error
}
