import { azure } from '../../src/connectors/azure/connector.ts'
import { memoryAzure } from '../../src/connectors/azure/memory.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { listen } from '../connectors/azure/loopback.ts'
import { laws } from './laws.ts'
import { memoryFaults } from './memory-faults.ts'
import type { World } from './world.ts'

laws({
  name: 'Azure in memory, over HTTP',
  // Tokens go on for their hour; a secret is given no new value, and one alone cannot be switched off.
  lacks: [
    'extend',
    'sessions',
    'endSessions',
    'rotate',
    'suspend',
    'resume',
    'freeze',
    'thaw',
    'narrow',
    'lastUse',
    'probe',
  ],
  async start(): Promise<World> {
    const twin = memoryAzure({ pageSize: 2 })
    const server = await listen(twin)
    let count = 0
    const open = () => azure.open({ ...twin.config, ...server.config }, realIo())
    return {
      open,
      manyPrincipals: 5,
      stop: server.close,
      async principal() {
        const application = twin.addApplication(`app-${count++}`)
        const password = twin.addPassword(application, 'ci')
        const here = { system: 'azure', instance: twin.tenant }
        const identity = { ...here, kind: 'service-principal', id: application.appId }
        const credential = { ...here, kind: 'app-credential', id: password.keyId, identity }
        return { identity, credential, secret: new Secret(password.secretText, application.appId) }
      },
      use: async secret => {
        const form = new URLSearchParams({
          client_id: secret.id ?? '',
          client_secret: secret.revealText(),
          grant_type: 'client_credentials',
          scope: 'https://graph.microsoft.com/.default',
        })
        const url = `${server.config.login}/${twin.tenant}/oauth2/v2.0/token`
        return (await fetch(url, { method: 'POST', body: form })).ok
      },
      faults: async () => memoryFaults(twin, open),
      snapshot: async () => twin.snapshot(),
      replace: async () => {
        twin.tenant = '11111111-1111-4111-8111-111111111111'
      },
      vanish: async () => {
        twin.reachable = false
      },
    }
  },
})
