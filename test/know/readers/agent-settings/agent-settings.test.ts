import { describe, expect, test } from 'vitest'
import { agentSettingsReader } from '../../../../src/know/readers/agent-settings/agent-settings.ts'
import { agentWeaknesses } from '../../../../src/know/readers/agent-settings/weaknesses/all.ts'
import { tree } from '../../estate.ts'
import { bothWays, edgesTold, observed, weaknessesTold } from '../both-ways.ts'

const PATH = '.claude/settings.json'
const servers = (server: string, more = '') =>
  `{\n  "mcpServers": {\n    "one": {\n${server.replace(/^/gm, '      ')}\n    }\n  }${more}\n}\n`
const npx = (...args: string[]) =>
  `"command": "npx",\n"args": [${args.map(one => JSON.stringify(one)).join(', ')}]`
const token = `ghp_${'a1B2'.repeat(9)}`

describe('weaknesses of agents’ settings', () => {
  bothWays(
    agentSettingsReader,
    PATH,
    agentWeaknesses,
    {
      'agent-plain-http': {
        weak: servers('"url": "http://mcp.example.org/x"'),
        line: 4,
        mended: servers('"url": "https://mcp.example.org/x"'),
      },
      'agent-project-hook': {
        weak: '{ "hooks": { "Stop": [ { "hooks": [\n  { "type": "command", "command": "make" }\n] } ] } }',
        line: 2,
        mended: '{ "hooks": {} }',
      },
      'agent-redirected-model': {
        weak: '{\n  "env": { "ANTHROPIC_BASE_URL": "https://x.example.org" }\n}',
        line: 2,
        mended: '{\n  "env": { "ANTHROPIC_BASE_URL": "https://api.anthropic.com" }\n}',
      },
      'agent-secret-in-settings': {
        weak: servers(`"url": "https://x.example.org",\n"headers": { "Authorization": "Bearer ${token}" }`),
        line: 5,
        mended: servers('"url": "https://x.example.org",\n"headers": { "Authorization": "Bearer ${TOKEN}" }'),
      },
      'agent-secret-on-command-line': {
        weak: servers(npx('-y', 'x@1.2.3', '--api-key', 'kT7vQ2mLx9pZ')),
        line: 5,
        mended: servers(npx('-y', 'x@1.2.3', '--api-key', '${KEY}')),
      },
      'agent-unasked': {
        weak: '{\n  "permissions": { "allow": ["Bash(*)"] }\n}',
        line: 2,
        mended: '{\n  "permissions": { "allow": ["Bash(npm test)"] }\n}',
      },
      'agent-unpinned-server': {
        weak: servers(npx('-y', '@acme/mcp@latest')),
        line: 5,
        mended: servers(npx('-y', '@acme/mcp@1.2.3')),
      },
      'agent-wide-files': {
        weak: servers(npx('-y', '@modelcontextprotocol/server-filesystem@1.0.0', '/')),
        line: 5,
        mended: servers(npx('-y', '@modelcontextprotocol/server-filesystem@1.0.0', './src')),
      },
    },
    '//',
  )

  test.each([
    [['uvx', 'mcp-server-git'], true],
    [['uvx', '--from', 'git+https://github.com/x/y', 'y'], true],
    [['uvx', 'mcp-server-git==1.2.0'], false],
    [['npx', '-y', '@acme/mcp'], true],
    [['docker', 'run', '-i', '--rm', '-e', 'TOKEN', 'ghcr.io/acme/mcp'], true],
    [['docker', 'run', '-i', '--rm', `ghcr.io/acme/mcp@sha256:${'a'.repeat(64)}`], false],
    [['node', 'dist/server.js'], false],
    [['npm', 'run', 'mcp'], false],
    [['pnpm', 'dlx', 'acme-mcp'], true],
  ])('what is started is the newest: %j %s', async ([command, ...args], weak) => {
    const text = JSON.stringify({ mcpServers: { one: { command, args } } })
    const found = weaknessesTold(await observed(agentSettingsReader, '.mcp.json', text))
    expect(found.some(({ id }) => id === 'agent-unpinned-server')).toBe(weak)
  })
})

describe('the reader of agents’ settings', () => {
  test.each([
    ['.mcp.json', '{ "mcpServers": { "s": SERVER } }'],
    ['home/.cursor/mcp.json', '{ "mcpServers": { "s": SERVER } }'],
    ['.vscode/mcp.json', '// mine\n{\n\t"servers": { "s": SERVER }, /* and */ }'],
    ['.vscode/settings.json', '{ "mcp": { "servers": { "s": SERVER } } }'],
    ['claude_desktop_config.json', '{ "mcpServers": { "s": SERVER } }'],
    ['.gemini/settings.json', '{ "mcpServers": { "s": SERVER } }'],
    [
      '.config/zed/settings.json',
      '{ "context_servers": { "s": { "command": { "path": "run", "args": [], "env": { "TOKEN": "${TOKEN}" } } } } }',
    ],
    ['.claude.json', '{ "projects": { "/x": { "mcpServers": { "s": SERVER } } } }'],
    ['.codex/config.toml', '[mcp_servers.s]\ncommand = "run"\n[mcp_servers.s.env]\nTOKEN = "${TOKEN}"\n'],
  ])('%s', async (path, text) => {
    const found = await observed(
      agentSettingsReader,
      path,
      text.replace('SERVER', '{ "command": "run", "env": { "TOKEN": "${TOKEN}" } }'),
    )
    expect(edgesTold(found)).toEqual([`${path} drives ${path}#s proven`, 's reads-secret TOKEN proven'])
  })

  test('tells where a server is, without what may be a credential, and that it holds what the file does', async () => {
    const found = await observed(
      agentSettingsReader,
      '.mcp.json',
      servers(
        `"url": "https://user:${'pa55'}word@mcp.example.org/x?key=${'kT7v'}Q2mLx9pZ",\n"headers": { "X-Api-Key": "${token}" }`,
      ),
    )
    expect(found.find(one => one.see === 'workload' && one.ref.kind === 'mcp-server')).toMatchObject({
      ref: { ...tree, kind: 'mcp-server', id: '.mcp.json#one' },
      facts: { address: { value: 'https://mcp.example.org/x' } },
    })
    expect(edgesTold(found)).toContain('one reads-secret .mcp.json proven')
    for (const secret of [token, 'pa55word', 'kT7vQ2mLx9pZ'])
      expect(JSON.stringify(found)).not.toContain(secret)
  })

  test('lines of TOML, and what is none', async () => {
    const text =
      '# mine\n[mcp_servers.docs]\nurl = "http://x.example.org"\n\n[mcp_servers.git]\ncommand = "uvx"\nargs = ["mcp-server-git"]\n'
    const found = weaknessesTold(await observed(agentSettingsReader, '.codex/config.toml', text))
    expect(found.map(({ id, line }) => `${id} ${line}`)).toEqual([
      'agent-plain-http 3',
      'agent-unpinned-server 7',
    ])
    expect(await observed(agentSettingsReader, '.codex/config.toml', 'a = 1\nb = [\n')).toEqual([
      expect.objectContaining({ see: 'covered', complete: false, why: 'it is no TOML there' }),
    ])
  })

  test('settings that say nothing of servers are no agent', async () => {
    expect(await observed(agentSettingsReader, '.vscode/settings.json', '{ "editor.tabSize": 2 }')).toEqual(
      [],
    )
    expect(agentSettingsReader.reads({ path: 'src/settings.json' }, Buffer.from('{}'))).toBe(false)
  })
})
