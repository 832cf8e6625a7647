import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import pc from 'picocolors'
import { z } from 'zod'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { formatRef } from '../../core/contract/ref.ts'
import type { Row } from '../../core/store/schema.ts'
import {
  type CredentialView,
  coverageOf,
  listCredentials,
  listIdentities,
} from '../../know/inventory/queries.ts'
import { observe } from '../../know/observe/observe.ts'
import { coverageText, type Coverage, unreadFailure } from './coverage.ts'
import { defineOperation, type World } from './operation.ts'
import { type Standing, sourceNames, standingsOf, whereOf } from './standing.ts'
import { called } from './subject.ts'
import { table } from './table.ts'

const input = z.object({
  paths: z.array(z.string().min(1)).min(1).describe('repositories, directories or files'),
  history: z.boolean().default(true).describe('read the working tree only, not the history of repositories'),
  minConfidence: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('leave out what is less likely to be a secret, 0 to 1'),
  workers: z
    .int()
    .min(1)
    .max(64)
    .default(Math.min(16, availableParallelism()))
    .describe('how many threads read'),
})
type Input = z.infer<typeof input>

export interface Found {
  readonly fingerprint: string | null
  readonly kind: string
  readonly preview: string | null
  readonly identity: string | null
  readonly confidence: number
  readonly copies: readonly Standing[]
}

export interface Scan {
  readonly credentials: readonly Found[]
  readonly identities: readonly { ref: string; names: readonly string[] }[]
  readonly coverage: Coverage
  /** How many were left out for their low confidence. */
  readonly leftOut: number
  readonly failures: readonly Error[]
}

export const scan = defineOperation<Input, Scan>({
  name: 'scan',
  summary: 'Find credentials in repositories and directories',
  permission: 'observe',
  input: input as z.ZodType<Input>,
  positional: ['paths'],
  examples: [
    { command: 'firebreak scan .', shows: 'all of this repository: its whole history and its working tree' },
    { command: 'firebreak scan --no-history src', shows: 'only what stands there now' },
    {
      command: 'firebreak scan . --json > found.json',
      shows: 'every copy with path, line, commit, author and date; exit code 1 when there is one',
    },
  ],
  run,
  text,
  json: ({ credentials, identities, coverage }) => ({
    credentials: credentials.map(credential => ({
      ...credential,
      copies: credential.copies.map(({ goneAt: _, ...copy }) => copy),
    })),
    identities,
    coverage,
  }),
  exitCode: output => (output.credentials.length > 0 ? 1 : 0),
  failures: output => output.failures,
})

async function run(world: World, input: Input): Promise<Scan> {
  const { db, keys, io } = world
  const sourceIds: string[] = []
  const failures: Error[] = []
  const skipped: Coverage['skipped'] = []
  const todo = [...new Set(input.paths.map(path => resolve(path)))].flatMap(path =>
    systemsFor(path, input.history).map(system => ({ path, system })),
  )
  for (const { path, system } of todo) {
    try {
      // A repository that is damaged keeps nothing from its files being read.
      const source = await sourceAt(world, system, path)
      sourceIds.push(source.id)
      const unread = await observeSource(world, source, input.workers)
      if (unread) failures.push(unread)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      failures.push(error)
      skipped.push({ what: path, why: io.signal.aborted ? 'interrupted' : messageOf(error) })
      if (io.signal.aborted || isFirebreakError(error, 'STORE_FULL', 'STORE_BROKEN', 'STORE_UNREACHABLE'))
        break
    }
  }
  const views = sourceIds.length === 0 ? [] : await listCredentials(db, keys, { sourceIds })
  const names = await sourceNames(db)
  const within = new Set(sourceIds)
  const found = views.map(view => foundOf(view, within, names)).filter(found => found.copies.length > 0)
  const credentials = found.filter(found => found.confidence >= input.minConfidence)
  const coverage = sourceIds.length === 0 ? { searched: [], skipped: [] } : await coverageOf(db, sourceIds)
  return {
    credentials: credentials.sort((a, b) => b.confidence - a.confidence || a.kind.localeCompare(b.kind)),
    identities: await identitiesOf(world, sourceIds, views),
    coverage: { searched: coverage.searched, skipped: [...coverage.skipped, ...skipped] },
    leftOut: found.length - credentials.length,
    failures,
  }
}

/** What is already connected keeps its configuration: `connect` may have approved files there. */
async function sourceAt(world: World, system: string, path: string): Promise<Row<'source'>> {
  const { db, connections } = world
  const known = (await connections.list(db)).find(
    source => source.system === system && (JSON.parse(source.config) as { path?: unknown }).path === path,
  )
  if (!known) return await connections.add(db, system, { path }, path)
  try {
    await connections.open(db, known.id)
    return known
  } catch (error) {
    // Another repository stands at this path now, and is another source.
    if (isFirebreakError(error, 'CONFLICT')) return await connections.add(db, system, { path }, path)
    throw error
  }
}

/** How a path is read. What is not there is read as a directory, which says so. */
function systemsFor(path: string, history: boolean): ('git' | 'directory')[] {
  if (existsSync(join(path, '.git'))) return history ? ['git', 'directory'] : ['directory']
  const isBare = ['HEAD', 'objects', 'refs'].every(name => existsSync(join(path, name)))
  return isBare ? ['git'] : ['directory']
}

async function observeSource(
  world: World,
  source: Row<'source'>,
  workers: number,
): Promise<Error | undefined> {
  const { db, keys, io, rulesDirectory } = world
  const connection = await world.connections.open(db, source.id)
  const label = source.label
  const seen = await observe(db, source, connection, {
    keys,
    io,
    rulesDirectory,
    workers,
    onProgress: seen => world.progress({ kind: 'scan', label, ...seen }),
  })
  return unreadFailure(`${source.system}:${label}`, seen)
}

function foundOf(view: CredentialView, within: Set<string>, names: Map<string, string>): Found {
  const copies = view.copies.filter(copy => within.has(copy.sourceId) && copy.goneAt == null)
  return {
    fingerprint: view.publicFingerprint ?? null,
    kind: view.kind,
    preview: view.preview ?? null,
    identity: view.identity ? called(view.identity) : null,
    confidence: view.confidence ?? Math.max(0, ...copies.map(copy => copy.confidence)),
    copies: standingsOf({ copies }, names),
  }
}

/** Those that the sources tell of, and those that the texts around credentials name. */
async function identitiesOf(
  world: World,
  sourceIds: readonly string[],
  views: readonly CredentialView[],
): Promise<Scan['identities']> {
  const named = views.flatMap(view => view.identity ?? [])
  const seen = sourceIds.length === 0 ? [] : await listIdentities(world.db, { sourceIds })
  const byRef = new Map([...named, ...seen].map(({ ref, names }) => [formatRef(ref), names]))
  return [...byRef].map(([ref, names]) => ({ ref, names })).sort((a, b) => a.ref.localeCompare(b.ref))
}

function messageOf(error: Error): string {
  return isFirebreakError(error) ? error.message : error.name
}

function text(output: Scan, width: number): string {
  const { credentials } = output
  const places = credentials.reduce((sum, credential) => sum + mergedPlaces(credential).length, 0)
  const headline =
    credentials.length === 0
      ? 'No credentials found.'
      : `${count(credentials.length, 'credential')} in ${count(places, 'place')}.`
  const leftOut =
    output.leftOut === 0 ? '' : ` ${output.leftOut} less likely ones left out (--min-confidence).`
  return [
    ...(credentials.length === 0 ? [] : [foundTable(credentials, width), '']),
    pc.bold(headline) + leftOut,
    '',
    coverageText(output.coverage, width),
    ...(credentials.length === 0
      ? []
      : ['', `Next: ${pc.cyan('firebreak show ID')} or ${pc.cyan('firebreak trace -')}`]),
  ].join('\n')
}

/** One row for each path and line; the versions in which it stands there are counted. */
interface MergedPlace {
  readonly where: string
  readonly commit: string | null
  readonly author: string | null
  readonly date: string | null
  readonly commits: number
  readonly now: boolean
}

function mergedPlaces(credential: Found): MergedPlace[] {
  const groups = Map.groupBy(credential.copies, whereOf)
  return [...groups].map(([where, copies]) => {
    const commits = copies.filter(copy => copy.commit !== null)
    const first = commits.sort((a, b) => (a.date ?? '').localeCompare(b.date ?? ''))[0]
    return {
      where,
      commit: first?.commit ?? null,
      author: first?.author ?? null,
      date: first?.date ?? null,
      commits: new Set(commits.map(copy => copy.commit)).size,
      now: copies.some(copy => copy.commit === null || copy.atHead === true),
    }
  })
}

/** Enough to name one by: a beginning is taken for the whole. */
const SHORT_FINGERPRINT = 11

/** From here on there is room for dates. */
const WIDE = 100

function foundTable(credentials: readonly Found[], width: number): string {
  const rows = credentials.flatMap(credential =>
    mergedPlaces(credential).map((place, index) => {
      const isFirst = index === 0
      const more = place.commits > 1 ? ` +${place.commits - 1}` : ''
      return [
        isFirst ? (credential.fingerprint ?? '').slice(0, SHORT_FINGERPRINT) : '',
        isFirst ? credential.confidence.toFixed(2) : '',
        isFirst ? [credential.kind, credential.preview ?? credential.identity ?? ''].join(' ').trim() : '',
        place.where,
        place.now ? 'now' : 'history',
        place.commit === null ? '' : place.commit.slice(0, 8) + more,
        place.date === null || width < WIDE ? '' : place.date.slice(0, 10),
      ]
    }),
  )
  return table(
    [
      { title: 'ID' },
      { title: 'SURE' },
      { title: 'CREDENTIAL', flexible: true },
      { title: 'WHERE', flexible: true },
      { title: 'STANDS' },
      { title: 'FIRST IN' },
      { title: 'DATE' },
    ],
    rows,
    width,
  )
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`
}
