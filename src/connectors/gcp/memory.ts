import { createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto'
import { BreakableCalls, brokenFetch } from '../../core/contract/breakable-calls.ts'
import type { Connector } from '../../core/contract/connector.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type GcpConfig, gcpConfig } from './config.ts'
import { gcp } from './connector.ts'

interface MemoryKey {
  readonly id: string
  readonly privateKey: string
  disabled: boolean
}

export interface MemoryAccount {
  readonly email: string
  readonly uniqueId: string
  disabled: boolean
  readonly keys: Map<string, MemoryKey>
  bindings: object[]
}

/** Google Cloud in memory, at the wire: it checks signatures and tokens, gives pages, and fails when it is told to. */
export interface MemoryGcp extends BreakableCalls {
  readonly connector: Connector<GcpConfig>
  readonly config: GcpConfig
  readonly project: string
  /** Another number: another project bears the id now. */
  number: string
  readonly accounts: Map<string, MemoryAccount>
  bindings: object[]
  readonly roles: Map<string, readonly string[]>
  /** Providers by pool. */
  readonly pools: Map<string, object[]>
  /** Versions, oldest first. */
  readonly secrets: Map<string, string[]>
  clockOffsetMs: number
  /** What it answers to these calls instead: `GET iam.googleapis.com/v1/…` by how it begins. */
  readonly refusals: Map<string, number>
  /** Which calls were made, as `POST iam.googleapis.com/v1/…`. */
  readonly asked: string[]
  addAccount(name: string): MemoryAccount
  addKey(account: MemoryAccount): MemoryKey
  /** The JSON file that is handed out with a key. */
  fileOf(account: MemoryAccount, key: MemoryKey): string
  /** As the connector speaks to it. */
  readonly fetch: typeof fetch
  snapshot(): string
}

const CLOCK_SKEW_MS = 5 * 60_000
/** Small ones are made fast. */
const KEY_BITS = 1024
const MOST_KEYS = 10

export function memoryGcp(overrides: Partial<GcpConfig> = {}): MemoryGcp {
  const project = 'acme-prod'
  const tokens = new Set<string>()
  const accounts = new Map<string, MemoryAccount>()

  const fetchTwin: typeof fetch = async (input, init = {}) =>
    twin.run(() => {
      const url = new URL(String(input))
      const method = init.method ?? 'GET'
      const called = `${method} ${url.host}${url.pathname}`
      twin.asked.push(called)
      const refusal = [...twin.refusals].find(([start]) => called.startsWith(start))?.[1]
      const headers = new Headers(init.headers)
      const [status, body] = refusal
        ? [refusal, { error: { code: refusal } }]
        : url.host === 'oauth2.googleapis.com'
          ? exchanged(new URLSearchParams(String(init.body)).get('assertion') ?? '')
          : tokens.has(headers.get('authorization')?.slice('Bearer '.length) ?? '')
            ? answer(method, url, init.body === undefined ? {} : (JSON.parse(String(init.body)) as Body))
            : [401, { error: { code: 401 } }]
      return Response.json(body, { status })
    })

  function exchanged(assertion: string): [number, unknown] {
    const denied = (what: string): [number, unknown] => [
      400,
      { error: 'invalid_grant', error_description: what },
    ]
    const [header = '', payload = '', signature = ''] = assertion.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { iss: string; iat: number }
    const skew = Math.abs(claims.iat * 1000 - Date.now() - twin.clockOffsetMs)
    if (skew > CLOCK_SKEW_MS)
      return denied(
        'Invalid JWT: Token must be a short-lived token and in a reasonable timeframe. Check your iat',
      )
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid?: string }
    const account = accounts.get(claims.iss)
    if (!account || account.disabled) return denied('Invalid grant: account not found')
    const fits = [...account.keys.values()].some(
      ({ id, disabled, privateKey }) =>
        !disabled &&
        (kid === undefined || kid === id) &&
        verify(
          'sha256',
          Buffer.from(`${header}.${payload}`),
          createPublicKey(privateKey),
          Buffer.from(signature, 'base64url'),
        ),
    )
    if (!fits) return denied('Invalid JWT Signature.')
    const token = randomBytes(24).toString('base64url')
    tokens.add(token)
    return [200, { access_token: token, expires_in: 3599, token_type: 'Bearer' }]
  }

  function answer(method: string, url: URL, body: Body): [number, unknown] {
    const path = decodeURIComponent(url.pathname.replace(/^\/v1\//, ''))
    const within = path.replace(`projects/${project}`, 'P')
    if (url.host.startsWith('cloudresourcemanager'))
      return within === 'P'
        ? [
            200,
            { projectId: project, projectNumber: twin.number, lifecycleState: 'ACTIVE', name: 'Production' },
          ]
        : [200, { bindings: twin.bindings, etag: 'x' }]
    if (url.host.startsWith('secretmanager')) return ofSecrets(method, within, url, body)
    if (within === 'P/serviceAccounts') return paged([...accounts.values()].map(shapeOf), 'accounts', url)
    if (within === 'P/roles')
      return paged(
        [...twin.roles.keys()].map(name => ({ name: `projects/${project}/roles/${name}` })),
        'roles',
        url,
      )
    const role = /^P\/roles\/(.+)$/.exec(within)?.[1]
    if (role !== undefined) return [200, { name: path, includedPermissions: twin.roles.get(role) }]
    if (within === 'P/locations/global/workloadIdentityPools')
      return paged(
        [...twin.pools.keys()].map(name => ({ name: poolName(name) })),
        'workloadIdentityPools',
        url,
      )
    const pool = /workloadIdentityPools\/([^/]+)\/providers$/.exec(within)?.[1]
    if (pool !== undefined) return paged(twin.pools.get(pool) ?? [], 'workloadIdentityPoolProviders', url)
    return ofAccount(method, within, url)
  }

  function ofAccount(method: string, within: string, url: URL): [number, unknown] {
    const [, id = '', rest = ''] = /^P\/serviceAccounts\/([^/:]+)(.*)$/.exec(within) ?? []
    const account = accounts.get(id) ?? [...accounts.values()].find(({ uniqueId }) => uniqueId === id)
    if (!account) return [404, { error: { code: 404 } }]
    if (rest === '') return [200, shapeOf(account)]
    if (rest === ':getIamPolicy') return [200, { bindings: account.bindings, etag: 'x' }]
    if (rest === ':disable' || rest === ':enable') {
      account.disabled = rest === ':disable'
      return [200, {}]
    }
    const keyName = (key: MemoryKey) => `${shapeOf(account).name}/keys/${key.id}`
    const keyShape = (key: MemoryKey) => ({
      name: keyName(key),
      keyType: 'USER_MANAGED',
      validAfterTime: '2026-01-01T00:00:00Z',
      ...(key.disabled && { disabled: true }),
    })
    if (rest === '/keys' && method === 'GET') return [200, { keys: [...account.keys.values()].map(keyShape) }]
    if (rest === '/keys') {
      if (account.keys.size >= MOST_KEYS) return [429, { error: { code: 429 } }]
      const key = addKey(account)
      return [200, { ...keyShape(key), privateKeyData: Buffer.from(fileOf(account, key)).toString('base64') }]
    }
    const [, keyId = '', verb = ''] = /^\/keys\/([^/:]+)(?::(.+))?$/.exec(rest) ?? []
    const key = account.keys.get(keyId)
    if (!key) return [404, { error: { code: 404 } }]
    if (method === 'DELETE') account.keys.delete(keyId)
    if (verb !== '') key.disabled = verb === 'disable'
    if (url.searchParams.get('publicKeyType') !== 'TYPE_RAW_PUBLIC_KEY') return [200, {}]
    const pem = createPublicKey(key.privateKey).export({ type: 'spki', format: 'pem' })
    return [200, { ...keyShape(key), publicKeyData: Buffer.from(pem).toString('base64') }]
  }

  function ofSecrets(method: string, within: string, url: URL, body: Body): [number, unknown] {
    const nameOf = (name: string) => `projects/${twin.number}/secrets/${name}`
    if (within === 'P/secrets')
      return paged(
        [...twin.secrets.keys()].map(name => ({ name: nameOf(name) })),
        'secrets',
        url,
      )
    const [, name = '', rest] = /^P\/secrets\/([^/:]+)(.*)$/.exec(within) ?? []
    const versions = twin.secrets.get(name)
    if (!versions) return [404, { error: { code: 404 } }]
    if (method === 'DELETE') {
      twin.secrets.delete(name)
      return [200, {}]
    }
    const destroyed = Number(/^\/versions\/(\d+):destroy$/.exec(rest ?? '')?.[1])
    if (destroyed > versions.length) return [404, { error: { code: 404 } }]
    if (destroyed > 0) {
      versions[destroyed - 1] = ''
      return [200, { name: `${nameOf(name)}/versions/${destroyed}`, state: 'DESTROYED' }]
    }
    if (rest === ':addVersion') versions.push(Buffer.from(body.payload!.data, 'base64').toString('utf8'))
    else if (versions.length === 0) return [404, { error: { code: 404 } }]
    const data = Buffer.from(versions.at(-1)!).toString('base64')
    return [200, { name: `${nameOf(name)}/versions/${versions.length}`, payload: { data } }]
  }

  const poolName = (name: string) => `projects/${twin.number}/locations/global/workloadIdentityPools/${name}`
  const shapeOf = ({ email, uniqueId, disabled }: MemoryAccount) => ({
    name: `projects/${project}/serviceAccounts/${email}`,
    projectId: project,
    uniqueId,
    email,
    ...(disabled && { disabled }),
  })
  const fileOf = ({ email }: MemoryAccount, { id, privateKey }: MemoryKey) =>
    JSON.stringify({
      type: 'service_account',
      project_id: project,
      private_key_id: id,
      private_key: privateKey,
      client_email: email,
      client_id: '100000000000000000000',
      token_uri: 'https://oauth2.googleapis.com/token',
    })

  function addAccount(name: string): MemoryAccount {
    const account: MemoryAccount = {
      email: `${name}@${project}.iam.gserviceaccount.com`,
      uniqueId: String(10n ** 20n + BigInt(accounts.size)),
      disabled: false,
      keys: new Map(),
      bindings: [],
    }
    accounts.set(account.email, account)
    return account
  }

  function addKey(account: MemoryAccount): MemoryKey {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: KEY_BITS,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
    const key = { id: randomBytes(20).toString('hex'), privateKey, disabled: false }
    account.keys.set(key.id, key)
    return key
  }

  const own = addAccount('firebreak')
  const config = gcpConfig.parse({
    project,
    key: new Secret(fileOf(own, addKey(own))),
    settleSeconds: 0,
    ...overrides,
  })
  const twin: MemoryGcp = Object.assign(new BreakableCalls(brokenFetch), {
    config,
    project,
    addAccount,
    addKey,
    fileOf,
    fetch: fetchTwin,
    number: '498712345678',
    accounts,
    bindings: [],
    roles: new Map(),
    pools: new Map(),
    secrets: new Map(),
    clockOffsetMs: 0,
    refusals: new Map(),
    asked: [],
    connector: {
      ...gcp,
      summary: 'Google Cloud in memory',
      open: (given, io) => gcp.open({ ...config, ...given }, { ...io, fetch: fetchTwin }),
    },
    snapshot: () =>
      JSON.stringify([accounts, twin.secrets], (_, value: unknown) =>
        value instanceof Map ? [...value].sort() : value,
      ),
  } satisfies Omit<MemoryGcp, keyof BreakableCalls>)
  return twin
}

interface Body {
  readonly payload?: { readonly data: string }
}

/** A page of what there is: `pageToken` is where the next one begins. */
function paged(all: readonly unknown[], name: string, url: URL): [number, unknown] {
  const from = Number(url.searchParams.get('pageToken') ?? 0)
  const to = from + Number(url.searchParams.get('pageSize') ?? 20)
  return [200, { [name]: all.slice(from, to), ...(to < all.length && { nextPageToken: String(to) }) }]
}
