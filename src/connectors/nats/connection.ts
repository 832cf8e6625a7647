import { inspect, refuse, resume, undo } from '../../core/contract/certified.ts'
import type { Connection } from '../../core/contract/connector.ts'
import type { Io } from '../../core/contract/io.ts'
import { openAccount } from './account.ts'
import type { NatsConfig } from './config.ts'
import { discover } from './discover.ts'
import { type LogIn, logIn } from './server.ts'
import { sessions } from './sessions.ts'
import { issue, suspend } from './users.ts'
import { verify } from './verify.ts'

/** NATS's own client is loaded with this, when an account is opened. */
export async function openConnection(config: NatsConfig, io: Io, way: LogIn = logIn): Promise<Connection> {
  const account = await openAccount(config, io, way)
  return {
    instance: account.instance,
    // A cluster's servers hear of it from each other.
    settleSeconds: 1,
    endsAlone: ['user'],
    async close() {
      await account.system.close()
      account.ledger.close()
    },
    discover: () => discover(account),
    sessions: identity => sessions(account, identity),
    verify: (ref, secret) => verify(account, ref, secret),
    inspect: ref => inspect(account, ref),
    issue: want => issue(account, want),
    undo: want => undo(account, want),
    suspend: ref => suspend(account, ref),
    resume: (ref, before) => resume(account, ref, before),
    revoke: ref => refuse(account, ref, 'revoked'),
  }
}
