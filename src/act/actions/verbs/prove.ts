import type { Connection, Verdict } from '../../../core/contract/connector.ts'
import { FirebreakError } from '../../../core/contract/errors.ts'
import type { Json } from '../../../core/contract/ref.ts'
import { setCredentialState } from '../../../know/inventory/issued.ts'
import { acceptedAtArgument, credentialArgument, identityArgument, textArgument } from '../arguments.ts'
import type { StepContext, StepHandler } from '../step.ts'

const TRIES_WHILE_UNKNOWN = 3

/**
 * Really tried and refused, twice, as far apart as the system needs to settle, with no session left. A live answer is
 * a failure, tried again; what cannot be told stays `unknown`, and is reported so. Sessions are not asked about where the
 * identity lives on with another value: they are of that one.
 */
export const prove: StepHandler = {
  async call(step) {
    const connection = await step.connection()
    const settleMs = connection.settleSeconds * 1000
    const first = await answer(step, connection, settleMs)
    await step.io.sleep(settleMs)
    const second = first.state === 'dead' ? await answer(step, connection, settleMs) : first
    let sessions: number | null = null
    if (connection.sessions && step.args['identityLives'] !== true) {
      sessions = 0
      for await (const _ of connection.sessions(identityArgument(step))) sessions++
    }
    if (sessions) throw new FirebreakError('STUCK', `${sessions} of its sessions are open`)
    const result: Json = {
      state: second.state,
      why: second.why,
      refusals: second.state === 'dead' && second.tried ? 2 : 0,
      apartSeconds: connection.settleSeconds,
      sessions,
      at: step.io.now().toISOString(),
    }
    return { result }
  },
  async settle(step, result) {
    const verdict = result as unknown as Verdict
    return tx => setCredentialState(tx, step.io, textArgument(step, 'credentialId'), verdict)
  },
}

async function answer(
  step: StepContext,
  connection: Connection,
  settleMs: number,
): Promise<Verdict & { readonly tried: boolean }> {
  const secret = await step.exposedSecret()
  if (!secret) return { ...(await unread(step, connection)), tried: false }
  for (let attempt = 1; ; attempt++) {
    const tried = connection.verify?.(credentialArgument(step), secret, acceptedAtArgument(step))
    const verdict = (await tried) ?? {
      state: 'unknown' as const,
      why: 'this system cannot be asked',
    }
    if (verdict.state === 'live') throw new FirebreakError('STUCK', `it is still accepted: ${verdict.why}`)
    if (verdict.state === 'dead' || attempt === TRIES_WHILE_UNKNOWN) return { ...verdict, tried: true }
    await step.io.sleep(settleMs)
  }
}

/** There is nothing to try: a system that says by itself that it lets nobody in with it is believed, and nobody else. */
async function unread(step: StepContext, connection: Connection): Promise<Verdict> {
  const verdict = await connection.verify?.(credentialArgument(step))
  if (verdict?.state === 'dead')
    return { state: 'dead', why: `The system says so; no value is at hand to try. ${verdict.why}` }
  return { state: 'unknown', why: 'its plaintext is not at hand: no copy could be read, none was given' }
}
