import { isMap, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import { z } from 'zod'
import { nearWords } from '../../core/contract/edit-distance.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { isLoopback } from '../../core/contract/loopback.ts'
import type { Ms } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import { CLASSES, type Profile } from './profiles.ts'

const DAY_MS = 86_400_000

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
  environment: oneOrMore(z.string().min(1)).optional(),
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
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, version: '1.2' })
  const [broken] = document.errors
  if (broken)
    throw mistaken(file, [`line ${lines.linePos(broken.pos[0]).line}: it is no YAML there (${broken.code})`])
  const parsed = schema.safeParse(document.toJS())
  if (parsed.success) return { rules: parsed.data.require, notify: parsed.data.notify }
  const lineOf = (node: unknown) => {
    const start = (node as Node | null | undefined)?.range?.[0]
    return start === undefined ? 1 : lines.linePos(start).line
  }
  const told = parsed.error.issues.flatMap(issue => {
    const at = nearest(document.contents, issue.path)
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map(
        key => `line ${lineOf(keyIn(at, key) ?? at)}: ${key} is not known${meant(key, keysAt(issue.path))}`,
      )
    const given: unknown = isScalar(at) ? at.value : undefined
    const known = issue.path.includes('class') ? CLASSES : []
    const name = issue.path.findLast(part => typeof part === 'string') ?? 'the file'
    const says =
      known.length > 0 && typeof given === 'string'
        ? `${given} is no class${meant(given, known)}`
        : `${String(name)}: ${issue.message}`
    return [`line ${lineOf(at)}: ${says}`]
  })
  throw mistaken(file, told)
}

function mistaken(file: string, told: readonly string[]): FirebreakError {
  return new FirebreakError(
    'INVALID_INPUT',
    `${file}: ${told.slice(0, 10).join('; ')}`,
    'what was required before stays in force; docs/ownership.md has every word of such a file',
  )
}

function meant(given: string, known: readonly string[]): string {
  const near = nearWords(given, known)
  return near.length > 0 ? `: did you mean ${near[0]}?` : ` (${known.join(', ')})`
}

function keysAt(path: readonly PropertyKey[]): string[] {
  if (path.length === 0) return Object.keys(schema.shape)
  if (path[0] === 'notify') return Object.keys(notify.shape)
  return Object.keys(path.includes('automatic') ? automatic.shape : rule.shape)
}

/** The deepest node there is on the way. */
function nearest(root: unknown, path: readonly PropertyKey[]): unknown {
  let node = root
  for (const part of path) {
    const next: unknown =
      typeof node === 'object' && node !== null && 'get' in node && typeof node.get === 'function'
        ? node.get(part, true)
        : undefined
    if (next === undefined || next === null) return node
    node = next
  }
  return node
}

function keyIn(node: unknown, key: string): unknown {
  if (!isMap(node)) return undefined
  return node.items.find(item => isPair(item) && isScalar(item.key) && item.key.value === key)?.key
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
