import { memoryGithub } from '../../src/connectors/github/memory.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { laws } from './laws.ts'
import { memoryFaults } from './memory-faults.ts'
import type { World } from './world.ts'

type Twin = ReturnType<typeof memoryGithub>

const LACKS = ['extend', 'sessions', 'rotate', 'freeze', 'thaw', 'narrow', 'endSessions'] as const

laws({
  name: 'GitHub in memory, its deploy keys',
  lacks: LACKS,
  async start(): Promise<World> {
    const twin = memoryGithub({ pageSize: 2 })
    const repository = twin.server.addRepository('app')
    let count = 0
    return {
      ...worldOf(twin),
      async principal() {
        const { privateKey, fingerprint } = twin.server.addKey(repository, `key ${count++}`, false)
        const id = `${repository.id}/keys/${fingerprint}`
        const identity = { system: 'github', instance: 'github.com:9001', kind: 'deploy-key', id }
        return {
          identity,
          credential: { ...identity, kind: 'ssh-key', identity },
          secret: new Secret(privateKey),
          trial: {
            from: identity,
            to: { ...identity, kind: 'repository', id: String(repository.id) },
            toNames: [],
            crossing: 'may-push',
          },
        }
      },
    }
  },
})

laws({
  name: 'GitHub in memory, installations of apps',
  lacks: LACKS,
  // An app makes its own tokens, of which GitHub keeps no list.
  standInLacks: ['issue', 'undo', 'probe'],
  async start(): Promise<World> {
    const twin = memoryGithub({ pageSize: 2 }, { asApp: true })
    twin.server.addInstallation('own', { contents: 'read' })
    let count = 0
    return {
      ...worldOf(twin),
      async principal() {
        const { id, app_slug } = twin.server.addInstallation(`app-${count++}`, { contents: 'write' })
        const identity = {
          system: 'github',
          instance: 'github.com:9001',
          kind: 'app-installation',
          id: String(id),
        }
        const token = twin.server.addToken({ id, login: app_slug }, 'installation')
        return { identity, credential: { ...identity, identity }, secret: new Secret(token) }
      },
    }
  },
})

function worldOf(twin: Twin): World {
  const open = () => twin.connector.open({} as never, realIo())
  return {
    open,
    endsNothingByItself: true,
    manyPrincipals: 5,
    stop: async () => {},
    faults: async () => memoryFaults(twin, open),
    snapshot: async () => twin.server.snapshot(),
    replace: async () => {
      twin.server.owner = { ...twin.server.owner, id: 9002 }
    },
    vanish: async () => {
      twin.reachable = false
    },
  }
}
