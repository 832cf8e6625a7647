import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { AgentSettings, McpServer } from '../settings.ts'

const ALL =
  /^(?:\/|~|~\/|\$HOME|\$\{HOME\}|\$\{userHome\}|[A-Za-z]:[\\/]|\/(?:home|Users|root)(?:\/[^/]+)?\/?|\/(?:etc|var)\/?|.*\/\.(?:ssh|aws|kube|gnupg|config)\/?)$/

export const agentWideFiles: Weakness<AgentSettings, McpServer> = {
  id: 'agent-wide-files',
  title: 'A server gives an agent all files of a user',
  severity: 'medium',
  why: 'The keys of the user’s other systems are among them: the agent reads them whenever something that it reads tells it to.',
  fix: 'Name the folder of the project.',
  frameworks: ['NHI5:2025'],
  references: ['https://github.com/modelcontextprotocol/servers/tree/main/src/filesystem'],
  *find({ servers }) {
    for (const server of servers) {
      if (!server.command.some(one => /filesystem|desktop-commander|server-files?\b/.test(scalar(one) ?? '')))
        continue
      for (const one of server.command.slice(1))
        if (ALL.test(scalar(one) ?? ''))
          yield {
            line: one.line,
            certainty: 'proven',
            why: `${server.name} may read all of a user’s files`,
            job: server,
          }
    }
  },
}
