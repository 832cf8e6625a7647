import { FirebreakError } from '../../core/contract/errors.ts'
import type { Json } from '../../core/contract/ref.ts'
import type { RuleFolders } from '../../know/readers/secrets/rules/rules-in-use.ts'
import { identityArgument } from '../actions/arguments.ts'
import type { StepHandler } from '../actions/step.ts'
import { watchConsumers } from '../incident/consumers.ts'
import { incidentVerbs, notWaited } from '../incident/verbs.ts'

/** The steps of a departure: those of a containment, and a look for who is not to lose anything. */
export function departureVerbs(options: {
  rules: RuleFolders
  waitForUsers: boolean
}): Readonly<Record<string, StepHandler>> {
  return {
    ...incidentVerbs({ rules: options.rules, waitForConsumers: options.waitForUsers }),
    uses: options.waitForUsers ? uses : notWaited,
  }
}

/** Whoever is logged in and is no part of what leaves would be cut off by mistake. */
const uses: StepHandler = {
  async call(step) {
    const connection = await step.connection()
    const own = new Set((step.args['own'] as Json[]).map(String))
    const seconds = Number(step.args['windowSeconds'])
    const seen = await watchConsumers(connection, identityArgument(step), seconds, step.io)
    const others = [...seen.keys()].filter(name => !own.has(name) && !own.has(name.split('@')[0]!)).sort()
    if (others.length > 0)
      throw new FirebreakError(
        'STUCK',
        `${others.join(', ')} ${others.length === 1 ? 'uses' : 'use'} it, and ${others.length === 1 ? 'is' : 'are'} no part of what leaves`,
        'give it a credential of its own, then go on with the run; with --emergency it is cut off without waiting',
      )
    return { result: { seen: [...seen.keys()].sort() } }
  },
}
