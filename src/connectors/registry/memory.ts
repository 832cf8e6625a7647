import { createHash } from 'node:crypto'

/**
 * A registry in memory, at the wire: its answers are written from the distribution specification and from that of its tokens.
 * Pages are short, so that there is always a second one.
 */
export interface MemoryRegistry {
  readonly fetch: typeof fetch
  readonly url: string
  /** Who may pull; everybody where there is none. */
  login: { readonly username: string; readonly password: string } | undefined
  reachable: boolean
  /** It lists its repositories. */
  hasCatalog: boolean
  /** So many calls are answered 429, with this in `retry-after`. */
  limited: { calls: number; seconds: number }
  /** Blobs that come as something else, by their digest; those that are gone come as nothing. */
  readonly wrong: Map<string, Uint8Array | undefined>
  /** Blobs are sent for elsewhere. */
  redirects: boolean
  readonly log: readonly string[]
  blob(bytes: Uint8Array | string): string
  /** Stores an image of these layers, and gives its digest. */
  image(
    repository: string,
    tag: string | undefined,
    layers: readonly (Uint8Array | string)[],
    config?: string,
  ): string
  index(repository: string, tag: string, images: readonly { digest: string; architecture: string }[]): string
}

const PAGE = 2
const HOST = 'registry.example.org'
const BLOBS = 'blobs.example.org'

export function memoryRegistry(): MemoryRegistry {
  const log: string[] = []
  const blobs = new Map<string, Uint8Array>()
  const manifests = new Map<string, { bytes: Uint8Array; type: string }>()
  const tags = new Map<string, Map<string, string>>()
  const put = (repository: string, tag: string | undefined, type: string, manifest: object): string => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, ...manifest }))
    const digest = digestOf(bytes)
    manifests.set(`${repository} ${digest}`, { bytes, type })
    const known = tags.get(repository) ?? new Map<string, string>()
    tags.set(repository, known)
    if (tag !== undefined) known.set(tag, digest)
    return digest
  }
  const registry: MemoryRegistry = {
    url: `https://${HOST}`,
    login: undefined,
    reachable: true,
    hasCatalog: true,
    limited: { calls: 0, seconds: 0 },
    wrong: new Map(),
    redirects: false,
    log,
    blob(bytes) {
      const stored = Buffer.from(bytes)
      blobs.set(digestOf(stored), stored)
      return digestOf(stored)
    },
    image(repository, tag, layers, config = '{"config":{},"rootfs":{"type":"layers","diff_ids":[]}}') {
      const described = (bytes: Uint8Array | string, mediaType: string) => ({
        mediaType,
        digest: registry.blob(bytes),
        size: Buffer.byteLength(bytes),
      })
      return put(repository, tag, 'application/vnd.oci.image.manifest.v1+json', {
        config: described(config, 'application/vnd.oci.image.config.v1+json'),
        layers: layers.map(layer => described(layer, 'application/vnd.oci.image.layer.v1.tar')),
      })
    },
    index(repository, tag, images) {
      return put(repository, tag, 'application/vnd.oci.image.index.v1+json', {
        manifests: images.map(({ digest, architecture }) => ({
          digest,
          size: 1,
          platform: { os: 'linux', architecture },
        })),
      })
    },
    fetch: (async (input, init) => {
      init?.signal?.throwIfAborted()
      if (!registry.reachable) throw new TypeError('fetch failed')
      const request = new Request(input, init)
      const url = new URL(request.url)
      log.push(`${url.host}${url.pathname} ${request.headers.get('authorization') ?? '-'}`)
      if (url.host === BLOBS) return blobAnswer(url.pathname.slice(1))
      if (url.pathname === '/token') return tokenAnswer(request)
      if (registry.limited.calls > 0) {
        registry.limited.calls--
        return new Response('', { status: 429, headers: { 'retry-after': String(registry.limited.seconds) } })
      }
      if (registry.login && request.headers.get('authorization') !== 'Bearer given') {
        const challenge = `Bearer realm="https://${HOST}/token",service="${HOST}"`
        return new Response('', { status: 401, headers: { 'www-authenticate': challenge } })
      }
      return answer(url)
    }) satisfies typeof fetch,
  }

  function blobAnswer(digest: string): Response {
    const bytes = registry.wrong.has(digest) ? registry.wrong.get(digest) : blobs.get(digest)
    return bytes === undefined ? new Response('', { status: 404 }) : new Response(Buffer.from(bytes))
  }

  function tokenAnswer(request: Request): Response {
    const { username, password } = registry.login ?? { username: '', password: '' }
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    if (request.headers.get('authorization') !== basic) return new Response('', { status: 401 })
    return Response.json({ token: 'given', expires_in: 60 })
  }

  function answer(url: URL): Response {
    if (url.pathname === '/v2/') return Response.json({})
    if (url.pathname === '/v2/_catalog')
      return registry.hasCatalog
        ? page(url, 'repositories', [...tags.keys()].sort())
        : new Response('', { status: 404 })
    const [, repository = '', what, reference = ''] =
      /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/.exec(url.pathname) ?? []
    const own = tags.get(repository)
    if (!own) return new Response('', { status: 404 })
    if (what === 'tags') return page(url, 'tags', [...own.keys()].sort())
    if (what === 'manifests') {
      const manifest = manifests.get(`${repository} ${own.get(reference) ?? reference}`)
      return manifest
        ? new Response(Buffer.from(manifest.bytes), { headers: { 'content-type': manifest.type } })
        : new Response('', { status: 404 })
    }
    return registry.redirects
      ? new Response('', { status: 307, headers: { location: `https://${BLOBS}/${reference}` } })
      : blobAnswer(reference)
  }

  return registry
}

function page(url: URL, name: string, all: readonly string[]): Response {
  const from = Number(url.searchParams.get('from') ?? 0)
  const next = from + PAGE
  const headers = next < all.length ? { link: `<${url.pathname}?from=${next}>; rel="next"` } : undefined
  return Response.json({ [name]: all.slice(from, next) }, headers && { headers })
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
