import { memoryGitlab } from '../../src/connectors/gitlab/memory.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { laws } from './laws.ts'
import { memoryFaults } from './memory-faults.ts'
import type { World } from './world.ts'

laws({
  name: 'GitLab in memory',
  lacks: ['extend', 'sessions', 'suspend', 'resume', 'freeze', 'thaw', 'narrow', 'endSessions', 'probe'],
  async start(): Promise<World> {
    const twin = memoryGitlab({ pageSize: 2 })
    const project = twin.addProject('shop')
    let count = 0
    const open = () => twin.connector.open({} as never, realIo())
    return {
      open,
      // Tokens end with a day.
      endsNothingByItself: true,
      manyPrincipals: 5,
      stop: async () => {},
      async principal() {
        const token = twin.addToken(project, `token ${count++}`)
        const here = { system: 'gitlab', instance: 'gitlab.com:9' }
        const identity = { ...here, kind: 'user', id: String(token.user_id) }
        const id = `${project.id}/tokens/${token.user_id}`
        return {
          identity,
          credential: { ...here, kind: 'access-token', id, identity },
          secret: new Secret(token.value),
        }
      },
      use: async secret =>
        project.tokens.some(({ value, active }) => active && value === secret.revealText()),
      faults: async () => memoryFaults(twin, open),
      snapshot: async () => twin.snapshot(),
      replace: async () => {
        twin.group.id = 10
      },
      vanish: async () => {
        twin.reachable = false
      },
    }
  },
})
