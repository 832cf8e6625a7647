import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import { isSecretLiteral } from '../credential-reference.ts'
import type { AgentSettings, McpServer } from '../settings.ts'

export const agentSecretOnCommandLine: Weakness<AgentSettings, McpServer> = {
  id: 'agent-secret-on-command-line',
  title: 'A server is given its credential as an argument',
  severity: 'medium',
  why: 'Every process on the machine can read it, and it stands in the settings, too, or in a URL that is logged.',
  fix: 'Give it by the environment (env), and name a variable there.',
  frameworks: ['NHI2:2025'],
  references: ['https://modelcontextprotocol.io/specification/draft/basic/security_best_practices'],
  *find({ servers }) {
    for (const server of servers) {
      for (const [index, one] of server.command.entries()) {
        const text = scalar(one) ?? ''
        const [, option = '', given = ''] = /^--?([\w-]+)(?:[= ](.+))?$/.exec(text) ?? []
        const value = given || (scalar(server.command[index + 1]) ?? '')
        const named = /(?:^|[-_])(?:token|secret|password|api[-_]?key|access[-_]?key|key|auth)$/i.test(option)
        const secret = named && value !== '' && !value.startsWith('-') && !/^\$|^\{|^your|^</i.test(value)
        // postgres://user:password@host
        const address = /^[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:[^\s@/${}]+@/i.test(text)
        if (secret || address || isSecretLiteral('', text))
          yield {
            line: one.line,
            certainty: 'conditional',
            why: `${server.name} is started with a credential as an argument`,
            job: server,
          }
      }
      if (/[?&](?:[\w-]*(?:token|key|secret|password))=[^&$]{8,}/i.test(scalar(server.url) ?? ''))
        yield {
          line: server.url!.line,
          certainty: 'conditional',
          why: `${server.name} has a credential in its address`,
          job: server,
        }
    }
  },
}
