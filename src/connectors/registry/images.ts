import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Document } from '../../core/contract/document.ts'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { Observation } from '../../core/contract/observation.ts'
import type { Ref } from '../../core/contract/ref.ts'
import type { RegistryConfig } from './config.ts'
import { type DistributionApi, json } from './distribution-api.ts'
import { verifiedBlob } from './verified-blob.ts'

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/)
const descriptor = z.looseObject({
  digest,
  size: z.number().int().nonnegative(),
  mediaType: z.string().default(''),
})
const manifestSchema = z.looseObject({ config: descriptor, layers: z.array(descriptor).max(1000) })
const indexSchema = z.looseObject({
  manifests: z
    .array(
      descriptor.extend({
        platform: z
          .looseObject({
            os: z.string().default(''),
            architecture: z.string().default(''),
            variant: z.string().optional(),
          })
          .optional(),
      }),
    )
    .max(1000),
})

/** An index of indexes, and so on, is no image. */
const MOST_DEPTH = 3

interface Part {
  readonly digest: string
  readonly size: number
  readonly path: string
}

/** One look at a registry: its images, a document for the configuration and for each layer, however many images share it. */
export class Images {
  readonly #api: DistributionApi
  readonly #config: RegistryConfig
  readonly #io: { readonly signal: AbortSignal }
  readonly #ref: Ref
  #seen:
    | { readonly repositories: Map<string, string[]>; readonly parts: Part[]; readonly gaps: Observation[] }
    | undefined

  constructor(api: DistributionApi, config: RegistryConfig, io: { readonly signal: AbortSignal }) {
    this.#api = api
    this.#config = config
    this.#io = io
    this.#ref = { system: 'registry', instance: api.host, kind: 'registry', id: api.host }
  }

  /** What was read before has the same digest, and is not fetched again. */
  async *documents(): AsyncGenerator<Document> {
    const seen = { repositories: new Map<string, string[]>(), parts: [] as Part[], gaps: [] as Observation[] }
    const given = new Set<string>()
    for await (const repository of this.#repositories(seen.gaps)) {
      const tags = await this.#tags(repository, seen.gaps)
      seen.repositories.set(repository, tags)
      const known = new Set<string>()
      for (const tag of tags)
        for await (const part of this.#parts(repository, tag, tag, seen.gaps, known, 0)) {
          seen.parts.push(part)
          if (given.has(part.digest)) continue
          given.add(part.digest)
          if (part.size > this.#config.mostLayerGib * 2 ** 30) {
            seen.gaps.push(this.#gap(part.path, `it has more than ${this.#config.mostLayerGib} GiB`))
            continue
          }
          yield {
            id: part.digest,
            in: this.#ref,
            path: part.path,
            size: part.size,
            cursor: '',
            mayFail: true,
            bytes: () => verifiedBlob(() => this.#api.blob(repository, part.digest), part, this.#io),
          }
        }
    }
    this.#seen = seen
  }

  async *discover(): AsyncGenerator<Observation> {
    if (!this.#seen) for await (const _ of this.documents());
    const { repositories, parts, gaps } = this.#seen!
    yield { see: 'resource', ref: this.#ref, names: [this.#api.host], facts: {} }
    for (const [name, tags] of repositories)
      yield {
        see: 'resource',
        ref: { ...this.#ref, kind: 'repository', id: name },
        names: [`${this.#api.host}/${name}`],
        facts: { tags: { value: tags.slice(0, 100) }, tagCount: { value: tags.length } },
      }
    for (const { digest, path } of parts) yield { see: 'occurrence', document: digest, path, atHead: true }
    yield {
      see: 'covered',
      scope: `registry ${this.#api.host}`,
      complete: gaps.length === 0,
      ...(gaps.length > 0 && { why: 'some of it could not be looked at' }),
    }
    yield* gaps
  }

  async *#repositories(gaps: Observation[]): AsyncGenerator<string> {
    if (this.#config.repositories.length > 0) return yield* this.#config.repositories
    try {
      yield* this.#api.names('/v2/_catalog?n=1000', 'repositories', 'registry:catalog:*')
    } catch (error) {
      if (!isFirebreakError(error, 'DENIED', 'NOT_FOUND')) throw error
      gaps.push(
        this.#gap('', 'it does not list its repositories: name them with --repositories', ['repository']),
      )
    }
  }

  async #tags(repository: string, gaps: Observation[]): Promise<string[]> {
    const tags: string[] = []
    try {
      for await (const tag of this.#api.names(
        `/v2/${repository}/tags/list?n=1000`,
        'tags',
        `repository:${repository}:pull`,
      )) {
        if (tags.length >= this.#config.mostTags) {
          gaps.push(this.#gap(repository, `it has more than ${this.#config.mostTags} tags`))
          break
        }
        tags.push(tag)
      }
    } catch (error) {
      if (!isFirebreakError(error, 'DENIED', 'NOT_FOUND')) throw error
      gaps.push(this.#gap(repository, error.message))
    }
    // A registry lists them in whatever order; what images share is called by the first.
    return tags.sort()
  }

  /** The configuration and the layers of an image; of an index, those of each platform. */
  async *#parts(
    repository: string,
    tag: string,
    reference: string,
    gaps: Observation[],
    known: Set<string>,
    depth: number,
    platform = '',
  ): AsyncGenerator<Part> {
    const name = `${repository}:${tag}${platform}`
    let body: unknown
    try {
      const { bytes } = await this.#api.manifest(repository, reference)
      const own = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
      if (reference.startsWith('sha256:') && own !== reference)
        throw new FirebreakError('CONFLICT', `the manifest of ${name} is not what its digest says`)
      // Many tags name one image.
      if (depth === 0 && known.has(own)) return
      known.add(own)
      body = json(bytes)
    } catch (error) {
      if (!isFirebreakError(error, 'DENIED', 'NOT_FOUND', 'CONFLICT')) throw error
      gaps.push(this.#gap(name, error.message))
      return
    }
    const index = indexSchema.safeParse(body)
    if (index.success && depth < MOST_DEPTH) {
      for (const { digest: inner, platform: of } of index.data.manifests) {
        const on =
          of && of.os !== 'unknown'
            ? `@${[of.os, of.architecture, of.variant].filter(Boolean).join('-')}`
            : `@${inner.slice(7, 19)}`
        yield* this.#parts(repository, tag, inner, gaps, known, depth + 1, on)
      }
      return
    }
    const manifest = manifestSchema.safeParse(body)
    if (!manifest.success) {
      gaps.push(this.#gap(name, 'its manifest is of a form that this version does not read'))
      return
    }
    const { config, layers } = manifest.data
    yield { digest: config.digest, size: config.size, path: `${name}/config.json` }
    for (const [at, { digest: layer, size }] of layers.entries())
      yield { digest: layer, size, path: `${name}/layer ${at + 1} of ${layers.length}` }
  }

  #gap(path: string, why: string, hides?: readonly string[]): Observation {
    const scope = path === '' ? `registry ${this.#api.host}: catalog` : `registry:${this.#api.host}/${path}`
    return { see: 'covered', scope, complete: false, why, failed: true, ...(hides && { hides }) }
  }
}
