import { randomBytes, randomUUID } from 'node:crypto'
import { BreakableCalls, brokenFetch } from '../../core/contract/breakable-calls.ts'
import type { Connector } from '../../core/contract/connector.ts'
import { DAY_MS } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type AzureConfig, azureConfig } from './config.ts'
import { azure } from './connector.ts'
import { graphAnswer } from './memory-graph.ts'
import { armAnswer, vaultAnswer } from './memory-resources.ts'
import { tokenAnswer } from './memory-token.ts'

export interface MemoryPassword {
  readonly keyId: string
  readonly secretText: string
  readonly displayName: string | null
  readonly startDateTime: string
  readonly endDateTime: string
}

export interface MemoryCertificate {
  readonly keyId: string
  readonly displayName: string
  /** Hex digits of the thumbprint, as Graph gives it. */
  readonly customKeyIdentifier: string
  readonly publicKey: string
  readonly startDateTime: string
  readonly endDateTime: string
}

/** An application with its service principal. */
export interface MemoryApplication {
  readonly appId: string
  readonly objectId: string
  readonly principalId: string
  readonly name: string
  enabled: boolean
  passwords: MemoryPassword[]
  /** Those that were added to the service principal. */
  principalPasswords: MemoryPassword[]
  certificates: MemoryCertificate[]
  owners: object[]
  federated: object[]
  /** More of what Graph says of the service principal; with `false` for one whose application is elsewhere. */
  readonly principal: object
  readonly isHere: boolean
}

interface MemoryVersion {
  readonly version: string
  readonly value: string
  readonly contentType?: string
  readonly tags?: Record<string, string>
}

export interface MemoryVault {
  readonly id: string
  readonly name: string
  /** Versions, oldest first. */
  readonly secrets: Map<string, MemoryVersion[]>
  readonly properties: object
}

export interface Answered {
  readonly status: number
  readonly body: unknown
  readonly retryAfter?: string
}

export interface Asked {
  readonly method: string
  readonly url: URL
  readonly authorization: string
  readonly body: string
}

/**
 * Entra, Microsoft Graph, Azure Resource Manager and Key Vault in memory, at the wire: it checks secrets, assertions and tokens, gives
 * pages, and fails when it is told to.
 */
export interface MemoryAzure extends BreakableCalls {
  readonly connector: Connector<AzureConfig>
  readonly config: AzureConfig
  /** Another one: another tenant bears the domain now. */
  tenant: string
  readonly domain: string
  readonly subscription: string
  readonly applications: Map<string, MemoryApplication>
  readonly vaults: Map<string, MemoryVault>
  /** What Graph lists, by the end of its path: `oauth2PermissionGrants`. */
  readonly directory: Map<string, object[]>
  /** What Resource Manager lists in the subscription, by the end of its path: `virtualMachines`. */
  readonly resources: Map<string, object[]>
  /** What a token was given for, by the token. */
  readonly tokens: Map<string, string>
  /** Of Resource Manager and Key Vault; Graph is told with each call. */
  pageSize: number
  /** What it answers to these calls instead, by how `GET graph.microsoft.com/v1.0/…` begins. */
  readonly refusals: Map<string, number | Answered>
  /** Which calls were made. */
  readonly asked: string[]
  addApplication(name: string, more?: Partial<MemoryApplication>): MemoryApplication
  addPassword(application: MemoryApplication, displayName?: string): MemoryPassword
  addVault(name: string): MemoryVault
  setSecret(vault: string, name: string, value: string): void
  /** Raises where the connection breaks off. */
  answer(asked: Asked): Answered
  snapshot(): string
}

export function memoryAzure(overrides: Partial<AzureConfig> = {}): MemoryAzure {
  const domain = 'acme.example'
  const subscription = randomUUID()
  const own = { appId: randomUUID(), passwords: [newPassword({ displayName: 'firebreak' })] }
  const config = azureConfig.parse({
    tenant: domain,
    clientId: own.appId,
    ...(overrides.certificate === undefined && { clientSecret: new Secret(own.passwords[0]!.secretText) }),
    settleSeconds: 0,
    ...overrides,
  })

  const answerTo = (asked: Asked): Answered =>
    twin.run(() => {
      const called = `${asked.method} ${asked.url.host}${asked.url.pathname}`
      twin.asked.push(called)
      const refusal = [...twin.refusals].find(([start]) => called.startsWith(start))?.[1]
      return typeof refusal === 'number'
        ? { status: refusal, body: { error: { code: 'Refused' } } }
        : (refusal ?? answered(asked))
    })
  const answered = (asked: Asked): Answered => {
    const { host } = asked.url
    if (host === 'login.microsoftonline.com') return tokenAnswer(twin, asked)
    const audience = twin.tokens.get(asked.authorization.replace(/^Bearer /, ''))
    const expected = host.endsWith('.vault.azure.net') ? 'vault.azure.net' : host
    const isFor = audience !== undefined && [expected, 'loopback'].includes(audience)
    if (!isFor) return { status: 401, body: { error: { code: 'InvalidAuthenticationToken' } } }
    if (host === 'graph.microsoft.com') return graphAnswer(twin, asked)
    return host === 'management.azure.com' ? armAnswer(twin, asked) : vaultAnswer(twin, asked)
  }
  const fetchTwin: typeof fetch = async (input, init = {}) => {
    const headers = new Headers(init.headers)
    const { status, body, retryAfter } = answerTo({
      method: init.method ?? 'GET',
      url: new URL(String(input)),
      authorization: headers.get('authorization') ?? '',
      body: typeof init.body === 'string' ? init.body : '',
    })
    if (status === 204) return new Response(null, { status })
    return Response.json(body, {
      status,
      ...(retryAfter !== undefined && { headers: { 'Retry-After': retryAfter } }),
    })
  }

  const twin: MemoryAzure = Object.assign(new BreakableCalls(brokenFetch), {
    config,
    tenant: randomUUID(),
    domain,
    subscription,
    applications: new Map(),
    vaults: new Map(),
    directory: new Map(),
    resources: new Map(),
    tokens: new Map(),
    pageSize: 2,
    refusals: new Map(),
    asked: [],
    connector: {
      ...azure,
      summary: 'Azure in memory',
      open: (given, io) => azure.open({ ...config, ...given }, { ...io, fetch: fetchTwin }),
    },
    answer: answerTo,
    addApplication(name, more = {}) {
      const application: MemoryApplication = {
        appId: randomUUID(),
        objectId: randomUUID(),
        principalId: randomUUID(),
        name,
        enabled: true,
        passwords: [],
        principalPasswords: [],
        certificates: [],
        owners: [],
        federated: [],
        principal: { servicePrincipalType: 'Application', appOwnerOrganizationId: twin.tenant },
        isHere: true,
        ...more,
      }
      twin.applications.set(application.appId, application)
      return application
    },
    addPassword(application, displayName) {
      const password = newPassword({ displayName: displayName ?? null })
      application.passwords.push(password)
      return password
    },
    addVault(name) {
      const id = `/subscriptions/${subscription}/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/${name}`
      const vault: MemoryVault = {
        id,
        name,
        secrets: new Map(),
        properties: { enableRbacAuthorization: true },
      }
      twin.vaults.set(name.toLowerCase(), vault)
      return vault
    },
    setSecret(vault, name, value) {
      const { secrets } = twin.vaults.get(vault) ?? twin.addVault(vault)
      const version = randomBytes(16).toString('hex')
      secrets.set(name, [...(secrets.get(name) ?? []), { version, value }])
    },
    snapshot: () =>
      JSON.stringify([twin.applications, twin.vaults], (_, value: unknown) =>
        value instanceof Map ? [...value].sort() : value,
      ),
  } satisfies Omit<MemoryAzure, keyof BreakableCalls>)
  twin.addApplication('firebreak', own)
  return twin
}

/** Of the form that Entra gives them: three characters, a version, and 34 more. */
export function newPassword(given: {
  readonly displayName?: string | null
  readonly endDateTime?: string
}): MemoryPassword {
  const random = (length: number) => randomBytes(64).toString('base64').replace(/[+/=]/g, '').slice(0, length)
  const now = Date.now()
  return {
    keyId: randomUUID(),
    secretText: `${random(3)}8Q~${random(34)}`,
    displayName: given.displayName ?? null,
    startDateTime: new Date(now).toISOString(),
    endDateTime: given.endDateTime ?? new Date(now + 2 * 365 * DAY_MS).toISOString(),
  }
}

/** A page of what there is: the token is where the next one begins. */
export function paged(
  all: readonly unknown[],
  { url }: Pick<Asked, 'url'>,
  size: number,
  next: 'nextLink' | '@odata.nextLink',
): Answered {
  const from = Number(url.searchParams.get('$skiptoken') ?? 0)
  const link = new URL(url)
  link.searchParams.set('$skiptoken', String(from + size))
  return {
    status: 200,
    body: { value: all.slice(from, from + size), ...(from + size < all.length && { [next]: link.href }) },
  }
}
