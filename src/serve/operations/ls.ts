import pc from 'picocolors'
import { z } from 'zod'
import { formatRef } from '../../core/contract/ref.ts'
import { isFree } from '../../core/store/holder.ts'
import type { OwnershipState } from '../../judge/ownership/weigh.ts'
import { owned } from '../../judge/posture/checks/owned.ts'
import { identitiesInBrief } from '../../know/inventory/identity-list.ts'
import { type CredentialView, coverageOf, listCredentials } from '../../know/inventory/queries.ts'
import { type Coverage, coverageText } from './coverage.ts'
import { type ListedFinding, listFindings } from './findings.ts'
import { defineOperation, type World } from './operation.ts'
import { isoTime, shortFingerprint, sourceNames } from './standing.ts'
import { stateText } from './state-text.ts'
import { called } from './subject.ts'
import { table } from './table.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  what: z
    .enum(['credentials', 'identities', 'findings', 'sources', 'runs'])
    .default('credentials')
    .describe('what to list'),
})
type Input = z.infer<typeof input>

interface Run {
  readonly id: string
  readonly kind: string
  readonly state: string
  readonly subject: string
  readonly createdAt: string
  readonly endedAt: string | null
  /** The steps that could not be finished, and why. */
  readonly stuck: readonly { step: string; error: string | null }[]
  readonly isBrokenOff: boolean
}

interface ListedCredential {
  readonly ref: string
  readonly fingerprint: string | null
  readonly kind: string
  readonly preview: string | null
  readonly identity: string | null
  readonly state: string
  readonly confidence: number | null
  readonly copies: number
}

interface ListedIdentity {
  readonly ref: string
  readonly names: readonly string[]
  /** Who answers for it, and how surely; null where nobody does. */
  readonly owner: string | null
  readonly ownership: OwnershipState | null
  readonly credentials: number
}

type Listing = {
  readonly stuck: readonly Run[]
  /** Whoever worked on them is gone, and nobody has taken them up yet. */
  readonly brokenOff: readonly Run[]
} & (
  | { what: 'credentials'; credentials: readonly ListedCredential[]; coverage: Coverage }
  | { what: 'identities'; identities: readonly ListedIdentity[]; coverage: Coverage }
  | {
      what: 'sources'
      sources: readonly { id: string; source: string; instance: string; observedAt: string | null }[]
    }
  | { what: 'findings'; findings: readonly ListedFinding[] }
  | { what: 'runs'; runs: readonly Run[] }
)

export const ls = defineOperation<Input, Listing>({
  name: 'ls',
  summary: 'List credentials, identities, findings, sources or runs',
  permission: 'read',
  input: input as z.ZodType<Input>,
  positional: ['what'],
  examples: [
    { command: 'firebreak ls', shows: 'every credential, with how many copies of it stand' },
    { command: 'firebreak ls runs', shows: 'what was contained or offboarded, and what is stuck' },
  ],
  run: list,
  text,
  json: ({ what: _, ...listing }) => listing,
})

async function list(world: World, { what }: Input): Promise<Listing> {
  const { db, keys } = world
  const runs = await listRuns(world)
  const stuck = runs.filter(run => run.stuck.length > 0 || run.state === 'stuck')
  const brokenOff = runs.filter(run => run.isBrokenOff && !stuck.includes(run))
  const first = { stuck, brokenOff }
  switch (what) {
    case 'runs':
      return { what, ...first, runs: [...new Set([...stuck, ...brokenOff, ...runs])] }
    case 'sources': {
      const names = await sourceNames(db)
      const sources = (await world.connections.list(db)).map(source => ({
        id: source.id,
        source: names.get(source.id)!,
        instance: source.instance,
        observedAt: source.observed_at === null ? null : isoTime(source.observed_at),
      }))
      return { what, ...first, sources }
    }
    case 'findings':
      return { what, ...first, findings: await listFindings(world) }
    case 'identities': {
      // Of very many a thread weighs whose they are, and the list is read meanwhile.
      const [ownership, identities] = await Promise.all([
        owned({ db, keys, now: world.io.now().getTime() }),
        identitiesInBrief(db),
      ])
      return {
        what,
        ...first,
        identities: identities.map(({ id, ref, names, credentials }) => ({
          ref: formatRef(ref),
          names,
          owner: ownership.get(id)?.answers?.name ?? null,
          ownership: ownership.get(id)?.state ?? null,
          credentials,
        })),
        coverage: await coverageOf(db),
      }
    }
    case 'credentials': {
      const credentials = (await listCredentials(db, keys, {})).map(listed)
      return { what, ...first, credentials, coverage: await coverageOf(db) }
    }
  }
}

function listed(view: CredentialView): ListedCredential {
  return {
    ref: formatRef(view.ref),
    fingerprint: view.publicFingerprint ?? null,
    kind: view.kind,
    preview: view.preview ?? null,
    identity: view.identity ? called(view.identity) : null,
    state: view.state,
    confidence: view.confidence ?? null,
    copies: view.copies.filter(copy => copy.goneAt == null && copy.reportOf === undefined).length,
  }
}

/** Newest first. */
async function listRuns(world: World): Promise<Run[]> {
  const now = world.io.now().getTime()
  const runs = await world.db.selectFrom('run').selectAll().orderBy('id', 'desc').execute()
  const steps = await world.db
    .selectFrom('step')
    .select(['run_id', 'title', 'error'])
    .where('state', '=', 'stuck')
    .orderBy('ordinal')
    .execute()
  return runs.map(run => ({
    id: run.id,
    kind: run.kind,
    state: run.state,
    subject: run.subject,
    createdAt: isoTime(run.created_at),
    endedAt: run.ended_at === null ? null : isoTime(run.ended_at),
    stuck: steps.filter(step => step.run_id === run.id).map(({ title, error }) => ({ step: title, error })),
    isBrokenOff: run.state === 'running' && run.claimed_by !== null && isFree(run, now),
  }))
}

function text(output: Listing, width: number): string {
  const parts: string[] = []
  if (output.stuck.length > 0 && output.what !== 'runs') parts.push(stuckText(output.stuck, width), '')
  if (output.brokenOff.length > 0) parts.push(brokenOffText(output.brokenOff, width), '')
  switch (output.what) {
    case 'credentials':
      parts.push(credentialsTable(output.credentials, width), '', coverageText(output.coverage, width))
      break
    case 'identities':
      parts.push(identitiesTable(output.identities, width), '', coverageText(output.coverage, width))
      break
    case 'findings':
      parts.push(findingsTable(output.findings, width))
      break
    case 'sources':
      parts.push(sourcesTable(output.sources, width))
      break
    case 'runs':
      parts.push(runsTable(output.runs, width))
      if (output.stuck.length > 0) parts.push('', stuckText(output.stuck, width))
  }
  return parts.join('\n')
}

function stuckText(stuck: readonly Run[], width: number): string {
  const lines = stuck.flatMap(run =>
    run.stuck.map(({ step, error }) => [run.id.slice(-12), step, error ?? 'no reason was recorded']),
  )
  const columns = [{ title: 'RUN' }, { title: 'STEP', flexible: true }, { title: 'WHY', flexible: true }]
  return `${pc.red(pc.bold('Stuck: these need somebody.'))}\n${table(columns, lines, width)}`
}

function brokenOffText(runs: readonly Run[], width: number): string {
  const lines = runs.map(({ id, kind, createdAt }) => [id, kind, createdAt.slice(0, 16).replace('T', ' ')])
  const what = 'A watch or a broker goes on with its own; else: firebreak contain --resume RUN, or offboard'
  const columns = [{ title: 'RUN' }, { title: 'KIND' }, { title: 'BEGUN (UTC)' }]
  const told = `${pc.red(pc.bold('Broken off: whoever worked on these is gone.'))}\n${table(columns, lines, width)}`
  return `${told}\n${wrap(what, width, '', '')}`
}

function credentialsTable(credentials: readonly ListedCredential[], width: number): string {
  if (credentials.length === 0) return 'No credentials are known. Start with: firebreak scan PATH'
  const rows = credentials.map(credential => [
    credential.fingerprint ? shortFingerprint(credential.fingerprint) : credential.ref,
    credential.kind,
    credential.preview ?? '',
    credential.identity ?? '',
    String(credential.copies),
    stateText(credential.state),
  ])
  const columns = [
    { title: 'CREDENTIAL', flexible: true },
    { title: 'KIND', flexible: true },
    { title: 'PREVIEW' },
    { title: 'IDENTITY', flexible: true },
    { title: 'COPIES', align: 'right' as const },
    { title: 'STATE' },
  ]
  return table(columns, rows, width)
}

function identitiesTable(
  identities: Extract<Listing, { what: 'identities' }>['identities'],
  width: number,
): string {
  if (identities.length === 0) return 'No identities are known. Start with: firebreak connect'
  const rows = identities.map(identity => [
    identity.names.join(', '),
    identity.ref,
    ownerText(identity),
    String(identity.credentials),
  ])
  return table(
    [
      { title: 'IDENTITY', flexible: true },
      { title: 'REFERENCE', flexible: true },
      { title: 'OWNER', flexible: true },
      { title: 'CREDENTIALS', align: 'right' },
    ],
    rows,
    width,
  )
}

/** A question mark where it is not certain. */
function ownerText({ owner, ownership }: Pick<ListedIdentity, 'owner' | 'ownership'>): string {
  if (owner === null) return ''
  if (ownership === 'departed') return `${owner} (left)`
  return ownership === 'confirmed' || ownership === 'confident' ? owner : `${owner}?`
}

function findingsTable(findings: readonly ListedFinding[], width: number): string {
  if (findings.length === 0) return 'No finding stands. firebreak check looks for them.'
  const rows = findings.map(({ check, name, why, since }) => [
    check,
    name.startsWith('fp_') ? shortFingerprint(name) : name,
    why,
    since.slice(0, 16).replace('T', ' '),
  ])
  const columns = [
    { title: 'FINDING' },
    { title: 'ON', flexible: true },
    { title: 'WHY', flexible: true },
    { title: 'SINCE (UTC)' },
  ]
  return table(columns, rows, width)
}

function sourcesTable(sources: Extract<Listing, { what: 'sources' }>['sources'], width: number): string {
  if (sources.length === 0) return 'Nothing is connected. Start with: firebreak scan PATH'
  const rows = sources.map(source => [
    source.source,
    source.instance,
    source.observedAt === null ? 'never' : source.observedAt.slice(0, 16).replace('T', ' '),
  ])
  const columns = [
    { title: 'SOURCE', flexible: true },
    { title: 'INSTANCE', flexible: true },
    { title: 'OBSERVED (UTC)' },
  ]
  return table(columns, rows, width)
}

function runsTable(runs: readonly Run[], width: number): string {
  if (runs.length === 0) return 'Nothing was run yet.'
  const rows = runs.map(run => [run.id, run.kind, run.state, run.createdAt.slice(0, 16).replace('T', ' ')])
  return table(
    [{ title: 'RUN' }, { title: 'KIND' }, { title: 'STATE' }, { title: 'BEGUN (UTC)' }],
    rows,
    width,
  )
}
