import { z } from 'zod'
import type { Connection, Issued, Want } from '../../../core/contract/connector.ts'
import { FirebreakError } from '../../../core/contract/errors.ts'
import type { CredentialRef, Json } from '../../../core/contract/ref.ts'
import { fingerprint } from '../../../core/keys/fingerprint.ts'
import { strengthBits } from '../../../core/keys/strength.ts'
import { registerIssued } from '../../../know/inventory/issued.ts'
import { credentialArgument, textArgument, toJson } from '../arguments.ts'
import type { Outcome, StepContext, StepHandler } from '../step.ts'

/** A second credential beside the old one; found by its name and taken back when an attempt did not end well. */
export const issue: StepHandler = {
  ...issuing(async (connection, step) => {
    if (!connection.issue) throw new TypeError('planned issue where it cannot be done')
    return await connection.issue(want(step))
  }),
  async undo(step) {
    const connection = await step.connection()
    await connection.undo?.(want(step))
  },
}

/** A new secret in place of the old one. Run twice, the second secret stands: there is nothing to take back. */
export const rotate: StepHandler = issuing(async (connection, step) => {
  if (!connection.rotate) throw new TypeError('planned rotate where it cannot be done')
  return await connection.rotate(credentialArgument(step), want(step))
})

function issuing(call: (connection: Connection, step: StepContext) => Promise<Issued>): StepHandler {
  return {
    async inspect(step) {
      const connection = await step.connection()
      return (await connection.inspect?.(credentialArgument(step))) ?? null
    },
    async call(step) {
      const connection = await step.connection()
      const issued = await call(connection, step)
      const result = {
        credential: toJson(issued.ref),
        notAfter: issued.notAfter ?? null,
        ...(connection.standing && { standing: true }),
      }
      return { result, secret: issued.secret }
    },
    async verify(step, outcome) {
      const { credential, secret, result } = issuedIn(outcome)
      const connection = await step.connection()
      const verdict = await connection.verify?.(credential, secret)
      if (verdict?.state === 'dead')
        throw new FirebreakError('STUCK', `the new credential is refused: ${verdict.why}`)
      return {
        ...result,
        state: verdict?.state ?? 'unknown',
        why: verdict?.why ?? 'this system cannot verify',
      }
    },
    async settle(step, result) {
      const { credential } = result as unknown as { credential: CredentialRef }
      const secret = await step.secretOf(step.key)
      const issued = {
        ref: credential,
        fingerprint: fingerprint(step.keys.fingerprint, secret),
        strengthBits: strengthBits(secret),
        runId: step.runId,
        // A lease has an end, and whoever asked for it.
        ...(step.args['ttlSeconds'] === undefined && { replaces: credentialArgument(step) }),
      }
      return async tx => {
        await registerIssued(tx, step.io, textArgument(step, 'sourceId'), issued)
      }
    },
  }
}

const labelled = z.record(z.string(), z.string())

function want(step: StepContext): Want {
  const labels = labelled.safeParse(step.args['labels'])
  return {
    name: `${step.runId}:${step.key}`,
    like: credentialArgument(step),
    scopes: Array.isArray(step.args['scopes']) ? step.args['scopes'].map(String) : [],
    ...(labels.success && { labels: labels.data }),
    ...(typeof step.args['ttlSeconds'] === 'number' && { ttlSeconds: step.args['ttlSeconds'] }),
    before: step.before,
  }
}

function issuedIn(outcome: Outcome): {
  credential: CredentialRef
  secret: Issued['secret']
  result: { [k: string]: Json }
} {
  if (!outcome.secret) throw new TypeError('what was issued is not here')
  const result = outcome.result as { [key: string]: Json }
  return { credential: result['credential'] as unknown as CredentialRef, secret: outcome.secret, result }
}
