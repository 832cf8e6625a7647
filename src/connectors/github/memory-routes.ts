import { createHash } from 'node:crypto'
import { keyOf } from './keys.ts'
import type {
  MemoryEnvironment,
  MemoryRepository,
  MemorySecret,
  MemoryServer,
  MemoryToken,
} from './memory-server.ts'

/** A request past the wire. `owner` and the like are the names in the path; the query and the body are `input`. */
export interface Asked {
  readonly server: MemoryServer
  readonly params: Readonly<Record<string, string>>
  readonly input: Readonly<Record<string, unknown>>
  readonly as: MemoryToken | 'app' | undefined
  readonly token: string
}

/** A list is given page by page, in an object of this name where there is one. */
export type Answer =
  | { readonly status: number; readonly body?: unknown }
  | { readonly list: readonly unknown[]; readonly named?: string }
  | { readonly bytes: Uint8Array }

type Handler = (asked: Asked, repository: MemoryRepository) => Answer | Promise<Answer>

const NOT_FOUND: Answer = { status: 404, body: { message: 'Not Found' } }
const ok = (body: unknown): Answer => ({ status: 200, body })

const userOf = ({ id, login }: { id: number; login: string }) => ({ id, login, type: 'User' })
const shown = ({ value: _, selected: __, ...secret }: MemorySecret) => ({
  ...secret,
  created_at: secret.updated_at,
})
const shownVariable = ({ selected: _, ...variable }: MemorySecret) => variable

/** Of what belongs to the owner, or to nobody. */
export const ROUTES: Readonly<Record<string, (asked: Asked) => Answer | Promise<Answer>>> = {
  'GET /orgs/:org': ({ server, params }) =>
    params['org'] === server.owner.login && server.owner.type === 'Organization'
      ? ok(server.owner)
      : NOT_FOUND,
  'GET /users/:user': ({ server, params }) =>
    params['user'] === server.owner.login ? ok(server.owner) : NOT_FOUND,
  'GET /orgs/:org/repos': ({ server }) => ({
    list: server.repositories.map(one => repositoryBody(server, one)),
  }),
  'GET /users/:user/repos': ({ server }) => ({
    list: server.repositories.map(one => repositoryBody(server, one)),
  }),
  'GET /orgs/:org/members': ({ server, input }) => ({
    list: server.members.filter(({ role }) => role === input['role']).map(({ user }) => userOf(user)),
  }),
  'GET /orgs/:org/teams': ({ server }) => ({
    list: server.teams.map(({ id, slug }) => ({ id, slug, name: slug })),
  }),
  'GET /orgs/:org/teams/:slug/members': ({ server, params }) => ({
    list: server.teams.find(({ slug }) => slug === params['slug'])?.members.map(userOf) ?? [],
  }),
  'GET /orgs/:org/actions/secrets': ({ server }) => ({ list: server.secrets.map(shown), named: 'secrets' }),
  'GET /orgs/:org/actions/secrets/public-key': async () => ok(await publicKey()),
  'GET /orgs/:org/actions/secrets/:name': ({ server, params }) => oneOf(server.secrets, params, shown),
  'GET /orgs/:org/actions/secrets/:name/repositories': ({ server, params }) => ({
    list: (server.secrets.find(({ name }) => name === params['name'])?.selected ?? []).map(id => ({ id })),
    named: 'repositories',
  }),
  'PUT /orgs/:org/actions/secrets/:name': ({ server, params, input }) =>
    put(server, server.secrets, params, input, {
      visibility: String(input['visibility']),
      selected: (input['selected_repository_ids'] as number[] | undefined) ?? [],
    }),
  'DELETE /orgs/:org/actions/secrets/:name': ({ server, params }) => take(server.secrets, params),
  'GET /orgs/:org/actions/variables': ({ server }) => ({
    list: server.variables.map(shownVariable),
    named: 'variables',
  }),
  'GET /orgs/:org/actions/variables/:name': ({ server, params }) =>
    oneOf(server.variables, params, shownVariable),
  'PATCH /orgs/:org/actions/variables/:name': ({ server, params, input }) =>
    patch(server, server.variables, params, input),
  'DELETE /orgs/:org/actions/variables/:name': ({ server, params }) => take(server.variables, params),
  'GET /orgs/:org/installations': ({ server }) => ({ list: server.installations, named: 'installations' }),
  'GET /orgs/:org/personal-access-tokens': ({ server }) => ({
    list: server.fineGrained.map(token => ({ ...token, repository_selection: 'all' })),
  }),
  'POST /orgs/:org/personal-access-tokens/:id': ({ server, params }) => {
    const at = server.fineGrained.findIndex(({ id }) => String(id) === params['id'])
    if (at < 0) return NOT_FOUND
    server.fineGrained.splice(at, 1)
    return { status: 204 }
  },
  'GET /orgs/:org/hooks': () => ({ list: [] }),
  'GET /orgs/:org/actions/runners': ({ server }) => ({ list: server.runners, named: 'runners' }),
  'GET /orgs/:org/actions/oidc/customization/sub': () => ok({ include_claim_keys: ['repo', 'context'] }),
  'GET /orgs/:org/installation': ({ server, as }) =>
    as === 'app' ? ok(server.installations[0]) : { status: 401 },
  'GET /app': ({ as }) => (as === 'app' ? ok({ id: 4242, slug: 'firebreak' }) : { status: 401 }),
  'GET /app/installations': ({ server, as }) =>
    as === 'app'
      ? { list: server.installations.map(one => ({ ...one, account: server.owner })) }
      : { status: 401 },
  'GET /app/installations/:id': ({ server, params, as }) => {
    if (as !== 'app') return { status: 401 }
    const found = server.installations.find(({ id }) => String(id) === params['id'])
    return found ? ok(found) : NOT_FOUND
  },
  'POST /app/installations/:id/access_tokens': ({ server, params, as, input }) => {
    if (as !== 'app') return { status: 401 }
    const found = server.installations.find(({ id }) => String(id) === params['id'])
    if (!found) return NOT_FOUND
    if (found.suspended_at !== null)
      return { status: 403, body: { message: 'This installation has been suspended' } }
    const permissions = (input['permissions'] ?? found.permissions) as Record<string, string>
    const repositories = input['repositories'] as readonly string[] | undefined
    const LEVELS = ['read', 'write', 'admin']
    const granted = Object.entries(permissions).every(
      ([name, level]) => LEVELS.indexOf(level) <= LEVELS.indexOf(found.permissions[name] ?? ''),
    )
    if (!granted || !(repositories ?? []).every(name => server.repositories.some(one => one.name === name)))
      return {
        status: 422,
        body: { message: 'The permissions requested are not granted to this installation.' },
      }
    const token = server.addToken({ id: found.id, login: `${found.app_slug}[bot]` }, 'installation')
    const until = Date.now() + 3_600_000
    server.tokens.set(token, { ...server.tokens.get(token)!, permissions, repositories, until })
    // GitHub tells whole seconds.
    return { status: 201, body: { token, expires_at: new Date(until).toISOString().replace(/\.\d+/, '') } }
  },
  'PUT /app/installations/:id/suspended': asked => suspend(asked, '2026-01-01T00:00:00Z'),
  'DELETE /app/installations/:id/suspended': asked => suspend(asked, null),
  'GET /user': ({ as }) =>
    typeof as === 'object' && as.kind === 'user' ? ok(userOf(as.user)) : { status: 403 },
  'GET /installation/repositories': ({ server, as }) => {
    if (typeof as !== 'object' || as.kind !== 'installation') return { status: 403 }
    const of = server.installations.find(({ id }) => id === as.user.id)
    const here = server.repositories.filter(({ name }) => as.repositories?.includes(name) !== false)
    const list = here.map(one => repositoryBody(server, one))
    return of?.suspended_at === null ? { list, named: 'repositories' } : { status: 403 }
  },
  'DELETE /installation/token': ({ as }) => {
    if (typeof as !== 'object' || as.kind !== 'installation') return { status: 401 }
    as.revoked = true
    return { status: 204 }
  },
  'POST /credentials/revoke': ({ server, input }) => {
    for (const token of input['credentials'] as string[]) {
      const found = server.tokens.get(token)
      if (found) found.revoked = true
    }
    return { status: 202, body: {} }
  },
  'GET /repositories/:id': ({ server, params, as, token }) => {
    const found = server.repositories.find(({ id }) => String(id) === params['id'])
    if (!found) return NOT_FOUND
    // Our own token may do everything; others what they are collaborators for.
    const right =
      token === server.admin || typeof as !== 'object' || as.kind === 'installation'
        ? 'admin'
        : found.collaborators.find(({ user }) => user.id === as.user.id)?.permission
    if (right === undefined && found.visibility !== 'public') return NOT_FOUND
    const permissions = {
      admin: right === 'admin',
      push: right === 'admin' || right === 'push',
      pull: true,
    }
    return ok({ ...repositoryBody(server, found), permissions })
  },
}

const SECRETS = '/actions/secrets'
const VARIABLES = '/actions/variables'
const ENVIRONMENT = '/environments/:environment'

/** Of what lies in a repository: below `/repos/OWNER/NAME`. */
export const REPOSITORY_ROUTES: Readonly<Record<string, Handler>> = {
  'GET ': ({ server }, repository) => ok(repositoryBody(server, repository)),
  'GET /collaborators': (_, { collaborators }) => ({
    list: collaborators.map(({ user, permission }) => ({
      ...userOf(user),
      permissions: { admin: permission === 'admin', push: permission !== 'pull', pull: true },
      role_name: permission,
    })),
  }),
  'GET /teams': ({ server }, { id }) => ({
    list: server.teams.flatMap(team => {
      const permission = team.repositories.get(id)
      return permission === undefined ? [] : [{ id: team.id, slug: team.slug, permission }]
    }),
  }),
  'GET /keys': (_, { keys }) => ({ list: keys }),
  'POST /keys': ({ server, input }, repository) => {
    const key = String(input['key'])
    const same = server.repositories.flatMap(({ keys }) => keys).some(other => other.key === key)
    if (!keyOf(key) || same) return { status: 422, body: { message: 'key is already in use' } }
    const added = {
      id: server.next(),
      key,
      title: String(input['title']),
      read_only: input['read_only'] === true,
    }
    repository.keys.push(added)
    return { status: 201, body: added }
  },
  'DELETE /keys/:id': ({ params }, { keys }) => {
    const at = keys.findIndex(({ id }) => String(id) === params['id'])
    if (at < 0) return NOT_FOUND
    keys.splice(at, 1)
    return { status: 204 }
  },
  [`GET ${SECRETS}`]: (_, { secrets }) => ({ list: secrets.map(shown), named: 'secrets' }),
  [`GET ${SECRETS}/public-key`]: async () => ok(await publicKey()),
  [`GET ${SECRETS}/:name`]: ({ params }, { secrets }) => oneOf(secrets, params, shown),
  [`PUT ${SECRETS}/:name`]: ({ server, params, input }, { secrets }) => put(server, secrets, params, input),
  [`DELETE ${SECRETS}/:name`]: ({ params }, { secrets }) => take(secrets, params),
  [`GET ${VARIABLES}`]: (_, { variables }) => ({ list: variables.map(shownVariable), named: 'variables' }),
  [`GET ${VARIABLES}/:name`]: ({ params }, { variables }) => oneOf(variables, params, shownVariable),
  [`PATCH ${VARIABLES}/:name`]: ({ server, params, input }, { variables }) =>
    patch(server, variables, params, input),
  [`DELETE ${VARIABLES}/:name`]: ({ params }, { variables }) => take(variables, params),
  'GET /environments': (_, { environments }) => ({
    list: environments.map(({ branches: _, secrets: __, variables: ___, ...shown }) => shown),
    named: 'environments',
  }),
  [`GET ${ENVIRONMENT}/deployment-branch-policies`]: inEnvironment((_, { branches }) => ({
    list: branches.map(name => ({ name, type: 'branch' })),
    named: 'branch_policies',
  })),
  [`GET ${ENVIRONMENT}/secrets`]: inEnvironment((_, { secrets }) => ({
    list: secrets.map(shown),
    named: 'secrets',
  })),
  [`GET ${ENVIRONMENT}/secrets/public-key`]: async () => ok(await publicKey()),
  [`GET ${ENVIRONMENT}/secrets/:name`]: inEnvironment(({ params }, { secrets }) =>
    oneOf(secrets, params, shown),
  ),
  [`PUT ${ENVIRONMENT}/secrets/:name`]: inEnvironment(({ server, params, input }, { secrets }) =>
    put(server, secrets, params, input),
  ),
  [`DELETE ${ENVIRONMENT}/secrets/:name`]: inEnvironment(({ params }, { secrets }) => take(secrets, params)),
  [`GET ${ENVIRONMENT}/variables`]: inEnvironment((_, { variables }) => ({
    list: variables.map(shownVariable),
    named: 'variables',
  })),
  'GET /rules/branches/:branch': (_, { rules }) => ({ list: rules }),
  'GET /branches/:branch/protection': (_, { protection }) => (protection ? ok(protection) : NOT_FOUND),
  'GET /actions/permissions': () => ok({ enabled: true, allowed_actions: 'all' }),
  'GET /actions/permissions/workflow': (_, { jobTokens }) =>
    ok({ default_workflow_permissions: jobTokens, can_approve_pull_request_reviews: false }),
  'GET /actions/oidc/customization/sub': (_, { oidc }) => ok(oidc),
  'GET /hooks': (_, { hooks }) => ({ list: hooks }),
  'GET /actions/runners': (_, { runners }) => ({ list: runners, named: 'runners' }),
  'GET /contents/.github/workflows': (_, { files }) => ({
    list: [...files].map(([path, text]) => ({
      name: path.split('/').at(-1),
      path,
      sha: blobId(text),
      size: text.length,
      type: 'file',
    })),
  }),
  'GET /git/blobs/:sha': ({ params }, { files }) => {
    const text = [...files.values()].find(text => blobId(text) === params['sha'])
    if (text === undefined) return NOT_FOUND
    return ok({
      content: Buffer.from(text)
        .toString('base64')
        .replace(/(.{60})/g, '$1\n'),
      encoding: 'base64',
    })
  },
  'GET /issues': ({ input }, { issues }) => ({ list: since(issues, input) }),
  'GET /issues/comments': ({ input, params }, { comments }) => ({
    list: since(comments, input).map(({ issue, ...comment }) => ({
      ...comment,
      issue_url: `https://api.github.com/repos/${params['owner']}/${params['repo']}/issues/${issue}`,
    })),
  }),
  'GET /pulls/comments': () => ({ list: [] }),
  'GET /actions/runs': (_, { runs }) => ({
    list: runs.map(({ id }) => ({ id, run_attempt: 1, status: 'completed' })),
    named: 'workflow_runs',
  }),
  'GET /actions/runs/:id/logs': ({ params }, { runs }) => {
    const logs = runs.find(({ id }) => String(id) === params['id'])?.logs
    return logs ? { bytes: logs } : { status: 410, body: { message: 'Gone' } }
  },
  'GET /actions/artifacts': (_, { artifacts }) => ({
    list: artifacts.map(({ content, ...artifact }) => ({ ...artifact, size_in_bytes: content.length })),
    named: 'artifacts',
  }),
  'GET /actions/artifacts/:id/zip': ({ params }, { artifacts }) => {
    const found = artifacts.find(({ id }) => String(id) === params['id'])
    return found ? { bytes: found.content } : NOT_FOUND
  },
  'GET /secret-scanning/alerts': (_, { alerts }) => ({
    list: alerts.map(({ number, secret_type, secret }) => ({ number, secret_type, secret, state: 'open' })),
  }),
  'GET /secret-scanning/alerts/:number/locations': ({ params }, { alerts }) => ({
    list: alerts
      .filter(({ number }) => String(number) === params['number'])
      .map(({ path, line, commit }) => ({
        type: 'commit',
        details: { path, start_line: line, commit_sha: commit },
      })),
  }),
}

function repositoryBody({ owner }: MemoryServer, { id, name, visibility }: MemoryRepository) {
  const full_name = `${owner.login}/${name}`
  return {
    id,
    name,
    full_name,
    private: visibility !== 'public',
    visibility,
    default_branch: 'main',
    html_url: `https://github.com/${full_name}`,
    clone_url: `https://github.com/${full_name}.git`,
    ssh_url: `git@github.com:${full_name}.git`,
  }
}

function inEnvironment(
  handle: (asked: Asked, environment: MemoryEnvironment) => Answer | Promise<Answer>,
): Handler {
  return (asked, { environments }) => {
    const found = environments.find(({ name }) => name === asked.params['environment'])
    return found ? handle(asked, found) : NOT_FOUND
  }
}

function oneOf(
  list: readonly MemorySecret[],
  params: Asked['params'],
  show: (secret: MemorySecret) => object,
): Answer {
  const found = list.find(({ name }) => name === params['name'])
  return found ? ok(show(found)) : NOT_FOUND
}

function take(list: MemorySecret[], params: Asked['params']): Answer {
  const at = list.findIndex(({ name }) => name === params['name'])
  if (at < 0) return NOT_FOUND
  list.splice(at, 1)
  return { status: 204 }
}

function suspend({ server, params, as }: Asked, suspended_at: string | null): Answer {
  if (as !== 'app') return { status: 401 }
  const found = server.installations.find(({ id }) => String(id) === params['id'])
  if (!found) return NOT_FOUND
  found.suspended_at = suspended_at
  return { status: 204 }
}

function patch(
  server: MemoryServer,
  list: MemorySecret[],
  params: Asked['params'],
  input: Asked['input'],
): Answer {
  if (!list.some(({ name }) => name === params['name'])) return NOT_FOUND
  server.set(list, params['name']!, String(input['value']))
  return { status: 204 }
}

/** What was sealed for the public key is opened with the other half; what cannot be opened is refused. */
async function put(
  server: MemoryServer,
  list: MemorySecret[],
  params: Asked['params'],
  input: Asked['input'],
  more: Partial<MemorySecret> = {},
): Promise<Answer> {
  const { sodium, pair } = await sealing()
  if (input['key_id'] !== KEY_ID) return { status: 422, body: { message: 'Invalid key_id' } }
  try {
    const box = Buffer.from(String(input['encrypted_value']), 'base64')
    const value = Buffer.from(sodium.crypto_box_seal_open(box, pair.publicKey, pair.privateKey)).toString(
      'utf8',
    )
    server.set(list, params['name']!, value, more)
    return { status: 204 }
  } catch {
    return { status: 422, body: { message: 'Could not decrypt' } }
  }
}

const KEY_ID = '568250167242549743'

async function publicKey() {
  const { pair } = await sealing()
  return { key_id: KEY_ID, key: Buffer.from(pair.publicKey).toString('base64') }
}

let sealingKeys: ReturnType<typeof makeKeys> | undefined

function sealing() {
  sealingKeys ??= makeKeys()
  return sealingKeys
}

async function makeKeys() {
  const { default: sodium } = await import('libsodium-wrappers')
  await sodium.ready
  return { sodium, pair: sodium.crypto_box_keypair() }
}

/** Which of them changed then or later, oldest first. */
function since<T extends { updated_at: string }>(all: readonly T[], input: Asked['input']): T[] {
  const from = String(input['since'] ?? '')
  return all
    .filter(({ updated_at }) => updated_at >= from)
    .toSorted((a, b) => (a.updated_at < b.updated_at ? -1 : 1))
}

function blobId(text: string): string {
  return createHash('sha1')
    .update(`blob ${Buffer.byteLength(text)}\0${text}`)
    .digest('hex')
}
