import type { Connector } from '../../core/contract/connector.ts'
import { inspect } from './applications.ts'
import { type AzureConfig, azureConfig } from './config.ts'
import { issue, revoke, undo, verify } from './credentials.ts'
import { discover, documents } from './documents.ts'
import type { Gaps } from './gather.ts'
import { openTenant } from './tenant.ts'
import { read, remove, write } from './vault.ts'

/** Applications of an Entra tenant, their credentials, and what they may do in Azure. The README beside this says what each verb does. */
export const azure: Connector<AzureConfig> = {
  system: 'azure',
  summary: 'Applications, credentials, roles and Key Vault secrets of an Entra tenant and its Azure',
  config: azureConfig,
  async open(config, io) {
    const tenant = await openTenant(config, io)
    const gaps: Gaps = new Map()
    return {
      instance: tenant.instance,
      settleSeconds: config.settleSeconds,
      // The client id is the application's, whichever of its credentials is used.
      keepsPublicHalf: true,
      // Every call has a connection of its own, so that none is left to close.
      close: async () => {},
      documents: () => documents(tenant, gaps),
      discover: () => discover(tenant, gaps),
      verify: (ref, secret) => verify(tenant, ref, secret),
      inspect: ref => inspect(tenant, ref),
      issue: want => issue(tenant, want),
      undo: want => undo(tenant, want),
      revoke: (ref, secret) => revoke(tenant, ref, secret),
      read: place => read(tenant, place),
      write: (place, secret) => write(tenant, place, secret),
      remove: place => remove(tenant, place),
    }
  },
}
