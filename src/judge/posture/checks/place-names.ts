import { join } from 'node:path'
import { z } from 'zod'
import type { Db } from '../../../core/store/store.ts'

const rooted = z.looseObject({ path: z.string().optional().catch(undefined) })

interface Source {
  readonly system: string
  /** As people read it. */
  readonly name: string
  /** In the file system of this machine, where the source is a directory of it. */
  readonly root: string | undefined
  /** What its places begin with in keys: two sources that see one file of this machine agree on it. */
  readonly before: string
  readonly isConnected: boolean
}

/** How places of copies are called. */
export class PlaceNames {
  readonly #sources: ReadonlyMap<string, Source>

  private constructor(sources: ReadonlyMap<string, Source>) {
    this.#sources = sources
  }

  static async load(db: Db): Promise<PlaceNames> {
    const rows = await db
      .selectFrom('source')
      .select(['id', 'system', 'label', 'config', 'disconnected_at'])
      .execute()
    const read = rows.map(({ id, system, label, config, disconnected_at }) => {
      const root = system === 'directory' ? rooted.parse(JSON.parse(config)).path : undefined
      return { id, system, name: `${system}:${label}`, root, isConnected: disconnected_at === null }
    })
    const roots = read.flatMap(({ root }) => root ?? [])
    return new PlaceNames(
      new Map(
        read.map(({ id, root, ...source }) => {
          const isShared =
            root !== undefined &&
            roots.filter(other => isWithin(root, other) || isWithin(other, root)).length > 1
          return [id, { ...source, root, before: isShared ? root.replace(/\/*$/, '/') : `${id} ` }]
        }),
      ),
    )
  }

  /** Whether any source that is still connected is of one of these systems. */
  has(systems: ReadonlySet<string>): boolean {
    return [...this.#sources.values()].some(({ system, isConnected }) => isConnected && systems.has(system))
  }

  isIn(sourceId: string, systems: ReadonlySet<string>): boolean {
    const source = this.#sources.get(sourceId)
    return source !== undefined && systems.has(source.system)
  }

  /** Tells the documents of all copies apart. */
  keyOf(sourceId: string, path: string, member: string): string {
    const before = this.beforeOf(sourceId)
    return member === '' ? before + path : `${before}${path}!/${member}`
  }

  /** What the keys of a source's documents begin with. */
  beforeOf(sourceId: string): string {
    return this.#sources.get(sourceId)?.before ?? `${sourceId} `
  }

  /**
   * By source, how the keys of its documents sort among those of others. Where one source's may stand among another's, as where two
   * see one directory, both have the same rank.
   */
  ranks(): ReadonlyMap<string, number> {
    const ranks = new Map<string, number>()
    let first: Buffer | undefined
    let rank = -1
    const begins = [...this.#sources].map(([id, { before }]) => ({ id, before: Buffer.from(before) }))
    for (const { id, before } of begins.sort((a, b) => a.before.compare(b.before))) {
      if (!first || !before.subarray(0, first.length).equals(first)) {
        first = before
        rank++
      }
      ranks.set(id, rank)
    }
    return ranks
  }

  /** What a person reads for such a key. */
  nameOf(key: string): string {
    const end = key.indexOf(' ')
    const source = this.#sources.get(key.slice(0, end))
    if (source === undefined) return key
    const path = key.slice(end + 1)
    return source.root === undefined ? `${source.name}/${path}` : join(source.root, path)
  }

  /** As this machine has it, where the source is a directory of it. */
  absolute(sourceId: string, path: string): string | undefined {
    const root = this.#sources.get(sourceId)?.root
    return root === undefined ? undefined : join(root, path)
  }
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root.replace(/\/*$/, '/'))
}
