import { z } from 'zod'
import type { Connection, Connector, Want } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'

const sealedConfig = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/)
    .describe('what it is called here'),
  user: z.string().max(256).optional().describe('the name that goes with it, where there is one'),
  secret: z.instanceof(Secret).describe('the secret itself; given as -, it is kept sealed'),
})
type SealedConfig = z.infer<typeof sealedConfig>

/** A standing secret of a system that issues nothing. The README beside this says what its leases are worth. */
export const sealed: Connector<SealedConfig> = {
  system: 'sealed',
  summary: 'A standing secret, kept sealed, of a system that issues nothing shorter',
  config: sealedConfig,
  async open({ name, user, secret }) {
    const identity: Ref = { system: 'sealed', instance: name, kind: 'standing-secret', id: name }
    const credential = { ...identity, kind: 'secret', identity }
    const connection: Connection = {
      instance: name,
      settleSeconds: 0,
      standing: true,
      cannot: () => ['issue', 'rotate', 'suspend'],
      close: async () => secret.erase(),
      discover: () => discover(identity),
      async verify() {
        const why = 'It is a standing secret: it stays good where it is accepted until it is changed there.'
        return { state: 'unknown', why }
      },
      async issue(want) {
        mustBeThis(identity, want)
        return { ref: credential, secret: new Secret(secret.reveal(), user) }
      },
    }
    return connection
  },
}

async function* discover(identity: Ref): AsyncGenerator<Observation> {
  yield { see: 'identity', ref: identity, names: [identity.id], facts: factsOf({ expires: 'never' }) }
  yield { see: 'covered', scope: `sealed:${identity.id}`, complete: true }
}

function mustBeThis(identity: Ref, { like, scopes }: Want): void {
  if (like?.instance !== identity.instance)
    throw new FirebreakError('CONFLICT', 'another secret is meant than the one that is kept here')
  if (scopes.length > 0)
    throw new FirebreakError('UNSUPPORTED', 'a standing secret has all of its rights', 'Leave scopes empty.')
}
