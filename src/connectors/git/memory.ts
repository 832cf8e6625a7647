import { createHash } from 'node:crypto'
import type { Connection } from '../../core/contract/connector.ts'
import { countText } from '../../core/contract/count-text.ts'
import type { Document } from '../../core/contract/document.ts'
import type { Observation } from '../../core/contract/observation.ts'
import type { Cursor, Ms, PlaceRef } from '../../core/contract/ref.ts'
import { repositoryInstance, repositoryRef } from './connector.ts'
import { COMMIT_MESSAGE, TAG_MESSAGE, UNREACHABLE } from './survey.ts'
import { readPlace } from './read-place.ts'

/** A commit with all of its files, not only the changed ones. `author` is `name <email>`. */
export interface MemoryCommit {
  readonly files: Readonly<Record<string, string | Uint8Array>>
  readonly parents?: readonly MemoryCommit[]
  readonly author: string
  readonly at: Ms
  readonly message: string
}

export interface MemoryTag {
  readonly of: MemoryCommit
  readonly name: string
  readonly author: string
  readonly at: Ms
  readonly message: string
}

/** A repository. It may be changed between calls, as others push to a real one. */
export interface MemoryRepository {
  readonly path: string
  branches: Record<string, MemoryCommit>
  tags?: readonly MemoryTag[]
  /** Commits that no branch reaches any more. */
  lost?: readonly MemoryCommit[]
  /** Blobs that stand in no commit. */
  blobs?: readonly (string | Uint8Array)[]
  staged?: Readonly<Record<string, string>>
}

/**
 * The git connector over a history in memory: the same ids, documents and observations as of a repository on disk
 * with this history, without git. The files of the git directory itself have no counterpart.
 */
export async function memoryGit(repository: MemoryRepository): Promise<Connection> {
  const root = oldestRoot(repository)
  const instance = repositoryInstance(root && commitId(root), repository.path)
  const container = repositoryRef(instance)

  async function* documents(since?: Cursor): AsyncGenerator<Document, void> {
    const known = new Set<string>(since ? (JSON.parse(since) as string[]) : [])
    const contents = contentsOf(repository)
    const fresh = [...contents].filter(([id]) => !known.has(id))
    const end = JSON.stringify([...contents.keys()])
    for (const [index, [id, { path, bytes }]] of fresh.entries()) {
      yield {
        id,
        in: container,
        path,
        size: bytes.length,
        cursor: index === fresh.length - 1 ? end : (since ?? '[]'),
        async *bytes() {
          yield bytes
        },
      }
    }
  }

  async function* discover(): AsyncGenerator<Observation, void> {
    const head = repository.branches['main']
    yield {
      see: 'resource',
      ref: container,
      names: [repository.path],
      facts: {
        defaultBranch: { value: 'main' },
        ...(head ? { head: { value: commitId(head) } } : {}),
        bare: { value: false },
        shallow: { value: false },
      },
    }
    yield* occurrences(repository)
    const commits = new Set(allCommits(repository).map(commitId)).size
    const blobs = [...contentsOf(repository).values()].filter(({ kind }) => kind === 'blob').length
    const scope = `git:${repository.path} all refs, ${countText(commits, 'commit')}, ${countText(blobs, 'blob')}`
    yield { see: 'covered', scope, complete: true }
  }

  const bytesOf = async (id: string) => {
    const content = contentsOf(repository).get(id)
    return (
      content &&
      (async function* () {
        yield content.bytes
      })()
    )
  }
  const read = (place: PlaceRef) => readPlace(place, bytesOf)
  async function* documentsAt(places: readonly { document: string; path: string }[]) {
    for (const { document: id, path } of places) {
      const content = await bytesOf(id)
      if (content) yield { id, in: container, path, cursor: '', bytes: () => content }
    }
  }
  return { instance, settleSeconds: 0, async close() {}, documents, discover, documentsAt, read }
}

function* occurrences(repository: MemoryRepository): Generator<Observation, void> {
  const tips = Object.values(repository.branches)
  const atTips = new Set(tips.flatMap(tip => placesOf(tip)))
  const tipIds = new Set(tips.map(commitId))
  const said = new Set<string>()
  for (const commit of allCommits(repository)) {
    const { author, at } = commit
    const id = commitId(commit)
    const by = { commit: id, author, at }
    yield { see: 'occurrence', document: `git:${id}`, path: COMMIT_MESSAGE, ...by, atHead: tipIds.has(id) }
    const inherited = new Set((commit.parents ?? []).flatMap(placesOf))
    for (const [path, content] of Object.entries(commit.files)) {
      const place = `${blobId(content)} ${path}`
      if (inherited.has(place) || said.has(place)) continue
      said.add(place)
      yield { see: 'occurrence', document: `git:${blobId(content)}`, path, ...by, atHead: atTips.has(place) }
    }
  }
  for (const [path, content] of Object.entries(repository.staged ?? {})) {
    if (atTips.has(`${blobId(content)} ${path}`)) continue
    yield { see: 'occurrence', document: `git:${blobId(content)}`, path: `(index) ${path}`, atHead: false }
  }
  for (const content of repository.blobs ?? []) {
    yield { see: 'occurrence', document: `git:${blobId(content)}`, path: UNREACHABLE, atHead: false }
  }
  for (const tag of repository.tags ?? []) {
    const { author, at } = tag
    yield { see: 'occurrence', document: `git:${tagId(tag)}`, path: TAG_MESSAGE, author, at, atHead: false }
  }
}

interface Content {
  readonly kind: 'blob' | 'message'
  readonly path: string
  readonly bytes: Uint8Array
}

/** Every document by its id, with the path at a branch's tip, else the oldest one. */
function contentsOf(repository: MemoryRepository): Map<string, Content> {
  const contents = new Map<string, Content>()
  const add = (path: string, content: string | Uint8Array) => {
    const id = `git:${blobId(content)}`
    if (!contents.has(id)) contents.set(id, { kind: 'blob', path, bytes: Buffer.from(content) })
  }
  const commits = allCommits(repository)
  for (const { files } of [...Object.values(repository.branches), ...commits]) {
    for (const [path, content] of Object.entries(files)) add(path, content)
  }
  for (const [path, content] of Object.entries(repository.staged ?? {})) add(path, content)
  for (const content of repository.blobs ?? []) add(UNREACHABLE, content)
  const message = (id: string, path: string, text: string) =>
    contents.set(`git:${id}`, { kind: 'message', path, bytes: Buffer.from(text) })
  for (const commit of commits) message(commitId(commit), COMMIT_MESSAGE, commit.message)
  for (const tag of repository.tags ?? []) message(tagId(tag), TAG_MESSAGE, tag.message)
  return contents
}

/** Each commit once, parents before children, otherwise by date. */
function allCommits(repository: MemoryRepository): MemoryCommit[] {
  const { branches, tags = [], lost = [] } = repository
  const found = new Map<string, MemoryCommit>()
  const visit = (commit: MemoryCommit): void => {
    const id = commitId(commit)
    if (found.has(id)) return
    for (const parent of commit.parents ?? []) visit(parent)
    found.set(id, commit)
  }
  const tips = [...Object.values(branches), ...tags.map(({ of }) => of), ...lost]
  for (const tip of tips.sort((a, b) => a.at - b.at)) visit(tip)
  return [...found.values()]
}

function oldestRoot({ branches, tags = [] }: MemoryRepository): MemoryCommit | undefined {
  const reachable = { path: '', branches, tags }
  const roots = allCommits(reachable).filter(({ parents = [] }) => parents.length === 0)
  return roots.sort((a, b) => a.at - b.at || (commitId(a) < commitId(b) ? -1 : 1))[0]
}

function placesOf({ files }: MemoryCommit): string[] {
  return Object.entries(files).map(([path, content]) => `${blobId(content)} ${path}`)
}

function commitId({ files, parents = [], author, at, message }: MemoryCommit): string {
  const who = `${author} ${at / 1000} +0000`
  const lines = parents.map(parent => `parent ${commitId(parent)}\n`).join('')
  return objectId('commit', `tree ${treeId(files)}\n${lines}author ${who}\ncommitter ${who}\n\n${message}`)
}

function tagId({ of, name, author, at, message }: MemoryTag): string {
  const who = `${author} ${at / 1000} +0000`
  return objectId('tag', `object ${commitId(of)}\ntype commit\ntag ${name}\ntagger ${who}\n\n${message}`)
}

function treeId(files: MemoryCommit['files']): string {
  const entries = new Map<string, { mode: string; id: string }>()
  const folders = new Map<string, Record<string, string | Uint8Array>>()
  for (const [path, content] of Object.entries(files)) {
    const slash = path.indexOf('/')
    if (slash < 0) entries.set(path, { mode: '100644', id: blobId(content) })
    else
      folders.set(path.slice(0, slash), {
        ...folders.get(path.slice(0, slash)),
        [path.slice(slash + 1)]: content,
      })
  }
  for (const [name, inside] of folders) entries.set(`${name}/`, { mode: '40000', id: treeId(inside) })
  // Git sorts a folder as if its name ended in a slash.
  const sorted = [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const parts = sorted.map(([name, { mode, id }]) =>
    Buffer.concat([Buffer.from(`${mode} ${name.replace(/\/$/, '')}\0`), Buffer.from(id, 'hex')]),
  )
  return objectId('tree', Buffer.concat(parts))
}

function blobId(content: string | Uint8Array): string {
  return objectId('blob', content)
}

function objectId(type: string, content: string | Uint8Array): string {
  const bytes = Buffer.from(content)
  return createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex')
}
