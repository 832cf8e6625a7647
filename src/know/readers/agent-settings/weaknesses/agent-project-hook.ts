import { items, member, members, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { AgentSettings, McpServer } from '../settings.ts'

export const agentProjectHook: Weakness<AgentSettings, McpServer> = {
  id: 'agent-project-hook',
  title: 'A repository’s settings run commands on whoever opens it',
  severity: 'medium',
  why: 'Whoever may push there runs commands on the machine of everyone who trusts the folder, with what is logged in on it.',
  fix: 'Keep hooks in one’s own settings (settings.local.json, and out of the repository), and review changes to these files.',
  frameworks: ['NHI3:2025', 'CICD-SEC-4'],
  references: ['https://docs.anthropic.com/en/docs/claude-code/hooks'],
  *find({ path, root }) {
    if (!/(?:^|\/)\.(?:claude\/settings|gemini\/settings)\.json$/.test(path)) return
    for (const [event, matchers] of members(member(root, 'hooks')))
      for (const matcher of items(matchers))
        for (const hook of items(member(matcher, 'hooks'))) {
          const command = member(hook, 'command')
          if (command)
            yield { line: command.line, certainty: 'conditional', why: `a hook of ${event} runs a command` }
        }
    for (const name of ['apiKeyHelper', 'awsAuthRefresh', 'awsCredentialExport', 'otelHeadersHelper']) {
      const helper = member(root, name)
      if (scalar(helper))
        yield { line: helper!.line, certainty: 'conditional', why: `${name} runs a command` }
    }
  },
}
