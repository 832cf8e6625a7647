import { sql } from 'kysely'
import type { Ms } from '../../core/contract/ref.ts'
import { repositoryKey } from '../../core/contract/repository-key.ts'
import { type BytePage, bytePages, SEPARATOR } from '../../core/store/byte-pages.ts'
import { ByteTexts } from '../../core/store/byte-texts.ts'
import type { Db } from '../../core/store/store.ts'
import { inChunks } from '../../know/inventory/in-chunks.ts'
import { namesById } from '../../know/inventory/queries.ts'
import type { Roots } from '../../know/inventory/roots.ts'
import { codeOwnersPolicy } from '../../know/readers/codeowners/policy.ts'
import { CodeOwners, type CodeOwnersRule } from '../../know/readers/codeowners/rules.ts'

/** A file of a source that tells of something. */
export interface CodePlace {
  readonly sourceId: string
  /** The repository, or the tree, that it lies in. */
  readonly containerId: string
  readonly path: string
}

export interface Authored {
  readonly author: string
  readonly at: Ms
}

/** Where GitHub looks for the file, first to last. */
const WHERE = ['.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS', '.gitlab/CODEOWNERS']

interface OwnersFile {
  /** The folder that its patterns start from. */
  readonly base: string
  readonly file: string
  readonly owners: CodeOwners
  readonly folders: readonly string[]
}

/** Repositories: which of them are one, and who owns what in them. */
export class Code {
  readonly #slugs: ReadonlyMap<string, string>
  readonly #owners: ReadonlyMap<string, readonly OwnersFile[]>
  readonly #bySlug: ReadonlyMap<string, readonly string[]>

  constructor(slugs: ReadonlyMap<string, string>, policies: ReadonlyMap<string, readonly string[]>) {
    this.#slugs = slugs
    this.#bySlug = Map.groupBy(slugs.keys(), id => slugs.get(id)!)
    this.#owners = new Map(
      [...policies].map(([id, texts]) => [
        id,
        texts
          .map(codeOwnersPolicy)
          .map(({ path, rules }) => {
            const at = WHERE.findIndex(where => path === where || path.endsWith(`/${where}`))
            const where = WHERE[at] ?? 'CODEOWNERS'
            const folders = rules.flatMap(
              ({ pattern }) => /^\/?([\w./-]*[\w.-])\/(?:\*\*?)?$/.exec(pattern)?.[1] ?? [],
            )
            return {
              at,
              base: path.slice(0, -where.length),
              file: path,
              owners: new CodeOwners(rules),
              folders,
            }
          })
          .sort((a, b) => b.base.length - a.base.length || a.at - b.at),
      ]),
    )
  }

  /** `acme/orders-api`; undefined for what is no repository that is known by a name. */
  slugOf(repositoryId: string): string | undefined {
    return this.#slugs.get(repositoryId)
  }

  /** All that is known of the repository, which several sources may tell of. */
  sameAs(repositoryId: string): readonly string[] {
    const slug = this.#slugs.get(repositoryId)
    return slug === undefined ? [repositoryId] : (this.#bySlug.get(slug) ?? [repositoryId])
  }

  /** One of each, with what it is called. */
  get repositories(): readonly (readonly [string, string])[] {
    return [...this.#bySlug].map(([slug, ids]) => [ids[0]!, slug] as const)
  }

  /** Folders that somebody owns by a rule of their own: most are called after what is in them. */
  get folders(): readonly { readonly repository: string; readonly folder: string }[] {
    return [...this.#owners].flatMap(([repository, files]) =>
      files.flatMap(({ base, folders }) =>
        folders.map(folder => ({ repository, folder: `${base}${folder}` })),
      ),
    )
  }

  /** Who owns a path; undefined where nothing is said. Empty where somebody said that it is nobody's. */
  ownersOf(
    repositoryId: string,
    path: string,
  ): { owners: readonly string[]; rules: readonly CodeOwnersRule[]; file: string } | undefined {
    for (const id of this.sameAs(repositoryId)) {
      const found = this.#owners.get(id)?.find(({ base }) => path.startsWith(base))
      const told = found?.owners.of(path.slice(found.base.length))
      if (found && told) return { ...told, file: found.file }
    }
    return undefined
  }
}

export async function loadCode(db: Db, roots: Roots): Promise<Code> {
  const repositories = await db
    .selectFrom('entity')
    .select('id')
    .where('kind', 'in', ['repository', 'project', 'tree'])
    .where('system', 'in', ['git', 'github', 'gitlab', 'directory'])
    .where('merged_into', 'is', null)
    .where('gone_at', 'is', null)
    .execute()
  const names = await namesById(
    db,
    roots,
    repositories.map(({ id }) => id),
  )
  const slugs = new Map<string, string>()
  for (const [id, known] of names) {
    const slug = slugIn(known)
    if (slug !== undefined) slugs.set(id, slug)
  }
  const policies = await db
    .selectFrom('policy')
    .select(['entity_id', 'text'])
    .where('language', '=', 'codeowners')
    .where('gone_at', 'is', null)
    .execute()
  const byRepository = new Map<string, string[]>()
  for (const { entity_id, text } of policies) {
    const id = roots.of(entity_id)
    byRepository.set(id, [...(byRepository.get(id) ?? []), text])
  }
  return new Code(slugs, byRepository)
}

/** The owner and the name at the end of the first address of a host. */
function slugIn(names: readonly string[]): string | undefined {
  const keys = names.flatMap(name => repositoryKey(name) ?? [])
  const hosted =
    keys.find(key => /^[^/]+\.[^/]+\/.+\/.+/.test(key)) ?? keys.find(key => /^[\w.-]+\/[\w.-]+$/.test(key))
  return hosted === undefined ? undefined : hosted.split('/').slice(-2).join('/').toLowerCase()
}

/** Who wrote each file, over all versions of it that tell of anything. Of `many` files all that was written is read. */
export async function authorsOf(db: Db, places: Iterable<CodePlace>, many = MANY): Promise<Authors> {
  const authors = new Authors(places)
  if (authors.files > many) {
    const columns = [sql`source_id`, sql`path`, sql`author`, sql`at`]
    for await (const page of bytePages(db, 'occurrence', columns)) authors.take(page)
    return authors
  }
  for (const [source, paths] of Map.groupBy(places, ({ sourceId }) => sourceId)) {
    const rows = await inChunks([...new Set(paths.map(({ path }) => path))], chunk =>
      db
        .selectFrom('occurrence')
        .select(['path', 'author', 'at'])
        .where('source_id', '=', source)
        .where('path', 'in', chunk)
        .where('author', 'is not', null)
        .where('at', 'is not', null)
        .execute(),
    )
    for (const { path, author, at } of rows) authors.add(source, path, author!, at!)
  }
  return authors
}

/** Who wrote the files that are asked for. Of very many files, a list for each would be most of what memory holds. */
export class Authors {
  /** By `nameOf`. */
  readonly #files = new ByteTexts(undefined, Infinity)
  /** By file, the first and the last that was written of it, or NONE. */
  readonly #first: number[] = []
  readonly #last: number[] = []
  /** All that was written: by whom, when, and what was written next of the same file. */
  readonly #authors: number[] = []
  readonly #at: Ms[] = []
  readonly #next: number[] = []
  /** The same few write very many files. */
  readonly #byName = new ByteTexts(undefined, Infinity)
  readonly #names: string[] = []

  constructor(places: Iterable<CodePlace> = []) {
    for (const { sourceId, path } of places) {
      const name = Buffer.from(nameOf(sourceId, path))
      if (this.#files.add(name, 0, name.length) < this.#first.length) continue
      this.#first.push(NONE)
      this.#last.push(NONE)
    }
  }

  get files(): number {
    return this.#files.count
  }

  add(sourceId: string, path: string, author: string, at: Ms): void {
    const by = Buffer.from(author)
    const file = this.#fileOf(sourceId, path)
    if (file !== undefined) this.#write(file, by, 0, by.length, at)
  }

  /** All rows with a source, a path, an author and a time; of files that nobody asked for, nothing is kept. */
  take({ bytes, ends, count }: BytePage): void {
    for (let row = 0; row < count * 4; row += 4) {
      const [by, byEnd, atEnd] = [ends[row + 1]! + 1, ends[row + 2]!, ends[row + 3]!]
      const isTold = by < byEnd && byEnd + 1 < atEnd
      const file = isTold ? this.#files.find(bytes, row === 0 ? 0 : ends[row - 1]! + 1, by - 1) : undefined
      if (file !== undefined)
        this.#write(file, bytes, by, byEnd, Number(bytes.toString('latin1', byEnd + 1, atEnd)))
    }
  }

  #write(file: number, from: Uint8Array, start: number, end: number, at: Ms): void {
    const author = this.#byName.add(from, start, end)
    if (author === this.#names.length) this.#names.push(this.#byName.textOf(author))
    const one = this.#authors.length
    this.#authors.push(author)
    this.#at.push(at)
    this.#next.push(NONE)
    const last = this.#last[file]!
    if (last === NONE) this.#first[file] = one
    else this.#next[last] = one
    this.#last[file] = one
  }

  /** In the order in which they were read. */
  of({ sourceId, path }: CodePlace): Authored[] {
    const file = this.#fileOf(sourceId, path)
    const found: Authored[] = []
    for (let one = file === undefined ? NONE : this.#first[file]!; one !== NONE; one = this.#next[one]!)
      found.push({ author: this.#names[this.#authors[one]!]!, at: this.#at[one]! })
    return found
  }

  #fileOf(sourceId: string, path: string): number | undefined {
    return this.#files.numberOf(nameOf(sourceId, path))
  }
}

/** As both stand in a page: a text of each would have to be made for millions of rows. */
function nameOf(sourceId: string, path: string): string {
  return `${sourceId}${SEPARATOR}${path}`
}

const NONE = -1

/** To read all is sooner done than to look up each of more. */
const MANY = 20_000
