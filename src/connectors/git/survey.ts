import type { Io } from '../../core/contract/io.ts'
import { pathText } from '../../core/contract/path-text.ts'
import type { Ms, Ref } from '../../core/contract/ref.ts'
import { Column } from './column.ts'
import { readRefs, type Refs } from './git-directory.ts'
import { GitFailure } from './git-failure.ts'
import { type Limits, limitHistory, orderCommits, walkHistory, walkIndex, walkTips } from './history.ts'
import { NumberTable } from '../../core/contract/number-table.ts'
import { ObjectTable } from './object-table.ts'
import { indexFiles } from './own-files.ts'
import { Problems } from './problems.ts'
import { listObjects, type Repository } from './repository.ts'

export const COMMIT_MESSAGE = '(commit message)'
export const TAG_MESSAGE = '(tag message)'
export const UNREACHABLE = '(unreachable object)'

const AT_ONCE = 256

/** What passes over a repository share. */
export interface GitSource {
  readonly repository: Repository
  readonly in: Ref
  readonly name: string | undefined
  readonly io: Io
  limits: Limits
  /** Taken for reading the documents, and used up by telling where they stand. */
  survey: Survey | undefined
  /** Objects whose content could not be read, with the reason: learnt by reading, stated by discover(). */
  readonly unread: Map<string, string>
  /** The git directory's own files as they were read, by path. */
  readonly readFiles: Map<string, string>
}

/** Where a document stands: `commit` is the oldest one that put it there. */
export interface Standing {
  readonly id: string
  readonly path: string
  readonly commit?: { readonly id: string; readonly author: string; readonly at: Ms | undefined }
  readonly atHead: boolean
}

/** Lists every object and walks the whole history, once for all who need to know. */
export async function takeSurvey(source: GitSource): Promise<Survey> {
  const { survey, walked } = await beginSurvey(source)
  await walked
  return survey
}

/**
 * A survey in which every object is listed, and what stands at the tips, while the history is walked still: most objects can
 * be read meanwhile. `walked` raises what the walk does, to whoever waits for it.
 */
export async function beginSurvey(
  source: GitSource,
): Promise<{ readonly survey: Survey; readonly walked: Promise<void> }> {
  const { repository, io } = source
  const refs = await readRefs(repository)
  const survey = new Survey(refs, repository.hashName, io)
  const list = async () => {
    for await (const objects of listObjects(repository, survey.problem))
      for (const { line, type } of objects) survey.list(line, type)
  }
  const listed = list()
  const walked = listed.then(() => walk(source, survey))
  walked.catch(() => {})
  const ends = await Promise.allSettled([listed, walkTips(repository, refs, survey.tip, survey.problem)])
  for (const end of ends) {
    if (end.status === 'fulfilled') continue
    survey.stop()
    await walked.catch(() => {})
    throw end.reason
  }
  return { survey, walked }
}

async function walk(source: GitSource, survey: Survey): Promise<void> {
  const { repository } = source
  const { problem } = survey
  await walkHistory(repository, await orderedCommits(source, survey), survey)
  for (const index of await indexFiles(repository)) {
    try {
      await walkIndex(repository, index, survey.stage)
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error
      problem(`what is staged cannot be told (${error.message})`)
    }
  }
}

/** All of them are ordered before the first is given, since the order fails as a whole. */
async function orderedCommits(source: GitSource, survey: Survey): Promise<AsyncGenerator<string[], void>> {
  const { repository } = source
  const order = new Column(Uint32Array)
  let count = 0
  const next = (hex: Uint8Array) => {
    survey.goesOn()
    order.set(count++, survey.objects.add(hex))
  }
  try {
    await orderCommits(repository, survey.ids('commit', source.limits), next)
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error
    source.limits = await limitHistory(repository, survey.refs, survey.ids('commit'))
    count = 0
    await orderCommits(repository, survey.ids('commit', source.limits), next)
  }
  return survey.idsOf(order, count)
}

type Kind = 'blob' | 'commit' | 'tag'
const KINDS: readonly (Kind | undefined)[] = [undefined, 'blob', 'commit', 'tag']
const BLOB = KINDS.indexOf('blob')

/**
 * What there is in a repository, and where it stands. Memory grows with the number of objects and of blobs' paths, by some
 * fifty bytes each, and not with their sizes.
 */
export class Survey {
  readonly refs: Refs
  readonly problems = new Problems()
  readonly submodules = new Set<string>()
  readonly objects: ObjectTable
  blobs = 0
  commits = 0
  #listed = 0
  /** Objects in the order in which they were listed. */
  readonly #list = new Column(Uint32Array)
  #isStopped = false
  /** Of each object, by its number. */
  readonly #kinds = new Column(Uint8Array)
  readonly #isPlaced = new Column(Uint8Array)
  readonly #tipPaths = new Column(Uint32Array)
  readonly #oldestPaths = new Column(Uint32Array)
  /** A blob at a path is a place; of each place the commit that made it, counted from 1. */
  readonly #places: NumberTable
  readonly #place = new Uint32Array(2)
  readonly #introducedBy = new Column(Uint32Array)
  /** Places at a branch's tip: a table of its own, since the other one is in the order of the walk. */
  readonly #tips: NumberTable
  readonly #isStaged = new Column(Uint8Array)
  /** Of each commit, in the order of the walk. */
  readonly #commitObjects = new Column(Uint32Array)
  readonly #commitAuthors = new Column(Uint32Array)
  readonly #commitTimes = new Column(Float64Array)
  readonly #paths = new Names()
  readonly #authors = new Names()

  constructor(refs: Refs, hashName: 'sha1' | 'sha256', io: Pick<Io, 'random'>) {
    this.refs = refs
    const seed = (bytes: number) => io.random(bytes)
    this.objects = new ObjectTable(hashName, seed)
    this.#places = new NumberTable(2, seed)
    this.#tips = new NumberTable(2, seed)
  }

  list(hex: Uint8Array, type: Kind | 'tree'): void {
    if (type === 'tree') return
    const number = this.objects.add(hex)
    if (this.#kinds.get(number) === 0) this.#list.set(this.#listed++, number)
    this.#kinds.set(number, KINDS.indexOf(type))
    if (type === 'blob') this.blobs++
  }

  /** What was listed, in the order in which it is cheapest to read. */
  async *ids(kind?: Kind, { unreadable }: Pick<Limits, 'unreadable'> = { unreadable: new Set() }) {
    const wanted = KINDS.indexOf(kind)
    let ids: string[] = []
    for (let index = 0; index < this.#listed; index++) {
      const number = this.#list.get(index)
      if (kind !== undefined && this.#kinds.get(number) !== wanted) continue
      const id = this.objects.id(number)
      if (!unreadable.has(id)) ids.push(id)
      if (ids.length < AT_ONCE) continue
      yield ids
      ids = []
    }
    if (ids.length > 0) yield ids
  }

  /**
   * All of them, while the history is walked still: a blob that stands at no tip has no path yet, so that it comes when that
   * is done. `walked` raises what the walk does.
   */
  async *idsToRead(walked: Promise<void>): AsyncGenerator<readonly string[], void> {
    let isWalked = false
    const ended = walked.then(() => {
      isWalked = true
    })
    ended.catch(() => {})
    const later = new Column(Uint32Array)
    let kept = 0
    let ids: string[] = []
    for (let index = 0; index < this.#listed; index++) {
      const number = this.#list.get(index)
      const isKnown = isWalked || this.#tipPaths.get(number) !== 0 || this.#kinds.get(number) !== BLOB
      if (isKnown) ids.push(this.objects.id(number))
      else later.set(kept++, number)
      if (ids.length < AT_ONCE && index < this.#listed - 1) continue
      yield ids
      ids = []
    }
    if (kept > 0) await ended
    yield* this.idsOf(later, kept)
  }

  /** Of so many objects, by their numbers. */
  async *idsOf(numbers: Column<Uint32Array>, count: number): AsyncGenerator<string[], void> {
    for (let from = 0; from < count; from += AT_ONCE) {
      const length = Math.min(AT_ONCE, count - from)
      yield Array.from({ length }, (_, i) => this.objects.id(numbers.get(from + i)))
    }
  }

  /** The path by which readers tell a blob's format: that at a branch's tip, else the oldest one, which is known once all was walked. */
  pathOf(id: string): string {
    const number = this.objects.numberOf(id)
    if (number === undefined) return UNREACHABLE
    return this.#paths.name(this.#tipPaths.get(number) || this.#oldestPaths.get(number)) ?? UNREACHABLE
  }

  readonly problem = (what: string): void => this.problems.add(what)

  /** The walk over the history ends at the next commit. */
  stop(): void {
    this.#isStopped = true
  }

  goesOn(): void {
    if (this.#isStopped) throw new Error('the walk over the history was stopped')
  }

  readonly commit = (hex: Uint8Array, author: string, at: Ms | undefined): void => {
    this.goesOn()
    this.#commitObjects.set(this.commits, this.objects.add(hex))
    this.#commitAuthors.set(this.commits, this.#authors.number(author))
    this.#commitTimes.set(this.commits, at ?? Number.NaN)
    this.commits++
  }

  /** The commit said last put the blob there; oldest first, so that a place's first commit is its oldest. */
  readonly introduce = (hex: Uint8Array, at: number, pathBytes: Uint8Array, isSubmodule: boolean): void => {
    const path = pathText(pathBytes)
    if (isSubmodule) return void this.submodules.add(path)
    const [blob, number] = [this.objects.add(hex, at), this.#paths.number(path)]
    const place = this.#placeOf(blob, number)
    if (this.#introducedBy.get(place) !== 0) return
    this.#introducedBy.set(place, this.commits)
    this.#stands(blob, number)
  }

  readonly tip = (hex: Uint8Array, at: number, pathBytes: Uint8Array): void => {
    const [blob, path] = [this.objects.add(hex, at), this.#paths.number(pathText(pathBytes))]
    this.#tips.add(this.#pair(blob, path))
    if (this.#tipPaths.get(blob) === 0) this.#tipPaths.set(blob, path)
  }

  readonly stage = (hex: Uint8Array, at: number, pathBytes: Uint8Array): void => {
    const [blob, path] = [this.objects.add(hex, at), this.#paths.number(pathText(pathBytes))]
    this.#isStaged.set(this.#placeOf(blob, path), 1)
    this.#stands(blob, path)
  }

  #placeOf(blob: number, path: number): number {
    return this.#places.add(this.#pair(blob, path))
  }

  /** Used again for every other pair. */
  #pair(blob: number, path: number): Uint32Array {
    this.#place[0] = blob
    this.#place[1] = path
    return this.#place
  }

  #stands(blob: number, path: number): void {
    this.#isPlaced.set(blob, 1)
    if (this.#oldestPaths.get(blob) === 0) this.#oldestPaths.set(blob, path)
  }

  /** Every message of a commit and every place of a blob; tags are told apart, since only reading them tells who made them. */
  *standings(): Generator<Standing, void> {
    const tips = new Set(this.refs.tips)
    let said = 0
    const message = (): Standing => {
      const commit = this.#commit(said++)
      return { id: commit.id, path: COMMIT_MESSAGE, commit, atHead: tips.has(commit.id) }
    }
    // The walk numbered the places, so that each commit's are together, behind those of the commits before.
    for (let place = 0; place < this.#places.size; place++) {
      const by = this.#introducedBy.get(place)
      if (by === 0) continue
      while (said < by) yield message()
      const { id, path } = this.#blobAt(place)
      yield { id, path, commit: this.#commit(by - 1), atHead: this.#isAtTip(place) }
    }
    while (said < this.commits) yield message()
    for (let place = 0; place < this.#places.size; place++) {
      if (this.#isStaged.get(place) === 0 || this.#isAtTip(place)) continue
      const { id, path } = this.#blobAt(place)
      yield { id, path: `(index) ${path}`, atHead: false }
    }
    for (let index = 0; index < this.#listed; index++) {
      const number = this.#list.get(index)
      if (this.#kinds.get(number) === BLOB && this.#isPlaced.get(number) === 0)
        yield { id: this.objects.id(number), path: UNREACHABLE, atHead: false }
    }
  }

  /** Blobs that the history or an index names and that were not listed. */
  *unlisted(): Generator<string> {
    for (let number = 0; number < this.objects.size; number++)
      if (this.#isPlaced.get(number) === 1 && this.#kinds.get(number) === 0) yield this.objects.id(number)
  }

  #isAtTip(place: number): boolean {
    return this.#tips.numberOf(this.#places.key(place)) !== undefined
  }

  #blobAt(place: number): { id: string; path: string } {
    const [blob, path] = this.#places.key(place)
    return { id: this.objects.id(blob!), path: this.#paths.name(path!)! }
  }

  #commit(index: number) {
    const at = this.#commitTimes.get(index)
    return {
      id: this.objects.id(this.#commitObjects.get(index)),
      author: this.#authors.name(this.#commitAuthors.get(index))!,
      at: Number.isNaN(at) ? undefined : at,
    }
  }
}

/** Texts that come again and again, kept once. Numbers count from 1. */
class Names {
  readonly #names: string[] = []
  readonly #numbers = new Map<string, number>()

  number(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    this.#numbers.set(name, this.#names.push(name))
    return this.#names.length
  }

  name(number: number): string | undefined {
    return this.#names[number - 1]
  }
}
