import { FirebreakError } from '../../core/contract/errors.ts'
import { acceptedAtArgument, credentialArgument, textArgument } from '../actions/arguments.ts'
import type { StepContext, StepHandler } from '../actions/step.ts'

/**
 * What only a person can do. The run stops there and says so; to go on with it is to say that it was done. What comes of
 * it is proven all the same.
 */
export function byHand(options: { readonly waits: boolean }): StepHandler {
  return {
    async call(step) {
      const replaces = textArgument(step, 'what') === 'replace'
      if (replaces && !options.waits)
        return { result: null, skipped: 'an emergency: it is cut off before there is another' }
      if (!replaces && (await isRefused(step))) return { result: { done: 'it is refused already' } }
      if (await wasAsked(step)) return { result: { done: 'whoever went on with the run said so' } }
      const kind = textArgument(step, 'kind')
      throw new FirebreakError(
        'UNSUPPORTED',
        replaces
          ? `another ${kind} is made by hand. Give it to whoever uses this one, then go on with the run, which revokes the old one`
          : `a ${kind} is ended by hand. ${textArgument(step, 'why')} Then go on with the run, which proves it`,
        `${await commandOf(step)} --resume ${step.runId}`,
      )
    },
  }
}

async function isRefused(step: StepContext): Promise<boolean> {
  const connection = await step.connection()
  const secret = await step.exposedSecret()
  const verdict = await connection.verify?.(credentialArgument(step), secret, acceptedAtArgument(step))
  return verdict?.state === 'dead'
}

/** The only failure of such a step is to ask: a process that died before it said so asks again. */
async function wasAsked({ db, runId, key }: StepContext): Promise<boolean> {
  const row = await db
    .selectFrom('step')
    .select('error')
    .where('run_id', '=', runId)
    .where('key', '=', key)
    .executeTakeFirstOrThrow()
  return row.error !== null
}

async function commandOf({ db, runId }: StepContext): Promise<string> {
  const { kind } = await db.selectFrom('run').select('kind').where('id', '=', runId).executeTakeFirstOrThrow()
  return `firebreak ${kind}`
}
