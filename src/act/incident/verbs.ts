import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { Json } from '../../core/contract/ref.ts'
import { observe } from '../../know/observe/observe.ts'
import type { RuleFolders } from '../../know/readers/secrets/rules/rules-in-use.ts'
import { credentialArgument, identityArgument, issuedCredential } from '../actions/arguments.ts'
import type { StepHandler } from '../actions/step.ts'
import { verbs } from '../actions/verbs/all.ts'
import { byHand } from './by-hand.ts'
import { waitUntilMoved } from './consumers.ts'
import { rulesFrom } from './rules-from.ts'

/** Longer than a consumer's usual pause between two looks at its credential, so that quiet means moved. */
const QUIET_SECONDS = 3
const WAIT_SECONDS = 30

/** The steps of a containment: those that reach outside, and those that only look. */
export function incidentVerbs(options: {
  rules: RuleFolders
  waitForConsumers: boolean
}): Readonly<Record<string, StepHandler>> {
  return {
    ...verbs,
    moved: options.waitForConsumers ? moved : notWaited,
    unused: options.waitForConsumers ? unused : notWaited,
    'by-hand': byHand({ waits: options.waitForConsumers }),
    observe: observeAgain(options.rules),
  }
}

export const notWaited: StepHandler = {
  async call() {
    return { result: null, skipped: 'an emergency: consumers that have not moved are cut off' }
  },
}

const moved: StepHandler = {
  async call(step) {
    const connection = await step.connection()
    const { identity } = await issuedCredential(step)
    if (!identity) throw new TypeError('what was issued names no identity')
    const seen = await waitUntilMoved(
      connection,
      { old: identityArgument(step), new: identity },
      (step.args['consumers'] as Json[]).map(String),
      step.io,
      { quietSeconds: QUIET_SECONDS, timeoutSeconds: WAIT_SECONDS },
    )
    if (seen.behind.length > 0)
      throw new FirebreakError(
        'STUCK',
        `${seen.behind.join(', ')} did not move to the new credential`,
        'make it read its credential again, then resume the run; with --emergency it is cut off without waiting',
      )
    return { result: { moved: seen.moved } }
  },
}

/** A system tells of a use some time after it: it is waited for a few times as long as it takes to settle. */
const SETTLINGS_WATCHED = 4

/** Where nobody can see who uses it: that its last use does not move while it is suspended. */
const unused: StepHandler = {
  async call(step) {
    const connection = await step.connection()
    const credential = credentialArgument(step)
    const began = step.io.now().getTime()
    const watchedMs = connection.settleSeconds * SETTLINGS_WATCHED * 1000
    try {
      const before = await connection.lastUse?.(credential)
      for (let looks = 0; looks < SETTLINGS_WATCHED; looks++) {
        await step.io.sleep(watchedMs / SETTLINGS_WATCHED)
        const now = await connection.lastUse?.(credential)
        if (now?.at !== undefined && now.at > (before?.at ?? 0))
          throw new FirebreakError(
            'STUCK',
            `it was used ${now.how} at ${new Date(now.at).toISOString()}, told after it was suspended`,
            'find who uses it there and give it the new one, then resume the run; with --emergency it is cut off without waiting',
          )
      }
      const lastUsed = before?.at === undefined ? null : new Date(before.at).toISOString()
      const watchedSeconds = (step.io.now().getTime() - began) / 1000
      return { result: { lastUsed, how: before?.how ?? null, watchedSeconds } }
    } catch (error) {
      if (!isFirebreakError(error, 'UNSUPPORTED', 'DENIED')) throw error
      return { result: null, skipped: error.message }
    }
  },
}

/** What changed outside while we acted, in all sources or in one. A source that cannot be read is stated, and keeps nothing from ending. */
function observeAgain(rules: RuleFolders): StepHandler {
  const from = rulesFrom(rules)
  return {
    async call(step) {
      const { db, io, keys, connections } = step
      const run = await db
        .selectFrom('run')
        .select('created_at')
        .where('id', '=', step.runId)
        .executeTakeFirstOrThrow()
      const failed: Json[] = []
      const only = step.args['sourceId']
      for (const source of await connections.list(db)) {
        if (only !== undefined && source.id !== only) continue
        try {
          await observe(db, source, await connections.open(db, source.id), { io, keys, ...from })
        } catch (error) {
          if (!(error instanceof FirebreakError) || error.code.startsWith('STORE_')) throw error
          failed.push({ what: source.label, why: error.message })
        }
      }
      const principals = await db
        .selectFrom('entity')
        .leftJoin('credential', 'credential.identity_id', 'entity.id')
        .select(['entity.id', 'entity.system', 'entity.kind', 'entity.native'])
        .where('entity.type', '=', 'identity')
        .where('entity.first_seen', '>=', run.created_at)
        .where('entity.instance', 'not like', '?%')
        .where('credential.issued_by', 'is', null)
        .distinct()
        .orderBy('entity.id')
        .execute()
      return { result: { failed, newPrincipals: principals.map(row => ({ ...row })) } }
    },
  }
}
