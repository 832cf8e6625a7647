import type { Connector } from '../../core/contract/connector.ts'
import { postgresConfig, type PostgresConfig } from './config.ts'
import { discover } from './discover.ts'
import { inspect } from './inspect.ts'
import { extend, issue, rotate, undo } from './issue.ts'
import { probe } from './probe.ts'
import { freeze, narrow, resume, suspend, thaw } from './restrict.ts'
import { revoke } from './revoke.ts'
import { openServer } from './server.ts'
import { endSessions, sessions } from './sessions.ts'
import { verify } from './verify.ts'

/** Roles of a PostgreSQL server (12 and later) and their passwords. The README beside this says what each verb does. */
export const postgres: Connector<PostgresConfig> = {
  system: 'postgres',
  summary: 'Roles, passwords, rights and sessions of a PostgreSQL server',
  config: postgresConfig,
  async open(config, io) {
    const server = await openServer(config, io)
    return {
      instance: server.instance,
      // A role change is committed before we hear of it, and every login reads it.
      settleSeconds: 1,
      close: () => server.close(),
      discover: () => discover(server),
      sessions: identity => sessions(server, identity),
      verify: (ref, secret) => verify(server, ref, secret),
      probe: (trial, held) => probe(server, trial, held),
      inspect: ref => inspect(server, ref),
      issue: want => issue(server, want),
      extend: (ref, ttlSeconds) => extend(server, ref, ttlSeconds),
      undo: want => undo(server, want),
      rotate: (ref, want) => rotate(server, ref, want),
      narrow: (identity, scopes) => narrow(server, identity, scopes),
      suspend: ref => suspend(server, ref),
      resume: (ref, before) => resume(server, ref, before),
      freeze: identity => freeze(server, identity),
      thaw: (identity, before) => thaw(server, identity, before),
      endSessions: (identity, issuedBefore) => endSessions(server, identity, issuedBefore),
      revoke: ref => revoke(server, ref),
    }
  },
}
