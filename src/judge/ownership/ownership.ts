import type { Ms } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import { loadRoots } from '../../know/inventory/roots.ts'
import { Gathering } from './gathering.ts'
import { type NonHuman, nonHumans } from './non-human.ts'
import { loadPeople, type People } from './people.ts'
import { type CopiedPlace, copiedPlaces } from './relations.ts'
import { type Ownership, weigh } from './weigh.ts'

/** Whose every identity is that is no person's own account, by its id. */
export async function ownershipOf(
  db: Db,
  now: Ms,
): Promise<{ ownership: ReadonlyMap<string, Ownership>; people: People }> {
  const ownership = new Map<string, Ownership>()
  const people = await eachOwnership(db, now, (id, own) => void ownership.set(id, own))
  return { ownership, people }
}

/**
 * The same, one after the other: all that speaks for all of a large organisation is more than memory should hold. What the caller has
 * read already is not read again.
 */
export async function eachOwnership(
  db: Db,
  now: Ms,
  take: (identityId: string, ownership: Ownership) => void,
  known: {
    readonly identities?: readonly NonHuman[]
    readonly copies?: () => Promise<Iterable<CopiedPlace>>
  } = {},
): Promise<People> {
  const roots = await loadRoots(db)
  const people = await loadPeople(db, now)
  const identities = known.identities ?? (await nonHumans(db))
  const gathering = await Gathering.load(db, roots, people, identities, now, known)
  for (const identity of identities) take(identity.id, weigh(gathering.signsOf(identity), people))
  return people
}

/**
 * Whose one identity is; undefined for what is no machine's. What is written on others of its service is read, but neither their
 * copies nor who wrote what, which is by far the most of a large organisation.
 */
export async function ownershipOfOne(
  db: Db,
  now: Ms,
  identityId: string,
): Promise<{ ownership: Ownership | undefined; people: People }> {
  const roots = await loadRoots(db)
  const people = await loadPeople(db, now)
  const identities = await nonHumans(db)
  const one = identities.find(({ id }) => id === roots.of(identityId))
  if (!one) return { ownership: undefined, people }
  const copies = () => copiedPlaces(db, [one.id, ...roots.membersOf(one.id)])
  const gathering = await Gathering.load(db, roots, people, identities, now, { copies, one })
  return { ownership: weigh(gathering.signsOf(one), people), people }
}
