import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import type { ChangeRange } from '../../core/contract/change.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { formatRef, type Ms } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { Row } from '../../core/store/schema.ts'
import {
  type CredentialView,
  coverageOf,
  entityByRef,
  listCredentials,
  listIdentities,
  namesOf,
} from '../../know/inventory/queries.ts'
import { observe } from '../../know/observe/observe.ts'
import { type Coverage, unreadFailure } from './coverage.ts'
import { defineOperation, type World } from './operation.ts'
import { Baseline, replaceFile } from './scan/baseline.ts'
import { scanChange } from './scan/change.ts'
import {
  type Found,
  type FoundCopy,
  foundCopies,
  isAccepted,
  type Scan,
  withAllowances,
} from './scan/found.ts'
import { type Root, sarifLog } from './scan/sarif.ts'
import { scanText } from './scan/text.ts'
import { saidFacts } from './shown-fact.ts'
import { sourceNames } from './standing.ts'
import { called } from './subject.ts'
import { OWN_RULES, ownRulesOf, rulesOf } from './own-rules.ts'

const input = z
  .object({
    paths: z.array(z.string().min(1)).default([]).describe('repositories, directories or files'),
    staged: z
      .boolean()
      .default(false)
      .describe('look only at what the next commit would add to a repository, and keep nothing'),
    since: z
      .string()
      .min(1)
      .optional()
      .describe('look only at the commits that HEAD reaches and this one does not, and keep nothing'),
    history: z
      .boolean()
      .default(true)
      .describe('read the working tree only, not the history of repositories'),
    minConfidence: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('leave out what is less likely to be a secret, 0 to 1'),
    baseline: z
      .string()
      .min(1)
      .optional()
      .describe('a file of finds that are known and not to be told again'),
    writeBaseline: z.string().min(1).optional().describe('write what is found into such a file'),
    sarif: z.string().min(1).optional().describe('also write a SARIF 2.1.0 report into this file'),
    rules: z.string().min(1).optional().describe(OWN_RULES),
    workers: z
      .int()
      .min(1)
      .max(64)
      .default(Math.min(16, availableParallelism()))
      .describe('how many threads read'),
  })
  .refine(({ paths, staged, since }) => paths.length > 0 || staged || since !== undefined, {
    path: ['paths'],
    error: 'is needed',
  })
  .refine(({ staged, since }) => !staged || since === undefined, {
    path: ['since'],
    error: 'cannot be given beside --staged',
  })
type Input = z.infer<typeof input>

export const scan = defineOperation<Input, Scan>({
  name: 'scan',
  summary: 'Find credentials in repositories and directories',
  permission: 'observe',
  input: input as z.ZodType<Input>,
  positional: ['paths'],
  examples: [
    { command: 'firebreak scan .', shows: 'all of this repository: its whole history and its working tree' },
    { command: 'firebreak scan --no-history src', shows: 'only what stands there now' },
    { command: 'firebreak scan --staged', shows: 'before a commit: only what it would add' },
    {
      command: 'firebreak scan --since origin/main --sarif found.sarif',
      shows: 'before a merge: only what its commits add, and a report for other tools',
    },
    {
      command: 'firebreak scan . --json > found.json',
      shows: 'every copy with path, line, commit, author and date; exit code 1 when there is one',
    },
  ],
  needsStore: ({ staged, since }) => !staged && since === undefined,
  run,
  text: scanText,
  json: ({ credentials, accepted, identities, coverage }) => ({
    credentials: credentials.map(foundJson),
    accepted: accepted.map(foundJson),
    identities,
    coverage,
  }),
  exitCode: output => (output.credentials.length > 0 ? 1 : 0),
  failures: output => output.failures,
})

function foundJson(found: Found): unknown {
  const { fingerprint, kind, preview, identity, confidence, facts } = found
  const copies = found.copies.map(({ place, path, member, line, commit, author, date, atHead, ...copy }) => {
    const { reasons, accepted, allowance } = copy
    const reason = accepted === 'allowed' ? { accepted, reason: allowance } : { accepted }
    return { place, path, member, line, commit, author, date, atHead, reasons, ...reason }
  })
  return { fingerprint, kind, preview, identity, confidence, facts, copies }
}

async function run(world: World, input: Input): Promise<Scan> {
  const accept = input.baseline === undefined ? undefined : await Baseline.read(input.baseline)
  const collect =
    input.writeBaseline === undefined ? undefined : await Baseline.forWriting(input.writeBaseline)
  const range: ChangeRange | undefined = input.staged
    ? { staged: true }
    : input.since === undefined
      ? undefined
      : { since: input.since }
  const { minConfidence, paths } = input
  const scanned =
    range === undefined
      ? await scanKept(world, input, accept, collect)
      : await scanChange(world, { paths, range, rules: input.rules, minConfidence, accept, collect })
  const { roots, ...output } = scanned
  const written: string[] = []
  if (collect && input.writeBaseline !== undefined) {
    // What could not be read is not in it: it would be new the next time, which is what it shall be.
    await collect.write(input.writeBaseline)
    written.push(`${input.writeBaseline}: ${collect.size} ${collect.size === 1 ? 'entry' : 'entries'}`)
  }
  if (input.sarif !== undefined) {
    const { rules } = await rulesOf(world, input.rules)
    const log = sarifLog(output, {
      rules,
      roots,
      version: world.version,
      compared: accept !== undefined,
      at: world.io.now(),
    })
    await replaceFile(input.sarif, `${JSON.stringify(log, null, 2)}\n`)
    written.push(`${input.sarif}: SARIF 2.1.0`)
  }
  return { ...output, written }
}

async function scanKept(
  world: World,
  input: Input,
  accept: Baseline | undefined,
  collect: Baseline | undefined,
): Promise<Scan & { roots: Root[] }> {
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
      const unread = await observeSource(world, source, input)
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
  const now = io.now().getTime()
  const found: Found[] = []
  for (const view of views) {
    const one = withAllowances(foundOf(view, within, names, now))
    if (one.copies.length > 0) found.push(await withBaseline(world, view, one, accept, collect))
  }
  const sure = found
    .filter(found => found.confidence >= input.minConfidence)
    .sort((a, b) => b.confidence - a.confidence || a.kind.localeCompare(b.kind))
  const coverage = sourceIds.length === 0 ? { searched: [], skipped: [] } : await coverageOf(db, sourceIds)
  return {
    credentials: sure.filter(found => !isAccepted(found)),
    accepted: sure.filter(isAccepted),
    identities: await identitiesOf(world, sourceIds, views),
    coverage: { searched: coverage.searched, skipped: [...coverage.skipped, ...skipped] },
    leftOut: found.length - sure.length,
    failures,
    kept: true,
    written: [],
    roots: input.sarif === undefined ? [] : await rootsOf(db, sourceIds),
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

async function observeSource(world: World, source: Row<'source'>, input: Input): Promise<Error | undefined> {
  const { db, keys, io, rulesDirectory } = world
  const connection = await world.connections.open(db, source.id)
  const label = source.label
  const seen = await observe(db, source, connection, {
    keys,
    io,
    rulesDirectory,
    ...ownRulesOf(world, input.rules),
    workers: input.workers,
    onProgress: seen => world.progress({ kind: 'scan', label, ...seen }),
  })
  return unreadFailure(`${source.system}:${label}`, seen)
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

/** Fingerprints are keyed, and a baseline is for all machines: the value is read again, where a copy still gives it. */
async function withBaseline(
  world: World,
  view: CredentialView,
  found: Found,
  accept: Baseline | undefined,
  collect: Baseline | undefined,
): Promise<Found> {
  const open = found.copies.filter(copy => copy.accepted === null)
  if (!collect && !open.some(copy => accept?.mayHold(copy))) return found
  const secret = await valueAgain(world, view)
  if (!secret) return found
  const value = { secret, preview: found.preview }
  const copies: FoundCopy[] = []
  for (const copy of found.copies) {
    if (copy.accepted === null) await collect?.add(copy, value)
    const known = copy.accepted === null && (await accept?.holds(copy, value))
    copies.push(known ? { ...copy, accepted: 'baseline' } : copy)
  }
  secret.erase()
  return { ...found, copies }
}

async function valueAgain({ db, connections }: World, view: CredentialView): Promise<Secret | undefined> {
  for (const copy of view.copies)
    try {
      const secret = await (await connections.open(db, copy.sourceId)).read?.(copy.place)
      if (secret) return secret
    } catch (error) {
      if (!isFirebreakError(error)) throw error
    }
  return undefined
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
