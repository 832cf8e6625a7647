import { join } from 'node:path'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { formatRef, pathOf } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Db } from '../../core/store/store.ts'
import type { Connections } from '../../know/connections/registry.ts'
import { type CredentialView, listCredentials } from '../../know/inventory/queries.ts'
import { readExposed } from './holdings.ts'
import { bearing, subjectCredentials } from './subject.ts'

/** What a containment is asked for by: one of these, or a name together with the secret. */
export interface Asked {
  /** An entity id, a reference, a public fingerprint or a name. */
  readonly subject?: string
  /** The leaked secret itself. */
  readonly secret?: Secret
  /** A document: all that stands, or stood, in it leaked together. */
  readonly leakedIn?: string
}

/** One value that leaked, and every credential that bears it. */
export interface Leak {
  readonly views: readonly CredentialView[]
  /** As pasted, or read again from a copy; undefined where no copy can be read. */
  readonly secret: Secret | undefined
}

interface World {
  readonly io: Io
  readonly keys: Keys
  readonly connections: Connections
}

/** The values that leaked, at least one. Raises NOT_FOUND, AMBIGUOUS. */
export async function leaksOf(db: Db, world: World, asked: Asked): Promise<Leak[]> {
  const groups =
    asked.leakedIn === undefined
      ? [await subjectCredentials(db, world, asked)]
      : Map.groupBy(
          await credentialsIn(db, world, asked.leakedIn),
          view => view.publicFingerprint ?? view.id,
        ).values()
  const leaks: Leak[] = []
  for await (const leak of leaksIn(db, world, groups, asked.secret)) leaks.push(leak)
  return leaks
}

/** One for each value: read again where it can be. */
export async function* leaksIn(
  db: Db,
  world: World,
  groups: Iterable<readonly CredentialView[]> | AsyncIterable<readonly CredentialView[]>,
  given?: Secret,
): AsyncGenerator<Leak, void> {
  for await (const found of groups) {
    const secret = await valueOf(db, world, found, given)
    // The same value elsewhere is the same leak: what bears its fingerprint is contained with it.
    const views = secret ? [...found, ...(await bearing(db, world, secret))] : found
    yield { views: [...new Map(views.map(view => [view.id, view])).values()], secret }
  }
}

/** What stands anywhere, each value once: what bears it elsewhere comes with it. */
export async function* standingByValue(
  turns: AsyncIterable<readonly CredentialView[]>,
): AsyncGenerator<readonly CredentialView[], void> {
  const seen = new Set<string>()
  for await (const views of turns) {
    const standing = views.filter(view => view.copies.some(copy => copy.goneAt === undefined))
    for (const [value, group] of Map.groupBy(standing, view => view.publicFingerprint ?? view.id)) {
      if (seen.has(value)) continue
      seen.add(value)
      yield group
    }
  }
}

/** As given, with the public half that stands beside a copy of it; else as a copy has it. */
export async function valueOf(
  db: Db,
  world: World,
  views: readonly CredentialView[],
  given?: Secret,
): Promise<Secret | undefined> {
  const isPair = views.some(view =>
    view.copies.some(copy => copy.place.slots.some(slot => slot.part === 'id')),
  )
  if (given && (!isPair || given.id !== undefined)) return given
  return (await readExposed(db, world, views)) ?? given
}

/**
 * Every credential of which a copy stands, or stood, in the document: by its path within its source, by the end of that
 * path, or by the whole path. What Firebreak issued is left out: it was written there in place of what leaked. Raises
 * NOT_FOUND, and AMBIGUOUS where several documents are called so.
 */
export async function credentialsIn(
  db: Db,
  world: Pick<World, 'keys' | 'connections'>,
  document: string,
): Promise<CredentialView[]> {
  const roots = new Map((await world.connections.list(db)).map(source => [source.id, source.label]))
  const wanted = document.replace(/^(?:\.\/)+/, '')
  const fits = (path: string, root: string) =>
    path === wanted || path.endsWith(`/${wanted}`) || join(root, path) === wanted
  const documents = new Set<string>()
  const found: CredentialView[] = []
  for (const view of await listCredentials(db, world.keys)) {
    const places = view.copies.flatMap(copy => {
      const root = roots.get(copy.sourceId) ?? ''
      const paths = [pathOf(copy.place), ...copy.occurrences.map(occurrence => occurrence.path)]
      return paths.filter(path => fits(path, root)).map(path => join(root, path))
    })
    for (const place of places) documents.add(place)
    if (places.length > 0 && view.issuedBy === undefined) found.push(view)
  }
  const [first, ...others] = [...documents].sort()
  if (first === undefined)
    throw new FirebreakError(
      'NOT_FOUND',
      `no credential is known to stand in ${document}`,
      'scan what it is in: firebreak scan PATH',
    )
  if (others.length > 0)
    throw new FirebreakError(
      'AMBIGUOUS',
      `${others.length + 1} documents are called so`,
      `name one with more of its path: ${[first, ...others].slice(0, 10).join(', ')}`,
    )
  return found
}

/** What a leak is called where no system is connected that would tell. */
export function leakLabel({ views }: Leak): string {
  const [first] = views
  if (!first) return 'a value'
  if (first.identity) return first.identity.names[0] ?? formatRef(first.identity.ref)
  return first.publicFingerprint ?? first.id
}
