import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { memoryGithub } from '../../src/connectors/github/memory.ts'
import type { Connector } from '../../src/core/contract/connector.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import type { Db } from '../../src/core/store/store.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { observe } from '../../src/know/observe/observe.ts'
import { type BrokerStage, brokerStage, ISSUER } from '../act/broker/broker-stage.ts'
import { testKeys } from '../know/estate.ts'
import { BUILT_IN_RULES } from '../built-in-rules.ts'
import { memoryStore } from '../memory-store.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CONFIG = `
issuers: [{ issuer: '${ISSUER}', subjects: ['repo:acme/orders:*'] }]
leases:
  - { name: github:orders, like: 'firebreak[bot]', scopes: ['contents:read@orders'], ttl: 60s }
  - { name: api:reports, audience: https://reports.example, scopes: [read], ttl: 60s }
`
const POLICIES = {
  'jobs.cedar': `@id("main") permit(principal, action == Action::"lease", resource)
  when { principal.subject == "repo:acme/orders:ref:refs/heads/main" };`,
}
const REQUEST_TOKEN = 'runner-request-token'

let db: Db
let connections: Connections
let stage: BrokerStage
const twin = memoryGithub({}, { asApp: true })
let subject = 'repo:acme/orders:ref:refs/heads/main'
/** GitHub's token service: who has the job's request token gets a token for the audience that it names. */
const tokenService = createServer((request, response) => {
  const url = new URL(request.url!, 'http://localhost')
  if (request.headers.authorization !== `Bearer ${REQUEST_TOKEN}`)
    return void response.writeHead(401).end('{}')
  void stage
    .token({ sub: subject, aud: url.searchParams.get('audience') })
    .then(value => response.end(JSON.stringify({ count: 1, value })))
})

beforeAll(async () => {
  twin.server.addInstallation('firebreak', { contents: 'write' })
  twin.server.addRepository('orders')
  db = await memoryStore()
  const io = realIo()
  connections = new Connections([twin.connector as Connector], testKeys, io)
  const source = await connections.add(db, 'github', {
    owner: twin.server.owner.login,
    appId: 'Iv1.firebreak',
    privateKey: new Secret(twin.server.appKey.pem),
    settleSeconds: 0,
  })
  const reading = { io, keys: testKeys, ...BUILT_IN_RULES, workers: 1 }
  await observe(db, source, await connections.open(db, source.id), reading)
  stage = await brokerStage(db, connections, { config: CONFIG, policies: POLICIES })
  await new Promise<void>(resolve => tokenService.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  tokenService.close()
  await stage?.close()
  await connections?.close()
  await db?.destroy()
})

/** As the runner runs it: inputs and files by the environment. */
async function run(file: 'main' | 'post', environment: NodeJS.ProcessEnv) {
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-action-'))
  const files = Object.fromEntries(
    ['ENV', 'STATE', 'OUTPUT'].map(name => [`GITHUB_${name}`, join(folder, name.toLowerCase())]),
  )
  for (const path of Object.values(files)) await writeFile(path, '')
  const child = spawn(process.execPath, [join(ROOT, 'lease', `${file}.ts`)], {
    env: { PATH: process.env['PATH'], RUNNER_TEMP: folder, ...files, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += String(chunk)))
  const exit = await new Promise<number | null>(resolve => child.once('close', resolve))
  const [env, state, told] = await Promise.all(
    Object.values(files).map(async path => valuesIn(await readFile(path, 'utf8'))),
  )
  await rm(folder, { recursive: true })
  return { exit, output, env: env!, state: state!, told: told! }
}

function valuesIn(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^(.+?)<<(.+)\n([\s\S]*?)\n\2\n/gm)].map(([, name, , value]) => [name!, value!]),
  )
}

function inputs(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { port } = tokenService.address() as AddressInfo
  return {
    INPUT_BROKER: `${stage.url}/`,
    INPUT_LEASE: 'github:orders',
    INPUT_AUDIENCE: 'https://broker.example',
    GITHUB_WORKFLOW: 'release',
    GITHUB_JOB: 'publish',
    GITHUB_RUN_ID: '77',
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api-version=2`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN,
    ...more,
  }
}

const asState = (state: Record<string, string>) =>
  Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value]))

test('a job gets its token in its environment, masked, and the job’s end ends it', async () => {
  const { exit, output, env, state, told } = await run('main', inputs())
  expect(exit, output).toBe(0)
  const token = env['GH_TOKEN']!
  expect(env).toMatchObject({
    FIREBREAK_LEASE: told['id'],
    FIREBREAK_USER: 'x-access-token',
    FIREBREAK_PASSWORD: token,
  })
  expect(Object.keys(env).filter(name => name.startsWith('GITHUB_'))).toEqual([])
  expect(twin.server.tokens.get(token)).toMatchObject({ permissions: { contents: 'read' }, revoked: false })
  // Nothing of a secret is in the log but what tells the runner to keep it out.
  const log = output.split('\n').filter(line => !line.startsWith('::add-mask::'))
  for (const secret of [token, state['handle']!]) {
    expect(output).toContain(`::add-mask::${secret}\n`)
    expect(log.join('\n')).not.toContain(secret)
  }
  const shown = await stage.call('GET', `/leases/${told['id']}`, state['handle'])
  expect(shown.body).toMatchObject({ state: 'active', task: 'release publish 77' })
  const end = await run('post', asState(state))
  expect(end.exit, end.output).toBe(0)
  expect(twin.server.tokens.get(token)!.revoked).toBe(true)
  expect((await stage.call('GET', `/leases/${told['id']}`, state['handle'])).body).toMatchObject({
    state: 'ended',
    proof: { state: 'dead' },
  })
  expect((await run('post', asState(state))).exit).toBe(0)
})

test('an access token is asked for with its scopes and time', async () => {
  const asked = {
    INPUT_LEASE: 'api:reports',
    INPUT_SCOPES: ' read ',
    'INPUT_TTL-SECONDS': '30',
    INPUT_TASK: 'weekly',
  }
  const { exit, output, env, state } = await run('main', inputs(asked))
  expect(exit, output).toBe(0)
  expect(output).toContain(`::add-mask::${env['FIREBREAK_ACCESS_TOKEN']}\n`)
  const shown = await stage.call('GET', `/leases/${state['lease']}`, state['handle'])
  expect(shown.body).toMatchObject({ scopes: ['read'], task: 'weekly' })
  expect((await run('post', asState(state))).exit).toBe(0)
})

test.each<[string, () => NodeJS.ProcessEnv, RegExp]>([
  ['has no permission for a token', () => ({ ACTIONS_ID_TOKEN_REQUEST_URL: '' }), /id-token: write/],
  [
    'shows another’s request token',
    () => ({ ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'other' }),
    /gave no token \(401\)/,
  ],
  ['asks for what is not offered', () => ({ INPUT_LEASE: 'postgres:orders' }), /invalid_target/],
  ['asks over plain http', () => ({ INPUT_BROKER: 'http://broker.example' }), /over https only/],
])('a job that %s gets nothing', async (_, more, why) => {
  const { exit, output, env, state } = await run('main', inputs(more()))
  expect([exit, env, state]).toEqual([1, {}, {}])
  expect(output).toMatch(/^::error::/m)
  expect(output).toMatch(why)
  expect((await run('post', asState(state))).exit).toBe(0)
})

test('a pull request’s job is refused by the policies', async () => {
  subject = 'repo:acme/orders:pull_request'
  try {
    const { exit, output, env } = await run('main', inputs())
    expect([exit, env]).toEqual([1, {}])
    expect(output).toContain('access_denied')
  } finally {
    subject = 'repo:acme/orders:ref:refs/heads/main'
  }
})

test('an end that is refused fails the job, and is said', async () => {
  const { exit, output } = await run('post', {
    STATE_broker: stage.url,
    STATE_lease: '00000000-0000-7000-8000-000000000000',
    STATE_handle: 'fblease_other',
  })
  expect(exit).toBe(1)
  expect(output).toMatch(/::error::the lease .* could not be ended \(invalid_token: /)
})

test('each input that is read is declared', async () => {
  const action = parse(await readFile(join(ROOT, 'lease/action.yml'), 'utf8')) as {
    inputs: Record<string, unknown>
    outputs: Record<string, unknown>
  }
  const source = await readFile(join(ROOT, 'lease/main.ts'), 'utf8')
  const read = (pattern: RegExp) =>
    [...new Set([...source.matchAll(pattern)].map(([, name]) => name!))].sort()
  expect(read(/input\('([\w-]+)'\)/g)).toEqual(Object.keys(action.inputs).sort())
  expect(read(/hand\('OUTPUT', '([\w-]+)'/g)).toEqual(Object.keys(action.outputs).sort())
})
