import { memoryKubernetes } from '../../src/connectors/kubernetes/memory.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { laws } from './laws.ts'
import { memoryFaults } from './memory-faults.ts'
import type { World } from './world.ts'

laws({
  name: 'Kubernetes in memory',
  // Who uses a token is not listed, and a token is never changed: it ends, and another is given.
  lacks: ['extend', 'sessions', 'rotate', 'suspend', 'resume', 'freeze', 'thaw', 'narrow', 'endSessions'],
  async start(): Promise<World> {
    const twin = memoryKubernetes({ pageSize: 2 })
    const { objects } = twin
    let count = 0
    const open = () => twin.connector.open({} as never, realIo())
    return {
      open,
      manyPrincipals: 5,
      stop: async () => {},
      async principal() {
        const name = `app-${count++}`
        const account = objects.add('serviceaccounts', 'ServiceAccount', 'shop', { metadata: { name } })!
        const secret = objects.add('secrets', 'Secret', 'shop', {
          metadata: {
            name: `${name}-token`,
            annotations: { 'kubernetes.io/service-account.name': name },
          },
          type: 'kubernetes.io/service-account-token',
        })!
        twin.allowed.set(account.metadata.uid, new Set(['get secrets']))
        const identity = {
          system: 'kubernetes',
          instance: twin.instance,
          kind: 'service-account',
          id: account.metadata.uid,
        }
        const token = (secret.body['data'] as { token: string }).token
        return {
          identity,
          credential: { ...identity, kind: 'token', id: secret.metadata.uid, identity },
          secret: new Secret(Buffer.from(token, 'base64')),
          trial: {
            from: identity,
            to: { ...identity, kind: 'secret', id: secret.metadata.uid },
            toNames: [`shop/secret/${name}-token`],
            crossing: 'kubernetes-read-secrets',
            actions: [{ action: 'get secrets', onTarget: true }],
          },
        }
      },
      use: async secret => objects.bearer(secret.revealText(), Date.now()) !== undefined,
      faults: async () => memoryFaults(twin, open),
      snapshot: async () => objects.snapshot(),
      replace: async () => {
        twin.instance = 'another-cluster'
      },
      vanish: async () => {
        twin.reachable = false
      },
    }
  },
})
