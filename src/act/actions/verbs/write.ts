import { FirebreakError } from '../../../core/contract/errors.ts'
import type { Json, PlaceRef } from '../../../core/contract/ref.ts'
import { fingerprint } from '../../../core/keys/fingerprint.ts'
import { moveCopy } from '../../../know/inventory/issued.ts'
import { placeArgument, textArgument, toJson } from '../arguments.ts'
import type { StepHandler } from '../step.ts'

/** Puts what the step `from` issued into a place, and reads it back. */
export const write: StepHandler = {
  async call(step) {
    const connection = await step.connection()
    const secret = await step.secretOf(textArgument(step, 'from'))
    if (!connection.write) throw new TypeError('planned write where it cannot be done')
    const place = await connection.write(placeArgument(step), secret)
    return { result: { place: toJson(place) } }
  },
  async verify(step, outcome) {
    const connection = await step.connection()
    const { place } = outcome.result as unknown as { place: PlaceRef }
    if (!connection.read) return outcome.result
    const stands = await connection.read(place)
    const issued = await step.secretOf(textArgument(step, 'from'))
    if (!Buffer.from(stands.reveal()).equals(issued.reveal()))
      throw new FirebreakError(
        'CONFLICT',
        `${place.path} was changed after it was written`,
        'see who else writes it',
      )
    return outcome.result
  },
  async settle(step, result) {
    const { place } = result as unknown as { place: PlaceRef }
    const secret = await step.secretOf(textArgument(step, 'from'))
    const copyIds = (step.args['copyIds'] as Json[]).map(String)
    return tx => moveCopy(tx, step.io, copyIds, place, fingerprint(step.keys.fingerprint, secret))
  },
}
