import { memoryGithub } from '../../../src/connectors/github/memory.ts'
import type { MemoryRepository } from '../../../src/connectors/github/memory-server.ts'
import type { Connection } from '../../../src/core/contract/connector.ts'
import type { Document } from '../../../src/core/contract/document.ts'
import { type Io, realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { formatRef } from '../../../src/core/contract/ref.ts'

export type Twin = ReturnType<typeof memoryGithub>

/** Waits take no time, and are told. */
export function quickIo(waits: number[] = []): Io {
  return {
    ...realIo(),
    async sleep(ms) {
      waits.push(ms)
    },
  }
}

const WORKFLOW = `on: push
permissions: { contents: read }
jobs:
  deploy:
    runs-on: ubuntu-latest
    environment: production
    steps:
      - run: ./deploy
        env: { DATABASE_URL: '\${{ secrets.DATABASE_URL }}', NPM_TOKEN: '\${{ secrets.NPM_TOKEN }}' }
  check:
    runs-on: self-hosted
    steps:
      - run: ./check
        env: { DATABASE_URL: '\${{ secrets.DATABASE_URL }}' }
`

/** An organisation with a repository that has a bit of everything. */
export function furnished(
  overrides: Parameters<typeof memoryGithub>[0] = {},
): Twin & { app: MemoryRepository } {
  const twin = memoryGithub({ pageSize: 2, ...overrides })
  const { server } = twin
  const app = server.addRepository('app', 'public')
  const [ann, bob, cho] = ['ann', 'bob', 'cho'].map(login => server.addUser(login)) as [never, never, never]
  server.members.push({ user: ann, role: 'admin' }, { user: bob, role: 'member' })
  const team = {
    id: server.next(),
    slug: 'release',
    members: [bob],
    repositories: new Map([[app.id, 'push']]),
  }
  server.teams.push(team)
  app.collaborators.push(
    { user: ann, permission: 'admin' },
    { user: bob, permission: 'push' },
    { user: cho, permission: 'pull' },
  )
  server.set(server.secrets, 'NPM_TOKEN', 'of the organisation', { visibility: 'all' })
  server.set(server.secrets, 'OTHERS', 'of others', { visibility: 'selected', selected: [1] })
  server.set(app.secrets, 'DATABASE_URL', 'unknown')
  server.set(app.variables, 'REGION', 'eu-west-1')
  app.environments.push({
    id: server.next(),
    name: 'production',
    protection_rules: [
      {
        type: 'required_reviewers',
        prevent_self_review: true,
        reviewers: [{ type: 'Team', reviewer: { id: team.id, slug: team.slug } }],
      },
      { type: 'wait_timer', wait_timer: 30 },
    ],
    deployment_branch_policy: { protected_branches: false, custom_branch_policies: true },
    branches: ['main', 'release/*'],
    secrets: [],
    variables: [],
  })
  server.set(app.environments[0]!.secrets, 'DATABASE_URL', 'of production')
  app.rules.push({ type: 'pull_request', parameters: { required_approving_review_count: 1 } })
  app.hooks.push({
    id: server.next(),
    active: true,
    events: ['push'],
    config: { url: 'https://ci.example.org/hook?token=t', secret: '********', insecure_ssl: '0' },
  })
  app.runners.push({
    id: server.next(),
    name: 'metal',
    os: 'linux',
    status: 'online',
    labels: [{ name: 'self-hosted' }],
  })
  app.files.set('.github/workflows/ci.yml', WORKFLOW)
  server.addInstallation('renovate', { contents: 'write', workflows: 'write' })
  server.addInstallation('reader', { contents: 'read' }, 'selected')
  server.addKey(app, 'mirror', false)
  server.addKey(app, 'backup', true)
  return Object.assign(twin, { app })
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** What is read of each document, by its path. */
export async function textsOf(connection: Connection, since?: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  for await (const document of connection.documents!(since)) texts.set(document.path, await textOf(document))
  return texts
}

async function textOf(document: Document): Promise<string> {
  return Buffer.concat(await collect(document.bytes())).toString('utf8')
}

/** Edges as `kind/id --crossing--> kind/id`, numbers of the repository as `app`. */
export function edgesIn(seen: readonly Observation[]): string[] {
  const short = (text: string) => text.replace(/^github:[^/]+\//, '')
  return seen.flatMap(each =>
    each.see === 'edge'
      ? [
          `${short(formatRef(each.from))} ${each.crossing} ${short(formatRef(each.to))}${each.when ? ' if' : ''}`,
        ]
      : [],
  )
}

export function gapsIn(seen: readonly Observation[]) {
  return seen.filter(each => each.see === 'covered').filter(({ complete }) => !complete)
}
