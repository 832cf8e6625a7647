import { createHash, hash } from 'node:crypto'
import { matchesGlob } from 'node:path'
import type { Connection } from '../../core/contract/connector.ts'
import { countText } from '../../core/contract/count-text.ts'
import type { Document } from '../../core/contract/document.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Observation } from '../../core/contract/observation.ts'
import type { PlaceRef, Ref, Slot, State } from '../../core/contract/ref.ts'
import { refuseMember, secretIn } from '../../core/contract/slot.ts'
import type { DirectoryConfig } from './connector.ts'
import { changedPlace, rewritten } from '../../core/contract/slot-writing.ts'
import { partsOf, withoutValue } from '../../core/contract/secret-parts.ts'
import { SeenFiles } from './seen-files.ts'
import type { Skipped, Tree, TreeFile } from './tree.ts'

/** Smaller files are read once, into memory; larger ones twice, since their id must be known first. */
const WHOLE_BYTES = 8 * 1024 * 1024
const OWN_HISTORY = '.git/objects'
/** In `.git/modules/NAME`, or deeper: a name may have slashes, and a submodule submodules of its own. */
const SUBMODULES = '.git/modules'
const isHistory = (path: string) => path === OWN_HISTORY || /^\.git\/modules\/.+\/objects$/.test(path)

interface Seen {
  readonly files: SeenFiles
  readonly skipped: Skipped[]
}

/** A connection to a tree of files, wherever it lies. */
export async function connectTree(tree: Tree, config: DirectoryConfig): Promise<Connection> {
  const instance = await tree.instance()
  const container: Ref = { system: 'directory', instance, kind: 'tree', id: instance }
  const isApproved = (path: string) => (config.approved ?? []).some(glob => matchesGlob(path, glob))
  let lastSeen: Seen | undefined

  async function* documents(): AsyncGenerator<Document, void> {
    const seen: Seen = { files: new SeenFiles(), skipped: [] }
    for await (const file of tree.walk()) {
      if ('skipped' in file) seen.skipped.push(file)
      else yield* document(file, seen)
    }
    lastSeen = seen
  }

  async function* document(file: TreeFile, seen: Seen): AsyncGenerator<Document, void> {
    const { path, changedAt } = file
    try {
      const chunks = file.content
        ? [file.content]
        : file.size <= WHOLE_BYTES
          ? await all(file.bytes())
          : undefined
      const id = await contentId(chunks ?? file.bytes())
      const size = chunks?.reduce((sum, chunk) => sum + chunk.length, 0) ?? file.size
      seen.files.add({ path, id, changedAt })
      const bytes = chunks ? () => again(chunks) : () => checked(file, id, seen)
      yield { id, in: container, path, size, cursor: String(changedAt), bytes }
    } catch (error) {
      if (!(error instanceof FirebreakError)) throw error
      seen.skipped.push({ skipped: path, why: error.message, failed: true })
    }
  }

  async function* discover(): AsyncGenerator<Observation, void> {
    if (!lastSeen) for await (const _ of documents());
    const seen = lastSeen!
    yield { see: 'resource', ref: container, names: [tree.path], facts: {} }
    const file = (path: string): Ref => ({ ...container, kind: 'file', id: path })
    const readers = (config.workloads ?? []).map(workload => ({ ...workload, files: [] as string[] }))
    for (const { path } of seen.files) {
      const approved = isApproved(path)
      const by = readers.filter(({ reads }) => matchesGlob(path, reads))
      for (const { files } of by) files.push(path)
      if (!approved && by.length === 0) continue
      yield {
        see: 'resource',
        ref: file(path),
        names: [`${tree.path}/${path}`],
        facts: { approved: { value: approved } },
      }
    }
    for (const { name, reads, files } of readers) {
      const workload: Ref = { ...container, kind: 'workload', id: name }
      yield { see: 'workload', ref: workload, names: [name], facts: { reads: { value: reads } } }
      for (const path of files) {
        const why = `the configuration says that ${name} reads ${path}`
        yield { see: 'edge', from: workload, to: file(path), crossing: 'reads', certainty: 'proven', why }
      }
      if (files.length > 0) continue
      const why = `no file fits ${reads}`
      yield { see: 'covered', scope: `${tree.scope} workload ${name}`, complete: false, why }
    }
    for (const { path, id, changedAt } of seen.files) {
      yield { see: 'occurrence', document: id, path, at: changedAt, atHead: true }
    }
    yield* coverage(seen)
  }

  function* coverage({ files, skipped }: Seen): Generator<Observation, void> {
    // The checkout's history and its submodules' are left out by what the scope says; that of other repositories is a gap.
    const histories = [OWN_HISTORY, SUBMODULES].filter(folder =>
      skipped.some(({ skipped }) => isHistory(skipped) && skipped.startsWith(folder)),
    )
    const without = histories.length > 0 ? `, without the history in ${histories.join(' and ')}` : ''
    const counts = `${countText(files.length, 'file')}${without}`
    // Each gap is a path, so that what is known about the rest can still be told to be gone.
    const complete = !skipped.some(({ skipped }) => skipped === '')
    yield { see: 'covered', scope: `${tree.scope} ${counts}`, complete }
    for (const { skipped: path, why, failed } of skipped) {
      if (isHistory(path)) continue
      // A tree of one file is that place itself.
      const scope = path === '' ? tree.scope : `directory:${tree.path}/${path}`
      yield { see: 'covered', scope, complete: false, why, ...(failed && { failed }) }
    }
  }

  async function stillTheSame(): Promise<void> {
    if ((await tree.instance()) === instance) return
    throw new FirebreakError(
      'CONFLICT',
      `another directory stands at ${tree.path} than the one that was connected`,
      'Connect it anew if that is meant.',
    )
  }

  /** The content that the slots of the place were computed on, or what stands there instead. */
  async function contentAt(place: PlaceRef): Promise<{ content: Uint8Array; version: string }> {
    refuseMember(place)
    if (place.in.instance !== instance) {
      throw new FirebreakError('CONFLICT', `the place ${place.path} belongs to another directory`)
    }
    await stillTheSame()
    const content = await tree.read(place.path)
    return { content, version: await contentId([content]) }
  }

  function mayWrite(path: string): void {
    if (isApproved(path)) return
    throw new FirebreakError(
      'DENIED',
      `${path} is not approved for writing`,
      `Add it to the connection's "approved" files, or change it by hand.`,
    )
  }

  async function change(place: PlaceRef, valueOf: (slot: Slot) => Uint8Array | undefined): Promise<PlaceRef> {
    const { content, version } = await contentAt(place)
    const written = rewritten(place, version, content, valueOf)
    if (!written.content) return { ...place, version, slots: written.slots }
    await tree.replace(place.path, written.content, version)
    return { ...place, version: await contentId([written.content]), slots: written.slots }
  }

  return {
    instance,
    settleSeconds: 0,
    ...(tree.isFile && { isDocument: true }),
    close: () => tree.close(),
    documents,
    discover,
    async inspect(ref: Ref): Promise<State> {
      await stillTheSame()
      if (ref.kind === 'tree') return { path: tree.path, approved: config.approved ?? [] }
      const state = await tree.state(ref.id)
      if (!state) return { exists: false }
      const version = await contentId([await tree.read(ref.id)])
      return { exists: true, version, ...state }
    },
    async read(place) {
      const { content, version } = await contentAt(place)
      if (version !== place.version) throw changedPlace(place)
      return secretIn(content, place)
    },
    async write(place, secret) {
      mayWrite(place.path)
      return change(place, partsOf(secret, place))
    },
    async remove(place) {
      mayWrite(place.path)
      if (!(await tree.state(place.path))) return // the file went with what was in it
      await change(place, withoutValue)
    },
  }
}

async function contentId(chunks: readonly Uint8Array[] | AsyncIterable<Uint8Array>): Promise<string> {
  if ('length' in chunks && chunks.length === 1) return `sha256:${hash('sha256', chunks[0]!)}`
  const hashing = createHash('sha256')
  for await (const chunk of chunks) hashing.update(chunk)
  return `sha256:${hashing.digest('hex')}`
}

async function all(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const whole: Uint8Array[] = []
  for await (const chunk of chunks) whole.push(chunk)
  return whole
}

async function* again(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
  yield* chunks
}

/** The second reading of a large file; where it differs from the first, coverage says so. */
async function* checked(file: TreeFile, id: string, seen: Seen): AsyncGenerator<Uint8Array, void> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of file.bytes()) {
      hash.update(chunk)
      yield chunk
    }
  } catch (error) {
    if (!(error instanceof FirebreakError)) throw error
    seen.skipped.push({ skipped: file.path, why: error.message, failed: true })
    return
  }
  if (`sha256:${hash.digest('hex')}` !== id) {
    seen.skipped.push({ skipped: file.path, why: 'it changed while it was read' })
  }
}
