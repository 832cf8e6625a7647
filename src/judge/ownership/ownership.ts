import type { Ms } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import { loadRoots } from '../../know/inventory/roots.ts'
import { Gathering } from './gathering.ts'
import { nonHumans } from './non-human.ts'
import { loadPeople, type People } from './people.ts'
import { type Ownership, weigh } from './weigh.ts'

/** Whose every identity is that is no person's own account, by its id. */
export async function ownershipOf(
  db: Db,
  now: Ms,
): Promise<{ ownership: ReadonlyMap<string, Ownership>; people: People }> {
  const roots = await loadRoots(db)
  const people = await loadPeople(db)
  const identities = await nonHumans(db)
  const gathering = await Gathering.load(db, roots, people, identities, now)
  const ownership = new Map(
    identities.map(identity => [identity.id, weigh(gathering.signsOf(identity), people)]),
  )
  return { ownership, people }
}
