import type { Document } from '../../core/contract/document.ts'
import type { Cursor } from '../../core/contract/ref.ts'
import { formatCursor, parseCursor, type Position } from './cursor.ts'
import { readRefs, type Refs } from './git-directory.ts'
import { GitFailure } from './git-failure.ts'
import { gitRecords } from './git-process.ts'
import { given, type LoadedObject, readObjects } from './object-reader.ts'
import { contentId, fileBytes, looseObjects, ownFiles } from './own-files.ts'
import { pathText } from '../../core/contract/path-text.ts'
import { listObjects, type Repository } from './repository.ts'
import { beginSurvey, COMMIT_MESSAGE, type GitSource, TAG_MESSAGE, UNREACHABLE } from './survey.ts'

/**
 * Every blob, message and file of the git directory once; with a cursor, those that are new since. All but the last
 * document carry the cursor that the pass started from, since a pass in the order of the packs cannot be resumed in
 * its middle.
 */
export async function* gitDocuments(source: GitSource, since?: Cursor): AsyncGenerator<Document, void> {
  const { repository } = source
  const from = parseCursor(since)
  const refs = await readRefs(repository)
  // Positions are taken before reading: what is written meanwhile is read next time, perhaps again.
  const looseNs = await newestLoose(source)
  const files = await filesSince(source, from)
  const end = formatCursor({
    tips: [...new Set(refs.all.values())].sort(),
    looseNs: String(looseNs),
    filesNs: String(files.newestNs),
  })
  const start = formatCursor(from ?? { tips: [], looseNs: '0', filesNs: '0' })

  const { batches, pathOf, walk } = from ? await newObjects(repository, refs, from) : await allObjects(source)
  try {
    let held: Document | undefined // the last one must carry `end`, and objects cannot be held back: files can
    const fileIds = new Set<string>()
    for (const file of files.changed) {
      const document = await fileDocument(source, file, start)
      if (!document || fileIds.has(document.id)) continue
      fileIds.add(document.id)
      if (held) yield held
      held = document
    }
    const lost = (id: string, why: string) => void source.unread.set(id, why)
    let ended = false
    for await (const object of readObjects(repository.home, batches, lost)) {
      if (object.type === 'tree') continue
      if (held) yield held
      held = undefined
      ended = await object.isLast()
      const path = object.type === 'blob' ? pathOf(object.id) : ''
      yield objectDocument(source, object, path, ended ? end : start)
    }
    if (held) yield { ...held, cursor: end }
    await walk?.ended
  } finally {
    await walk?.stop()
  }
}

const OBJECT = /^git:([0-9a-f]{40,64})$/

/** The bytes of one document, as `gitDocuments` gave them; only objects have an id that finds them again. */
export async function objectBytes(
  source: GitSource,
  documentId: string,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const id = OBJECT.exec(documentId)?.[1]
  if (!id) return undefined
  const objects = readObjects(source.repository.home, given([[id]]), () => {})
  const first = await objects.next()
  if (first.done) return undefined
  const document = objectDocument(source, first.value, '', '')
  return (async function* () {
    try {
      yield* document.bytes()
    } finally {
      await objects.return()
    }
  })()
}

/** Blobs at further paths. */
export async function* documentsAt(
  source: GitSource,
  places: readonly { document: string; path: string }[],
): AsyncGenerator<Document, void> {
  const objects = places.flatMap(({ document, path }) => {
    const id = OBJECT.exec(document)?.[1]
    return id === undefined ? [] : [{ id, path }]
  })
  const left = Map.groupBy(objects, ({ id }) => id)
  const ids = given([objects.map(({ id }) => id)])
  const lost = (id: string) => void left.get(id)?.shift()
  for await (const object of readObjects(source.repository.home, ids, lost)) {
    const place = left.get(object.id)?.shift()
    if (place) yield objectDocument(source, object, place.path, '')
  }
}

export function objectDocument(
  source: Pick<GitSource, 'in'>,
  object: LoadedObject,
  path: string,
  cursor: Cursor,
): Document {
  const base = { id: `git:${object.id}`, in: source.in, cursor }
  if (object.type === 'blob') return { ...base, path, size: object.size, bytes: () => object.bytes() }
  const messagePath = object.type === 'commit' ? COMMIT_MESSAGE : TAG_MESSAGE
  if (!object.whole) return { ...base, path: messagePath, size: object.size, bytes: () => object.bytes() }
  const message = object.whole.subarray(messageStart(object.whole))
  return {
    ...base,
    path: messagePath,
    size: message.length,
    async *bytes() {
      yield message
    },
  }
}

/** Behind the headers, or at a merged tag that they embed: its message stands nowhere else perhaps. */
function messageStart(object: Buffer): number {
  const headersEnd = object.indexOf(HEADERS_END)
  if (headersEnd < 0) return 0
  const embeddedTag = object.subarray(0, headersEnd).indexOf(EMBEDDED_TAG)
  return embeddedTag >= 0 ? embeddedTag + 1 : headersEnd + 2
}

// There may be millions of commits, and a text to look for is made into bytes each time.
const HEADERS_END = Buffer.from('\n\n')
const EMBEDDED_TAG = Buffer.from('\nmergetag ')

interface Objects {
  readonly batches: AsyncIterable<readonly string[]>
  readonly pathOf: (id: string) => string
  /** Of the history, which goes on while objects are read; it ends once it is told to. */
  readonly walk?: { readonly ended: Promise<void>; stop(): Promise<void> }
}

async function allObjects(source: GitSource): Promise<Objects> {
  const { survey, walked } = await beginSurvey(source)
  const ended = walked.then(() => {
    source.survey = survey
  })
  ended.catch(() => {})
  const pathOf = (id: string) => survey.pathOf(id)
  const stop = async () => {
    survey.stop()
    await ended.catch(() => {})
  }
  return { batches: survey.idsToRead(ended), pathOf, walk: { ended, stop } }
}

/** What the refs reach now and did not then, and loose objects written since, which no ref may reach. */
async function newObjects(repository: Repository, refs: Refs, from: Position): Promise<Objects> {
  const found = new Map<string, string>()
  const pathOf = (id: string) => found.get(id) || UNREACHABLE
  const before = new Set(from.tips)
  const tips = [...new Set(refs.all.values())].filter(id => !before.has(id))
  const since = BigInt(from.looseNs)
  const loose: string[] = []
  for await (const { id, writtenNs } of looseObjects(repository)) if (writtenNs > since) loose.push(id)
  // Loose objects that were there before and only written again are mostly left out by what the old tips reach.
  const reach = async (ids: readonly string[]) => {
    if (ids.length === 0) return
    const args = ['rev-list', '--objects', '--ignore-missing', '--missing=allow-any', '--stdin']
    const input = lines([...ids, ...from.tips.map(id => `^${id}`)])
    for await (const records of gitRecords(repository.home, args, { delimiter: 10, input })) {
      for (const line of records) {
        const space = line.indexOf(32)
        const id = space < 0 ? line.toString('latin1') : line.toString('latin1', 0, space)
        const path = space < 0 ? '' : pathText(line.subarray(space + 1))
        found.set(id, path)
      }
    }
  }
  const batches: string[][] = []
  try {
    await reach([...tips, ...loose])
    const commits: string[] = []
    const check = { delimiter: 10, input: lines(found.keys()) }
    for await (const records of gitRecords(repository.home, ['cat-file', '--batch-check'], check)) {
      const objects = records.map(record => record.toString('latin1').split(' '))
      batches.push(objects.filter(([, type]) => type !== 'tree').map(([id]) => id!))
      commits.push(...objects.filter(([, type]) => type === 'commit').map(([id]) => id!))
    }
    // An object that is asked for itself comes before the trees that name it, without its path or with a part of it.
    if (loose.length > 0) await reach(commits)
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error
    // A damaged history cannot be compared with what it was: everything is read again.
    return { batches: listedIds(repository), pathOf }
  }
  return { batches: given(batches), pathOf }
}

async function* listedIds(repository: Repository): AsyncGenerator<string[], void> {
  for await (const objects of listObjects(repository))
    yield objects
      .filter(({ type }) => type !== 'tree')
      .map(({ line }) => line.toString('latin1', 0, line.indexOf(32)))
}

async function* lines(ids: Iterable<string>): AsyncGenerator<string, void> {
  yield Array.from(ids, id => `${id}\n`).join('')
}

async function newestLoose({ repository }: GitSource): Promise<bigint> {
  let newest = 0n
  for await (const { writtenNs } of looseObjects(repository)) if (writtenNs > newest) newest = writtenNs
  return newest
}

interface ReadableFile {
  readonly path: string
  readonly file: Buffer
  readonly size: number
}

async function filesSince({ repository }: GitSource, from: Position | undefined) {
  const since = BigInt(from?.filesNs ?? 0)
  const changed: ReadableFile[] = []
  let newestNs = since
  for await (const file of ownFiles(repository, () => {})) {
    if (file.changedNs > since) changed.push(file)
    if (file.changedNs > newestNs) newestNs = file.changedNs
  }
  return { changed, newestNs }
}

/** Nothing where the file has gone meanwhile. */
async function fileDocument(
  source: GitSource,
  { path, file, size }: ReadableFile,
  cursor: Cursor,
): Promise<Document | undefined> {
  const id = await contentId(file).catch(() => undefined)
  if (id === undefined) return undefined
  source.readFiles.set(path, id)
  return { id, in: source.in, path, size, cursor, bytes: () => fileBytes(file) }
}
