import { z } from 'zod'
import { bodyWithin } from '../../core/contract/bounded-body.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { RegistryConfig } from './config.ts'

const TIMEOUT_MS = 60_000
/** A manifest has at most 4 MiB, by the specification; a page of names is smaller. */
const MOST_ANSWER_BYTES = 8 * 2 ** 20
const MOST_PAGES = 10_000
const MOST_WAITS = 5
const MOST_WAIT_SECONDS = 90
const MOST_REDIRECTS = 5

const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]

const token = z.looseObject({ token: z.string().optional(), access_token: z.string().optional() })

/**
 * The API of OCI distribution (https://github.com/opencontainers/distribution-spec/blob/main/spec.md), with the tokens that a
 * registry sends its callers for (https://distribution.github.io/distribution/spec/auth/token/). Raises UNREACHABLE, DENIED,
 * NOT_FOUND and RATE_LIMITED.
 */
export class DistributionApi {
  readonly host: string
  readonly #origin: string
  readonly #config: RegistryConfig
  readonly #io: Io
  /** By what was asked for, the authorization that was taken. */
  readonly #authorizations = new Map<string, string>()

  constructor(config: RegistryConfig, io: Io) {
    const url = new URL(config.url)
    this.host = url.host
    this.#origin = url.origin
    this.#config = config
    this.#io = io
  }

  /** Whether it is a registry, and takes the credential. */
  async ping(): Promise<void> {
    const response = await this.#get('/v2/', '', '*/*')
    await response.body?.cancel()
  }

  /** Every name of all pages, from `catalog` or a repository's `tags/list`. */
  async *names(path: string, list: 'repositories' | 'tags', scope: string): AsyncGenerator<string> {
    const seen = new Set<string>()
    for (let next: string | undefined = path; next !== undefined; ) {
      if (seen.has(next) || seen.size >= MOST_PAGES)
        throw new FirebreakError(
          'UNREACHABLE',
          `${this.host} came back to a page that was read`,
          'Try again.',
        )
      seen.add(next)
      const response = await this.#get(next, scope, 'application/json')
      const page = z
        .looseObject({ [list]: z.array(z.string()).nullish() })
        .safeParse(json(await this.#bounded(response)))
      if (!page.success) throw this.#unreadable(next)
      yield* (page.data[list] as string[] | null | undefined) ?? []
      next = this.#next(response.headers.get('link'))
    }
  }

  /** A manifest's own bytes, which its digest is of, and what kind it is. */
  async manifest(repository: string, reference: string): Promise<{ bytes: Uint8Array; type: string }> {
    const path = `/v2/${repository}/manifests/${reference}`
    const response = await this.#get(path, `repository:${repository}:pull`, MANIFESTS.join(', '))
    const type = (response.headers.get('content-type') ?? '').split(';')[0]!.trim()
    return { bytes: await this.#bounded(response), type }
  }

  async blob(repository: string, digest: string): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#get(
      `/v2/${repository}/blobs/${digest}`,
      `repository:${repository}:pull`,
      '*/*',
      false,
    )
    return response.body ?? new Blob([]).stream()
  }

  /** Only within the registry: another address could be told anything. */
  #next(link: string | null): string | undefined {
    const target = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? '')?.[1]
    if (target === undefined) return undefined
    const url = new URL(target, this.#origin)
    if (url.origin !== this.#origin) throw this.#unreadable('a list')
    return url.pathname + url.search
  }

  async #get(path: string, scope: string, accept: string, timed = true): Promise<Response> {
    for (let [tries, waits] = [0, 0]; ; ) {
      const response = await this.#fetched(new URL(path, this.#origin), scope, accept, timed)
      if (response.ok) return response
      await response.body?.cancel()
      if (response.status === 401 && tries++ === 0) {
        this.#authorizations.set(
          scope,
          await this.#authorization(response.headers.get('www-authenticate') ?? '', scope),
        )
        continue
      }
      if (response.status === 429 && waits++ < MOST_WAITS) {
        const seconds = Number(response.headers.get('retry-after') ?? 5)
        if (!Number.isFinite(seconds) || seconds > MOST_WAIT_SECONDS) throw this.#slowDown()
        await this.#io.sleep(Math.max(0, seconds) * 1000)
        continue
      }
      throw this.#failure(response.status, path)
    }
  }

  /** Follows to where blobs are kept; the credential does not go there. */
  async #fetched(url: URL, scope: string, accept: string, timed: boolean): Promise<Response> {
    const signal = timed
      ? AbortSignal.any([this.#io.signal, AbortSignal.timeout(TIMEOUT_MS)])
      : this.#io.signal
    let target = url
    for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
      const authorization = target.origin === this.#origin ? this.#authorizations.get(scope) : undefined
      const headers = { accept, ...(authorization !== undefined && { authorization }) }
      const response = await this.#reached(target, { headers, signal, redirect: 'manual' })
      const location = response.headers.get('location')
      if (response.status < 300 || response.status >= 400 || location === null) return response
      await response.body?.cancel()
      const next = new URL(location, target)
      if (!/^https?:$/.test(next.protocol) || (target.protocol === 'https:' && next.protocol !== 'https:'))
        throw this.#unreadable('a redirection')
      target = next
    }
    throw this.#unreadable('a redirection')
  }

  async #reached(url: URL, init: RequestInit): Promise<Response> {
    try {
      return await this.#io.fetch(url, init)
    } catch (error) {
      this.#io.signal.throwIfAborted()
      if (error instanceof FirebreakError) throw error
      throw new FirebreakError(
        'UNREACHABLE',
        `${url.host} did not answer`,
        'Check the address and the network.',
      )
    }
  }

  /** Basic, or a token of the service that the registry names. */
  async #authorization(challenge: string, scope: string): Promise<string> {
    const { username, password } = this.#config
    const basic =
      username === undefined || password === undefined
        ? undefined
        : `Basic ${Buffer.from(`${username}:${password.revealText()}`).toString('base64')}`
    if (/^basic\b/i.test(challenge)) {
      if (basic === undefined) throw this.#denied()
      return basic
    }
    const parts = new Map(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [
        name.toLowerCase(),
        value,
      ]),
    )
    const realm = parts.get('realm')
    if (!/^bearer\b/i.test(challenge) || realm === undefined || !URL.canParse(realm)) throw this.#denied()
    const url = new URL(realm)
    // The password goes nowhere in clear that the registry itself is not spoken to in clear.
    if (url.protocol !== 'https:' && new URL(this.#origin).protocol === 'https:')
      throw this.#unreadable('where tokens are')
    const service = parts.get('service')
    if (service !== undefined) url.searchParams.set('service', service)
    const asked = scope === '' ? parts.get('scope') : scope
    if (asked !== undefined && asked !== '') url.searchParams.set('scope', asked)
    const response = await this.#reached(url, {
      headers: { ...(basic !== undefined && { authorization: basic }) },
      redirect: 'error',
      signal: AbortSignal.any([this.#io.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    })
    if (!response.ok) {
      await response.body?.cancel()
      throw response.status === 429 ? this.#slowDown() : this.#denied()
    }
    const given = token.safeParse(json(await this.#bounded(response)))
    const value = given.data?.token ?? given.data?.access_token
    if (value === undefined) throw this.#denied()
    return `Bearer ${value}`
  }

  async #bounded(response: Response): Promise<Uint8Array> {
    try {
      return await bodyWithin(response, MOST_ANSWER_BYTES, () =>
        this.#unreadable('an answer, which is too large'),
      )
    } catch (error) {
      this.#io.signal.throwIfAborted()
      if (error instanceof FirebreakError) throw error
      throw new FirebreakError('UNREACHABLE', `${this.host} broke off its answer`, 'Try again.')
    }
  }

  #failure(status: number, path: string): FirebreakError {
    const what = path.replace(/^\/v2\//, '').replace(/\?.*$/, '')
    if (status === 401 || status === 403) return this.#denied()
    if (status === 404)
      return new FirebreakError('NOT_FOUND', `${this.host} has no ${what || 'registry of version 2'}`)
    if (status === 429) return this.#slowDown()
    return new FirebreakError('UNREACHABLE', `${this.host} answered ${status} for ${what}`, 'Try again.')
  }

  #denied(): FirebreakError {
    return new FirebreakError(
      'DENIED',
      `${this.host} does not let in with what was given`,
      'Give --username, and --password env:NAME of a user or token that may pull.',
    )
  }

  #slowDown(): FirebreakError {
    return new FirebreakError('RATE_LIMITED', `${this.host} takes no more calls for now`, 'Try again later.')
  }

  #unreadable(what: string): FirebreakError {
    return new FirebreakError(
      'UNREACHABLE',
      `${this.host} gave ${what} that is not of the form that is specified`,
    )
  }
}

export function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}
