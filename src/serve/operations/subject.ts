import { FirebreakError } from '../../core/contract/errors.ts'
import { formatRef, type Ref } from '../../core/contract/ref.ts'
import { fingerprint } from '../../core/keys/fingerprint.ts'
import type { Row } from '../../core/store/schema.ts'
import {
  type CredentialView,
  credentialsByFingerprint,
  credentialView,
  findSubject,
  namesOf,
  namesOrNative,
  refOf,
} from '../../know/inventory/queries.ts'
import { nearNames } from './near-names.ts'
import type { World } from './operation.ts'

/** A thing as people read it. */
export interface Named {
  readonly id: string
  readonly type: string
  readonly ref: string
  readonly names: readonly string[]
}

/** What people call a thing: its first name, else its reference. */
export function called(thing: { ref: Ref; names: readonly string[] }): string {
  return thing.names[0] ?? formatRef(thing.ref)
}

/** The one thing that is meant. Raises NOT_FOUND, and AMBIGUOUS with what fits. */
export async function subjectOf(world: World, text: string): Promise<Named> {
  const found = await findSubject(world.db, world.keys, text)
  const [first] = found
  if (!first) throw await unknownSubject(world, text)
  const named = await Promise.all(found.map(async entity => await nameOf(world, entity)))
  if (named.length > 1)
    throw new FirebreakError(
      'AMBIGUOUS',
      `${named.length} things are called so`,
      `name one of: ${named.map(thing => `${thing.ref} (${thing.type})`).join(', ')}`,
    )
  return named[0]!
}

/** The credentials that are meant: `-` is the secret itself on standard input, an identity stands for all of its own. */
export async function credentialsOf(world: World, text: string): Promise<CredentialView[]> {
  const { db, keys } = world
  if (text === '-') {
    const secret = await world.readSecret('secret: ')
    return await credentialsByFingerprint(db, keys, fingerprint(keys.fingerprint, secret))
  }
  const found = await findSubject(db, keys, text)
  const ids = new Set<string>()
  for (const entity of found)
    if (entity.type === 'credential') ids.add(entity.id)
    else for (const id of await credentialsOfIdentity(world, entity.id)) ids.add(id)
  if (ids.size === 0) throw await unknownSubject(world, text)
  return await Promise.all([...ids].map(async id => await credentialView(db, keys, id)))
}

export async function credentialsOfIdentity(world: World, identityId: string): Promise<string[]> {
  const rows = await world.db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .select('entity.id')
    .where('credential.identity_id', '=', identityId)
    .where('entity.merged_into', 'is', null)
    .orderBy('entity.id')
    .execute()
  return rows.map(row => row.id)
}

async function nameOf(world: World, entity: Row<'entity'>): Promise<Named> {
  return {
    id: entity.id,
    type: entity.type,
    ref: formatRef(refOf(entity)),
    names: namesOrNative(await namesOf(world.db, entity.id), entity),
  }
}

/** Does not repeat what was asked for: it may be the secret, given where it does not belong. */
async function unknownSubject(world: World, text: string): Promise<FirebreakError> {
  const near = await nearNames(world.db, text)
  const advice = 'firebreak ls shows what is known; to look up a secret, give - and put it on standard input'
  return new FirebreakError(
    'NOT_FOUND',
    'nothing is known by this name',
    near.length === 0 ? advice : `did you mean ${near.join(', or ')}? ${advice}`,
  )
}
