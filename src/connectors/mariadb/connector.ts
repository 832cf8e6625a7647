import type { Connector } from '../../core/contract/connector.ts'
import { type MariadbConfig, mariadbConfig } from './config.ts'
import { discover } from './discover.ts'
import { issue, rotate, undo } from './issue.ts'
import { freeze, inspect, narrow, resume, revoke, suspend, thaw } from './restrict.ts'
import { type Dial, dial, openServer } from './server.ts'
import { endSessions, sessions } from './sessions.ts'
import { verify } from './verify.ts'

/** Accounts of a MariaDB server and their passwords. The README beside this says what each verb does. */
export const mariadb: Connector<MariadbConfig> = mariadbOver(dial)

/** The same over another way to a server. */
export function mariadbOver(way: Dial): Connector<MariadbConfig> {
  return {
    system: 'mariadb',
    summary: 'Accounts, passwords, rights and sessions of a MariaDB server',
    config: mariadbConfig,
    async open(config, io) {
      const server = await openServer(config, io, way)
      return {
        instance: server.instance,
        settleSeconds: 1,
        // Every call has a connection of its own, so that none is left to close.
        close: async () => {},
        discover: () => discover(server),
        sessions: identity => sessions(server, identity),
        verify: (ref, secret) => verify(server, ref, secret),
        inspect: ref => inspect(server, ref),
        issue: want => issue(server, want),
        undo: want => undo(server, want),
        rotate: ref => rotate(server, ref),
        narrow: (identity, scopes) => narrow(server, identity, scopes),
        suspend: ref => suspend(server, ref),
        resume: (ref, before) => resume(server, ref, before),
        freeze: identity => freeze(server, identity),
        thaw: (identity, before, issued) => thaw(server, identity, before, issued),
        endSessions: (identity, issuedBefore) => endSessions(server, identity, issuedBefore),
        revoke: ref => revoke(server, ref),
      }
    },
  }
}
