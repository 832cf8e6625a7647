import { items, type Located, member, scalar } from '../../located.ts'
import type { Weak, Weakness } from '../../weakness.ts'
import type { AgentSettings, McpServer } from '../settings.ts'

export const agentUnasked: Weakness<AgentSettings, McpServer> = {
  id: 'agent-unasked',
  title: 'An agent does what it likes without asking',
  severity: 'high',
  why: 'Whoever writes what the agent reads (an issue, a web page, a dependency) has it run commands and use its servers’ credentials, and nobody is asked.',
  fix: 'Let it ask, or allow the few commands that are harmless; run it unasked only where it holds no credentials and reaches nothing.',
  frameworks: ['NHI5:2025'],
  references: ['https://genai.owasp.org/llmrisk/llm062025-excessive-agency/'],
  *find({ root, servers }) {
    const is = (value: string, ...path: string[]) => {
      const found = member(root, ...path)
      return scalar(found) === value ? found : undefined
    }
    const settings: readonly (readonly [Located | undefined, string])[] = [
      [is('bypassPermissions', 'permissions', 'defaultMode'), 'it asks for no permission'],
      [is('true', 'enableAllProjectMcpServers'), 'it starts every server that a project names'],
      [is('true', 'chat.tools.autoApprove'), 'every tool is approved'],
      [is('true', 'chat.tools.global.autoApprove'), 'every tool is approved'],
      [is('danger-full-access', 'sandbox_mode'), 'it runs commands outside of any sandbox'],
      [is('true', 'general', 'autoAccept') ?? is('true', 'autoAccept'), 'every tool is approved'],
      [is('yolo', 'general', 'defaultApprovalMode'), 'every tool is approved'],
    ]
    for (const [found, why] of settings) if (found) yield { line: found.line, certainty: 'proven', why }
    for (const rule of items(member(root, 'permissions', 'allow')))
      if (/^(?:Bash|Bash\((?:\*|:\*)\)|\*|mcp__\*)$/.test(scalar(rule) ?? ''))
        yield { line: rule.line, certainty: 'proven', why: 'it may run every command unasked' }
    for (const server of servers) yield* ofServer(server)
  },
}

function* ofServer(server: McpServer): Generator<Weak<McpServer>> {
  const said = (found: Located) => ({
    line: found.line,
    certainty: 'proven' as const,
    why: `${server.name} may be used unasked`,
    job: server,
  })
  for (const name of ['autoApprove', 'alwaysAllow']) {
    const list = member(server.node, name)
    if (items(list).some(one => scalar(one) === '*') || scalar(list) === 'true') yield said(list!)
  }
  const trusted = member(server.node, 'trust')
  if (scalar(trusted) === 'true') yield said(trusted!)
}
