import type { Weakness } from '../../weakness.ts'
import type { AgentSettings, McpServer } from '../settings.ts'
import { agentPlainHttp } from './agent-plain-http.ts'
import { agentProjectHook } from './agent-project-hook.ts'
import { agentRedirectedModel } from './agent-redirected-model.ts'
import { agentSecretInSettings } from './agent-secret-in-settings.ts'
import { agentSecretOnCommandLine } from './agent-secret-on-command-line.ts'
import { agentUnasked } from './agent-unasked.ts'
import { agentUnpinnedServer } from './agent-unpinned-server.ts'
import { agentWideFiles } from './agent-wide-files.ts'

/** What no settings of an agent should say. */
export const agentWeaknesses: readonly Weakness<AgentSettings, McpServer>[] = [
  agentPlainHttp,
  agentProjectHook,
  agentRedirectedModel,
  agentSecretInSettings,
  agentSecretOnCommandLine,
  agentUnasked,
  agentUnpinnedServer,
  agentWideFiles,
]
