import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import { isSecretLiteral } from '../credential-reference.ts'
import type { AgentSettings, McpServer } from '../settings.ts'

export const agentSecretInSettings: Weakness<AgentSettings, McpServer> = {
  id: 'agent-secret-in-settings',
  title: 'A server’s credential stands in an agent’s settings',
  severity: 'high',
  why: 'The file lies in clear on the machine, or in the repository, and the agent itself may read it out to whoever asks well.',
  fix: 'Rotate it, and name a variable or an input that is asked for: ${TOKEN}, ${input:token}; or let the server log in by OAuth.',
  frameworks: ['NHI2:2025'],
  references: ['https://code.visualstudio.com/docs/copilot/customization/mcp-servers'],
  *find({ servers }) {
    for (const server of servers)
      for (const [name, value] of [...server.env, ...server.headers])
        if (isSecretLiteral(name, scalar(value) ?? ''))
          yield {
            line: value.line,
            certainty: 'conditional',
            why: `${server.name} is given ${name} in clear`,
            job: server,
          }
  },
}
