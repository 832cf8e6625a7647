import { z } from 'zod'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Json, Ref } from '../../core/contract/ref.ts'
import { type Answer, answerTo } from './answer.ts'
import type { AzureConfig } from './config.ts'
import { refused, unreachable } from './failure.ts'
import { grantTo, type Granted, keyProof, type Proof } from './token.ts'

/** The tenant as our own application sees it. */
export interface Tenant {
  readonly config: AzureConfig
  readonly io: Io
  /** Its id, which no other tenant is ever given. */
  readonly instance: string
  /** Asks; where the server asks for patience, again. `path` begins with a slash. */
  get(doing: string, service: Service, path: string): Promise<unknown>
  /** Every page of a list, each from the host that gave the first. Some lists are asked for by POST. */
  list<T>(
    doing: string,
    service: Service,
    path: string,
    item: z.ZodType<T>,
    method?: 'GET' | 'POST',
  ): AsyncGenerator<T>
  /** Changes something, once the tenant has shown to be the same. */
  change(doing: string, method: Change, service: Service, path: string, body?: Json): Promise<unknown>
  /** Has the endpoint try what an application would prove itself with. Raises as `fetch` does. */
  tryToken(clientId: string, proof: Proof): Promise<Granted>
  /** Whether the tenant's name still leads to this one. */
  stillHere(): Promise<boolean>
}

/** Microsoft Graph, Azure Resource Manager, or the vault of that name. */
export type Service = 'graph' | 'arm' | { readonly vault: string }
type Change = 'POST' | 'PATCH' | 'PUT' | 'DELETE'

const MOST_ATTEMPTS = 5
const FIRST_PAUSE_MS = 100
/** Nobody waits longer for one answer, whatever the server asks for. */
const LONGEST_PAUSE_MS = 60_000
/** A token is asked for anew before it ends. */
const SPARE_MS = 60_000

const discoverySchema = z.looseObject({ issuer: z.string() })
const pageSchema = z.looseObject({
  value: z.array(z.unknown()).default([]),
  '@odata.nextLink': z.string().nullish(),
  nextLink: z.string().nullish(),
})

export async function openTenant(config: AzureConfig, io: Io): Promise<Tenant> {
  const own = ownProof(config)
  const timeoutMs = config.requestTimeoutMs
  const askTenant = async () => {
    const doing = 'asking which tenant it is'
    const path = `/${config.tenant}/v2.0/.well-known/openid-configuration`
    const answer = await answered(doing, `${config.login}${path}`, 'GET', {})
    if (answer.status >= 300) throw refused(answer.status === 400 ? 404 : answer.status, doing)
    const { issuer } = discoverySchema.parse(answer.body)
    const id = /\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/v2\.0$/i.exec(issuer)?.[1]
    if (id === undefined) throw new FirebreakError('UNSUPPORTED', `${doing}: the answer names none`)
    return id.toLowerCase()
  }
  const answered = async (
    doing: string,
    url: string,
    method: string,
    headers: Readonly<Record<string, string>>,
    body?: Json,
  ): Promise<Answer> => {
    try {
      return await answerTo(io, url, {
        method,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
        timeoutMs,
      })
    } catch (error) {
      if (io.signal.aborted) throw io.signal.reason
      throw isFirebreakError(error) ? error : unreachable(error, doing)
    }
  }

  const instance = await askTenant()
  const tokenUrl = `${config.login}/${instance}/oauth2/v2.0/token`
  const tokens = new Map<string, { value: string; until: number }>()
  const ownToken = async (service: Service): Promise<string> => {
    const scope = scopeOf(config, service)
    const now = io.now().getTime()
    const kept = tokens.get(scope)
    if (kept && kept.until > now) return kept.value
    const doing = 'asking for a token'
    const given = await grantTo(io, { url: tokenUrl, timeoutMs }, config.clientId, own, scope).catch(
      (error: unknown) => {
        if (io.signal.aborted) throw io.signal.reason
        throw unreachable(error, doing)
      },
    )
    if (!('token' in given)) {
      if (given.status >= 500 || given.status === 429) throw refused(given.status, doing)
      const codes = given.codes.map(code => `AADSTS${code}`).join(', ')
      throw new FirebreakError(
        'DENIED',
        `${doing}: our own application was refused${codes && ` (${codes})`}`,
        'Give the connection another secret or certificate.',
      )
    }
    tokens.set(scope, { value: given.token, until: now + given.expiresInSeconds * 1000 - SPARE_MS })
    return given.token
  }
  const once = async (doing: string, method: string, service: Service, url: string, body?: Json) => {
    const headers = {
      Authorization: `Bearer ${await ownToken(service)}`,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    }
    return await answered(doing, url, method, headers, body)
  }
  const patiently = async (doing: string, method: string, service: Service, url: string, body?: Json) => {
    for (let attempt = 1; ; attempt++) {
      const answer = await once(doing, method, service, url, body)
      if (answer.status < 300) return answer.body
      const asksForPatience = answer.status === 429 || (answer.status >= 500 && answer.status !== 501)
      if (!asksForPatience || attempt === MOST_ATTEMPTS) throw refused(answer.status, doing)
      await io.sleep(pauseOf(answer.retryAfter, attempt, io))
    }
  }
  const tenant: Tenant = {
    config,
    io,
    instance,
    get: (doing, service, path) => patiently(doing, 'GET', service, baseOf(config, service) + path),
    async *list(doing, service, path, item, method = 'GET') {
      const base = baseOf(config, service)
      for (let url: string | undefined = base + path; url !== undefined; ) {
        const body = method === 'POST' ? {} : undefined
        const page = pageSchema.parse(await patiently(doing, method, service, url, body))
        for (const one of page.value) yield item.parse(one)
        const next = page['@odata.nextLink'] ?? page.nextLink
        url = next ? onSameHost(base, next, doing) : undefined
      }
    },
    tryToken: (clientId, proof) =>
      grantTo(io, { url: tokenUrl, timeoutMs }, clientId, proof, scopeOf(config, 'graph')),
    stillHere: async () => (await askTenant()) === instance,
    async change(doing, method, service, path, body) {
      await mustStand(tenant)
      const answer = await once(doing, method, service, baseOf(config, service) + path, body)
      if (answer.status >= 300) throw refused(answer.status, doing)
      return answer.body
    },
  }
  return tenant
}

/** Also where there is nothing to change: nothing is concluded of another tenant. */
export async function mustStand(tenant: Pick<Tenant, 'stillHere' | 'config' | 'instance'>): Promise<void> {
  if (!(await tenant.stillHere()))
    throw new FirebreakError(
      'CONFLICT',
      `${tenant.config.tenant} is another tenant now, expected ${tenant.instance}`,
      'Find out whose it is; open a new connection for it if it is meant.',
    )
}

function ownProof({ clientSecret, certificate }: AzureConfig): Proof {
  if (clientSecret) return { secret: clientSecret.revealText() }
  const proof = certificate && keyProof(certificate)
  if (proof?.x5t === undefined)
    throw new FirebreakError(
      'INVALID_CONFIG',
      'the certificate is no PEM file with a certificate and its private key of RSA',
      'Give both in one file, as --certificate file:PATH.',
    )
  return proof
}

function baseOf(config: AzureConfig, service: Service): string {
  if (service === 'graph') return config.graph
  if (service === 'arm') return config.arm
  // What stands in its place is a name, and leads to no other host.
  if (!/^[A-Za-z0-9-]{3,24}$/.test(service.vault))
    throw new FirebreakError('UNSUPPORTED', `${service.vault} is no name of a vault`)
  return config.vaults.replace('{vault}', service.vault.toLowerCase())
}

/** What the token is for: the service, and of vaults all of them. */
function scopeOf(config: AzureConfig, service: Service): string {
  const base = typeof service === 'string' ? baseOf(config, service) : config.vaults.replace('{vault}.', '')
  return `${new URL(base.replace('{vault}', '')).origin}/.default`
}

/** The token goes along, so that a page of another host is not asked for. */
function onSameHost(base: string, next: string, doing: string): string {
  const [here, there] = [new URL(base), URL.parse(next)]
  if (!there || there.origin !== here.origin || there.username !== '' || there.password !== '')
    throw new FirebreakError('UNSUPPORTED', `${doing}: the next page is said to be at another host`)
  return there.href
}

function pauseOf(retryAfter: string | null, attempt: number, io: Io): number {
  const own = FIRST_PAUSE_MS * 2 ** attempt
  if (retryAfter === null) return own
  const seconds = /^\d{1,6}$/.test(retryAfter)
    ? Number(retryAfter) * 1000
    : Date.parse(retryAfter) - io.now().getTime()
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, own), LONGEST_PAUSE_MS) : own
}

export function refIn(tenant: Pick<Tenant, 'instance'>, kind: string, id: string): Ref {
  return { system: 'azure', instance: tenant.instance, kind, id }
}

/** Raises CONFLICT for another tenant's thing, UNSUPPORTED for one of another kind. */
export function mustBeHere(tenant: Pick<Tenant, 'instance'>, ref: Ref, ...kinds: string[]): void {
  if (ref.system !== 'azure' || !kinds.includes(ref.kind))
    throw new FirebreakError('UNSUPPORTED', `${ref.system} ${ref.kind} is no ${kinds.join(' or ')} of Azure`)
  if (ref.instance !== tenant.instance)
    throw new FirebreakError(
      'CONFLICT',
      `the reference is to tenant ${ref.instance}, this is ${tenant.instance}`,
      'Use the connection of that tenant.',
    )
}
