import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { AgentSettings, McpServer } from '../settings.ts'

const PLAIN =
  /^(?:http|ws):\/\/(?!(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|host\.docker\.internal)(?:[:/]|$))/i

export const agentPlainHttp: Weakness<AgentSettings, McpServer> = {
  id: 'agent-plain-http',
  title: 'An agent speaks to a server over plain http',
  severity: 'high',
  why: 'Whoever stands between reads the credential, and answers in the server’s stead: what comes back are instructions to the agent.',
  fix: 'Use https.',
  frameworks: ['NHI4:2025'],
  references: ['https://modelcontextprotocol.io/specification/draft/basic/security_best_practices'],
  *find({ servers }) {
    for (const server of servers)
      for (const one of [server.url, ...server.command])
        if (one && PLAIN.test(scalar(one) ?? ''))
          yield {
            line: one.line,
            certainty: 'proven',
            why: `${server.name} is at an address of plain http`,
            job: server,
          }
  },
}
