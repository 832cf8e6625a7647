import { member, members, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { AgentSettings, McpServer } from '../settings.ts'

const OFFICIAL =
  /^https:\/\/(?:[\w-]+\.)*(?:anthropic\.com|openai\.com|googleapis\.com|amazonaws\.com|azure\.com)(?:[:/]|$)/i

export const agentRedirectedModel: Weakness<AgentSettings, McpServer> = {
  id: 'agent-redirected-model',
  title: 'An agent’s model is at an address that the settings give',
  severity: 'medium',
  why: 'The agent sends its key and all that it reads there, and does what comes back; in a repository, whoever may push decides where that is.',
  fix: 'Take the address out of what others can change; set it for the machine, by its administrator.',
  frameworks: ['NHI3:2025'],
  references: ['https://docs.anthropic.com/en/docs/claude-code/settings'],
  *find({ root }) {
    for (const [name, value] of members(member(root, 'env')))
      if (
        /^(?:ANTHROPIC|OPENAI|GOOGLE_GEMINI|GEMINI)_(?:API_)?BASE_?(?:URL)?$/.test(name) &&
        !OFFICIAL.test(scalar(value) ?? '')
      )
        yield { line: value.line, certainty: 'conditional', why: `${name} is another’s address` }
  },
}
