import type { Connector } from '../../core/contract/connector.ts'
import { type RabbitmqConfig, rabbitmqConfig } from './config.ts'
import { discover } from './discover.ts'
import { type Login, login, openServer } from './server.ts'
import { endSessions, sessions } from './sessions.ts'
import { freeze, inspect, issue, narrow, resume, revoke, rotate, suspend, thaw, undo } from './users.ts'
import { verify } from './verify.ts'

/** Users of a RabbitMQ broker and their passwords. The README beside this says what each verb does. */
export const rabbitmq: Connector<RabbitmqConfig> = rabbitmqOver(login)

/** The same over another way to log in; the management plugin is asked through the given `fetch`. */
export function rabbitmqOver(way: Login): Connector<RabbitmqConfig> {
  return {
    system: 'rabbitmq',
    summary: 'Users, passwords, permissions and connections of a RabbitMQ broker',
    config: rabbitmqConfig,
    async open(config, io) {
      const server = await openServer(config, io, way)
      return {
        instance: server.instance,
        settleSeconds: 1,
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
