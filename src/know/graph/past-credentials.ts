import type { Ms } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import type { Roots } from '../inventory/roots.ts'
import {
  addBearer,
  authenticationHop,
  type Bearers,
  fileRows,
  filesByPlace,
  holdingHop,
  holdings,
} from './credential-edges.ts'
import type { Hop } from './graph.ts'
import { stoodAt } from './stood-at.ts'

/** The crossings that credentials made at a time, by the same rules as those of now. */
export async function credentialHopsAt(db: Db, roots: Roots, at: Ms): Promise<Hop[]> {
  const rows = await db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .select(['entity_id', 'identity_id', 'fingerprint', 'strength_bits', 'state', 'state_at'])
    .where(stoodAt('entity', at))
    .orderBy('entity_id')
    .execute()
  const hops: Hop[] = []
  const bearers: Bearers = new Map()
  for (const [id, group] of Map.groupBy(rows, row => roots.of(row.entity_id))) {
    const own = group.find(member => member.entity_id === id)
    if (!own) continue
    addBearer(bearers, own, roots)
    const latest = group.reduce((a, b) => ((b.state_at ?? -1) > (a.state_at ?? -1) ? b : a))
    // What it was before it was last tried is not known any more.
    const state = (latest.state_at ?? 0) > at ? 'unknown' : latest.state
    if (own.identity_id === null || state === 'dead') continue
    hops.push(authenticationHop(id, roots.of(own.identity_id), state === 'live' ? 'proven' : 'conditional'))
  }
  return [...hops, ...(await copyHopsAt(db, roots, bearers, at))]
}

async function copyHopsAt(db: Db, roots: Roots, bearers: Bearers, at: Ms): Promise<Hop[]> {
  const copies = await db
    .selectFrom('copy')
    .select(['id', 'container_id', 'path', 'fingerprint', 'claim_id', 'slots'])
    .where(stoodAt('copy', at))
    .orderBy('id')
    .execute()
  const files = filesByPlace(await fileRows(db).where(stoodAt('file', at)).execute())
  const hops = new Map<string, Hop>()
  for (const { holder, credential, copy } of await holdings(db, roots, bearers, files, copies)) {
    const from = roots.of(holder)
    const pair = `${from} ${credential}`
    if (!hops.has(pair)) hops.set(pair, holdingHop(from, credential, copy))
  }
  return [...hops.values()]
}
