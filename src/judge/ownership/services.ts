import type { Code } from './code.ts'
import type { Relations } from './relations.ts'
import { isCommon, ownName, wordsOf } from './words.ts'

/** Something that a team runs: what a catalog, a repository, or a folder of one is called. */
export interface Service {
  readonly name: string
  /** What the catalog has of it. */
  readonly components: readonly string[]
  /** Where its code lies: repositories of its own, and folders of others. */
  readonly code: readonly { readonly repository: string; readonly folder: string }[]
}

const LEAST_PREFIX = 3
const MOST_WORDS = 6

/** Services by their names, which identities have in theirs. */
export class Services {
  readonly #byName = new Map<string, Service>()
  readonly #byFirst = new Map<string, string[]>()
  readonly #firstWords = new Set<string>()
  readonly #ofRepository: ReadonlyMap<string, readonly string[]>
  readonly #code: Code

  constructor(relations: Relations, code: Code) {
    this.#code = code
    const made = new Map<string, { components: Set<string>; code: Map<string, Service['code'][number]> }>()
    const of = (name: string) => {
      const words = wordsOf(name)
      if (words.length > MOST_WORDS || isCommon(words)) return undefined
      const key = words.join('-')
      const known = made.get(key) ?? {
        components: new Set<string>(),
        code: new Map<string, Service['code'][number]>(),
      }
      made.set(key, known)
      return known
    }
    const kept = new Map<string, string[]>()
    for (const [id, name] of relations.components) {
      const service = of(name)
      service?.components.add(id)
      const folder = relations.folders.get(id) ?? ''
      for (const repository of relations.keptIn.get(id) ?? []) {
        const slug = code.slugOf(repository) ?? repository
        kept.set(slug, [...new Set([...(kept.get(slug) ?? []), wordsOf(name).join('-')])])
        service?.code.set(`${slug} ${folder}`, { repository, folder })
      }
    }
    this.#ofRepository = kept
    // What several share is called after none of them.
    for (const [repository, slug] of code.repositories)
      if (!this.isShared(repository))
        of(slug.slice(slug.lastIndexOf('/') + 1))?.code.set(`${slug} `, { repository, folder: '' })
    for (const { repository, folder } of code.folders)
      of(folder.slice(folder.lastIndexOf('/') + 1))?.code.set(
        `${code.slugOf(repository) ?? repository} ${folder}`,
        {
          repository,
          folder,
        },
      )
    for (const [name, { components, code: places }] of made)
      this.#byName.set(name, { name, components: [...components], code: [...places.values()] })
    for (const name of this.#byName.keys()) {
      this.#firstWords.add(name.split('-', 1)[0]!)
      const prefix = name.slice(0, LEAST_PREFIX)
      this.#byFirst.set(prefix, [...(this.#byFirst.get(prefix) ?? []), name])
    }
  }

  named(name: string): Service | undefined {
    return this.#byName.get(wordsOf(name).join('-'))
  }

  /** Those whose whole name stands in one of these: the longest, where it has more than one word or is the whole. */
  within(names: readonly string[]): Service | undefined {
    let longest = 0
    let found: Service | undefined
    for (const name of names) {
      const words = wordsOf(ownName(name))
      for (let from = 0; from < words.length; from++) {
        if (!this.#firstWords.has(words[from]!)) continue
        for (let to = Math.min(words.length, from + MOST_WORDS); to - from > longest; to--) {
          if (to - from === 1 && words.filter(word => !isCommon([word])).length > 1) continue
          const known = this.#byName.get(words.slice(from, to).join('-'))
          if (!known) continue
          longest = to - from
          found = known
        }
      }
    }
    return found
  }

  /** The only one that a name is short for: `ord-api-prod` for `orders-api`. */
  abbreviated(names: readonly string[]): Service | undefined {
    const found = new Set<string>()
    for (const name of names) {
      const words = wordsOf(ownName(name))
      for (let from = 0; from + 1 < words.length; from++) {
        const first = words[from]!
        if (first.length < LEAST_PREFIX) continue
        for (const candidate of this.#byFirst.get(first.slice(0, LEAST_PREFIX)) ?? []) {
          const full = candidate.split('-')
          const short = words.slice(from, from + full.length)
          if (full.length < 2 || short.length < full.length) continue
          if (full.every((word, at) => short[at]!.length >= LEAST_PREFIX && word.startsWith(short[at]!)))
            found.add(candidate)
        }
      }
    }
    const [only] = found
    return found.size === 1 ? this.#byName.get(only!) : undefined
  }

  /** The only one whose code is all of the repository. */
  keptIn(repository: string): Service | undefined {
    const slug = this.#code.slugOf(repository)
    const own = this.#ofRepository.get(slug ?? repository) ?? []
    if (own.length === 1) return this.#byName.get(own[0]!)
    return own.length === 0 && slug !== undefined
      ? this.named(slug.slice(slug.lastIndexOf('/') + 1))
      : undefined
  }

  /** Several lie in it, or it is called after none. */
  isShared(repository: string): boolean {
    const slug = this.#code.slugOf(repository) ?? repository
    const own = this.#ofRepository.get(slug) ?? []
    if (own.length > 0) return own.length > 1
    return /(?:^|\/)(?:mono-?repo|infra|infrastructure|platform|deploy|deployments?|gitops|terraform|charts|config)(?:$|-)/.test(
      slug,
    )
  }
}
