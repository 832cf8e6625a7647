import { userInfo } from 'node:os'
import pc from 'picocolors'
import { z } from 'zod'
import { countText } from '../../core/contract/count-text.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import { ownershipOf, ownershipOfOne } from '../../judge/ownership/ownership.ts'
import type { People } from '../../judge/ownership/people.ts'
import type { Ownership, OwnershipState } from '../../judge/ownership/weigh.ts'
import { nonHumans } from '../../judge/ownership/non-human.ts'
import { profilesOf } from '../../judge/requirements/profiles.ts'
import { requiredOf, requirementsInForce } from '../../judge/requirements/requirements.ts'
import { suspensionsOf } from '../../judge/requirements/suspensions.ts'
import { resolveEntity } from '../../know/inventory/queries.ts'
import { loadRoots } from '../../know/inventory/roots.ts'
import { sayOwner, takeBackOwner } from '../../know/inventory/owner-word.ts'
import { defineOperation, type World } from './operation.ts'
import {
  calledById,
  shownOwnership,
  type ShownOwnership,
  type ShownSuspension,
  shownSuspension,
  STATE_SAYS,
  suspensionLine,
} from './ownership-view.ts'
import { subjectOf } from './subject.ts'
import { table } from './table.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  action: z.enum(['show', 'set', 'confirm', 'handover']).describe('what to do'),
  subject: z
    .string()
    .min(1)
    .optional()
    .describe('an identity, by its name or reference; handover: whose all is handed over'),
  owner: z
    .string()
    .min(1)
    .optional()
    .describe('set, handover: a team or a person; set: “nobody” takes a word back'),
  by: z.string().min(1).optional().describe('who says so; without it, whoever runs the command'),
  why: z.string().min(1).optional().describe('why, for the record'),
})
type Input = z.infer<typeof input>

interface Listed {
  readonly name: string
  readonly ref: string
  readonly state: OwnershipState
  readonly answers: string | null
}

export type OwnerOutput =
  | {
      readonly action: 'show'
      readonly name: string
      readonly ref: string
      readonly ownership: ShownOwnership
      readonly suspension: ShownSuspension | null
    }
  | {
      readonly action: 'list'
      /** How many there are of each; together they are all identities that are no person's own account. */
      readonly counts: Readonly<Record<OwnershipState, number>>
      /** Those for whom nobody answers for certain. */
      readonly open: readonly Listed[]
    }
  | {
      readonly action: 'set' | 'confirm' | 'handover'
      readonly owner: string | null
      readonly isKnown: boolean
      readonly changed: readonly { readonly name: string; readonly ref: string }[]
      /** Of these, those that are suspended for want of an owner: who gives them back. */
      readonly suspended: readonly { readonly name: string; readonly by: 'watch' | 'command' }[]
    }

export const owner = defineOperation<Input, OwnerOutput>({
  name: 'owner',
  summary: 'Show, set, confirm or hand over whose an identity is',
  permission: 'connect',
  input: input as z.ZodType<Input>,
  positional: ['action', 'subject', 'owner'],
  examples: [
    {
      command: 'firebreak owner show',
      shows: 'how many have an owner, and those that have none for certain',
    },
    {
      command: 'firebreak owner show app_orders',
      shows: 'who answers for it, and all that speaks for anyone',
    },
    {
      command: 'firebreak owner confirm app_orders',
      shows: 'that the likeliest owner is right, on the record',
    },
    {
      command: 'firebreak owner set app_orders payments',
      shows: 'another owner, which outranks what texts say',
    },
    {
      command: 'firebreak owner handover jane@acme.example payments --why offboarding',
      shows: 'all for which she answered, handed to a team',
    },
  ],
  run,
  text,
  json: output => (output.action === 'list' ? { counts: output.counts, open: output.open } : output),
})

async function run(world: World, given: Input): Promise<OwnerOutput> {
  switch (given.action) {
    case 'show':
      return given.subject === undefined ? await list(world) : await show(world, given.subject)
    case 'set':
      return await set(world, given)
    case 'confirm':
      return await confirm(world, given)
    case 'handover':
      return await handover(world, given)
  }
}

async function list({ db, io }: World): Promise<OwnerOutput> {
  const { ownership } = await ownershipOf(db, io.now().getTime())
  const counts = Object.fromEntries(Object.keys(STATE_SAYS).map(state => [state, 0])) as Record<
    OwnershipState,
    number
  >
  for (const { state } of ownership.values()) counts[state]++
  const open = [...ownership].filter(([, { state }]) => !['confirmed', 'confident'].includes(state))
  const called = await calledById(
    db,
    open.map(([id]) => id),
  )
  const listed = open.map(([id, { state, answers }]) => ({
    ...called.get(id)!,
    state,
    answers: answers?.name ?? null,
  }))
  return { action: 'list', counts, open: listed.sort(byState) }
}

const ORDER = Object.keys(STATE_SAYS).reverse()

function byState(a: Listed, b: Listed): number {
  return ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || (a.name < b.name ? -1 : 1)
}

/** The identity that is meant, and whose it is. */
async function found(
  world: World,
  subject: string,
): Promise<{ id: string; name: string; ref: string; ownership: Ownership; people: People }> {
  const named = await subjectOf(world, subject)
  const { ownership: own, people } = await ownershipOfOne(world.db, world.io.now().getTime(), named.id)
  if (!own) throw await withoutOwner(world.db, named.id)
  return { id: named.id, name: named.names[0] ?? named.ref, ref: named.ref, ownership: own, people }
}

/** Why nobody owns it: groups and people have no owner, and what a text merely names may be nowhere. */
async function withoutOwner(db: Db, id: string): Promise<FirebreakError> {
  const entity = await resolveEntity(db, id)
  if (entity.type !== 'identity' || !entity.native.startsWith('?'))
    return new FirebreakError(
      'INVALID_INPUT',
      'it is no identity of a machine',
      'name one that firebreak owner show counts; groups and people’s own accounts have no owner',
    )
  return new FirebreakError(
    'INVALID_INPUT',
    `only a text names it: nothing that was read lists identities of that ${entity.system}, so that it may be nowhere`,
    'connect its system (firebreak connect --help has those that can be), or observe an export of it',
  )
}

async function show(world: World, subject: string): Promise<OwnerOutput> {
  const { id, name, ref, ownership } = await found(world, subject)
  const suspension = await shownSuspension(world.db, id)
  return { action: 'show', name, ref, ownership: shownOwnership(ownership), suspension }
}

/** Who gives these back, where they are suspended: a watch, where the requirements say so, else whoever is told how. */
async function suspendedOf(
  { db }: World,
  changed: ReadonlyMap<string, { readonly name: string }>,
): Promise<Extract<OwnerOutput, { action: 'set' | 'confirm' | 'handover' }>['suspended']> {
  const roots = await loadRoots(db)
  const suspensions = await suspensionsOf(db, roots)
  const ids = [...changed.keys()].filter(id => suspensions.get(id)?.row.run_id)
  if (ids.length === 0) return []
  const profiles = await profilesOf(
    db,
    roots,
    (await nonHumans(db)).filter(({ id }) => ids.includes(id)),
  )
  const rules = (await requirementsInForce(db))?.rules ?? []
  return ids.map(id => {
    const profile = profiles.get(id)
    const isByItself = profile !== undefined && requiredOf(rules, profile)?.resumes === true
    return { name: changed.get(id)!.name, by: isByItself ? 'watch' : 'command' }
  })
}

async function set(world: World, { subject, owner, by, why }: Input): Promise<OwnerOutput> {
  const named = await found(world, required(subject, 'whose owner is set'))
  const { id, name, ref, people } = named
  const to = required(owner, 'who owns it').trim()
  if (to === '') throw new FirebreakError('INVALID_INPUT', 'the owner has no name', 'give a team or a person')
  const said = sayer(by)
  if (to.toLowerCase() === 'nobody') {
    const isTaken = await transaction(world.db, tx => takeBackOwner(tx, world.io, id, said))
    return {
      action: 'set',
      owner: null,
      isKnown: true,
      changed: isTaken ? [{ name, ref }] : [],
      suspended: [],
    }
  }
  mustBeThere(people, to)
  const before = named.ownership.answers
  const isOther = before !== undefined && before.key !== people.resolve(to)?.key
  const word = { entityId: id, owner: to, by: said, why, ...(isOther && { from: before.name }) }
  await transaction(world.db, tx => sayOwner(tx, world.io, word))
  const suspended = await suspendedOf(world, new Map([[id, { name }]]))
  return { action: 'set', owner: to, isKnown: isKnown(people, to), changed: [{ name, ref }], suspended }
}

async function confirm(world: World, { subject, by, why }: Input): Promise<OwnerOutput> {
  const { id, name, ref, ownership, people } = await found(
    world,
    required(subject, 'whose owner is confirmed'),
  )
  const { answers } = ownership
  if (!answers || answers.hasLeft)
    throw new FirebreakError(
      'NOT_FOUND',
      answers ? `${answers.name}, whose it was, has left` : 'nothing says whose it is',
      `name the owner: firebreak owner set ${name} OWNER`,
    )
  const word = { entityId: id, owner: answers.name, by: sayer(by), why }
  await transaction(world.db, tx => sayOwner(tx, world.io, word))
  return {
    action: 'confirm',
    owner: answers.name,
    isKnown: isKnown(people, answers.name),
    changed: [{ name, ref }],
    suspended: await suspendedOf(world, new Map([[id, { name }]])),
  }
}

/** Whatever a person or a team answers for, also what only they are likely for, is another's from now on. */
async function handover(world: World, { subject, owner, by, why }: Input): Promise<OwnerOutput> {
  const from = required(subject, 'whose all is handed over')
  const to = required(owner, 'who takes it over')
  const { ownership, people } = await ownershipOf(world.db, world.io.now().getTime())
  const party = people.resolve(from)
  mustBeThere(people, to)
  const isFrom = (name: string) => name.toLowerCase() === from.trim().toLowerCase()
  const ids = [...ownership].flatMap(([id, { answers }]) =>
    answers && (answers.key === party?.key || isFrom(answers.name)) ? [id] : [],
  )
  const said = sayer(by)
  const reason = why ?? `handed over from ${party?.name ?? from}`
  await transaction(world.db, async tx => {
    for (const id of ids)
      await sayOwner(tx, world.io, {
        entityId: id,
        owner: to,
        by: said,
        why: reason,
        from: party?.name ?? from,
      })
  })
  const called = await calledById(world.db, ids)
  return {
    action: 'handover',
    owner: to,
    isKnown: isKnown(people, to),
    changed: ids.map(id => called.get(id)!),
    suspended: await suspendedOf(world, called),
  }
}

function required(text: string | undefined, what: string): string {
  if (text !== undefined) return text
  throw new FirebreakError('INVALID_INPUT', `it is not said ${what}`, 'see firebreak owner --help')
}

/** Nothing is given to who has left. */
function mustBeThere(people: People, owner: string): void {
  const party = people.resolve(owner)
  if (party?.hasLeft)
    throw new FirebreakError('CONFLICT', `${party.name} has left`, 'name someone who is there, or a team')
}

function isKnown(people: People, owner: string): boolean {
  return people.isEmpty || people.resolve(owner) !== undefined
}

/** A machine's user may have no name. */
export function sayer(by: string | undefined): string {
  if (by !== undefined) return by
  try {
    return userInfo().username
  } catch {
    return 'an unnamed user'
  }
}

function text(output: OwnerOutput, width: number): string {
  switch (output.action) {
    case 'show':
      return showText(output, width)
    case 'list':
      return listText(output, width)
    default:
      return changedText(output, width)
  }
}

function showText(
  { name, ownership, suspension }: Extract<OwnerOutput, { action: 'show' }>,
  width: number,
): string {
  const shut = suspension ? [suspensionLine(suspension, width)] : []
  return [pc.bold(name), '', ownershipText(ownership, width), ...shut].join('\n')
}

type ShownSign = ShownOwnership['candidates'][number]['evidence'][number]

function said({ written, source }: ShownSign, owner: string): string {
  return written === owner ? source : `${source}: ${written}`
}

function dayOf({ at }: ShownSign): string {
  return at?.slice(0, 10) ?? ''
}

export function ownershipText(
  { state, answers, candidates, unresolved }: ShownOwnership,
  width: number,
): string {
  const who =
    answers === null
      ? `Nobody answers for it: ${STATE_SAYS[state]}.`
      : state === 'departed'
        ? `Nobody answers for it: it was ${answers}’s, who left.`
        : `${answers} answers for it: ${STATE_SAYS[state]}.`
  const color = ['confirmed', 'confident', 'likely'].includes(state) ? pc.green : pc.yellow
  const rows = candidates.flatMap(({ owner, weight, hasLeft, evidence }) =>
    // A clone and its working tree say the same.
    [...new Map(evidence.map(sign => [JSON.stringify([said(sign, owner), dayOf(sign)]), sign])).values()].map(
      (sign, index) => [
        index === 0 ? `${owner}${hasLeft ? ' (left)' : ''}` : '',
        index === 0 ? weight.toFixed(2) : '',
        said(sign, owner),
        dayOf(sign),
      ],
    ),
  )
  const columns = [
    { title: 'OWNER', flexible: true },
    { title: 'SURE', align: 'right' as const },
    { title: 'ACCORDING TO', flexible: true },
    { title: 'AS OF' },
  ]
  const named = unresolved.map(({ written, source }) => `${written} (${source})`)
  return [
    color(wrap(who, width, '', '')),
    ...(rows.length > 0 ? ['', table(columns, rows, width)] : []),
    ...(named.length > 0
      ? ['', wrap(`Written, and nobody who is known: ${[...new Set(named)].join(', ')}.`, width, '', '')]
      : []),
  ].join('\n')
}

function listText({ counts, open }: Extract<OwnerOutput, { action: 'list' }>, width: number): string {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const sure = counts.confirmed + counts.confident
  const rows = open.map(({ name, state, answers }) => [name, state, answers ?? ''])
  const columns = [
    { title: 'IDENTITY', flexible: true },
    { title: 'STATE' },
    { title: 'LIKELIEST OWNER', flexible: true },
  ]
  return [
    ...(rows.length > 0 ? [table(columns, rows, width), ''] : []),
    pc.bold(
      `${sure} of ${countText(all, 'identity has', 'identities have')} an owner for certain (${counts.confirmed} confirmed).`,
    ),
    wrap(
      (['likely', 'conflict', 'departed', 'orphan'] as const)
        .map(state => `${counts[state]} ${state}: ${STATE_SAYS[state]}`)
        .join('; '),
      width,
      '',
      '',
    ),
  ].join('\n')
}

function changedText(
  {
    action,
    owner,
    isKnown,
    changed,
    suspended,
  }: Extract<OwnerOutput, { action: 'set' | 'confirm' | 'handover' }>,
  width: number,
): string {
  if (action === 'handover' && changed.length === 0) return 'Nothing was theirs: nothing was handed over.'
  if (owner === null && changed.length === 0) return 'Nobody had said whose it is: nothing was taken back.'
  const lines = changed.map(({ name }) =>
    owner === null ? `${name}: what was said is taken back` : `${name} is ${owner}’s from now on`,
  )
  const unknown = isKnown ? [] : [`No list of people that was read knows ${owner}: check the name.`]
  const shut = suspended.map(({ name, by }) =>
    by === 'watch'
      ? `${name} is suspended: a watch gives it back; firebreak resume ${name} does so at once.`
      : `${name} is suspended: firebreak resume ${name} gives it back.`,
  )
  return [...lines, ...unknown, ...shut].map(line => wrap(line, width, '', '  ')).join('\n')
}
