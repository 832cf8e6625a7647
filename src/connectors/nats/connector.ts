import { inspect, refuse, resume, undo } from '../../core/contract/certified.ts'
import type { Connector } from '../../core/contract/connector.ts'
import { openAccount } from './account.ts'
import { type NatsConfig, natsConfig } from './config.ts'
import { discover } from './discover.ts'
import { sessions } from './sessions.ts'
import { issue, suspend } from './users.ts'
import { verify } from './verify.ts'

/** Users of a NATS account, and the list by which servers refuse them. The README beside this says what each verb does. */
export const nats: Connector<NatsConfig> = {
  system: 'nats',
  summary: 'users and roles of a NATS account whose servers trust an operator’s tokens',
  config: natsConfig,
  async open(config, io) {
    const account = await openAccount(config, io)
    return {
      instance: account.instance,
      // A cluster's servers hear of it from each other.
      settleSeconds: 1,
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
  },
}
