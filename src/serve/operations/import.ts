import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import pc from 'picocolors'
import { z } from 'zod'
import { countText } from '../../core/contract/count-text.ts'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { Row } from '../../core/store/schema.ts'
import { type CredentialView, coverageOf, listCredentials } from '../../know/inventory/queries.ts'
import { forgetUnread } from '../../know/observe/disconnect.ts'
import { observe } from '../../know/observe/observe.ts'
import { type Coverage, coverageText, unreadFailure } from './coverage.ts'
import { defineOperation, type World } from './operation.ts'
import { OWN_RULES, ruleFoldersOf } from './own-rules.ts'
import { saidFacts, type ShownFact } from './shown-fact.ts'
import { type Standing, shortFingerprint, sourceNames, standingsOf, whereOf } from './standing.ts'
import { called } from './subject.ts'
import { table } from './table.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  files: z
    .array(z.string().min(1))
    .min(1)
    .describe('reports of gitleaks, Betterleaks, TruffleHog, Kingfisher or detect-secrets, or in SARIF'),
  repository: z
    .string()
    .min(1)
    .optional()
    .describe('path or URL of the repository that they tell of, where they do not say so'),
  rules: z.string().min(1).optional().describe(OWN_RULES),
})
type Input = z.infer<typeof input>

/** What became of the findings of one report: each is in one of the four. */
interface TakenIn {
  readonly report: string
  readonly tool: string
  readonly findings: number
  readonly withValue: number
  readonly withoutValue: number
  /** About something else, gone, or said to be none in an audit. */
  readonly notSecret: number
  readonly notUnderstood: number
  /** It is the same as when it was read before. */
  readonly unchanged: boolean
}

interface Imported {
  readonly reports: readonly TakenIn[]
  readonly credentials: readonly {
    fingerprint: string | null
    kind: string
    preview: string | null
    identity: string | null
    confidence: number
    /** A source that was read by Firebreak itself has it, too. */
    foundByScan: boolean
    facts: readonly ShownFact[]
    copies: readonly Standing[]
  }[]
  /** Findings that can be compared with nothing, as their report does not hold the value. */
  readonly withoutValue: readonly { report: string; where: string; rule: string; why: string }[]
  readonly coverage: Coverage
  readonly failures: readonly Error[]
}

export const importReports = defineOperation<Input, Imported>({
  name: 'import',
  summary: 'Take in what another scanner found, from its reports',
  permission: 'observe',
  input: input as z.ZodType<Input>,
  positional: ['files'],
  examples: [
    {
      command: 'firebreak import trufflehog.json',
      shows: 'findings that say of which repository they are',
    },
    {
      command: 'firebreak import gitleaks.json --repository .',
      shows: 'findings in the repository that you are in',
    },
  ],
  ownRules: ({ rules }) => rules,
  run,
  text,
  json: ({ reports, credentials, withoutValue, coverage }) => ({
    reports,
    credentials,
    withoutValue,
    coverage,
  }),
  failures: output => output.failures,
})

async function run(world: World, input: Input): Promise<Imported> {
  const { db, keys, io } = world
  const sources: Row<'source'>[] = []
  const reports: TakenIn[] = []
  const failures: Error[] = []
  const skipped: Coverage['skipped'] = []
  for (const path of new Set(input.files.map(file => resolve(file)))) {
    try {
      const source = await sourceAt(world, path, input.repository)
      const { unchanged, failure } = await read(world, source)
      sources.push(source)
      if (failure) failures.push(failure)
      reports.push({ report: path, ...(await countsOf(world, source)), unchanged })
    } catch (error) {
      if (!(error instanceof Error)) throw error
      failures.push(error)
      const why = isFirebreakError(error) ? error.message : error.name
      skipped.push({ what: path, why: io.signal.aborted ? 'interrupted' : why })
      if (io.signal.aborted || isFirebreakError(error, 'STORE_FULL', 'STORE_BROKEN', 'STORE_UNREACHABLE'))
        break
    }
  }
  const sourceIds = sources.map(source => source.id)
  const views = sourceIds.length === 0 ? [] : await listCredentials(db, keys, { sourceIds })
  const names = await sourceNames(db)
  const coverage = sourceIds.length === 0 ? { searched: [], skipped: [] } : await coverageOf(db, sourceIds)
  return {
    reports,
    credentials: views.flatMap(view => importedOf(view, sourceIds, names, io.now().getTime())),
    withoutValue: (await Promise.all(sources.map(source => withoutValueOf(world, source)))).flat(),
    coverage: { ...coverage, skipped: [...coverage.skipped, ...skipped] },
    failures,
  }
}

/** A mistyped path makes no source. What was said of the repository before still holds. */
async function sourceAt(
  { db, connections }: World,
  path: string,
  repository: string | undefined,
): Promise<Row<'source'>> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile())
    throw new FirebreakError(
      'NOT_FOUND',
      found?.isDirectory() ? `${path} is a folder, and no report` : `there is no report at ${path}`,
      'give the file that the scanner wrote',
    )
  const known = (await connections.list(db)).find(
    source => source.system === 'report' && source.label === path,
  )
  if (known && repository === undefined) {
    await connections.open(db, known.id)
    return known
  }
  // A relative path is from here; a URL is from nowhere.
  const isUrl = repository !== undefined && /^[a-z][a-z0-9+.-]*:\/\/|^[^/]{2,}:/i.test(repository)
  const named = repository === undefined || isUrl ? repository : resolve(repository)
  return await connections.add(
    db,
    'report',
    { path, ...(named !== undefined && { repository: named }) },
    path,
  )
}

async function read(
  world: World,
  source: Row<'source'>,
): Promise<{ unchanged: boolean; failure: Error | undefined }> {
  const { db, keys, io, connections } = world
  const { label } = source
  const forget = async () => {
    if (!(await forgetUnread(db, io, source.id))) return false
    await connections.leave(source.id)
    return true
  }
  const connection = await connections.open(db, source.id)
  const seen = await observe(db, source, connection, {
    keys,
    io,
    ...ruleFoldersOf(world),
    workers: 1,
    onProgress: seen => world.progress({ kind: 'scan', label, ...seen }),
  }).catch(async error => {
    await forget()
    throw error
  })
  const unread = seen.coverage.find(({ failed }) => failed)
  // A watch would fail at it for ever.
  if (unread && (await forget()))
    throw new FirebreakError(
      'CONFLICT',
      `${label} is not kept: ${unread.why}`,
      'give a report as the scanner wrote it: docs/keep-your-scanner.md has the options that it takes',
    )
  return { unchanged: seen.documents === 0, failure: unreadFailure(`report:${label}`, seen.coverage) }
}

/** As the reader told; none where it could not be read at all. */
async function countsOf(
  { db }: World,
  { id, instance }: Row<'source'>,
): Promise<Omit<TakenIn, 'report' | 'unchanged'>> {
  const rows = await db
    .selectFrom('fact')
    .innerJoin('entity', 'entity.id', 'fact.entity_id')
    .select(['fact.name', 'fact.value'])
    .where('entity.system', '=', 'report')
    .where('entity.kind', '=', 'report')
    .where('entity.instance', '=', instance)
    .where('fact.source_id', '=', id)
    .where('fact.gone_at', 'is', null)
    .execute()
  const facts = new Map(rows.map(({ name, value }) => [name, JSON.parse(value) as unknown]))
  const count = (name: string) => Number(facts.get(name) ?? 0)
  return {
    tool: String(facts.get('tool') ?? ''),
    findings: count('findings'),
    withValue: count('withValue'),
    withoutValue: count('withoutValue'),
    notSecret: count('notSecret'),
    notUnderstood: count('notUnderstood'),
  }
}

function importedOf(
  view: CredentialView,
  sourceIds: readonly string[],
  names: Map<string, string>,
  now: number,
): Imported['credentials'] {
  const standing = view.copies.filter(copy => copy.goneAt === undefined)
  // As the report has them, also where a scan has read the same place.
  const told = standing
    .filter(copy => sourceIds.includes(copy.sourceId))
    .map(({ reportOf: _, ...copy }) => copy)
  if (told.length === 0) return []
  return [
    {
      fingerprint: view.publicFingerprint ?? null,
      kind: view.kind,
      preview: view.preview ?? null,
      identity: view.identity ? called(view.identity) : null,
      confidence: view.confidence ?? Math.max(...told.map(copy => copy.confidence)),
      foundByScan: standing.some(copy => !names.get(copy.sourceId)?.startsWith('report:')),
      facts: saidFacts(view, names, now),
      copies: standingsOf({ copies: told }, names),
    },
  ]
}

async function withoutValueOf({ db }: World, source: Row<'source'>): Promise<Imported['withoutValue']> {
  const rows = await db
    .selectFrom('sighting')
    .innerJoin('entity', 'entity.id', 'sighting.entity_id')
    .innerJoin('fact', join =>
      join.onRef('fact.entity_id', '=', 'entity.id').onRef('fact.source_id', '=', 'sighting.source_id'),
    )
    .innerJoin('name', 'name.entity_id', 'entity.id')
    .select(['entity.id', 'name.name as where', 'fact.name', 'fact.value'])
    .where('sighting.source_id', '=', source.id)
    .where('sighting.gone_at', 'is', null)
    .where('fact.gone_at', 'is', null)
    .where('entity.kind', '=', 'reported finding')
    .orderBy('entity.native')
    .execute()
  return [...Map.groupBy(rows, row => row.id).values()].map(facts => {
    const said = (fits: (name: string) => boolean) =>
      String(JSON.parse(facts.find(({ name }) => fits(name))?.value ?? '""'))
    return {
      report: source.label,
      where: facts[0]!.where,
      rule: said(name => name.endsWith('Rule')),
      why: said(name => name === 'why'),
    }
  })
}

const MOST_SHOWN = 20

function text(output: Imported, width: number): string {
  const { credentials, reports, withoutValue } = output
  const known = credentials.filter(credential => credential.foundByScan).length
  const sum = `${countText(credentials.length, 'credential')} from ${countText(reports.length, 'report')}`
  const more = withoutValue.length - MOST_SHOWN
  return [
    ...(credentials.length === 0 ? [] : [credentialsTable(output, width), '']),
    ...(reports.length === 0 ? [] : [reportsTable(output, width), '']),
    pc.bold(`${sum}.`) + (known === 0 ? '' : ` A scan found ${known} of them, too.`),
    ...(withoutValue.length === 0
      ? []
      : [
          '',
          'Known by their place only, since the report does not hold the value:',
          ...withoutValue
            .slice(0, MOST_SHOWN)
            .map(({ where, rule }) => wrap(`${where} ${rule}`, width, '  ', '    ')),
        ]),
    ...(more > 0 ? [`  … and ${more} more (--json shows all)`] : []),
    '',
    coverageText(output.coverage, width),
    ...(credentials.length === 0
      ? []
      : ['', `Next: ${pc.cyan('firebreak show ID')} or ${pc.cyan('firebreak trace -')}`]),
  ].join('\n')
}

function credentialsTable({ credentials }: Imported, width: number): string {
  const rows = credentials.flatMap(({ fingerprint, kind, preview, identity, copies, foundByScan }) =>
    copies.map((copy, index) => [
      shortFingerprint(fingerprint ?? ''),
      index === 0 ? [kind, preview ?? identity ?? ''].join(' ').trim() : '',
      whereOf(copy),
      copy.commit?.slice(0, 8) ?? '',
      index === 0 && foundByScan ? 'too' : '',
    ]),
  )
  const columns = [
    { title: 'ID' },
    { title: 'CREDENTIAL', flexible: true },
    { title: 'WHERE', flexible: true },
    { title: 'COMMIT' },
    { title: 'SCAN' },
  ]
  return table(columns, rows, width)
}

function reportsTable({ reports }: Imported, width: number): string {
  const rows = reports.map(report => [
    report.report.replace(`${process.cwd()}/`, ''),
    report.tool,
    String(report.findings),
    String(report.withValue),
    String(report.withoutValue),
    String(report.notSecret),
    String(report.notUnderstood),
    report.unchanged ? 'unchanged' : '',
  ])
  const right = 'right' as const
  const columns = [
    { title: 'REPORT', flexible: true },
    { title: 'TOOL', flexible: true },
    { title: 'FINDINGS', align: right },
    { title: 'TAKEN', align: right },
    { title: 'NO VALUE', align: right },
    { title: 'NO SECRET', align: right },
    { title: 'ODD', align: right },
    { title: '' },
  ]
  return table(columns, rows, width)
}
