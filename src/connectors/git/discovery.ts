import type { Facts, Observation } from '../../core/contract/observation.ts'
import { COMMIT_MESSAGE, type GitSource, TAG_MESSAGE, UNREACHABLE } from './documents.ts'
import { alternates, defaultBranch, isBare, readRefs, type Refs } from './git-directory.ts'
import { GitFailure } from './git-process.ts'
import { type Introduction, walkHistory, walkIndex, walkTips } from './history.ts'
import { KeyTable } from './key-table.ts'
import { readObjects } from './object-reader.ts'
import { contentId, indexFiles, ownFiles, packsWithoutIndex, submoduleRepositories } from './own-files.ts'
import { listObjects } from './repository.ts'

const MOST_PROBLEMS_STATED = 100

/**
 * The repository, where every document stands, and what was not searched. Always the whole of it: what stands at a
 * branch's tip changes for old blobs too. Memory grows with the number of blobs and paths (20 bytes each), not with
 * their sizes.
 */
export async function* gitDiscovery(source: GitSource): AsyncGenerator<Observation, void> {
  const { repository, limits, io } = source
  const refs = await readRefs(repository)
  const coverage = new Coverage(`git:${repository.path}`)
  for (const problem of refs.problems) coverage.problem(problem)
  for (const gap of refs.gaps) coverage.gap(gap)
  yield { see: 'resource', ref: source.in, names: names(source), facts: facts(source, refs) }

  const atTips = new KeyTable(io.random(16))
  const tips = new Set(refs.tips)
  await walkTips(repository, refs, (blob, path) => void atTips.add(`${blob} ${path}`), coverage.problem)

  const placed = new KeyTable(io.random(16)) // blobs that stand somewhere
  const said = new KeyTable(io.random(16)) // a blob at a path is said once, for its oldest commit
  const submodules = new Set<string>()
  let commits = 0
  for await (const step of walkHistory(repository, limits, coverage.problem)) {
    if (!('blob' in step)) {
      commits++
      const { id, author, at } = step.commit
      yield {
        see: 'occurrence',
        document: `git:${id}`,
        path: COMMIT_MESSAGE,
        commit: id,
        author,
        ...(at === undefined ? {} : { at }),
        atHead: tips.has(id),
      }
    } else if (step.submodule) {
      submodules.add(step.path)
    } else if (said.add(`${step.blob} ${step.path}`)) {
      placed.add(step.blob)
      yield introduced(step, atTips.has(`${step.blob} ${step.path}`))
    }
  }
  yield* staged(source, said, placed, coverage)

  let blobs = 0
  const tags: string[] = []
  for await (const objects of listObjects(repository, coverage.problem)) {
    for (const { id, type } of objects) {
      if (type === 'tag') tags.push(id)
      if (type !== 'blob') continue
      blobs++
      if (!placed.has(id))
        yield { see: 'occurrence', document: `git:${id}`, path: UNREACHABLE, atHead: false }
    }
  }
  yield* tagMessages(source, tags)
  yield* filesOfGit(source, coverage)

  await stateGaps(source, refs, submodules, coverage)
  yield* coverage.observations(`${commits} commits, ${blobs} blobs`)
}

function introduced({ commit, blob, path }: Introduction, atHead: boolean): Observation {
  const { id, author, at } = commit
  const when = at === undefined ? {} : { at }
  return { see: 'occurrence', document: `git:${blob}`, path, commit: id, author, ...when, atHead }
}

async function* staged(
  { repository }: GitSource,
  said: KeyTable,
  placed: KeyTable,
  coverage: Coverage,
): AsyncGenerator<Observation, void> {
  for (const index of await indexFiles(repository)) {
    try {
      for await (const { blob, path } of walkIndex(repository, index)) {
        if (!said.add(`${blob} ${path}`)) continue
        placed.add(blob)
        yield { see: 'occurrence', document: `git:${blob}`, path: `(index) ${path}`, atHead: false }
      }
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error
      coverage.problem(`what is staged cannot be told (${error.message})`)
    }
  }
}

async function* tagMessages({ repository }: GitSource, tags: string[]): AsyncGenerator<Observation, void> {
  const batches = async function* () {
    yield tags
  }
  for await (const { id, whole } of readObjects(repository.home, batches(), () => {})) {
    const tagger = /^tagger (.*) (\d+) [+-]\d+$/m.exec(whole?.toString('utf8').split('\n\n')[0] ?? '')
    const by = tagger ? { author: tagger[1]!, at: Number(tagger[2]) * 1000 } : {}
    yield { see: 'occurrence', document: `git:${id}`, path: TAG_MESSAGE, ...by, atHead: false }
  }
}

async function* filesOfGit(source: GitSource, coverage: Coverage): AsyncGenerator<Observation, void> {
  for await (const { path, file, at } of ownFiles(source.repository, coverage.problem)) {
    const now = await contentId(file).catch(() => undefined)
    if (now === undefined) coverage.problem(`${path} could not be read`)
    const read = source.readFiles.get(path)
    for (const document of new Set([now, read])) {
      if (document) yield { see: 'occurrence', document, path, at, atHead: document === now }
    }
  }
}

/** What is known to be missing, besides what the passes have met. */
async function stateGaps(
  { repository, limits, unread }: GitSource,
  refs: Refs,
  submodules: ReadonlySet<string>,
  coverage: Coverage,
): Promise<void> {
  const { settings } = repository
  if (refs.shallow.length > 0) {
    coverage.gap('the clone is shallow: older history is elsewhere ("git fetch --unshallow" brings it)')
  }
  const promisor = [...settings.keys()].some(name => /^remote\..*\.promisor$/.test(name))
  if (promisor || settings.has('extensions.partialclone')) {
    coverage.gap('the clone is partial: objects left at its remote were not fetched and not searched')
  }
  if (limits.cut.length > 0) {
    coverage.problem(
      `the parents of ${limits.cut.length} commits are lost (${limits.cut[0]}…): history before is unknown`,
    )
  }
  for (const id of limits.unreadable) coverage.problem(`the commit ${id} is damaged`)
  for (const [id, why] of unread)
    coverage.problem(id === '' ? why : `the object ${id} could not be read (${why})`)
  for (const pack of await packsWithoutIndex(repository)) {
    coverage.problem(
      `the pack ${pack} has no index: its objects were not searched ("git index-pack" makes one)`,
    )
  }
  for (const path of submodules) {
    coverage.elsewhere(`submodule ${path}`, 'a submodule is a repository of its own: scan it by itself')
  }
  for (const path of await submoduleRepositories(repository)) {
    coverage.elsewhere(`.git/${path}`, 'the repository of a submodule: scan it by itself')
  }
  if ([...settings.keys()].some(name => name.startsWith('filter.lfs.') || name.startsWith('lfs.'))) {
    coverage.elsewhere(
      'Git LFS',
      'files kept by Git LFS are outside the history: only their pointers were searched',
    )
  }
  for (const path of await alternates(repository)) {
    coverage.note(`objects borrowed from ${path} were searched too`)
  }
}

function names({ repository, name }: GitSource): string[] {
  const remotes = [...repository.settings]
    .filter(([key]) => /^remote\..*\.(?:url|pushurl)$/.test(key))
    .flatMap(([, urls]) => urls.map(withoutUserInfo))
  return [...new Set([...(name ? [name] : []), repository.path, ...remotes])]
}

/** `https://user:token@host/x` and `user@host:x` without the user: a remote's URL is where tokens like to stand. */
export function withoutUserInfo(url: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)(.*)$/is.exec(url)
  if (scheme) {
    const [, start, authority, rest] = scheme as unknown as [string, string, string, string]
    // Some put the token into the path's query, too.
    return start + authority.slice(authority.lastIndexOf('@') + 1) + rest.replace(/[?#].*$/s, '')
  }
  const colon = url.indexOf(':')
  const host = colon < 0 ? url : url.slice(0, colon)
  return host.includes('/') ? url : host.slice(host.lastIndexOf('@') + 1) + url.slice(host.length)
}

function facts({ repository }: GitSource, refs: Refs): Facts {
  const branch = defaultBranch(refs)
  const head = refs.all.get('HEAD') ?? refs.all.get(refs.symbolic.get('HEAD') ?? '')
  return {
    ...(branch === undefined ? {} : { defaultBranch: { value: branch } }),
    ...(head === undefined ? {} : { head: { value: head } }),
    bare: { value: isBare(repository) },
    shallow: { value: refs.shallow.length > 0 },
  }
}

/** Collects what was not searched: the whole is complete only where nothing of it is missing. */
class Coverage {
  readonly #scope: string
  readonly #problems = new Set<string>()
  readonly #gaps = new Set<string>()
  readonly #elsewhere: { scope: string; why: string }[] = []
  readonly #notes: string[] = []
  #unstated = 0

  constructor(scope: string) {
    this.#scope = scope
  }

  readonly problem = (what: string): void => {
    if (this.#problems.size < MOST_PROBLEMS_STATED) this.#problems.add(what)
    else if (!this.#problems.has(what)) this.#unstated++
  }

  /** What was never here: nothing is broken, and yet not all was searched. */
  gap(what: string): void {
    this.#gaps.add(what)
  }

  /** A scope beside this one: it takes nothing away from this one's completeness. */
  elsewhere(scope: string, why: string): void {
    this.#elsewhere.push({ scope: `${this.#scope} ${scope}`, why })
  }

  note(what: string): void {
    this.#notes.push(what)
  }

  *observations(counts: string): Generator<Observation, void> {
    const missing = this.#problems.size + this.#unstated + this.#gaps.size
    const complete = missing === 0
    const whys = complete ? this.#notes : [`${missing} problems, see below`, ...this.#notes]
    const why = whys.length === 0 ? {} : { why: whys.join('; ') }
    yield { see: 'covered', scope: `${this.#scope} all refs, ${counts}`, complete, ...why }
    const whole = { see: 'covered', scope: this.#scope, complete: false } as const
    for (const why of this.#gaps) yield { ...whole, why }
    for (const why of this.#problems) yield { ...whole, why, failed: true }
    if (this.#unstated > 0) yield { ...whole, why: `${this.#unstated} more problems`, failed: true }
    for (const { scope, why } of this.#elsewhere) yield { see: 'covered', scope, complete: false, why }
  }
}
