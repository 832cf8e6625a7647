/** Whose settings lie where. Several agents read `.mcp.json` of a project. */
const AGENTS: readonly { readonly path: RegExp; readonly name: string }[] = [
  { path: /(?:^|\/)claude_desktop_config\.json$/, name: 'Claude Desktop' },
  {
    path: /(?:^|\/)\.claude\/settings(?:\.local)?\.json$|(?:^|\/)\.claude\.json$|(?:^|\/)managed-settings\.json$/,
    name: 'Claude Code',
  },
  { path: /(?:^|\/)\.cursor\/mcp\.json$/, name: 'Cursor' },
  {
    path: /(?:^|\/)\.vscode\/(?:mcp|settings)\.json$|(?:^|\/)Code\/User\/(?:mcp|settings)\.json$/,
    name: 'Visual Studio Code',
  },
  { path: /(?:^|\/)\.gemini\/settings\.json$/, name: 'Gemini CLI' },
  { path: /(?:^|\/)\.codex\/config\.toml$/, name: 'Codex' },
  {
    path: /(?:^|\/)(?:\.codeium\/)?windsurf\/mcp_config\.json$|(?:^|\/)\.windsurf\/mcp(?:_config)?\.json$/,
    name: 'Windsurf',
  },
  { path: /(?:^|\/)(?:\.zed|\.config\/zed|zed)\/settings\.json$/, name: 'Zed' },
  { path: /(?:^|\/)cline_mcp_settings\.json$/, name: 'Cline' },
  { path: /(?:^|\/)\.roo\/mcp\.json$/, name: 'Roo Code' },
  { path: /(?:^|\/)\.amazonq\/(?:mcp|default)\.json$/, name: 'Amazon Q' },
  { path: /(?:^|\/)\.kiro\/settings\/mcp\.json$/, name: 'Kiro' },
  { path: /(?:^|\/)\.junie\/mcp\/mcp\.json$/, name: 'Junie' },
  { path: /(?:^|\/)opencode\.jsonc?$/, name: 'opencode' },
  { path: /(?:^|\/)\.?mcp(?:[._-]servers)?\.json$/, name: 'an agent' },
]

/** All of them end so: asked first, since every path is asked about. */
const SETTINGS = /\.(?:jsonc?|toml)$/

/** The agent that reads the file, by its path; undefined where none does. */
export function agentOf(path: string): string | undefined {
  if (!SETTINGS.test(path)) return undefined
  return AGENTS.find(agent => agent.path.test(path))?.name
}
