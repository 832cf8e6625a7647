import { stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { formatRef, isProvisional, pathOf } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { isValue } from '../../core/contract/secret-parts.ts'
import { publicFingerprint, fingerprint } from '../../core/keys/fingerprint.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Db } from '../../core/store/store.ts'
import type { Connections } from '../../know/connections/registry.ts'
import type { CopyView, CredentialView } from '../../know/inventory/queries.ts'
import type { Holding } from './incident.ts'
import { readersOf } from './readers.ts'

interface World {
  readonly io: Io
  readonly keys: Keys
  readonly connections: Connections
}

/** The leaked value from the first copy that can still be read and still bears it. */
export async function readExposed(
  db: Db,
  world: World,
  views: readonly CredentialView[],
): Promise<Secret | undefined> {
  for (const view of views)
    for (const copy of view.copies) {
      if (copy.goneAt !== undefined) continue
      try {
        const connection = await world.connections.open(db, copy.sourceId)
        const secret = await connection.read?.(copy.place)
        if (!secret) continue
        const seen = publicFingerprint(
          world.keys.publicFingerprint,
          fingerprint(world.keys.fingerprint, secret),
        )
        if (seen === view.publicFingerprint) return secret
      } catch (error) {
        // A copy that was changed, or whose source is away, is no loss while another stands.
        if (!isFirebreakError(error)) throw error
      }
    }
  return undefined
}

/** The copies by document: a document is rewritten as one. */
export async function holdingsOf(
  db: Db,
  world: World,
  views: readonly CredentialView[],
  leak: number,
): Promise<Holding[]> {
  const groups = new Map<string, CopyView[]>()
  const copies = new Map(views.flatMap(view => view.copies).map(copy => [copy.id, copy]))
  for (const copy of copies.values()) {
    if (copy.goneAt !== undefined || copy.reportOf !== undefined) continue
    const { path, member, version } = copy.place
    const key = JSON.stringify([copy.sourceId, path, member ?? '', version ?? ''])
    groups.set(key, [...(groups.get(key) ?? []), copy])
  }
  const labels = new Map((await world.connections.list(db)).map(source => [source.id, source.label]))
  const holdings: Holding[] = []
  for (const group of groups.values()) {
    const [first] = group
    if (!first) continue
    const unresolved = group.find(copy => copy.claim && isProvisional(copy.claim))?.claim
    const atHead = group.some(copy => copy.occurrences.some(occurrence => occurrence.atHead))
    const readers = await readersOf(db, world.connections, first.place)
    const root = await rootOf(first, labels.get(first.sourceId) ?? '')
    holdings.push({
      leak,
      copyIds: group.map(copy => copy.id),
      sourceId: first.sourceId,
      place: { ...first.place, slots: slotsOf(group) },
      where: whereOf(group, root),
      ...fileOf(first, root),
      writable: group.every(copy => copy.approved) && (await canWrite(db, world, first.sourceId)),
      ...(unresolved ? { elsewhere: formatRef(unresolved) } : {}),
      atHead,
      ...(readers.length > 0 && { readers }),
      claims: group.flatMap(copy => (copy.claim && !isProvisional(copy.claim) ? [copy.claim] : [])),
    })
  }
  return holdings.sort((a, b) => (a.where < b.where ? -1 : 1))
}

function slotsOf(group: readonly CopyView[]) {
  const slots = new Map(
    group
      .flatMap(copy => copy.place.slots)
      .map(slot => [JSON.stringify([slot.part, slot.at, slot.encodings]), slot]),
  )
  return [...slots.values()].sort((a, b) => Number.parseInt(a.at, 10) - Number.parseInt(b.at, 10))
}

/** What the source is called, which is a path on disk; of one that is a file, the folder in which it lies. */
async function rootOf({ place }: CopyView, sourceLabel: string): Promise<string> {
  if (place.in.system !== 'directory' || basename(sourceLabel) !== place.path) return sourceLabel
  const found = await stat(sourceLabel).catch(() => undefined)
  return found?.isFile() ? dirname(sourceLabel) : sourceLabel
}

/** A folder and one that lies in it, or a file of it, may both be connected. */
function fileOf({ place }: CopyView, root: string): { file?: string } {
  const isOnDisk = place.in.system === 'directory' && isAbsolute(root)
  return isOnDisk ? { file: join(root, pathOf(place)) } : {}
}

/** As short as tells the sources apart: the last part of the source's root, then the path within it. */
function whereOf(group: readonly CopyView[], root: string): string {
  const lines = [
    ...new Set(
      group.flatMap(copy => copy.place.slots.flatMap(slot => (isValue(slot) ? (slot.line ?? []) : []))),
    ),
  ]
  const occurrence = group[0]?.occurrences.find(one => one.atHead) ?? group[0]?.occurrences[0]
  const member = group[0]?.place.member
  const path = pathOf({
    path: occurrence?.path ?? group[0]?.place.path ?? '?',
    ...(member !== undefined && { member }),
  })
  const line = lines.length > 0 ? `:${lines.sort((a, b) => a - b).join(',')}` : ''
  const commit = occurrence?.commit ? ` in commit ${occurrence.commit.slice(0, 8)}` : ''
  return `${basename(root)}/${path}${line}${commit}`
}

async function canWrite(db: Db, world: World, sourceId: string): Promise<boolean> {
  try {
    return (await world.connections.open(db, sourceId)).write !== undefined
  } catch (error) {
    // One that is only away now is written when it is back: a place must not be lost to a bad moment.
    if (isFirebreakError(error)) return error.retryable
    throw error
  }
}

/** Copies of these credentials that were first seen after the run began and are no part of it: new since. */
export async function copiesSince(
  db: Db,
  credentialIds: readonly string[],
  known: readonly string[],
  since: number,
): Promise<string[]> {
  if (credentialIds.length === 0) return []
  const rows = await db
    .selectFrom('copy')
    .innerJoin('credential', 'credential.fingerprint', 'copy.fingerprint')
    .select(['copy.id', 'copy.path', 'copy.member'])
    .where('credential.entity_id', 'in', credentialIds)
    .where('copy.first_seen', '>=', since)
    .where('copy.gone_at', 'is', null)
    .distinct()
    .orderBy('copy.id')
    .execute()
  return rows
    .filter(row => !known.includes(row.id))
    .map(({ path, member }) => pathOf({ path, ...(member !== '' && { member }) }))
}
