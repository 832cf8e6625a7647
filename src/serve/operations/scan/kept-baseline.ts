import type { Connection } from '../../../core/contract/connector.ts'
import type { Document } from '../../../core/contract/document.ts'
import { isFirebreakError } from '../../../core/contract/errors.ts'
import { Secret } from '../../../core/contract/secret.ts'
import { fingerprint, publicFingerprint } from '../../../core/keys/fingerprint.ts'
import type { CopyView, CredentialView } from '../../../know/inventory/queries.ts'
import { Flow } from '../../../know/observe/flow.ts'
import { readersHere, readHere } from '../../../know/observe/look.ts'
import { rulesInUse } from '../../../know/readers/secrets/rules/rules-in-use.ts'
import type { World } from '../operation.ts'
import { ruleFoldersOf } from '../own-rules.ts'
import { areCompared, type Baselines, compared } from './compared.ts'
import type { Found } from './found.ts'
import { KeptMarks } from './kept-marks.ts'
import type { Marks } from './marks.ts'

/** What was found, and all that is known of it. */
interface Kept {
  readonly view: CredentialView
  readonly found: Found
}

/** Node hashes four values at once, while others are read. */
const LANES = 8
const AT_A_TIME = 256

/**
 * The finds of a scan beside its baselines. Fingerprints are keyed, and a baseline is for all machines: the value is read
 * again, where a copy still gives it. Its mark is kept, so that the next scan neither reads nor hashes it.
 */
export class Comparison {
  readonly #world: World
  readonly #baselines: Baselines
  readonly #unread: Kept[] = []
  #hasWritten = false

  constructor(world: World, baselines: Baselines) {
    this.#world = world
    this.#baselines = baselines
  }

  /** Those whose value no place gave are as they were, until `rest`. */
  async of(some: readonly Kept[]): Promise<Found[]> {
    return await this.#compared(some, view => valueAgain(this.#world, view), this.#unread)
  }

  /**
   * What stands within archives, images and databases, and in what is very large, no connection reads by its place: such
   * documents are read once more as the scan read them. Gives those of which no value was read even so.
   */
  async rest(found: Found[], sourceIds: readonly string[]): Promise<number> {
    const unread = this.#unread.splice(0)
    if (unread.length === 0) return 0
    const secrets = new Map<string, Secret>()
    const still: Kept[] = []
    // Several may have the same value, and each erases its own.
    const read = async (view: CredentialView) => {
      const secret = secrets.get(view.publicFingerprint ?? '')
      return secret && new Secret(secret.reveal())
    }
    const told: Found[] = []
    try {
      const views = unread.map(({ view }) => view)
      await findAgain(this.#world, views, sourceIds, secrets)
      for (let start = 0; start < unread.length; start += AT_A_TIME)
        told.push(...(await this.#compared(unread.slice(start, start + AT_A_TIME), read, still)))
    } finally {
      for (const secret of secrets.values()) secret.erase()
    }
    const late = new Map(unread.map((one, index) => [one.found, told[index]!]))
    for (const [index, one] of found.entries()) found[index] = late.get(one) ?? one
    return still.length
  }

  /** Once all are compared: before, what was to be compared yet would be forgotten as well. */
  async end(): Promise<void> {
    if (this.#hasWritten) await KeptMarks.forget(this.#world)
  }

  async #compared(
    some: readonly Kept[],
    valueOf: (view: CredentialView) => Promise<Secret | undefined>,
    unread: Kept[],
  ): Promise<Found[]> {
    const told = some.map(({ found }) => found)
    const asked = some.flatMap(({ found }, index) =>
      areCompared(found.copies, this.#baselines) ? [index] : [],
    )
    if (asked.length === 0) return told
    const fingerprints = asked.flatMap(index => told[index]!.fingerprint ?? [])
    const kept = await KeptMarks.load(this.#world, fingerprints, this.#baselines)
    const flow = new Flow(LANES)
    try {
      for (const index of asked)
        await flow.add(async () => {
          this.#world.io.signal.throwIfAborted()
          const one = some[index]!
          const { found, wasUnread } = await withBaseline(one, kept, valueOf, this.#baselines)
          told[index] = found
          if (wasUnread) unread.push(one)
        })
    } finally {
      await flow.end()
    }
    if (await kept.keep()) this.#hasWritten = true
    return told
  }
}

async function withBaseline(
  { view, found }: Kept,
  kept: KeptMarks,
  valueOf: (view: CredentialView) => Promise<Secret | undefined>,
  baselines: Baselines,
): Promise<{ found: Found; wasUnread: boolean }> {
  let reading: Promise<Secret | undefined> | undefined
  let wasUnread = false
  const read = async () => {
    const secret = await (reading ??= valueOf(view))
    if (!secret) wasUnread = true
    return secret && { secret, preview: found.preview }
  }
  const mark = async (marks: Marks) => {
    const before = kept.of(found, marks)
    if (before !== undefined) return before
    const value = await read()
    const fresh = value && (await marks.of(value))
    if (fresh !== undefined) kept.add(found, marks, fresh)
    return fresh
  }
  try {
    const copies = await compared(found.copies, { mark, read }, baselines)
    // What is not known yet stays the find that it was.
    return wasUnread ? { found, wasUnread } : { found: { ...found, copies }, wasUnread }
  } finally {
    const secret = await reading
    secret?.erase()
  }
}

/** Adds to `found` the values by their fingerprints, as the readers find them where these stand. */
async function findAgain(
  world: World,
  views: readonly CredentialView[],
  sourceIds: readonly string[],
  found: Map<string, Secret>,
): Promise<void> {
  const wanted = new Set(views.flatMap(view => view.publicFingerprint ?? []))
  const copies = views.flatMap(view => view.copies).filter(copy => copy.goneAt === undefined)
  const readers = readersHere(await rulesInUse(ruleFoldersOf(world)))
  const look = async (document: Document) => {
    for (const observation of (await readHere(document, readers)).findings) {
      if (observation.see !== 'copy') continue
      const { secret } = observation
      const shown = shownFingerprint(world, secret)
      if (wanted.delete(shown)) found.set(shown, secret)
      else secret.erase()
    }
  }
  for (const sourceId of sourceIds) {
    const places = new Map(
      copies.flatMap(({ sourceId: id, place }) =>
        id === sourceId && place.version !== undefined ? [[place.version, place.path] as const] : [],
      ),
    )
    if (places.size === 0 || wanted.size === 0) continue
    await whereReadable(world, async () => {
      for await (const document of documentsOf(await world.connections.open(world.db, sourceId), places)) {
        await whereReadable(world, () => look(document))
        if (wanted.size === 0) break
      }
    })
  }
}

function shownFingerprint({ keys }: World, secret: Secret): string {
  return publicFingerprint(keys.publicFingerprint, fingerprint(keys.fingerprint, secret))
}

/** What stood there may be gone, damaged, or nobody's to read any more: then it tells nothing. */
async function whereReadable<T>({ io }: World, read: () => Promise<T>): Promise<T | undefined> {
  io.signal.throwIfAborted()
  try {
    return await read()
  } catch (error) {
    io.signal.throwIfAborted()
    if (!isFirebreakError(error)) throw error
    return undefined
  }
}

/** Where a source cannot be asked for some of its documents, all are gone through and the others are not read. */
async function* documentsOf(
  connection: Connection,
  places: ReadonlyMap<string, string>,
): AsyncGenerator<Document, void> {
  if (connection.documentsAt)
    yield* connection.documentsAt([...places].map(([document, path]) => ({ document, path })))
  else
    for await (const document of connection.documents?.() ?? [])
      if (places.get(document.id) === document.path) yield document
}

async function valueAgain(world: World, view: CredentialView): Promise<Secret | undefined> {
  const { db, connections } = world
  // A file is read sooner than what lies in a history.
  const isInHistory = ({ place }: CopyView) => Number(place.in.system === 'git')
  for (const copy of view.copies.toSorted((a, b) => isInHistory(a) - isInHistory(b))) {
    const secret = await whereReadable(world, async () =>
      (await connections.open(db, copy.sourceId)).read?.(copy.place),
    )
    if (!secret) continue
    if (shownFingerprint(world, secret) === view.publicFingerprint) return secret
    secret.erase()
  }
  return undefined
}
