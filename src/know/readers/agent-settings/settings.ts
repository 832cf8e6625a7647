import { TomlError, parse as parseToml } from 'smol-toml'
import { items, type Located, member, members, scalar } from '../located.ts'
import { locateYaml, type YamlProblem } from '../locate-yaml.ts'

/** An agent's settings: the servers that it starts or speaks to, and all else. */
export interface AgentSettings {
  readonly path: string
  readonly agent: string
  readonly root: Located
  readonly servers: readonly McpServer[]
}

export interface McpServer {
  readonly name: string
  readonly line: number
  readonly node: Located
  /** The command with its arguments, in one list. */
  readonly command: readonly Located[]
  readonly url: Located | undefined
  readonly env: ReadonlyMap<string, Located>
  readonly headers: ReadonlyMap<string, Located>
  readonly disabled: boolean
}

const MOST_SERVERS = 1000

export function agentSettingsOf(path: string, agent: string, root: Located): AgentSettings {
  const lists = [
    member(root, 'mcpServers'),
    member(root, 'mcp_servers'),
    member(root, 'context_servers'),
    member(root, 'servers'),
    member(root, 'mcp', 'servers'),
    member(root, 'amp.mcpServers'),
    agent === 'opencode' ? member(root, 'mcp') : undefined,
    // Of each project that was opened.
    ...[...members(member(root, 'projects')).values()].map(project => member(project, 'mcpServers')),
  ]
  const servers = lists
    .flatMap(list => [...members(list)])
    .filter(([, node]) => node.value instanceof Map)
    .slice(0, MOST_SERVERS)
    .map(([name, node]) => serverOf(name, node))
  return { path, agent, root, servers }
}

function serverOf(name: string, node: Located): McpServer {
  const command = member(node, 'command')
  // Zed has the command as an object of its own.
  const nested = command?.value instanceof Map ? command : undefined
  return {
    name,
    line: node.keyLine ?? node.line,
    node,
    command: [
      ...items(nested ? (member(nested, 'path') ?? member(nested, 'command')) : command),
      ...items(member(nested ?? node, 'args')),
    ],
    url: member(node, 'url') ?? member(node, 'serverUrl') ?? member(node, 'httpUrl') ?? member(node, 'uri'),
    env: members(member(nested ?? node, 'env') ?? member(node, 'environment')),
    headers: new Map([...members(member(node, 'headers')), ...members(member(node, 'http_headers'))]),
    disabled: scalar(member(node, 'disabled')) === 'true' || scalar(member(node, 'enabled')) === 'false',
  }
}

/** JSON with comments and commas at the end, as editors have it, or TOML. */
export function locateSettings(
  path: string,
  text: string,
): { root: Located | undefined; problems: readonly YamlProblem[] } {
  if (path.endsWith('.toml')) return locateToml(text)
  const { documents, problems } = locateYaml(withoutComments(text))
  return { root: documents[0], problems }
}

/** Comments become spaces, so that every line stays where it is; tabs too, which YAML does not indent by. */
function withoutComments(text: string): string {
  const kept: string[] = []
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]!
    if (quoted) {
      kept.push(sign)
      if (sign === '\\') kept.push(text[++at] ?? '')
      else if (sign === '"') quoted = false
    } else if (sign === '"') {
      quoted = true
      kept.push(sign)
    } else if (sign === '/' && (text[at + 1] === '/' || text[at + 1] === '*')) {
      const found = text.indexOf(text[at + 1] === '/' ? '\n' : '*/', at + 2)
      const end = found < 0 ? text.length : found + (text[at + 1] === '/' ? 0 : 2)
      kept.push(text.slice(at, end).replace(/[^\n]/g, ' '))
      at = end - 1
    } else kept.push(sign === '\t' ? ' ' : sign)
  }
  return kept.join('')
}

function locateToml(text: string): { root: Located | undefined; problems: readonly YamlProblem[] } {
  try {
    return { root: located(parseToml(text), text.split('\n'), [], 0), problems: [] }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    return { root: undefined, problems: [{ line: error.line, why: 'it is no TOML there' }] }
  }
}

/** A table has the line of its header, and a value that of its key below it. */
function located(value: unknown, lines: readonly string[], path: readonly string[], above: number): Located {
  const here = path.length === 0 ? 1 : lineOf(lines, path, above)
  const plain = { line: here, textLine: here, keyLine: here }
  if (Array.isArray(value))
    return { ...plain, value: value.map(one => ({ ...located(one, lines, [], above), line: here })) }
  if (value !== null && typeof value === 'object' && !(value instanceof Date))
    return {
      ...plain,
      value: new Map(
        Object.entries(value).map(([name, one]) => [name, located(one, lines, [...path, name], here)]),
      ),
    }
  const isPlain = ['string', 'number', 'boolean'].includes(typeof value)
  return { ...plain, value: isPlain ? (value as string | number | boolean) : String(value) }
}

function lineOf(lines: readonly string[], path: readonly string[], above: number): number {
  const plain = (text: string) => text.replace(/["'\s]/g, '')
  const header = lines.findIndex(line => /^\s*\[/.test(line) && plain(line).startsWith(`[${path.join('.')}]`))
  if (header >= 0) return header + 1
  const key = path.at(-1)!
  const below = lines.findIndex(
    (line, index) => index + 1 >= Math.max(1, above) && plain(line).includes(`${key}=`),
  )
  return below >= 0 ? below + 1 : Math.max(1, above)
}
