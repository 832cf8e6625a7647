import { z } from 'zod'
import type { Broker } from '../../act/broker/broker.ts'
import { BrokerClient } from '../../act/broker/client/broker-client.ts'
import { endLease } from '../../act/broker/lease/end-lease.ts'
import { Keeper } from '../../act/broker/lease/keeper.ts'
import { type Granted, issueLease } from '../../act/broker/lease/lease.ts'
import { failureOf, OauthError } from '../../act/broker/oauth-error.ts'
import { TOKEN_VARIABLE } from '../../act/broker/client/platform-token.ts'
import { renewLease } from '../../act/broker/lease/renew-lease.ts'
import type { Ms } from '../../core/contract/ref.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { holderName } from '../../core/store/holder.ts'
import { configFile, openBroker } from './broker/open-broker.ts'
import type { Given } from './exec-environment.ts'
import type { World } from './operation.ts'
import { sayer } from './owner.ts'

/** The broker that keeps a lease: one here, or one elsewhere. */
export const whichBroker = {
  config: z.string().min(1).optional().describe('the broker’s file; without, broker.yaml in FIREBREAK_HOME'),
  broker: z
    .string()
    .min(1)
    .optional()
    .describe('the address of a broker elsewhere; nothing is needed here then'),
  token: z
    .string()
    .min(1)
    .optional()
    .describe('where the token for it stands: env:NAME or file:PATH; without, where the platform puts it'),
  audience: z.string().min(1).optional().describe('its issuer, where that is not its address'),
}

/** What a lease is asked for with. */
export interface LeaseWish {
  readonly name: string
  readonly scopes: readonly string[]
  readonly ttlSeconds?: number
  readonly task?: string
}

/** The lease that a command runs with, whoever keeps it. */
export interface CommandLease {
  /** A standing secret, which stays good when the lease ends. */
  readonly standing: boolean
  /** As it stands now: renewing may change it. */
  given(): Given & { readonly notAfter: Ms }
  /** False where it is at its longest. */
  renew(): Promise<boolean>
  /** Raises STUCK where it has to be tried again. */
  end(why: string): Promise<void>
  /** What was begun beside it is over. */
  settled(): Promise<void>
}

/** By the broker whose database is here. */
export async function ownLease(
  world: World,
  file: string | undefined,
  wish: LeaseWish,
): Promise<CommandLease> {
  const { db } = world
  const broker = await openBroker(world, configFile(world, file))
  // What a command that was killed left behind ends here, if no broker is there to end it.
  const keeper = new Keeper(db, broker, () => {})
  await keeper.sweep()
  let granted = await issued(world, broker, wish)
  return {
    standing: granted.standing === true,
    given: () => ({
      secret: granted.secret,
      at: granted.at,
      id: granted.lease.id,
      notAfter: granted.lease.not_after,
    }),
    async renew() {
      const before = granted.lease.not_after
      const accessToken = granted.at ? undefined : granted.secret.revealText()
      const asked = renewLease(db, broker, granted.lease, { accessToken })
      const { lease, secret = granted.secret } = await asked.catch(error => refused(wish, error))
      granted = { ...granted, lease, secret }
      return lease.not_after > before
    },
    async end(why) {
      const ended = await endLease(db, broker, granted.lease.id, why)
      if (ended.state !== 'ending') return
      throw new FirebreakError(
        'STUCK',
        `the lease ${ended.id} could not be ended`,
        'firebreak lease revoke tries it again; a broker that runs does so by itself',
      )
    },
    settled: () => keeper.settled(),
  }
}

async function issued({ db }: World, broker: Broker, wish: LeaseWish): Promise<Granted> {
  // Who may open the database may do all that can be done here: the operating system has attested the user.
  const workload = { issuer: 'local', subject: sayer(undefined), claims: {} }
  const asked = issueLease(db, broker, workload, { ...wish, holder: holderName() })
  return await asked.catch(error => refused(wish, error))
}

function refused({ name }: LeaseWish, error: unknown): never {
  if (!(error instanceof OauthError)) throw error
  throw failureOf(error.code, `no lease of ${name}: ${error.message}`)
}

/** By a broker elsewhere, which ends it at its time where this process cannot. */
export async function leaseOf(
  { io }: Pick<World, 'io'>,
  by: { readonly broker: string; readonly token: string | undefined; readonly audience: string | undefined },
  wish: LeaseWish,
): Promise<CommandLease> {
  const held = await new BrokerClient(by.broker, io).lease({
    ...wish,
    ...(by.token !== undefined && { token: tokenPlace(by.token) }),
    ...(by.audience !== undefined && { audience: by.audience }),
  })
  return {
    standing: held.standing,
    given: () => ({ secret: held.secret, at: held.at, id: held.id, notAfter: held.notAfter.getTime() }),
    renew: () => held.renew(),
    end: () => held.end(),
    settled: async () => {},
  }
}

function tokenPlace(text: string): { file: string } | { environment: string } {
  const [, kind, where] = /^(env|file):(.+)$/s.exec(text) ?? []
  if (kind === 'env') return { environment: where! }
  if (kind === 'file') return { file: where! }
  throw new FirebreakError(
    'INVALID_INPUT',
    'it is not said where the token stands',
    `env:NAME or file:PATH; without, ${TOKEN_VARIABLE} and what the platform gives are looked at`,
  )
}
