import { join } from 'node:path'
import { countText } from '../../core/contract/count-text.ts'
import type { Facts, Observation } from '../../core/contract/observation.ts'
import { alternates, defaultBranch, fromDotGit, isBare, type Refs, refCommit } from './git-directory.ts'
import { EMPTY_BLOB } from './history.ts'
import { given, readObjects } from './object-reader.ts'
import { contentId, ownFiles, packsWithoutIndex, submoduleRepositories } from './own-files.ts'
import type { Problems } from './problems.ts'
import type { Repository } from './repository.ts'
import { type GitSource, type Standing, type Survey, TAG_MESSAGE, takeSurvey } from './survey.ts'

export const SUBMODULE_ELSEWHERE = 'a submodule is a repository of its own: scan it by itself'

/**
 * The repository, where every document stands, and what was not searched. Always the whole of it: what stands at a
 * branch's tip changes for old blobs too.
 */
export async function* gitDiscovery(source: GitSource): AsyncGenerator<Observation, void> {
  // That by which the documents were read, which is then let go: asked again, the repository is looked at again.
  const survey = source.survey ?? (await takeSurvey(source))
  source.survey = undefined
  const { refs, problems } = survey
  const coverage = new Coverage(`git:${source.repository.path}`, problems)
  for (const problem of refs.problems) problems.add(problem)
  for (const gap of refs.gaps) coverage.gap(gap)
  yield { see: 'resource', ref: source.in, names: names(source), facts: facts(source, refs) }
  for (const standing of survey.standings()) yield occurrence(standing)
  for await (const tags of survey.ids('tag')) yield* tagMessages(source, tags)
  yield* filesOfGit(source, coverage)
  await stateGaps(source, survey, coverage)
  yield* coverage.observations(`${countText(survey.commits, 'commit')}, ${countText(survey.blobs, 'blob')}`)
}

function occurrence({ id, path, commit, atHead }: Standing): Observation {
  const at = commit?.at === undefined ? {} : { at: commit.at }
  const by = commit ? { commit: commit.id, author: commit.author, ...at } : {}
  return { see: 'occurrence', document: `git:${id}`, path, ...by, atHead }
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
  for await (const { path, file, at } of ownFiles(source.repository, coverage.problems.add)) {
    const now = await contentId(file).catch(() => undefined)
    if (now === undefined) coverage.problems.add(`${path} could not be read`)
    const read = source.readFiles.get(path)
    for (const document of new Set([now, read])) {
      if (document) yield { see: 'occurrence', document, path, at, atHead: document === now }
    }
  }
}

/** What is known to be missing, besides what the passes have met. */
async function stateGaps(
  { repository, limits, unread }: GitSource,
  survey: Survey,
  coverage: Coverage,
): Promise<void> {
  const { refs, submodules } = survey
  const { settings } = repository
  if (refs.shallow.length > 0) {
    coverage.gap('the clone is shallow: older history is elsewhere ("git fetch --unshallow" brings it)')
  }
  if (isPartial(repository)) {
    coverage.gap('the clone is partial: objects left at its remote were not fetched and not searched')
  } else {
    const missing = await missingBlobs(repository, survey)
    if (missing.length > 0) {
      const are = countText(missing.length, 'blob of the history is', 'blobs of the history are')
      const others = missing.length > 1 ? ', …' : ''
      coverage.problems.add(`${are} missing or damaged (${survey.pathOf(missing[0]!)}${others})`)
    }
  }
  if (limits.cut.length > 0) {
    coverage.problems.add(
      `the parents of ${countText(limits.cut.length, 'commit')} are lost (${limits.cut[0]}…): history before is unknown`,
    )
  }
  for (const id of limits.unreadable) coverage.problems.add(`the commit ${id} is damaged`)
  for (const [id, why] of unread)
    coverage.problems.add(id === '' ? why : `the object ${id} could not be read (${why})`)
  for (const pack of await packsWithoutIndex(repository)) {
    coverage.problems.add(
      `the pack ${pack} has no index: its objects were not searched ("git index-pack" makes one)`,
    )
  }
  for (const path of submodules) {
    coverage.elsewhere(`submodule ${path}`, SUBMODULE_ELSEWHERE)
  }
  const checkedOut = await Promise.all(
    [...submodules].map(async path => (await fromDotGit(join(repository.path, path)))?.common),
  )
  for (const path of await submoduleRepositories(repository)) {
    // What stands in the checkout was told of by its path there.
    if (checkedOut.includes(join(repository.common, path))) continue
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

export function isPartial({ settings }: Repository): boolean {
  const promisor = [...settings.keys()].some(name => /^remote\..*\.promisor$/.test(name))
  return promisor || settings.has('extensions.partialclone')
}

/** What is staged while all is listed is there as well: only what cannot be read is missing. */
async function missingBlobs({ home, hashName }: Repository, survey: Survey): Promise<string[]> {
  const unlisted = [...survey.unlisted()].filter(id => id !== EMPTY_BLOB[hashName])
  if (unlisted.length === 0) return []
  const missing: string[] = []
  for await (const _ of readObjects(home, given([unlisted]), id => missing.push(id)));
  return missing
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
  const head = refCommit('HEAD', refs)
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
  readonly problems: Problems
  readonly #gaps = new Set<string>()
  readonly #elsewhere: { scope: string; why: string }[] = []
  readonly #notes: string[] = []

  constructor(scope: string, problems: Problems) {
    this.#scope = scope
    this.problems = problems
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
    const { stated, unstated } = this.problems
    const missing = stated.size + unstated + this.#gaps.size
    const complete = missing === 0
    const whys = complete ? this.#notes : [`${countText(missing, 'problem')}, see below`, ...this.#notes]
    const why = whys.length === 0 ? {} : { why: whys.join('; ') }
    yield { see: 'covered', scope: `${this.#scope} all refs, ${counts}`, complete, ...why }
    const whole = { see: 'covered', scope: this.#scope, complete: false } as const
    for (const why of this.#gaps) yield { ...whole, why }
    for (const why of stated) yield { ...whole, why, failed: true }
    if (unstated > 0) yield { ...whole, why: countText(unstated, 'more problem'), failed: true }
    for (const { scope, why } of this.#elsewhere) yield { see: 'covered', scope, complete: false, why }
  }
}
