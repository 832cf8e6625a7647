import type { Json } from '../../../core/contract/ref.ts'
import type { Db } from '../../../core/store/store.ts'
import { entitiesById } from '../../inventory/copy-view.ts'
import { inChunks } from '../../inventory/in-chunks.ts'
import { type FoundKey, foundKeys, listedKeys } from '../../inventory/keys.ts'
import type { Roots } from '../../inventory/roots.ts'
import type { Hop } from '../graph.ts'

/** The relations that are told here; see core/contract/relations.ts. */
const TOLD = ['private-half-of', 'stands-in']

/**
 * What keys that were found are, by the fingerprint of their public halves, and in which files they stand that something else
 * tells of. Both follow from the inventory, as the credentials of copies do.
 */
export async function keyHops(db: Db, roots: Roots, asked: readonly string[]): Promise<Hop[]> {
  if (!TOLD.some(relation => asked.includes(relation))) return []
  const found = await foundKeys(db)
  if (found.length === 0) return []
  const credentials = await credentialsByValue(db, roots, found)
  const hops = new Map<string, Hop>()
  const add = (hop: Hop) => hops.set(`${hop.from} ${hop.crossing} ${hop.to}`, hop)
  const listed = Map.groupBy(await listedKeys(db), ({ sshFingerprint }) => sshFingerprint)
  const files = await filesOf(db, roots, found)
  for (const key of found)
    for (const from of credentials.get(key.fingerprint) ?? []) {
      for (const { entityId } of listed.get(key.sshFingerprint) ?? []) {
        const to = roots.of(entityId)
        if (to !== from) add({ ...halfOf(key), from, to })
      }
      const to = files.get(placeKey(key))
      if (to !== undefined)
        add({ from, to, crossing: 'stands-in', certainty: 'proven', why: `it stands in ${key.path}` })
    }
  return [...hops.values()]
}

function halfOf({ encrypted, sshFingerprint }: FoundKey): Omit<Hop, 'from' | 'to'> {
  const told = { crossing: 'private-half-of', why: `its public half is ${sshFingerprint}` }
  return encrypted
    ? { ...told, certainty: 'conditional', condition: 'its passphrase is known' }
    : { ...told, certainty: 'proven' }
}

async function credentialsByValue(
  db: Db,
  roots: Roots,
  keys: readonly FoundKey[],
): Promise<Map<string, Set<string>>> {
  const values = [...new Set(keys.map(({ fingerprint }) => fingerprint))]
  const rows = await inChunks(values, chunk =>
    db
      .selectFrom('credential')
      .innerJoin('entity', 'entity.id', 'credential.entity_id')
      .select(['entity_id', 'fingerprint'])
      .where('fingerprint', 'in', chunk)
      .where('entity.gone_at', 'is', null)
      .execute(),
  )
  const found = new Map<string, Set<string>>()
  for (const { entity_id, fingerprint } of rows)
    if (fingerprint !== null)
      found.set(fingerprint, (found.get(fingerprint) ?? new Set()).add(roots.of(entity_id)))
  return found
}

/** Files that are things of their own, by where the keys stand. */
async function filesOf(db: Db, roots: Roots, keys: readonly FoundKey[]): Promise<Map<string, string>> {
  const containers = await entitiesById(db, [
    ...new Set(keys.map(({ containerId }) => roots.of(containerId))),
  ])
  const wanted = new Map<string, string>()
  for (const key of keys) {
    const container = containers.get(roots.of(key.containerId))
    if (!container) continue
    const { system, instance, native } = container
    const id = native === instance ? key.path : `${native}/${key.path}`
    wanted.set(JSON.stringify([system, instance, id]), placeKey(key))
  }
  const natives = [...wanted.keys()].map(key => (JSON.parse(key) as string[])[2]!)
  const rows = await inChunks([...new Set(natives)], chunk =>
    db
      .selectFrom('entity')
      .select(['id', 'system', 'instance', 'native'])
      .where('kind', '=', 'file')
      .where('native', 'in', chunk)
      .where('gone_at', 'is', null)
      .execute(),
  )
  const found = new Map<string, string>()
  for (const { id, system, instance, native } of rows) {
    const place = wanted.get(JSON.stringify([system, instance, native]))
    if (place !== undefined) found.set(place, roots.of(id))
  }
  return found
}

function placeKey({ containerId, path }: FoundKey): string {
  return JSON.stringify([containerId, path] satisfies Json)
}
