import { createHmac } from 'node:crypto'
import type { Db } from '../../../core/store/store.ts'
import type { Roots } from '../../inventory/roots.ts'
import type { Hop } from '../graph.ts'

const FACT = 'hashedName'
/** About as many digests as a second of one core makes: what is beyond it stays hidden. */
const MOST_DIGESTS = 1_000_000

/**
 * Which host it is whose name a known_hosts file hides: `|1|salt|hash` is the HMAC-SHA-1 of the name, by the salt as its key.
 * Each name that is known of any host is tried.
 */
export async function hashedHosts(db: Db, roots: Roots, asked: readonly string[]): Promise<Hop[]> {
  if (!asked.includes('hashed-name-of')) return []
  const hidden = await db
    .selectFrom('fact')
    .innerJoin('entity', 'entity.id', 'fact.entity_id')
    .select(['fact.entity_id', 'fact.value'])
    .where('fact.name', '=', FACT)
    .where('fact.gone_at', 'is', null)
    .where('entity.gone_at', 'is', null)
    .orderBy('fact.entity_id')
    .execute()
  if (hidden.length === 0) return []
  const names = await db
    .selectFrom('name')
    .innerJoin('entity', 'entity.id', 'name.entity_id')
    .select(['name.entity_id', 'name.name'])
    .where('entity.kind', '=', 'host')
    .where('entity.gone_at', 'is', null)
    .orderBy('name.entity_id')
    .execute()
  const hosts = Map.groupBy(names, ({ name }) => writtenAs(name))
  const hops: Hop[] = []
  let left = MOST_DIGESTS
  for (const { entity_id, value } of hidden) {
    const [, , salt = '', hash] = (JSON.parse(value) as string).split('|')
    const key = Buffer.from(salt, 'base64')
    for (const [name, known] of hosts) {
      if (left-- <= 0) return hops
      if (createHmac('sha1', key).update(name).digest('base64') !== hash) continue
      const from = roots.of(entity_id)
      for (const to of new Set(known.map(host => roots.of(host.entity_id))))
        if (to !== from)
          hops.push({
            from,
            to,
            crossing: 'hashed-name-of',
            certainty: 'proven',
            why: `its name has the hash ${hash}`,
          })
      break
    }
  }
  return hops
}

/** As ssh writes an address before it hashes it: with its port only where that is another one than 22. */
function writtenAs(name: string): string {
  const [, host = name, port = '22'] = /^([^:]+):(\d+)$/.exec(name) ?? []
  return port === '22' ? host : `[${host}]:${port}`
}
