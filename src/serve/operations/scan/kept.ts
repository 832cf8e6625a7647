import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { leaksIn, standingByValue } from '../../../act/incident/leaks.ts'
import { verifyLeaks } from '../../../act/incident/verify.ts'
import { isFirebreakError } from '../../../core/contract/errors.ts'
import { formatRef, type Ms } from '../../../core/contract/ref.ts'
import type { Verdict } from '../../../core/contract/connector.ts'
import { byText } from '../../../core/contract/text-order.ts'
import type { Row } from '../../../core/store/schema.ts'
import {
  type CredentialView,
  coverageOf,
  credentialsInTurn,
  entityByRef,
  listIdentities,
  namesOf,
} from '../../../know/inventory/queries.ts'
import { observe } from '../../../know/observe/observe.ts'
import { openReading, type Reading } from '../../../know/observe/reading.ts'
import { type Coverage, unreadFailure } from '../coverage.ts'
import type { World } from '../operation.ts'
import { ruleFoldersOf } from '../own-rules.ts'
import { saidFacts } from '../shown-fact.ts'
import { sourceNames } from '../standing.ts'
import { called } from '../subject.ts'
import type { Baselines } from './compared.ts'
import {
  type Found,
  foundCopies,
  isAccepted,
  type Scan,
  withAllowances,
  setAside,
  withExclusions,
} from './found.ts'
import { Comparison } from './kept-baseline.ts'
import type { Root } from './sarif.ts'

export interface KeptInput extends Baselines {
  readonly paths: readonly string[]
  readonly history: boolean
  readonly workers: number
  readonly minConfidence: number
  /** Globs. */
  readonly exclude: readonly string[]
  /** Whether what is found is tried as well. */
  readonly verify?: boolean | undefined
  /** Whether where the sources were cloned from is needed. */
  readonly sarif?: string | undefined
}

type KeptScan = Scan & { roots: Root[]; unmarked: number }

/** Whole repositories and directories, read into the inventory: what was read before is not read again. */
export async function scanKept(world: World, input: KeptInput): Promise<KeptScan> {
  const { closed, ...read } = await readAll(world, input)
  try {
    return await told(world, input, read)
  } finally {
    await closed
  }
}

/** What is kept of what was read. */
async function told(
  world: World,
  input: KeptInput,
  { sourceIds, failures, skipped }: Omit<Read, 'closed'>,
): Promise<KeptScan> {
  const { db, keys, io } = world
  const verified = input.verify ? await verifyFound(world, sourceIds) : undefined
  const names = await sourceNames(db)
  const within = new Set(sourceIds)
  const now = io.now().getTime()
  const found: Found[] = []
  const comparison = new Comparison(world, input)
  const isOut = setAside(input.exclude)
  const named: NonNullable<CredentialView['identity']>[] = []
  for await (const views of sourceIds.length === 0 ? [] : credentialsInTurn(db, keys, { sourceIds })) {
    const some: { view: CredentialView; found: Found }[] = []
    for (const view of views) {
      if (view.identity) named.push(view.identity)
      const all = withAllowances(foundOf(view, within, names, now))
      if (all.copies.length === 0) continue
      const one = { ...all, copies: withExclusions(all.copies, isOut) }
      const verdict = verified?.get(view.id)
      const told = verdict ? { ...one, verified: { ...verdict, access: verdict.access ?? [] } } : one
      some.push({ view, found: told })
    }
    found.push(...(await comparison.of(some)))
  }
  const unmarked = await comparison.rest(found, sourceIds)
  await comparison.end()
  const sure = found
    .filter(found => found.confidence >= input.minConfidence)
    .sort((a, b) => b.confidence - a.confidence || byText(a.kind, b.kind))
  const coverage = await coverageOf(db, sourceIds)
  return {
    credentials: sure.filter(found => !isAccepted(found)),
    accepted: sure.filter(isAccepted),
    identities: await identitiesOf(world, sourceIds, named),
    coverage: { searched: coverage.searched, skipped: [...coverage.skipped, ...skipped] },
    leftOut: found.length - sure.length,
    failures,
    kept: true,
    written: [],
    unmarked,
    roots: input.sarif === undefined ? [] : await rootsOf(db, sourceIds),
  }
}

interface Read {
  readonly sourceIds: readonly string[]
  readonly failures: Error[]
  readonly skipped: Coverage['skipped']
  /** Until the workers have ended, which takes them a moment. */
  readonly closed: Promise<void>
}

async function readAll(world: World, input: KeptInput): Promise<Read> {
  const { keys, io } = world
  const [sourceIds, failures]: [string[], Error[]] = [[], []]
  const skipped: Coverage['skipped'] = []
  const todo = [...new Set(input.paths.map(path => resolve(path)))].flatMap(path =>
    systemsFor(path, input.history).map(system => ({ path, system })),
  )
  const reading = await openReading({ keys, ...ruleFoldersOf(world), workers: input.workers })
  try {
    for (const { path, system } of todo) {
      try {
        // A repository that is damaged keeps nothing from its files being read.
        const source = await sourceAt(world, system, path, reading)
        sourceIds.push(source.id)
        const unread = await observeSource(world, source, reading)
        if (unread) failures.push(unread)
      } catch (error) {
        if (!(error instanceof Error)) throw error
        failures.push(error)
        skipped.push({ what: path, why: io.signal.aborted ? 'interrupted' : messageOf(error) })
        if (io.signal.aborted || isFirebreakError(error, 'STORE_FULL', 'STORE_BROKEN', 'STORE_UNREACHABLE'))
          break
      }
    }
  } catch (error) {
    await reading.close()
    throw error
  }
  const closed = reading.close()
  // A failure is told by who waits for it, later: until then it must not end the process.
  closed.catch(() => {})
  return { sourceIds, failures, skipped, closed }
}

/** Each value is tried once, for all credentials that bear it. */
async function verifyFound(world: World, sourceIds: readonly string[]): Promise<Map<string, Verdict>> {
  const { db, io, keys, connections } = world
  if (sourceIds.length === 0) return new Map()
  const folders = ruleFoldersOf(world)
  const standing = standingByValue(credentialsInTurn(db, keys, { sourceIds }))
  const answered = await verifyLeaks(
    db,
    { io, keys, connections, ...folders },
    leaksIn(db, world, standing),
    ({ views, asked, verdict }) =>
      world.progress({ kind: 'step', title: `try ${asked ?? views[0]?.kind}`, state: verdict.state }),
  )
  return new Map(answered.flatMap(({ views, verdict }) => views.map(view => [view.id, verdict] as const)))
}

/** What is already connected keeps its configuration: `connect` may have approved files there. */
async function sourceAt(
  world: World,
  system: string,
  path: string,
  reading: Reading,
): Promise<Row<'source'>> {
  const { db, connections } = world
  const known = (await connections.list(db)).find(
    source => source.system === system && (JSON.parse(source.config) as { path?: unknown }).path === path,
  )
  if (!known) {
    reading.expect()
    return await connections.add(db, system, { path }, path)
  }
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
  reading: Reading,
): Promise<Error | undefined> {
  const { db, keys, io } = world
  const connection = await world.connections.open(db, source.id)
  const label = source.label
  const seen = await observe(db, source, connection, {
    keys,
    io,
    reading,
    onProgress: seen => world.progress({ kind: 'scan', label, ...seen }),
  })
  // What another reader could not make sense of was searched for secrets all the same.
  return unreadFailure(
    `${source.system}:${label}`,
    seen.coverage.filter(({ told }) => !told),
  )
}

function foundOf(view: CredentialView, within: Set<string>, names: Map<string, string>, now: Ms): Found {
  const copies = view.copies.filter(copy => within.has(copy.sourceId) && copy.goneAt == null)
  return {
    fingerprint: view.publicFingerprint ?? null,
    kind: view.kind,
    preview: view.preview ?? null,
    identity: view.identity ? called(view.identity) : null,
    confidence: view.confidence ?? Math.max(0, ...copies.map(copy => copy.confidence)),
    facts: saidFacts(view, names, now),
    copies: foundCopies(copies, names),
  }
}

/** Where the sources were cloned from and stood, as they told. */
async function rootsOf(db: World['db'], sourceIds: readonly string[]): Promise<Root[]> {
  const roots: Root[] = []
  for (const id of sourceIds) {
    const { system, instance, label } = await db
      .selectFrom('source')
      .select(['system', 'instance', 'label'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    const repository = { system, instance, kind: 'repository', id: instance }
    const entity = system === 'git' ? await entityByRef(db, 'resource', repository) : undefined
    const names = entity ? await namesOf(db, entity.id) : []
    const head = entity
      ? await db
          .selectFrom('fact')
          .select('value')
          .where('entity_id', '=', entity.id)
          .where('source_id', '=', id)
          .where('name', '=', 'head')
          .where('gone_at', 'is', null)
          .executeTakeFirst()
      : undefined
    const known = roots.find(root => root.path === label)
    if (known) continue
    roots.push({
      path: label,
      origin: names.find(name => !name.startsWith('/') && name.includes(':')),
      revision: head === undefined ? undefined : String(JSON.parse(head.value)),
    })
  }
  return roots
}

/** Those that the sources tell of, and those that the texts around credentials name. */
async function identitiesOf(
  world: World,
  sourceIds: readonly string[],
  named: readonly NonNullable<CredentialView['identity']>[],
): Promise<Scan['identities']> {
  const seen = sourceIds.length === 0 ? [] : await listIdentities(world.db, { sourceIds })
  const byRef = new Map([...named, ...seen].map(({ ref, names }) => [formatRef(ref), names]))
  return [...byRef].map(([ref, names]) => ({ ref, names })).sort((a, b) => byText(a.ref, b.ref))
}

function messageOf(error: Error): string {
  return isFirebreakError(error) ? error.message : error.name
}
