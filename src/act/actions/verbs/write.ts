import type { Connection } from '../../../core/contract/connector.ts'
import { FirebreakError, isFirebreakError } from '../../../core/contract/errors.ts'
import type { Json, PlaceRef } from '../../../core/contract/ref.ts'
import { fingerprint } from '../../../core/keys/fingerprint.ts'
import { moveCopy } from '../../../know/inventory/issued.ts'
import { type PlaceNow, placeNow } from '../../../know/inventory/place-now.ts'
import { placeArgument, textArgument, toJson } from '../arguments.ts'
import type { Outcome, StepContext, StepHandler } from '../step.ts'

/** Puts what the step `from` issued into a place, and reads it back. */
export const write: StepHandler = {
  async call(step) {
    const connection = await step.connection()
    const planned = { place: placeArgument(step), copyIds: copyIdsOf(step.args) }
    try {
      return await writeTo(step, connection, planned)
    } catch (error) {
      if (!isFirebreakError(error, 'CONFLICT', 'NOT_FOUND')) throw error
      // The document is another one than when this was planned. It may have been read again since.
      const now = await placeNow(step.db, planned.copyIds, planned.place)
      if (!now) return { result: null, skipped: `${planned.place.path} holds the credential no more` }
      if (now.place.version === planned.place.version) throw error
      return await writeTo(step, connection, now)
    }
  },
  async verify(step, outcome) {
    const connection = await step.connection()
    const { place } = outcome.result as unknown as { place: PlaceRef }
    if (!connection.read) return outcome.result
    const stands = await connection.read(place).catch(shownToNobody)
    if (!stands) return outcome.result
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
    const copyIds = copyIdsOf(result as { [name: string]: Json })
    return tx => moveCopy(tx, step.io, copyIds, place, fingerprint(step.keys.fingerprint, secret))
  },
}

/** Some places show nobody what they hold. That they are as they were written, they have said before that. */
function shownToNobody(error: unknown): undefined {
  if (!isFirebreakError(error, 'UNSUPPORTED')) throw error
}

async function writeTo(
  step: StepContext,
  connection: Connection,
  { place, copyIds }: PlaceNow,
): Promise<Outcome> {
  if (!connection.write) throw new TypeError('planned write where it cannot be done')
  const written = await connection.write(place, await step.secretOf(textArgument(step, 'from')))
  return { result: { place: toJson(written), copyIds: [...copyIds] } }
}

function copyIdsOf(args: { readonly [name: string]: Json }): string[] {
  return (args['copyIds'] as Json[]).map(String)
}
