import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credsAuthenticator } from '@nats-io/transport-node'
import { nats } from '../../src/connectors/nats/connector.ts'
import { memoryNats } from '../../src/connectors/nats/memory.ts'
import { realIo } from '../../src/core/contract/io.ts'
import type { Secret } from '../../src/core/contract/secret.ts'
import { makeNatsKeys } from '../connectors/nats/nats-keys.ts'
import { laws } from './laws.ts'
import { memoryFaults } from './memory-faults.ts'
import { NATS_LACKS, NATS_ROLES, natsClients } from './nats-world.ts'
import type { World } from './world.ts'

laws({
  name: 'NATS in memory',
  lacks: NATS_LACKS,
  async start(): Promise<World> {
    const home = await mkdtemp(join(tmpdir(), 'firebreak-nats-'))
    const keys = await makeNatsKeys(home, NATS_ROLES)
    const server = memoryNats({ trusted: keys.trusted, path: keys.keys, account: keys.account })
    const config = nats.config.parse({ path: keys.keys, account: keys.account, host: 'memory' })
    const logIn = (secret: Secret) => server.logIn(config, credsAuthenticator(secret.reveal()))
    const open = () => server.connector.open({}, realIo())
    const first = keys.trusted.accounts[keys.account]!
    const clients = natsClients(keys, logIn, async () => server.tokens.get(keys.account) ?? first)
    let isReplaced = false
    return {
      ...clients,
      open,
      stop: () => rm(home, { recursive: true, force: true }),
      faults: async () => memoryFaults(server.wire, open),
      snapshot: async () => JSON.stringify([await clients.snapshot(), ...(isReplaced ? server.tokens : [])]),
      async replace() {
        isReplaced = true
        server.replace((await makeNatsKeys(join(home, 'other'), {})).trusted)
      },
      vanish: async () => {
        server.wire.reachable = false
      },
      log: async () => server.log.join('\n'),
    }
  },
})
