import type { Db } from '../../core/store/store.ts'
import { entitiesById } from '../../know/inventory/copy-view.ts'
import { listedKeys } from '../../know/inventory/keys.ts'
import { type CredentialView, namesById, namesOrNative } from '../../know/inventory/queries.ts'
import { loadRoots } from '../../know/inventory/roots.ts'

/** Hosts that clients know by the key: who bears it poses as them, whatever any system revokes. */
export async function hostsKnownBy(db: Db, views: readonly CredentialView[]): Promise<string[]> {
  const fingerprints = new Set(
    views.flatMap(({ facts }) => facts.flatMap(fact => (fact.name === 'sshFingerprint' ? [fact.value] : []))),
  )
  if (fingerprints.size === 0) return []
  const listed = (await listedKeys(db)).filter(({ sshFingerprint }) => fingerprints.has(sshFingerprint))
  if (listed.length === 0) return []
  const edges = await db
    .selectFrom('edge')
    .select('from_id')
    .where('crossing', '=', 'has-host-key')
    .where(
      'to_id',
      'in',
      listed.map(({ entityId }) => entityId),
    )
    .where('gone_at', 'is', null)
    .execute()
  const roots = await loadRoots(db)
  const ids = [...new Set(edges.map(({ from_id }) => roots.of(from_id)))]
  const [hosts, names] = [await entitiesById(db, ids), await namesById(db, roots, ids)]
  return [...new Set(ids.flatMap(id => namesOrNative(names.get(id), hosts.get(id)!)[0] ?? []))].sort()
}
