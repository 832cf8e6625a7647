import { FirebreakError, orGone } from '../../core/contract/errors.ts'
import { namePattern } from '../../core/contract/name-pattern.ts'
import type { PlaceRef, Ref } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { secretIn } from '../../core/contract/slot.ts'
import { changedPlace, rewritten } from '../../core/contract/slot-writing.ts'
import { partsOf, withoutValue } from '../../core/contract/secret-parts.ts'
import { type Account, mustBeHere } from './account.ts'
import { deleteStored, type Held, storedAt, writeStored } from './stored-values.ts'

/** Whose secret or variable it is: the organisation's, a repository's by its number, or one of its environments'. */
export interface Owned {
  readonly repository?: string | undefined
  readonly environment?: string | undefined
  readonly name: string
}

/** `secrets/NAME`, `123/secrets/NAME` or `123/environments/production/secrets/NAME`: the id of what holds it. */
export function secretPath(owned: Owned, what: 'secrets' | 'variables' = 'secrets'): string {
  const { repository, environment, name } = owned
  const within = environment === undefined ? [] : ['environments', environment]
  return [...(repository === undefined ? [] : [repository]), ...within, what, name].join('/')
}

export function ownedBy(ref: Ref): Owned {
  const [, repository, environment, name] =
    /^(?:(\d+)\/)?(?:environments\/(.+)\/)?(?:secrets|variables)\/([^/]+)$/s.exec(ref.id) ?? []
  if (name === undefined) throw new FirebreakError('NOT_FOUND', `GitHub has no ${ref.kind} ${ref.id}`)
  return { repository, environment, name }
}

/** What was read is of one version: the time of its last change stands for its content, which nobody is shown. */
export function versionOf(ref: Ref, updatedAt: string): string {
  return `${ref.id}@${updatedAt}`
}

/** Where it stands, without the owner: `app/DATABASE_URL`. `name` is what it is called in full. */
export function pathOf(name: string): string {
  return name.slice(name.indexOf('/') + 1)
}

/** Whether Firebreak may write what is called so, `OWNER/REPOSITORY/NAME`. */
export function isApproved({ config }: Account, name: string): boolean {
  return config.approved.some(pattern => namePattern(pattern).test(pathOf(name)))
}

/** A text of assignments, as every reader knows it. */
export function assignment(name: string, value: string): string {
  return `${name}=${JSON.stringify(value)}\n`
}

/**
 * What stands at a place: CONFLICT where it was changed since. Of a secret only what this connection was told of it, or has
 * written itself, is known; the version tells that nobody changed it.
 */
export async function read(account: Account, place: PlaceRef, held: Held): Promise<Secret> {
  const stored = await storedAt(account, kindChecked(account, place), held)
  if (stored.version !== place.version) throw changedPlace(place)
  if (stored.value === undefined)
    throw new FirebreakError('UNSUPPORTED', `GitHub shows nobody what ${place.path} holds`)
  return secretIn(Buffer.from(assignment(stored.name, stored.value)), place)
}

/** The secret in its slots; a secret of Actions is sealed for GitHub alone. */
export async function write(
  account: Account,
  place: PlaceRef,
  secret: Secret,
  held: Held,
): Promise<PlaceRef> {
  return await change(account, place, partsOf(secret, place), held)
}

/** Takes it out of what holds it. What holds nothing else goes, and what is not there is as it should be. */
export async function remove(account: Account, place: PlaceRef, held: Held): Promise<void> {
  await orGone(change(account, place, withoutValue, held))
}

async function change(
  account: Account,
  place: PlaceRef,
  valueOf: ReturnType<typeof partsOf>,
  held: Held,
): Promise<PlaceRef> {
  const ref = kindChecked(account, place)
  if (!isApproved(account, `${account.owner.login}/${place.path}`))
    throw new FirebreakError(
      'DENIED',
      `${place.path} is not approved for writing`,
      'Add it to the connection’s "approved" names, or change it by hand.',
    )
  const stored = await storedAt(account, ref, held)
  if (stored.value === undefined && stored.version !== place.version) throw changedPlace(place)
  if (stored.value === undefined)
    throw new FirebreakError(
      'UNSUPPORTED',
      `GitHub shows nobody what ${place.path} holds, and it may hold more than the credential`,
      'Tell the connection what it holds now, by values and valuesAsOf, or set it by hand.',
    )
  const text = Buffer.from(assignment(stored.name, stored.value))
  const { content, slots } = rewritten(place, stored.version, text, valueOf)
  if (!content) return { ...place, version: stored.version, slots }
  const value = valueIn(Buffer.from(content).toString('utf8'), place)
  if (value !== '') return { ...place, version: await writeStored(account, ref, stored, value, held), slots }
  await deleteStored(account, ref)
  return { ...place, slots }
}

function valueIn(text: string, place: PlaceRef): string {
  try {
    return String(JSON.parse(text.slice(text.indexOf('=') + 1)))
  } catch {
    throw new FirebreakError('UNSUPPORTED', `${place.path} cannot hold that value`)
  }
}

function kindChecked(account: Account, place: PlaceRef): Ref {
  mustBeHere(account, place.in, 'actions-secret', 'actions-variable')
  return place.in
}
