import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { FirebreakError, orGone } from '../../core/contract/errors.ts'
import { namePattern } from '../../core/contract/name-pattern.ts'
import type { PlaceRef, Ref } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { partsOf, withoutValue } from '../../core/contract/secret-parts.ts'
import { secretIn } from '../../core/contract/slot.ts'
import { changedPlace, rewritten } from '../../core/contract/slot-writing.ts'
import { type Account, mustBeHere, ownerIn, refIn } from './account.ts'

export const VARIABLE = z.object({
  key: z.string(),
  /** Nobody is shown what was made hidden. */
  value: z.string().nullish(),
  variable_type: z.string().optional(),
  protected: z.boolean().default(false),
  masked: z.boolean().default(false),
  hidden: z.boolean().default(false),
  environment_scope: z.string().default('*'),
})
export type Variable = z.infer<typeof VARIABLE>

/** `12/KEY`, as a reader of pipelines names it, and `12/KEY@SCOPE` where it is for some environments only. */
export function variableRef(
  account: Account,
  owner: string,
  { key, environment_scope: scope }: Variable,
): Ref {
  return refIn(account, 'ci-variable', `${owner}/${key}${scope === '*' ? '' : `@${scope}`}`)
}

/** As people write it: `shop/api/KEY` below the group, `KEY` of the group itself. */
export function variablePath(
  project: string | undefined,
  { key, environment_scope: scope }: Variable,
): string {
  return `${project === undefined ? '' : `${project}/`}${key}${scope === '*' ? '' : `@${scope}`}`
}

/** Keyed with our own token, so that what is kept tells nobody who guesses a value whether it is that. */
export function versionOf({ config }: Account, ref: Ref, value: string): string {
  const digest = createHmac('sha256', config.token.reveal()).update(`${ref.id}\n${value}`).digest('hex')
  return `${ref.id}#${digest.slice(0, 32)}`
}

export function assignment(key: string, value: string): string {
  return `${key}=${JSON.stringify(value)}\n`
}

export function isApproved({ config }: Account, path: string): boolean {
  return config.approved.some(pattern => namePattern(pattern).test(path))
}

interface Stored {
  readonly path: string
  readonly key: string
  readonly value: string
  readonly version: string
}

async function storedAt(account: Account, ref: Ref): Promise<Stored> {
  mustBeHere(account, ref, 'ci-variable')
  const { calls, rest } = ownerIn(ref.id)
  const [, key = '', scope = '*'] = /^([^@]+)(?:@(.*))?$/s.exec(rest) ?? []
  const filter = `filter[environment_scope]=${encodeURIComponent(scope)}`
  const path = `${calls}/variables/${encodeURIComponent(key)}?${filter}`
  const { value } = await account.api.get(`reading the variable ${key}`, path, VARIABLE)
  if (value == null)
    throw new FirebreakError('UNSUPPORTED', `GitLab shows nobody what ${key} holds`, 'Set it by hand.')
  return { path, key, value, version: versionOf(account, ref, value) }
}

export async function inspectVariable(account: Account, ref: Ref) {
  return { version: (await storedAt(account, ref)).version }
}

export async function read(account: Account, place: PlaceRef): Promise<Secret> {
  const stored = await storedAt(account, place.in)
  if (stored.version !== place.version) throw changedPlace(place)
  return secretIn(Buffer.from(assignment(stored.key, stored.value)), place)
}

/** The secret in its slots; what protects the variable stays as it is. */
export async function write(account: Account, place: PlaceRef, secret: Secret): Promise<PlaceRef> {
  return await change(account, place, partsOf(secret, place))
}

/** Takes it out of the variable. One that holds nothing else goes, and one that is not there is as it should be. */
export async function remove(account: Account, place: PlaceRef): Promise<void> {
  await orGone(change(account, place, withoutValue))
}

async function change(
  account: Account,
  place: PlaceRef,
  valueOf: ReturnType<typeof partsOf>,
): Promise<PlaceRef> {
  mustBeHere(account, place.in, 'ci-variable')
  if (!isApproved(account, place.path))
    throw new FirebreakError(
      'DENIED',
      `${place.path} is not approved for writing`,
      'Add it to the connection’s "approved" variables, or change it by hand.',
    )
  const stored = await storedAt(account, place.in)
  const text = Buffer.from(assignment(stored.key, stored.value))
  const { content, slots } = rewritten(place, stored.version, text, valueOf)
  if (!content) return { ...place, version: stored.version, slots }
  const written = Buffer.from(content).toString('utf8')
  let value: string
  try {
    value = String(JSON.parse(written.slice(written.indexOf('=') + 1)))
  } catch {
    throw new FirebreakError('UNSUPPORTED', `${place.path} cannot hold that value`)
  }
  await account.change(() =>
    value === ''
      ? account.api.send(`deleting the variable ${stored.key}`, 'DELETE', stored.path)
      : account.api.send(`writing the variable ${stored.key}`, 'PUT', stored.path, { value }),
  )
  return { ...place, version: versionOf(account, place.in, value), slots }
}
