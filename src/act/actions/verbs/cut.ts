import type { Verdict } from '../../../core/contract/connector.ts'
import { FirebreakError, isFirebreakError } from '../../../core/contract/errors.ts'
import { type CredentialRef, type Json, type Ms, sameRef } from '../../../core/contract/ref.ts'
import type { Secret } from '../../../core/contract/secret.ts'
import type { Db } from '../../../core/store/store.ts'
import { whyHeld } from '../../../know/inventory/holds.ts'
import { credentialArgument, identityArgument, textArgument } from '../arguments.ts'
import type { Outcome, StepContext, StepHandler } from '../step.ts'

async function inspectCredential(step: StepContext) {
  const connection = await step.connection()
  return (await connection.inspect?.(credentialArgument(step))) ?? null
}

async function inspectIdentity(step: StepContext) {
  const connection = await step.connection()
  return (await connection.inspect?.(identityArgument(step))) ?? null
}

/** What was cut off must not be live; whether it is dead for good is for `prove` to say. */
async function notLive(step: StepContext): Promise<Json> {
  return await mustNotBeLive(step, credentialArgument(step), await step.exposedSecret())
}

/** Raises STUCK where the credential is still accepted; else what the system said of it, if anything. */
export async function mustNotBeLive(
  step: StepContext,
  credential: CredentialRef,
  secret: Secret | undefined,
): Promise<Pick<Verdict, 'state' | 'why'>> {
  const connection = await step.connection()
  const verdict = secret && (await connection.verify?.(credential, secret))
  if (verdict?.state === 'live') throw new FirebreakError('STUCK', `it is still accepted: ${verdict.why}`)
  const untold = secret ? 'this system cannot be asked' : 'its plaintext is not at hand'
  return { state: verdict?.state ?? 'unknown', why: verdict?.why ?? untold }
}

/** Skipped where the system has no such thing any more, or cannot do this to it: what has to be cut is cut all the same. */
async function wherePossible(change: Promise<void> | undefined): Promise<Outcome> {
  try {
    await change
  } catch (error) {
    if (!isFirebreakError(error, 'UNSUPPORTED', 'NOT_FOUND')) throw error
    return { result: null, skipped: error.message }
  }
  return { result: null }
}

export const suspend: StepHandler = {
  inspect: inspectCredential,
  async call(step) {
    const connection = await step.connection()
    return await wherePossible(connection.suspend?.(credentialArgument(step)))
  },
  verify: notLive,
}

/**
 * Gives back what `suspend` took in another run, as it stood before that: not while anything holds the credential, and never what was
 * revoked since.
 */
export const resume: StepHandler = {
  inspect: inspectCredential,
  async call(step) {
    const connection = await step.connection()
    const credential = credentialArgument(step)
    const held = await whyHeld(step.db, textArgument(step, 'credentialId'))
    if (held !== undefined) throw new FirebreakError('CONFLICT', held, 'wait for that to end')
    if (await isRevokedSince(step.db, credential, Number(step.args['since'] ?? 0)))
      return { result: null, skipped: 'it was revoked since, and stays so' }
    return await wherePossible(connection.resume?.(credential, step.args['stoodBefore'] ?? null))
  },
  async verify(step) {
    const connection = await step.connection()
    const verdict = await connection.verify?.(credentialArgument(step))
    return { state: verdict?.state ?? 'unknown', why: verdict?.why ?? 'this system cannot be asked' }
  },
}

/** Or is being so: an intent may have been carried out. */
async function isRevokedSince(db: Db, credential: CredentialRef, since: Ms): Promise<boolean> {
  const steps = await db
    .selectFrom('step')
    .select('args')
    .where('run_id', 'in', eb =>
      eb.selectFrom('run').select('id').where('kind', 'in', ['contain', 'offboard']),
    )
    .where('verb', '=', 'revoke')
    .where('started_at', '>=', since)
    .execute()
  return steps.some(({ args }) =>
    sameRef((JSON.parse(args) as { credential: CredentialRef }).credential, credential),
  )
}

export const revoke: StepHandler = {
  inspect: inspectCredential,
  async call(step) {
    const connection = await step.connection()
    await connection.revoke?.(credentialArgument(step), await step.exposedSecret())
    return { result: null }
  },
  verify: notLive,
}

export const freeze: StepHandler = {
  inspect: inspectIdentity,
  async call(step) {
    const connection = await step.connection()
    return await wherePossible(connection.freeze?.(identityArgument(step)))
  },
}

/** Takes every right away; what stood before is in the journal. Where that cannot be done, what is cut is cut all the same, and it is said. */
export const narrow: StepHandler = {
  inspect: inspectIdentity,
  async call(step) {
    const connection = await step.connection()
    try {
      await connection.narrow?.(identityArgument(step), [])
    } catch (error) {
      if (!isFirebreakError(error, 'UNSUPPORTED', 'NOT_FOUND', 'DENIED')) throw error
      return { result: null, skipped: error.message, leavesOpen: error.code !== 'NOT_FOUND' }
    }
    return { result: null }
  },
}

/** Gives the identity back what `freeze` took, once nobody else holds a credential of it; also to what `args.issued` issued beside it. */
export const thaw: StepHandler = {
  inspect: inspectIdentity,
  async call(step) {
    const connection = await step.connection()
    const before = await step.beforeOf(textArgument(step, 'from'))
    const from = step.args['issued']
    const result = typeof from === 'string' ? await step.resultOf(from) : null
    const { credential } = (result ?? {}) as unknown as { credential?: CredentialRef }
    return await wherePossible(
      connection.thaw?.(identityArgument(step), before, credential ? [credential] : []),
    )
  },
}

export const endSessions: StepHandler = {
  async call(step) {
    const connection = await step.connection()
    // Where nobody can look for sessions again: until every server knows of the cut, one may still make a session.
    const settleMs = connection.sessions ? 0 : connection.settleSeconds * 1000
    const issuedBefore = step.io.now().getTime() + settleMs
    try {
      await connection.endSessions?.(identityArgument(step), issuedBefore)
    } catch (error) {
      // Whose sessions they were is not there any more, or the system cannot end them: the credential is cut all the same.
      if (!isFirebreakError(error, 'UNSUPPORTED', 'NOT_FOUND')) throw error
      return { result: null, skipped: error.message, leavesOpen: error.code === 'UNSUPPORTED' }
    }
    return { result: { issuedBefore } }
  },
  async verify(step, outcome) {
    const { issuedBefore } = outcome.result as { issuedBefore: number }
    const connection = await step.connection()
    let open = 0
    for await (const use of connection.sessions?.(identityArgument(step)) ?? [])
      if ((use.session?.issuedAt ?? use.at) < issuedBefore) open++
    if (open > 0) throw new FirebreakError('STUCK', `${open} of its sessions are still open`)
    return { issuedBefore, open }
  },
}
