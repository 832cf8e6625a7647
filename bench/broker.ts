import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readFile } from 'node:fs/promises'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { compilePolicies } from '../src/judge/policy/policy.ts'
import { closedLoad, type Loaded, openLoad, post } from './load.ts'
import { databaseLeases } from './broker-database.ts'
import type { Measurement } from './measurement.ts'

const OWN = 'https://broker.example'
const REPORTS = 'https://reports.example'
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const POLICIES = 100
/** Workloads of their own, each with three scopes that it may ask for: so many different questions are decided. */
const SUBJECTS = 128
const SCOPES = ['read', 'write', 'read write']
const AT_ONCE = 64
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 10)
const WANTED_PER_SECOND = 1_500
const WANTED_P99_MS = 25
const told = { peer: null, ratio: null, goal: null }

/**
 * Exchanges of tokens at a broker of its own process, as it runs for users: over HTTP, decided by a hundred policies, with the lease and
 * the evidence on the disk before the answer. Beside it what bounds it, deciding and signing alone, and another server's grant.
 * The load comes from this process, on the same cores.
 */
export async function* measure(): AsyncGenerator<Measurement> {
  const home = await mkdtemp(join(tmpdir(), 'firebreak-bench-'))
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true })
  const agent = { jwk: await exportJWK(publicKey), key: privateKey }
  let broker: Server | undefined
  let peer: Server | undefined
  try {
    const policies = manyPolicies()
    await mkdir(join(home, 'policies'))
    await writeFile(join(home, 'policies', 'all.cedar'), policies)
    const clients = Array.from({ length: SUBJECTS }, (_, n) => ({ id: `agent-${n}`, keys: [agent.jwk] }))
    await writeFile(
      join(home, 'broker.yaml'),
      JSON.stringify({
        issuer: OWN,
        clients,
        leases: [{ name: 'api:reports', audience: REPORTS, scopes: ['read', 'write'], ttl: '10m' }],
      }),
    )
    const decisions = await bareDecisions(policies)
    yield { ...told, name: `deciding alone, ${POLICIES} policies`, value: decisions, unit: '/s, one thread' }
    const signatures = await bareSigning(agent.key)
    yield { ...told, name: 'signing alone, Ed25519', value: signatures, unit: '/s' }

    broker = await startBroker(home)
    const url = `${broker.url}/token`
    const { pid } = broker
    yield* exchanges(broker, agent.key, 'token exchanges', true)
    // What a client signs is made before, so that only the server's work is measured.
    const asked = 1000 * SECONDS
    const own = await assertions(agent.key, OWN, asked)
    const granted = await fixedLoad(url, pid, own)
    yield* figures('client credentials', granted, null, null)
    broker = void broker.stop()
    // With a policy that asks what time it is, no answer is good for the next request.
    await writeFile(
      join(home, 'policies', 'time.cedar'),
      '@id("hours") forbid(principal, action, resource) when { context.now < datetime("2020-01-01") };',
    )
    broker = await startBroker(home)
    yield* exchanges(broker, agent.key, 'token exchanges, each decided anew', false)
    broker = void broker.stop()
    yield* databaseLeases()
    peer = await startPeer(agent.jwk, 'agent-0')
    const theirs = await fixedLoad(
      `${peer.url}/token`,
      peer.pid,
      await assertions(agent.key, peer.url, asked),
    )
    yield* figures('client credentials at oidc-provider', theirs, null, null)
    yield {
      name: 'client credentials beside oidc-provider, which keeps nothing and decides nothing',
      value: round(granted.perSecond),
      unit: '/s',
      peer: `oidc-provider: ${round(theirs.perSecond)} /s`,
      ratio: round(granted.perSecond / theirs.perSecond),
      goal: null,
    }
  } finally {
    broker?.stop()
    peer?.stop()
    await rm(home, { recursive: true, force: true })
  }
}

/** As many as there can be, and half of what is wanted: by many workloads, each for scopes of its own. */
async function* exchanges(
  broker: Server,
  key: CryptoKey,
  name: string,
  hasGoal: boolean,
): AsyncGenerator<Measurement> {
  const target = { url: `${broker.url}/token`, pid: broker.pid }
  const subjects = await subjectTokens(target.url, key)
  const exchange = (n: number) =>
    form({
      grant_type: EXCHANGE,
      subject_token: subjects[n % SUBJECTS]!,
      subject_token_type: ACCESS_TOKEN,
      scope: SCOPES[Math.floor(n / SUBJECTS) % SCOPES.length]!,
    })
  await closedLoad({ ...target, form: exchange }, AT_ONCE, SECONDS / 4)
  const most = await closedLoad({ ...target, form: exchange }, AT_ONCE, SECONDS)
  yield* figures(name, most, hasGoal ? WANTED_PER_SECOND : null, null)
  const half = await openLoad({ ...target, form: exchange }, WANTED_PER_SECOND / 2, SECONDS)
  const at = `${name}, ${WANTED_PER_SECOND / 2} each second`
  yield* figures(at, half, null, hasGoal ? WANTED_P99_MS : null)
}

function* figures(
  name: string,
  loaded: Loaded,
  perSecond: number | null,
  p99: number | null,
): Generator<Measurement> {
  yield { ...told, name, value: round(loaded.perSecond), unit: '/s', goal: perSecond }
  yield { ...told, name: `${name}, median`, value: round(loaded.p50Ms), unit: 'ms', lessIsBetter: true }
  yield {
    ...told,
    name: `${name}, p99`,
    value: round(loaded.p99Ms),
    unit: 'ms',
    goal: p99,
    lessIsBetter: true,
  }
  yield {
    ...told,
    name: `${name}, processor time of the server`,
    value: round(loaded.cpuMs),
    unit: 'ms each',
    lessIsBetter: true,
  }
}

/** Half of them look at what a request is of, half at what it is for; one lets through what is asked here. */
function manyPolicies(): string {
  const texts = Array.from({ length: POLICIES - 1 }, (_, n) =>
    n % 2 === 0
      ? `@id("team-${n}") permit(principal, action == Action::"lease", resource == Lease::"db:team-${n}")
           when { principal.subject like "repo:acme/team-${n}:*" && context.ttlSeconds <= 600 };`
      : `@id("not-${n}") forbid(principal, action, resource)
           when { context has task && context.task == "forbidden-${n}" && principal.issuer == "https://issuer-${n}.example" };`,
  )
  return `${texts.join('\n')}\n@id("agents") permit(principal, action, resource == Lease::"api:reports")
    when { principal.subject like "agent-*" && !context.held };`
}

async function bareDecisions(text: string): Promise<number> {
  const schema = await readFile(new URL('../rules/policies/broker.cedarschema', import.meta.url), 'utf8')
  const policies = await compilePolicies(schema, { 'all.cedar': text })
  let asked = 0
  return rate(() => {
    // Each is another question, so that none is answered from memory.
    const { allowed } = policies.decide({
      action: 'exchange',
      workload: { issuer: 'client', subject: 'agent-0', claims: {} },
      lease: { name: 'api:reports', kind: 'token' },
      context: {
        now: Date.now(),
        ttlSeconds: 600,
        scopes: ['read'],
        task: `task-${asked++}`,
        held: false,
        findings: [],
      },
    })
    if (!allowed) throw new Error('the bench’s own request is refused')
  })
}

async function bareSigning(key: CryptoKey): Promise<number> {
  let signed = 0
  const until = performance.now() + 2000
  // Several at once, as a server signs: the work is done by other threads.
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (performance.now() < until) {
        await new SignJWT({ scope: 'read' }).setProtectedHeader({ alg: 'EdDSA' }).setJti('x').sign(key)
        signed++
      }
    }),
  )
  return Math.round(signed / 2)
}

async function rate(work: () => void): Promise<number> {
  let times = 0
  const began = performance.now()
  while (performance.now() - began < 2000) {
    work()
    times++
  }
  return Math.round(times / ((performance.now() - began) / 1000))
}

async function fixedLoad(url: string, pid: number, forms: readonly string[]): Promise<Loaded> {
  let seconds = SECONDS
  const last = forms.length - 1
  return await closedLoad(
    {
      url,
      pid,
      form(n) {
        if (n > last) throw new Error(`more than ${forms.length} were wanted in ${seconds} s`)
        return forms[n]!
      },
    },
    AT_ONCE,
    (seconds = SECONDS / 4),
  )
}

async function assertions(
  key: CryptoKey,
  audience: string,
  count: number,
  clientOf: (n: number) => string = () => 'agent-0',
): Promise<string[]> {
  return await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const client_assertion = await new SignJWT({ jti: randomUUID() })
        .setProtectedHeader({ alg: 'EdDSA' })
        .setIssuer(clientOf(n))
        .setSubject(clientOf(n))
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('10m')
        .sign(key)
      return form({
        grant_type: 'client_credentials',
        resource: REPORTS,
        scope: 'read write',
        client_assertion_type: ASSERTION,
        client_assertion,
      })
    }),
  )
}

async function subjectTokens(url: string, key: CryptoKey): Promise<string[]> {
  const tokens: string[] = []
  for (const asked of await assertions(key, OWN, SUBJECTS, n => `agent-${n}`)) {
    const { status, body } = await post(url, asked)
    if (status !== 200) throw new Error(`no token to begin with: ${body}`)
    tokens.push((JSON.parse(body) as { access_token: string }).access_token)
  }
  return tokens
}

function form(values: Record<string, string>): string {
  return new URLSearchParams(values).toString()
}

interface Server {
  readonly url: string
  readonly pid: number
  stop(): undefined
}

async function startBroker(home: string): Promise<Server> {
  const port = await freePort()
  const program = fileURLToPath(new URL('../bin/firebreak.js', import.meta.url))
  const child = spawn(process.execPath, [program, 'broker', '--listen', `127.0.0.1:${port}`], {
    env: { ...process.env, FIREBREAK_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return await serving(child, child.stdout, /listens on (http\S+)/)
}

async function startPeer(client: JWK, id: string): Promise<Server> {
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true })
  const given = JSON.stringify({ client, id, signing: await exportJWK(privateKey) })
  const child = spawn(process.execPath, [fileURLToPath(new URL('oidc-process.ts', import.meta.url)), given], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  return await serving(child, child.stderr, /listening (http\S+)/)
}

async function serving(child: ChildProcess, output: NodeJS.ReadableStream, told: RegExp): Promise<Server> {
  let text = ''
  const url = await new Promise<string>((resolve, reject) => {
    output.on('data', (piece: Buffer) => {
      text += piece.toString('utf8')
      const [, found] = told.exec(text) ?? []
      // Whatever colours it.
      if (found !== undefined) resolve(found.replace(/[^\w.:/]+.*$/, ''))
    })
    child.on('exit', code => reject(new Error(`a server ended with ${code}: ${text}`)))
  })
  return {
    url,
    pid: child.pid!,
    stop() {
      child.removeAllListeners('exit')
      child.kill('SIGTERM')
      return undefined
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
