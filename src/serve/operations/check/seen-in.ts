import type { Db } from '../../../core/store/store.ts'
import { connectedSources } from '../../../know/connections/registry.ts'
import { inChunks } from '../../../know/inventory/in-chunks.ts'
import { isoTime } from '../standing.ts'
import type { Seen } from './report.ts'

const MOST_SHOWN = 3

/** Which sources say that each of these is there, and where; of a value that only texts tell of, where it stands. */
export async function seenIn(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, readonly Seen[]>> {
  const sighted = await inChunks(ids, chunk =>
    db
      .selectFrom('sighting')
      .innerJoin('source', 'source.id', 'sighting.source_id')
      .select([
        'sighting.entity_id',
        'sighting.document',
        'sighting.last_seen',
        'source.system',
        'source.label',
      ])
      .where('sighting.entity_id', 'in', chunk)
      .where('sighting.gone_at', 'is', null)
      .orderBy('sighting.last_seen', 'desc')
      .execute(),
  )
  const found = new Map<string, Seen[]>()
  const add = (id: string, seen: Seen) => {
    const own = found.get(id) ?? []
    if (own.length < MOST_SHOWN) found.set(id, [...own, seen])
  }
  for (const { entity_id, document, last_seen, system, label } of sighted)
    add(entity_id, {
      source: `${system}:${label}`,
      document: document === '' ? null : placeIn(document),
      at: isoTime(last_seen),
    })
  const copied = await inChunks(
    ids.filter(id => !found.has(id)),
    chunk =>
      db
        .selectFrom('credential')
        .innerJoin('copy', 'copy.fingerprint', 'credential.fingerprint')
        .innerJoin('source', 'source.id', 'copy.source_id')
        .select(({ fn }) => [
          'credential.entity_id',
          'source.system',
          'source.label',
          fn.min('copy.path').as('path'),
          fn.max('copy.last_seen').as('last_seen'),
        ])
        .where('credential.entity_id', 'in', chunk)
        .where('copy.gone_at', 'is', null)
        .groupBy(['credential.entity_id', 'source.system', 'source.label'])
        .orderBy('source.label')
        .execute(),
  )
  for (const { entity_id, system, label, path, last_seen } of copied)
    add(entity_id, { source: `${system}:${label}`, document: path, at: isoTime(Number(last_seen)) })
  return found
}

/**
 * In which file of the checkout each of these is told, where one checkout is all that was read of files: of several, a path says
 * nothing of which one is meant.
 */
export async function filesOf(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const sources = await connectedSources(db)
    .select(['system', 'label'])
    .where('system', 'in', CHECKOUTS)
    .execute()
  if (new Set(sources.map(({ label }) => label)).size !== 1) return new Map()
  const rows = await inChunks(ids, chunk =>
    db
      .selectFrom('sighting')
      .innerJoin('source', 'source.id', 'sighting.source_id')
      .select(['sighting.entity_id', 'sighting.document'])
      .where('sighting.entity_id', 'in', chunk)
      .where('sighting.gone_at', 'is', null)
      .where('sighting.document', 'like', '% %')
      .where('source.system', 'in', CHECKOUTS)
      .orderBy('sighting.document', 'desc')
      .execute(),
  )
  return new Map(rows.map(({ entity_id, document }) => [entity_id, placeIn(document)]))
}

const CHECKOUTS = ['git', 'directory']

/** Of a file that is bound to its place, that place, which stands behind the content's id. */
function placeIn(document: string): string {
  return document.slice(document.indexOf(' ') + 1)
}
