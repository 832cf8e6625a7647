import type { Json } from '../../../core/contract/ref.ts'
import { setCredentialState } from '../../../know/inventory/issued.ts'
import { entityByRef } from '../../../know/inventory/queries.ts'
import { issuedCredential, textArgument } from '../arguments.ts'
import type { StepContext, StepHandler } from '../step.ts'
import { mustNotBeLive } from './cut.ts'

/**
 * Ends what the step `from` issued where it was given to nobody: written to no place, and nobody is seen to use it. A credential
 * that nobody holds would stand for ever, and its value is erased with the run.
 */
export const withdraw: StepHandler = {
  async call(step) {
    if (await isHeld(step)) return { result: { withdrawn: false } }
    const connection = await step.connection()
    await connection.revoke?.(await issuedCredential(step), await step.secretOf(textArgument(step, 'from')))
    return { result: { withdrawn: true } }
  },
  async verify(step, { result }) {
    if (!(result as { withdrawn: boolean }).withdrawn) return result
    const secret = await step.secretOf(textArgument(step, 'from'))
    return { withdrawn: true, ...(await mustNotBeLive(step, await issuedCredential(step), secret)) }
  },
  async settle(step, result) {
    const { withdrawn, ...verdict } = result as unknown as Withdrawn
    const issued = withdrawn
      ? await entityByRef(step.db, 'credential', await issuedCredential(step))
      : undefined
    return async tx => {
      if (issued) await setCredentialState(tx, step.io, issued.id, verdict)
    }
  },
}

interface Withdrawn {
  readonly withdrawn: boolean
  readonly state: 'live' | 'dead' | 'unknown'
  readonly why: string
}

/** As the steps that would have given it to somebody left it; a person may have, too. */
async function isHeld(step: StepContext): Promise<boolean> {
  for (const key of (step.args['given'] as Json[]).map(String))
    if (isGiven(await step.resultOf(key))) return true
  const { identity } = await issuedCredential(step)
  const connection = await step.connection()
  if (identity) for await (const _ of connection.sessions?.(identity) ?? []) return true
  return false
}

/** Whether a step that writes a credential, or waits for who uses it, has ended with somebody who holds it. */
export function isGiven(result: Json): boolean {
  const { place, moved } = (result ?? {}) as { place?: Json; moved?: Json[] }
  return place !== undefined || (moved ?? []).length > 0
}
