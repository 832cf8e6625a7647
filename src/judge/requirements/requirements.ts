import { z } from 'zod'
import { isLoopback } from '../../core/contract/loopback.ts'
import { DAY_MS, type Ms } from '../../core/contract/ref.ts'
import { parseYamlFile } from '../../core/contract/yaml-file.ts'
import type { Db } from '../../core/store/store.ts'
import { CLASSES, environmentNamed, type Profile } from './profiles.ts'

const days = z
  .string()
  .regex(/^\d{1,5}d$/, 'a number of days: 90d')
  .transform(text => Number.parseInt(text, 10))
const oneOrMore = <Item extends z.ZodType>(item: Item) =>
  z.union([z.array(item).min(1), item.transform(one => [one])])

/** What ownership may come to for which an identity can be suspended, as policy says. */
const OWNERLESS = ['orphan', 'departed', 'conflict'] as const
const automatic = z.strictObject({
  rotate: z.boolean().default(false),
  expire: z.boolean().default(false),
  suspend: z.array(z.enum(OWNERLESS)).default([]),
  /** How long it may be so before it is suspended, from when it was told on. */
  grace: days.prefault('30d'),
  /** What was suspended is given back once a person says whose it is. */
  resume: z.boolean().default(false),
  notice: days.prefault('7d'),
})

const rule = z.strictObject({
  class: oneOrMore(z.enum(CLASSES)).optional(),
  environment: oneOrMore(z.string().min(1).transform(environmentNamed)).optional(),
  owner: z.boolean().optional(),
  purpose: z.boolean().optional(),
  vendorContact: z.boolean().optional(),
  /** The most that a credential may have left to live, or that its identity says. */
  expiry: days.optional(),
  rotation: days.optional(),
  /** Where copies may stand: globs of `system:label/path`. */
  stores: z.array(z.string().min(1)).min(1).optional(),
  automatic: automatic.optional(),
})
/** Where what owners are to be told is sent. */
const notify = z.strictObject({
  url: z
    .string()
    .refine(isPrivate, 'an https:// address with no user in it; http only on a loopback address'),
  secret: z.string().regex(/^(?:env:.+|file:\/.+)$/, 'env:NAME, or file: and the whole path'),
})
const schema = z.strictObject({ require: z.array(rule).min(1), notify: notify.optional() })

/** Nobody else could read what is sent there. */
function isPrivate(address: string): boolean {
  const url = URL.parse(address)
  if (!url || url.username !== '' || url.password !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
}

export type Rule = z.infer<typeof rule>

export type Notify = z.infer<typeof notify>

interface RequiredFile {
  readonly rules: readonly Rule[]
  readonly notify?: Notify | undefined
}

export interface Requirements extends RequiredFile {
  readonly file: string
  readonly at: Ms
  readonly by: string
}

/** Raises INVALID_INPUT with the line of each mistake, and what may have been meant. */
export function parseRequirements(text: string, file: string): RequiredFile {
  const { data } = parseYamlFile(text, {
    file,
    schema,
    advice: 'what was required before stays in force; docs/ownership.md has every word of such a file',
  })
  return { rules: data.require, notify: data.notify }
}

/** Those that were taken in last, if any were. */
export async function requirementsInForce(db: Db): Promise<Requirements | undefined> {
  const row = await db.selectFrom('requirement').selectAll().orderBy('id', 'desc').limit(1).executeTakeFirst()
  if (!row) return undefined
  return { ...parseRequirements(row.text, row.file), file: row.file, at: row.at, by: row.said_by }
}

/** All that an identity of this kind has to meet; where several rules speak of one thing, the strictest. */
export interface Required {
  readonly owner: boolean
  readonly purpose: boolean
  readonly vendorContact: boolean
  readonly expiryDays: number | undefined
  readonly rotationDays: number | undefined
  /** What each rule lists: a copy has to stand in one of each. */
  readonly stores: readonly (readonly string[])[] | undefined
  readonly rotates: boolean
  readonly expires: boolean
  /** Where ownership comes to one of these, it is suspended. */
  readonly suspends: readonly (typeof OWNERLESS)[number][]
  readonly resumes: boolean
  readonly graceMs: Ms
  readonly noticeMs: Ms
}

/** Undefined where no rule is for it. */
export function requiredOf(
  rules: readonly Rule[],
  profile: Pick<Profile, 'class' | 'environment'>,
): Required | undefined {
  const own = rules.filter(
    one =>
      (one.class === undefined || one.class.includes(profile.class.value)) &&
      (one.environment === undefined ||
        (profile.environment !== undefined && one.environment.includes(profile.environment.value))),
  )
  if (own.length === 0) return undefined
  const least = (values: readonly (number | undefined)[]) => {
    const known = values.filter(value => value !== undefined)
    return known.length === 0 ? undefined : Math.min(...known)
  }
  const automatic = own.flatMap(one => one.automatic ?? [])
  const noticeDays = Math.max(0, ...automatic.map(({ notice }) => notice))
  const stores = own.flatMap(one => (one.stores ? [one.stores] : []))
  return {
    owner: own.some(one => one.owner === true),
    purpose: own.some(one => one.purpose === true),
    vendorContact: own.some(one => one.vendorContact === true),
    expiryDays: least(own.map(one => one.expiry)),
    rotationDays: least(own.map(one => one.rotation)),
    stores: stores.length === 0 ? undefined : stores,
    // What one rule forbids no other allows: nothing acts by itself where a rule for it says no.
    rotates: automatic.length > 0 && automatic.every(({ rotate }) => rotate),
    expires: automatic.length > 0 && automatic.every(({ expire }) => expire),
    suspends: OWNERLESS.filter(
      state => automatic.length > 0 && automatic.every(({ suspend }) => suspend.includes(state)),
    ),
    resumes: automatic.length > 0 && automatic.every(({ resume }) => resume),
    graceMs: Math.max(noticeDays, ...automatic.map(({ grace }) => grace)) * DAY_MS,
    noticeMs: noticeDays * DAY_MS,
  }
}
