import pc from 'picocolors'
import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import { type Certainty, formatRef, type Ms } from '../../core/contract/ref.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import type { Hop } from '../../know/graph/graph.ts'
import { isSurer, keyOf, pastAt, reachesOf } from '../../know/graph/history.ts'
import { entitiesById } from '../../know/inventory/copy-view.ts'
import { coverageOf, namesById, namesOrNative, refOf } from '../../know/inventory/queries.ts'
import { loadRoots } from '../../know/inventory/roots.ts'
import { type Coverage, coverageText } from './coverage.ts'
import { durationMs } from './duration.ts'
import { hopLines, type NamedHop } from './graph-view.ts'
import { defineOperation, type World } from './operation.ts'
import { isoTime } from './standing.ts'
import { type Named, subjectOf } from './subject.ts'
import { wrap } from './wrap.ts'

const WHEN = 'a time ago (2d, 6h), a time (2026-11-26T10:00Z), or a run of firebreak ls runs'

const input = z.object({
  subjects: z
    .array(z.string().min(1))
    .default([])
    .describe('credentials or identities, to see how what a holder gets to has changed'),
  since: z.string().min(1).default('1d').describe(`from when on: ${WHEN}`),
  until: z.string().min(1).optional().describe('up to when, the same way; now without it'),
  failOnNewPath: z
    .boolean()
    .default(false)
    .describe('exit code 1 where a subject gets to something that it did not get to before'),
})
type Input = z.infer<typeof input>

interface Thing {
  readonly type: Row<'entity'>['type']
  readonly ref: string
  readonly name: string
}

interface ChangedReach {
  readonly subject: Named
  /** What is got to now and was not, or is got to more surely; `isNew` tells the hops that were not there. */
  readonly gained: readonly {
    readonly to: string
    readonly certainty: Certainty
    readonly before: Certainty | null
    readonly hops: readonly (NamedHop & { readonly isNew: boolean })[]
  }[]
  readonly lost: readonly { readonly to: string; readonly before: Certainty }[]
}

interface Diff {
  readonly since: string
  readonly until: string
  readonly things: { readonly new: readonly Thing[]; readonly gone: readonly Thing[] }
  readonly copies: { readonly new: readonly Place[]; readonly gone: readonly Place[] }
  readonly hops: {
    readonly new: readonly NamedHop[]
    readonly gone: readonly NamedHop[]
    readonly changed: readonly { readonly before: NamedHop; readonly now: NamedHop }[]
  }
  readonly reach: readonly ChangedReach[]
  /** Since when it is kept what policies allowed, where that is later than `since`. */
  readonly policiesKnownSince: string | null
  readonly coverage: Coverage
  readonly fails: boolean
}

interface Place {
  readonly of: string
  readonly place: string
}

export const diff = defineOperation<Input, Diff>({
  name: 'diff',
  summary: 'Show what has changed between two times, and what is reached that was not',
  permission: 'read',
  input: input as z.ZodType<Input>,
  positional: ['subjects'],
  examples: [
    { command: 'firebreak diff --since 2d', shows: 'what came, went and changed in the last two days' },
    {
      command: 'firebreak diff app_rw --since 2026-11-01T00:00Z --fail-on-new-path',
      shows: 'what a holder of app_rw gets to that was out of reach; exit code 1 where there is any',
    },
  ],
  run,
  text,
  json: ({ fails: _, ...rest }) => rest,
  exitCode: ({ fails }) => (fails ? 1 : 0),
})

async function run(world: World, { subjects, since, until, failOnNewPath }: Input): Promise<Diff> {
  const { db, io } = world
  const now = io.now().getTime()
  const from = await timeOf(db, since, now)
  const to = until === undefined ? now : await timeOf(db, until, now)
  if (from >= to)
    throw new FirebreakError(
      'INVALID_INPUT',
      'the two times are the wrong way round',
      'give the earlier one as --since',
    )
  const chosen: Named[] = []
  for (const subject of subjects) chosen.push(await subjectOf(world, subject))
  const roots = await loadRoots(db)
  const [before, after] = [await pastAt(db, from), await pastAt(db, to)]
  const came = [...after.hops].flatMap(([key, hop]) => (before.hops.has(key) ? [] : [hop]))
  const went = [...before.hops].flatMap(([key, hop]) => (after.hops.has(key) ? [] : [hop]))
  const other = [...after.hops].flatMap(([key, hop]) => {
    const old = before.hops.get(key)
    return old && (old.certainty !== hop.certainty || old.condition !== hop.condition)
      ? [{ before: old, now: hop }]
      : []
  })
  const ids = chosen.map(({ id }) => roots.of(id))
  const [all, allNow] = [reachesOf(before, ids), reachesOf(after, ids)]
  const reaches = chosen.map((subject, index) => {
    const [was, is] = [all[index]!, allNow[index]!]
    const gained = [...is].flatMap(([thing, { certainty, hops }]) => {
      const old = was.get(thing)?.certainty
      return old === undefined || isSurer(certainty, old)
        ? [{ thing, certainty, before: old ?? null, hops: hops() }]
        : []
    })
    const lost = [...was].flatMap(([thing, { certainty }]) =>
      is.has(thing) ? [] : [{ thing, before: certainty }],
    )
    return { subject, gained, lost }
  })
  const things = await thingsBetween(db, from, to)
  const copies = await copiesBetween(db, from, to)
  const called = await namesFor(db, [
    ...[...came, ...went, ...other.map(({ now }) => now)].flatMap(hop => [hop.from, hop.to]),
    ...reaches.flatMap(({ gained, lost }) => [
      ...gained.flatMap(({ thing, hops }) => [thing, ...hops.flatMap(hop => [hop.from, hop.to])]),
      ...lost.map(({ thing }) => thing),
    ]),
  ])
  const named = (hop: Hop): NamedHop => ({ ...hop, fromName: called(hop.from), toName: called(hop.to) })
  const { keptSince } = after
  return {
    since: isoTime(from),
    until: isoTime(to),
    things,
    copies,
    hops: {
      new: came.map(named),
      gone: went.map(named),
      changed: other.map(({ before, now }) => ({ before: named(before), now: named(now) })),
    },
    reach: reaches.map(({ subject, gained, lost }) => ({
      subject,
      gained: gained.map(({ thing, certainty, before: old, hops }) => ({
        to: called(thing),
        certainty,
        before: old,
        hops: hops.map(hop => ({ ...named(hop), isNew: !before.hops.has(keyOf(hop)) })),
      })),
      lost: lost.map(({ thing, before: old }) => ({ to: called(thing), before: old })),
    })),
    policiesKnownSince: keptSince !== undefined && keptSince > from ? isoTime(keptSince) : null,
    coverage: await coverageOf(db),
    fails: failOnNewPath && reaches.some(({ gained }) => gained.length > 0),
  }
}

async function timeOf(db: Db, text: string, now: Ms): Promise<Ms> {
  if (/^\d+[smhd]$/.test(text)) return now - durationMs(text)
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(Date.parse(text))) return Date.parse(text)
  const runs = await db.selectFrom('run').select('created_at').where('id', 'like', `%${text}`).execute()
  if (/^[0-9a-f-]{8,36}$/.test(text) && runs.length === 1) return runs[0]!.created_at
  throw new FirebreakError('INVALID_INPUT', 'this is no time, and no run is known by it', `give ${WHEN}`)
}

/** What came within the time and is still there at its end, and what was there before and has gone. */
async function thingsBetween(db: Db, from: Ms, to: Ms): Promise<Diff['things']> {
  const rows = await db
    .selectFrom('entity')
    .selectAll()
    .where('merged_into', 'is', null)
    .where(eb =>
      eb.or([
        eb.and([eb('first_seen', '>', from), eb('first_seen', '<=', to)]),
        eb.and([eb('gone_at', '>', from), eb('gone_at', '<=', to)]),
      ]),
    )
    .orderBy('type')
    .orderBy('id')
    .execute()
  const names = await namesById(
    db,
    await loadRoots(db),
    rows.map(({ id }) => id),
  )
  const thing = (row: Row<'entity'>): Thing => ({
    type: row.type,
    ref: formatRef(refOf(row)),
    name: namesOrNative(names.get(row.id), row)[0] ?? formatRef(refOf(row)),
  })
  const stands = (row: Row<'entity'>) => row.gone_at === null || row.gone_at > to
  return {
    new: rows.filter(row => row.first_seen > from && stands(row)).map(thing),
    gone: rows.filter(row => row.first_seen <= from && !stands(row)).map(thing),
  }
}

async function copiesBetween(db: Db, from: Ms, to: Ms): Promise<Diff['copies']> {
  const rows = await db
    .selectFrom('copy')
    .innerJoin('source', 'source.id', 'copy.source_id')
    .select([
      'copy.kind',
      'copy.path',
      'copy.member',
      'copy.first_seen',
      'copy.gone_at',
      'source.system',
      'source.label',
    ])
    .where(eb =>
      eb.or([
        eb.and([eb('copy.first_seen', '>', from), eb('copy.first_seen', '<=', to)]),
        eb.and([eb('copy.gone_at', '>', from), eb('copy.gone_at', '<=', to)]),
      ]),
    )
    .orderBy('copy.id')
    .execute()
  const place = ({ kind, path, member, system, label }: (typeof rows)[number]): Place => ({
    of: kind,
    place: `${system}:${label}/${path}${member === '' ? '' : `!/${member}`}`,
  })
  const stands = (row: (typeof rows)[number]) => row.gone_at === null || row.gone_at > to
  return {
    new: rows.filter(row => row.first_seen > from && stands(row)).map(place),
    gone: rows.filter(row => row.first_seen <= from && !stands(row)).map(place),
  }
}

async function namesFor(db: Db, ids: readonly string[]): Promise<(id: string) => string> {
  const unique = [...new Set(ids)]
  const entities = await entitiesById(db, unique)
  const names = await namesById(db, await loadRoots(db), unique)
  return id => {
    const entity = entities.get(id)
    return entity ? (namesOrNative(names.get(id), entity)[0] ?? formatRef(refOf(entity))) : id
  }
}

const SHOWN = 10

function text(output: Diff, width: number): string {
  const { things, copies, hops, reach } = output
  const minute = (iso: string) => iso.slice(0, 16).replace('T', ' ')
  const list = (title: string, lines: readonly string[]) =>
    lines.length === 0
      ? []
      : [
          pc.bold(`${title} (${lines.length}):`),
          ...lines.slice(0, SHOWN),
          ...(lines.length > SHOWN ? [`  … and ${lines.length - SHOWN} more (--json shows all)`] : []),
          '',
        ]
  const line = (sentence: string) => wrap(sentence, width, '  ', '    ')
  const thing = ({ type, name }: Thing) => line(`${type} ${name}`)
  const place = ({ of, place }: Place) => line(`${of} in ${place}`)
  const hop = (one: Hop) => line(`${one.why} [${said(one)}]`)
  // Who has the whole of something has what is in it: told once, by the thing itself.
  const told = (all: readonly NamedHop[]) =>
    all.filter(({ crossing }) => !['contains', 'administers'].includes(crossing)).map(hop)
  const parts = [
    ...list('New things', things.new.map(thing)),
    ...list('Gone', things.gone.map(thing)),
    ...list('New copies', copies.new.map(place)),
    ...list('Copies that are gone', copies.gone.map(place)),
    ...list('New hops', told(hops.new)),
    ...list('Hops that are no longer there', told(hops.gone)),
    ...list(
      'Changed hops',
      hops.changed.map(({ before, now }) => line(`${now.why} [${said(now)}; was ${said(before)}]`)),
    ),
    ...reach.flatMap(one => reachLines(one, width)),
  ]
  return [
    pc.bold(`From ${minute(output.since)} to ${minute(output.until)} UTC`),
    '',
    ...(parts.length > 0 ? parts : ['Nothing has changed.', '']),
    ...(output.policiesKnownSince === null
      ? []
      : [
          wrap(
            `What policies allowed is kept since ${minute(output.policiesKnownSince)} UTC: changes of it before then are not shown.`,
            width,
            '',
            '',
          ),
          '',
        ]),
    coverageText(output.coverage, width),
  ].join('\n')
}

function said({ crossing, certainty, condition }: Hop): string {
  return `${crossing}, ${certainty}${condition === undefined ? '' : `, if ${condition}`}`
}

function reachLines({ subject, gained, lost }: ChangedReach, width: number): string[] {
  const name = subject.names[0] ?? subject.ref
  if (gained.length + lost.length === 0) return [`What a holder of ${name} gets to is as it was.`, '']
  const ways = gained.flatMap(({ to, certainty, before, hops }) => [
    wrap(`${certainty}  ${pc.bold(to)}${before === null ? '' : ` (was ${before})`}`, width, '  ', '    '),
    ...hopLines(
      hops.map(hop => (hop.isNew ? { ...hop, why: `NEW: ${hop.why}` } : hop)),
      width,
    ),
  ])
  return [
    ...(gained.length > 0 ? [pc.bold(`A holder of ${name} now gets to:`), ...ways, ''] : []),
    ...(lost.length > 0
      ? [
          pc.bold(`A holder of ${name} no longer gets to:`),
          ...lost.map(({ to }) => wrap(to, width, '  ', '    ')),
          '',
        ]
      : []),
  ]
}
