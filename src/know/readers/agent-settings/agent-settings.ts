import type { Reader } from '../reader.ts'
import { agentOf } from './agent.ts'

/**
 * Settings of AI agents: which MCP servers each starts, by which command or at which address, which credential each server is
 * given, and what the agent may do unasked. https://modelcontextprotocol.io/docs/develop/connect-local-servers
 */
export const agentSettingsReader: Reader = {
  format: 'agent-settings',
  reads({ path, format }) {
    return format === undefined ? agentOf(path) !== undefined : format === 'agent-settings'
  },
  async *read(document, bytes) {
    const { readAgentSettings } = await import('./read-agent-settings.ts')
    yield* readAgentSettings(document, bytes)
  },
}
