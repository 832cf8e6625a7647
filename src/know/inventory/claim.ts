import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import { inChunks } from './in-chunks.ts'
import type { Roots } from './roots.ts'

/**
 * The instance of a claim that names a credential by an id which is unique at all instances of its system, as AWS access
 * key ids are: the text does not say of which one it is, and need not.
 */
export const ANY_INSTANCE = '?'

/**
 * Whose identity each claim comes to. A claim is an identity, or a credential by its own id: then it is that one's
 * identity, and nobody's as long as no connection has listed such a credential.
 */
export async function claimedIdentities(
  db: Db,
  roots: Pick<Roots, 'of'>,
  claimIds: readonly string[],
): Promise<Map<string, string | undefined>> {
  const ids = [...new Set(claimIds.map(id => roots.of(id)))]
  const rows = await inChunks(ids, chunk =>
    db
      .selectFrom('entity')
      .leftJoin('credential', 'credential.entity_id', 'entity.id')
      .select(['entity.id', 'entity.type', 'credential.identity_id'])
      .where('entity.id', 'in', chunk)
      .execute(),
  )
  const found = new Map(rows.map(row => [row.id, claimedBy(row)]))
  return new Map(
    claimIds.map(id => {
      const identity = found.get(roots.of(id))
      return [id, identity === undefined ? undefined : roots.of(identity)]
    }),
  )
}

/** The identity that an entity stands for where a copy claims it. */
export function claimedBy(row: {
  readonly id: string
  readonly type: Row<'entity'>['type']
  readonly identity_id: string | null
}): string | undefined {
  if (row.type === 'credential') return row.identity_id ?? undefined
  return row.type === 'resource' ? undefined : row.id
}
