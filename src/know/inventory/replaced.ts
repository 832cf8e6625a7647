import { z } from 'zod'
import type { Db } from '../../core/store/store.ts'
import { inChunks } from './in-chunks.ts'
import type { Roots } from './roots.ts'

const given = z.object({ credentialId: z.string() })
const made = z.object({ credential: z.object({ id: z.string() }) })

/**
 * Of each identity that a run made beside another one, to be used in its place: that one, and what that one stands in the place of itself,
 * the nearest first; with `only`, of these alone. What is leased stands in nobody's place.
 */
export async function replacedIdentities(
  db: Db,
  roots: Roots,
  only?: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const before = await replacedOnce(db, roots, only)
  for (let next = only ? [...before.values()] : []; next.length > 0; ) {
    const more = [...(await replacedOnce(db, roots, next))].filter(([id]) => !before.has(id))
    for (const [id, former] of more) before.set(id, former)
    next = more.map(([, former]) => former)
  }
  return new Map([...before.keys()].map(id => [id, chainOf(before, id)]))
}

async function replacedOnce(
  db: Db,
  roots: Roots,
  only: readonly string[] | undefined,
): Promise<Map<string, string>> {
  let query = db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .innerJoin('step', 'step.run_id', 'credential.issued_by')
    .select(['credential.identity_id', 'entity.native', 'step.args', 'step.result'])
    // Of very many, few were: the others are not looked up.
    .where('credential.issued_by', 'is not', null)
    .where('step.verb', '=', 'issue')
    .where('step.args', 'like', '%"credentialId"%')
  const members = only?.flatMap(id => [roots.of(id), ...roots.membersOf(roots.of(id))])
  if (members) query = query.where('credential.identity_id', 'in', members)
  const issued = (await query.execute()).flatMap(({ identity_id, native, args, result }) => {
    const from = given.safeParse(JSON.parse(args))
    const to = made.safeParse(JSON.parse(result ?? 'null'))
    // A run that replaces several makes one for each.
    if (identity_id === null || !from.success || !to.success || to.data.credential.id !== native) return []
    return [{ identityId: roots.of(identity_id), credentialId: from.data.credentialId }]
  })
  const rows = await inChunks(
    issued.map(({ credentialId }) => credentialId),
    chunk =>
      db
        .selectFrom('credential')
        .select(['entity_id', 'identity_id'])
        .where('entity_id', 'in', chunk)
        .execute(),
  )
  const identityOf = new Map(rows.map(({ entity_id, identity_id }) => [entity_id, identity_id]))
  return new Map(
    issued.flatMap(({ identityId, credentialId }): [string, string][] => {
      const of = identityOf.get(credentialId)
      return of == null || roots.of(of) === identityId ? [] : [[identityId, roots.of(of)]]
    }),
  )
}

function chainOf(before: ReadonlyMap<string, string>, id: string): string[] {
  const chain: string[] = []
  for (
    let one = before.get(id);
    one !== undefined && one !== id && !chain.includes(one);
    one = before.get(one)
  )
    chain.push(one)
  return chain
}
