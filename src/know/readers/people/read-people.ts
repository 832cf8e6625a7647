import { z } from 'zod'
import { countText } from '../../../core/contract/count-text.ts'
import type { Observation } from '../../../core/contract/observation.ts'
import { unread } from '../read-text.ts'
import { wholeText } from '../whole-text.ts'
import { readStaffList } from './staff-list.ts'
import { tellPerson, tellTeam } from './telling.ts'

const MOST_BYTES = 64 * 2 ** 20

const text = z.string().optional().catch(undefined)
const userSchema = z.looseObject({
  id: z.string(),
  externalId: text,
  userName: z.string(),
  displayName: text,
  nickName: text,
  active: z.boolean().optional().catch(undefined),
  name: z.looseObject({ formatted: text, givenName: text, familyName: text }).optional().catch(undefined),
  emails: z.array(z.looseObject({ value: z.string() })).catch([]),
  meta: z.looseObject({ lastModified: text }).optional().catch(undefined),
})
const groupSchema = z.looseObject({
  id: z.string(),
  displayName: z.string(),
  members: z.array(z.looseObject({ value: z.string() })).catch([]),
})
const pageSchema = z.looseObject({
  totalResults: z.number().optional().catch(undefined),
  Resources: z.array(z.unknown()),
})

/** All that a list of people tells. */
export async function* readPeople(
  { path }: { readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const content = await wholeText(bytes, MOST_BYTES)
  if (content === undefined) yield unread('people', path, 1, `it has more than ${MOST_BYTES / 2 ** 20} MiB`)
  else if (/\.(?:csv|tsv)$/i.test(path)) yield* readStaffList(path, content)
  else yield* readScim(path, content)
}

/**
 * Pages may overlap, repeat, or be missing: of one that comes twice the later change holds, and where fewer came than there are in all,
 * that is told.
 */
function* readScim(path: string, content: string): Generator<Observation> {
  const { values, broken } = valuesIn(content)
  for (const line of broken) yield unread('people', path, line, 'it is no whole JSON')
  const users = new Map<string, z.infer<typeof userSchema>>()
  const groups = new Map<string, z.infer<typeof groupSchema>>()
  let unknown = 0
  let total = 0
  for (const value of values) {
    const page = pageSchema.safeParse(value)
    total = Math.max(total, page.data?.totalResults ?? 0)
    for (const resource of page.success ? page.data.Resources : [value]) {
      const user = userSchema.safeParse(resource)
      const group = groupSchema.safeParse(resource)
      if (user.success) {
        const before = users.get(user.data.id)
        if (!before || changed(user.data) >= changed(before)) users.set(user.data.id, user.data)
      } else if (group.success) groups.set(group.data.id, group.data)
      else unknown++
    }
  }
  if (unknown > 0)
    yield unread(
      'people',
      path,
      1,
      `${countText(unknown, 'entry is', 'entries are')} neither a user nor a group`,
    )
  const found = users.size + groups.size
  if (found + unknown < total)
    yield unread('people', path, 1, `it has ${found} of ${total}: pages are missing`)
  for (const user of users.values()) {
    const { name } = user
    const told =
      user.displayName ?? name?.formatted ?? `${name?.givenName ?? ''} ${name?.familyName ?? ''}`.trim()
    const at = changed(user)
    yield* tellPerson('scim', user.id, {
      name: told === '' ? undefined : told,
      mails: [user.userName, ...user.emails.map(({ value }) => value)].filter(mail => mail.includes('@')),
      logins: [user.nickName, user.userName.includes('@') ? undefined : user.userName].filter(
        login => login !== undefined && login !== '',
      ) as string[],
      number: user.externalId,
      isActive: user.active,
      ...(at > 0 && { at }),
    })
  }
  for (const { id, displayName, members } of groups.values())
    yield* tellTeam('scim', id, { names: [displayName], members: members.map(({ value }) => value) })
}

function changed({ meta }: z.infer<typeof userSchema>): number {
  const at = Date.parse(meta?.lastModified ?? '')
  return Number.isNaN(at) ? 0 : at
}

/** One JSON, a list of pages, or a page in each line. */
function valuesIn(content: string): { values: unknown[]; broken: number[] } {
  const whole = parsed(content)
  if (whole !== undefined) return { values: [whole].flat(), broken: [] }
  const values: unknown[] = []
  const broken: number[] = []
  for (const [index, line] of content.split('\n').entries()) {
    if (line.trim() === '') continue
    const value = parsed(line)
    if (value === undefined) broken.push(index + 1)
    else values.push(...[value].flat())
  }
  return values.length === 0 ? { values, broken: [1] } : { values, broken: broken.slice(0, 20) }
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}
