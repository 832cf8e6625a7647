import { readText, unread } from '../read-text.ts'
import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import type { Json, Ref } from '../../../core/contract/ref.ts'
import { scalar } from '../located.ts'
import { weaknessesOf, weaknessFact } from '../weakness.ts'
import { agentOf } from './agent.ts'
import { isSecretLiteral, referencesIn } from './credential-reference.ts'
import { agentSettingsOf, locateSettings, type McpServer } from './settings.ts'
import { agentWeaknesses } from './weaknesses/all.ts'
import { withinRepository } from '../within-repository.ts'

/** All that an agent's settings tell of its servers and what they hold. */
export async function* readAgentSettings(
  document: { readonly in: Ref; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const { path, in: container } = document
  const text = yield* readText('agent-settings', path, bytes)
  if (text === undefined) return
  const { root, problems } = locateSettings(path, text)
  for (const { line, why } of problems) yield unread('agent-settings', path, line, why)
  if (!root) return
  const settings = agentSettingsOf(path, agentOf(path) ?? 'an agent', root)
  const found = weaknessesOf(settings, agentWeaknesses, text)
  const ofFile = found.filter(({ weak }) => !weak.job).map(weaknessFact)
  if (settings.servers.length === 0 && ofFile.length === 0) return
  const agent: Ref = withinRepository(container, 'agent', path)
  const file: Ref = withinRepository(container, 'file', path)
  yield { see: 'resource', ref: file, names: [path], facts: {} }
  yield {
    see: 'workload',
    ref: agent,
    names: [`${settings.agent} (${path})`],
    facts: factsOf({ runtime: settings.agent, ...(ofFile.length > 0 && { weaknesses: ofFile }) }),
  }
  yield {
    see: 'edge',
    from: agent,
    to: container,
    crossing: 'defined-in',
    certainty: 'proven',
    why: `${path} is the agent’s settings`,
  }
  yield {
    see: 'edge',
    from: agent,
    to: file,
    crossing: 'may-read',
    certainty: 'proven',
    why: 'it reads its settings',
  }
  for (const server of settings.servers) {
    const weak = found.filter(({ weak }) => weak.job === server).map(weaknessFact)
    yield* ofServer({ container, path, agent, file }, server, weak)
  }
}

function* ofServer(
  {
    container,
    path,
    agent,
    file,
  }: { readonly container: Ref; readonly path: string; readonly agent: Ref; readonly file: Ref },
  server: McpServer,
  weak: readonly Json[],
): Generator<Observation> {
  const ref: Ref = withinRepository(container, 'mcp-server', `${path}#${server.name}`)
  const address = addressOf(server)
  yield {
    see: 'workload',
    ref,
    names: [`${server.name} (${path})`],
    facts: factsOf({
      runtime: 'MCP',
      ...(server.command[0] && { program: scalar(server.command[0]) ?? '' }),
      ...(address !== undefined && { address }),
      ...(server.disabled && { disabled: true }),
      ...(weak.length > 0 && { weaknesses: [...weak] }),
    }),
  }
  yield {
    see: 'edge',
    from: agent,
    to: ref,
    crossing: 'drives',
    certainty: server.disabled ? 'potential' : 'proven',
    why: `${server.name} is a server of the agent’s (line ${server.line})`,
  }
  const told = new Set<string>()
  const values = [
    ...server.env,
    ...server.headers,
    ...[server.url, ...server.command].flatMap(one => (one ? [['', one] as const] : [])),
  ]
  for (const [name, value] of values) {
    const written = scalar(value) ?? ''
    for (const variable of referencesIn(written)) {
      if (told.has(variable)) continue
      told.add(variable)
      const to: Ref = withinRepository(container, 'environment-variable', variable)
      yield { see: 'resource', ref: to, names: [variable], facts: {} }
      yield {
        see: 'edge',
        from: ref,
        to,
        crossing: 'reads-secret',
        certainty: 'proven',
        why: `${server.name} is given ${variable} (line ${value.line})`,
      }
    }
    if (!isSecretLiteral(name, written) || told.has('')) continue
    told.add('')
    yield {
      see: 'edge',
      from: ref,
      to: file,
      crossing: 'reads-secret',
      certainty: 'proven',
      why: `${server.name} is given what stands in the file (line ${value.line})`,
    }
  }
  const named = scalar(
    server.node.value instanceof Map ? server.node.value.get('bearer_token_env_var') : undefined,
  )
  if (named !== undefined) {
    const to: Ref = withinRepository(container, 'environment-variable', named)
    yield { see: 'resource', ref: to, names: [named], facts: {} }
    yield {
      see: 'edge',
      from: ref,
      to,
      crossing: 'reads-secret',
      certainty: 'proven',
      why: `${server.name} is given ${named}`,
    }
  }
}

/** Where it is, without what may be a credential: a user, a query. */
function addressOf({ url }: McpServer): string | undefined {
  const text = scalar(url)
  if (text === undefined || !URL.canParse(text)) return undefined
  const { origin, pathname } = new URL(text)
  return origin === 'null' ? undefined : `${origin}${pathname.length > 60 ? '/…' : pathname}`
}
