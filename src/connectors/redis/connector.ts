import type { Connector } from '../../core/contract/connector.ts'
import { type RedisConfig, redisConfig } from './config.ts'
import { discover } from './discover.ts'
import { inspect } from './inspect.ts'
import { issue, rotate, undo } from './issue.ts'
import { probe } from './probe.ts'
import { freeze, narrow, resume, suspend, thaw } from './restrict.ts'
import { revoke } from './revoke.ts'
import { openServer } from './server.ts'
import { endSessions, sessions } from './sessions.ts'
import { verify } from './verify.ts'

/** Users of a Redis server (6 and later) and their passwords. The README beside this says what each verb does. */
export const redis: Connector<RedisConfig> = {
  system: 'redis',
  summary: 'ACL users, passwords, rights and sessions of a Redis server',
  config: redisConfig,
  async open(config, io) {
    const server = await openServer(config, io)
    return {
      instance: server.instance,
      // One thread carries out a change and every login after it; there is nothing that would have to settle.
      settleSeconds: 1,
      // Every call has a connection of its own, so that none is left to close.
      close: async () => {},
      discover: () => discover(server),
      sessions: identity => sessions(server, identity),
      verify: (ref, secret) => verify(server, ref, secret),
      probe: (trial, held) => probe(server, trial, held),
      inspect: ref => inspect(server, ref),
      issue: want => issue(server, want),
      undo: want => undo(server, want),
      rotate: (ref, want) => rotate(server, ref, want),
      narrow: (identity, scopes) => narrow(server, identity, scopes),
      suspend: ref => suspend(server, ref),
      resume: (ref, before) => resume(server, ref, before),
      freeze: identity => freeze(server, identity),
      thaw: (identity, before, issued) => thaw(server, identity, before, issued),
      endSessions: (identity, issuedBefore) => endSessions(server, identity, issuedBefore),
      revoke: (ref, secret) => revoke(server, ref, secret),
    }
  },
}
