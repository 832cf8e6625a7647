import type { Certainty } from '../../core/contract/ref.ts'
import { STRONG_BITS } from '../../core/keys/strength.ts'
import type { Db } from '../../core/store/store.ts'
import { claimedIdentities } from '../inventory/claim.ts'
import type { Roots } from '../inventory/roots.ts'
import type { Hop } from './graph.ts'

/**
 * The crossings that credentials make: who has one is who it authenticates as, and who reads a place gets the
 * credentials that stand in it. They follow from the inventory, so they are computed and not stored.
 */
export async function credentialEdges(db: Db, roots: Roots): Promise<Hop[]> {
  const rows = await db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .selectAll('credential')
    .where('entity.gone_at', 'is', null)
    .orderBy('entity_id')
    .execute()
  const hops: Hop[] = []
  const bearers = new Map<string, { id: string; identity: string | undefined; strong: boolean }[]>()
  for (const [id, members] of Map.groupBy(rows, row => roots.of(row.entity_id))) {
    const own = members.find(member => member.entity_id === id)
    if (!own) continue
    const identity = own.identity_id === null ? undefined : roots.of(own.identity_id)
    const latest = members.reduce((a, b) => ((b.state_at ?? -1) > (a.state_at ?? -1) ? b : a))
    if (identity !== undefined && latest.state !== 'dead')
      hops.push(authenticates(id, identity, latest.state))
    if (own.fingerprint === null) continue
    const strong = (own.strength_bits ?? 0) >= STRONG_BITS
    const group = bearers.get(own.fingerprint) ?? []
    group.push({ id, identity, strong })
    bearers.set(own.fingerprint, group)
  }
  return [...hops, ...(await copyEdges(db, roots, bearers))]
}

function authenticates(credential: string, identity: string, state: 'live' | 'unknown'): Hop {
  const certainty: Certainty = state === 'live' ? 'proven' : 'conditional'
  return {
    from: credential,
    to: identity,
    crossing: 'authenticates-as',
    certainty,
    ...(state === 'live' ? {} : { condition: 'if the credential is still accepted' }),
    why:
      state === 'live'
        ? 'the credential was accepted for this identity'
        : 'the credential is said to be this identity’s',
  }
}

async function copyEdges(
  db: Db,
  roots: Roots,
  bearers: ReadonlyMap<string, { id: string; identity: string | undefined; strong: boolean }[]>,
): Promise<Hop[]> {
  const copies = await db.selectFrom('copy').selectAll().where('gone_at', 'is', null).orderBy('id').execute()
  const files = await fileEntities(db)
  const hops = new Map<string, Hop>()
  const claimed = await claimedIdentities(
    db,
    roots,
    copies.flatMap(copy => copy.claim_id ?? []),
  )
  for (const copy of copies) {
    const claim = copy.claim_id === null ? undefined : claimed.get(copy.claim_id)
    for (const { id, identity, strong } of bearers.get(copy.fingerprint) ?? []) {
      if (identity !== claim && !(claim === undefined && strong)) continue
      const container = roots.of(copy.container_id)
      const file = files.get(JSON.stringify([container, copy.path]))
      for (const from of file === undefined ? [container] : [container, file]) {
        const key = `${from} ${id}`
        if (hops.has(key)) continue
        const line = (JSON.parse(copy.slots) as { line?: number }[])[0]?.line
        const where = line === undefined ? copy.path : `${copy.path}:${line}`
        const why = `the credential stands in ${where}`
        hops.set(key, { from, to: id, crossing: 'holds-copy', certainty: 'proven', why })
      }
    }
  }
  return [...hops.values()]
}

/** Files that are entities of their own, by the container whose instance they share. */
async function fileEntities(db: Db): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('entity as file')
    .innerJoin('entity as container', join =>
      join
        .onRef('container.system', '=', 'file.system')
        .onRef('container.instance', '=', 'file.instance')
        .on('container.type', '=', 'resource')
        .on('container.kind', '<>', 'file'),
    )
    .select(['file.id', 'file.native', 'container.id as container'])
    .where('file.kind', '=', 'file')
    .where('file.gone_at', 'is', null)
    .execute()
  return new Map(rows.map(row => [JSON.stringify([row.container, row.native]), row.id]))
}
