import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { AgentSettings, McpServer } from '../settings.ts'

const RUNNERS = /(?:^|[\\/])(?:npx|bunx|pnpx|uvx|pipx|npm|pnpm|yarn|bun|deno|uv)(?:\.cmd|\.exe)?$/
const TAKES_VALUE = /^(?:--from|-p|--package|--python|--registry|--index-url|--with|-C|--prefix)$/
const WORDS = new Set(['exec', 'dlx', 'x', 'run', 'tool', 'create', '--', '-y', '--yes'])

export const agentUnpinnedServer: Weakness<AgentSettings, McpServer> = {
  id: 'agent-unpinned-server',
  title: 'A server of an agent is whatever was published last',
  severity: 'high',
  why: 'A bad release of the package, or whoever takes it over, runs on this machine at the next start, with the credentials that the server is given.',
  fix: 'Name the version (package@1.2.3), or the image’s digest, and raise it after a look.',
  frameworks: ['NHI3:2025'],
  references: ['https://modelcontextprotocol.io/specification/draft/basic/security_best_practices'],
  *find({ servers }) {
    for (const server of servers) {
      const [program, ...args] = server.command.map(one => scalar(one) ?? '')
      const lineOf = (index: number) => server.command[index + 1]?.line ?? server.line
      if (/(?:^|[\\/])(?:docker|podman|nerdctl)$/.test(program ?? '')) {
        const at = args.findIndex(
          (arg, index) =>
            index > args.indexOf('run') && !arg.startsWith('-') && !takesValue(args[index - 1] ?? ''),
        )
        const image = at < 0 ? undefined : args[at]
        if (args.includes('run') && image !== undefined && !image.includes('@sha256:'))
          yield {
            line: lineOf(at),
            certainty: 'conditional',
            when: 'someone moves the tag',
            why: `${server.name} is an image without its digest`,
            job: server,
          }
        continue
      }
      if (!RUNNERS.test(program ?? '') || !isRemote(program!, args)) continue
      const at = args.findIndex(
        (arg, index) => !arg.startsWith('-') && !WORDS.has(arg) && !TAKES_VALUE.test(args[index - 1] ?? ''),
      )
      const from = args.findIndex(arg => arg === '--from' || arg === '--package' || arg === '-p')
      const index = from >= 0 ? from + 1 : at
      const named = args[index]
      if (named === undefined || /^(?:\.{0,2}\/|[A-Za-z]:\\)|\$\{|\.(?:js|ts|py|mjs)$/.test(named)) continue
      if (!/(?<!^)@v?\d|==\s*\d|[?#@][0-9a-f]{40}$/.test(named))
        yield {
          line: lineOf(index),
          certainty: 'proven',
          why: `${server.name} is the newest version of its package`,
          job: server,
        }
    }
  },
}

/** What fetches a package: not what runs a script of the project. */
function isRemote(program: string, args: readonly string[]): boolean {
  if (/(?:npx|bunx|pnpx|uvx)/.test(program)) return true
  const [first, second] = args
  if (/pipx/.test(program)) return first === 'run'
  if (/(?:^|[\\/])uv(?:\.exe)?$/.test(program)) return first === 'tool' && second === 'run'
  return first === 'exec' || first === 'dlx' || first === 'x'
}

/** Of a container runtime’s options these stand alone; any other has its value behind it. */
function takesValue(option: string): boolean {
  return (
    option.startsWith('-') &&
    !option.includes('=') &&
    !/^(?:-[it]+|--(?:rm|init|interactive|tty|privileged|read-only|detach|quiet))$/.test(option)
  )
}
