import type { Connector } from '../../core/contract/connector.ts'
import { type NatsConfig, natsConfig } from './config.ts'
import type { LogIn } from './server.ts'

/** Users of a NATS account, and the list by which servers refuse them. The README beside this says what each verb does. */
export const nats: Connector<NatsConfig> = natsOver()

/** The same over another way to a server. */
export function natsOver(way?: LogIn): Connector<NatsConfig> {
  return {
    system: 'nats',
    summary: 'Users and roles of a NATS account whose servers trust an operator’s tokens',
    config: natsConfig,
    open: async (config, io) => await (await import('./connection.ts')).openConnection(config, io, way),
  }
}
