import pc from 'picocolors'
import { z } from 'zod'
import { formatRef, type Ms } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import { loadGraph } from '../../know/graph/load-graph.ts'
import { type User, usersOf } from '../../know/graph/users.ts'
import { ownershipOfOne } from '../../judge/ownership/ownership.ts'
import { type LifeAnswer, lifeOf } from '../../judge/requirements/life.ts'
import {
  type ShownOwnership,
  shownOwnership,
  type ShownSuspension,
  shownSuspension,
  suspensionLine,
} from './ownership-view.ts'
import { membersOf } from '../../know/inventory/merge.ts'
import { type CredentialView, credentialView, resolveEntity } from '../../know/inventory/queries.ts'
import { ownershipText } from './owner.ts'
import { stateText } from './state-text.ts'
import { defineOperation, type World } from './operation.ts'
import { factLines, factText, saidFacts, shownFact, type ShownFact } from './shown-fact.ts'
import { isoTime, type Standing, sourceNames, standingsOf } from './standing.ts'
import { called, type Named, subjectOf } from './subject.ts'
import { table } from './table.ts'
import { wrap } from './wrap.ts'
import { copiesTable } from './trace.ts'
import { isOnlyTold } from '../../know/inventory/only-told.ts'

const input = z.object({
  subject: z.string().min(1).describe('a credential or identity: its name, reference or fingerprint'),
})
type Input = z.infer<typeof input>

interface ShownCredential {
  readonly ref: string
  readonly fingerprint: string | null
  readonly kind: string
  readonly preview: string | null
  readonly state: string
  readonly stateWhy: string | null
  /** When it was last tried, ISO 8601. */
  readonly stateAt: string | null
  /** What it opened then. */
  readonly access: readonly string[]
  readonly strengthBits: number | null
  /** What it says of itself. */
  readonly facts: readonly ShownFact[]
  readonly copies: readonly Standing[]
}

interface Shown {
  readonly subject: Named
  readonly identity: { ref: string; names: readonly string[] } | null
  readonly facts: readonly ShownFact[]
  /** Null for what has no owner by its nature: a group, a person's own account. */
  readonly ownership: ShownOwnership | null
  /** By policy, for want of an owner. */
  readonly suspension: ShownSuspension | null
  /** What it is, may do and did, and when it ends; of an identity. */
  readonly life: readonly LifeAnswer[]
  readonly findings: readonly { check: string; why: string; since: string }[]
  readonly holds: readonly { why: string; since: string; run: string | null }[]
  /** The credential itself, or all of an identity's. */
  readonly credentials: readonly ShownCredential[]
  /** Who uses the credential, or holds it. */
  readonly users: readonly User[]
  /** Why other records count as this one. */
  readonly merges: readonly { reason: string; at: string }[]
}

export const show = defineOperation<Input, Shown>({
  name: 'show',
  summary: 'Show all that is known of one credential or identity',
  permission: 'read',
  input,
  positional: ['subject'],
  examples: [
    {
      command: 'firebreak show app_rw',
      shows: 'an identity: its owners, facts with where and when learnt, credentials',
    },
    { command: 'firebreak show fp_3q2mQ1', shows: 'a credential: whose it is, where it stands, who uses it' },
  ],
  run,
  text,
})

async function run(world: World, input: Input): Promise<Shown> {
  const { db, io, keys } = world
  const subject = await subjectOf(world, input.subject)
  const names = await sourceNames(db)
  const now = io.now().getTime()
  const ids = await membersOf(db, [subject.id])
  const isCredential = subject.type === 'credential'
  const views = isCredential
    ? [await credentialView(db, keys, subject.id)]
    : await credentialsOf(world, subject.id)
  const identity = isCredential ? views[0]?.identity : undefined
  const { ownership: owned } = await ownershipOfOne(db, now, identity?.id ?? subject.id)
  return {
    subject,
    identity: identity ? { ref: formatRef(identity.ref), names: identity.names } : null,
    facts: await factsOf(db, ids, names, now),
    ownership: owned ? shownOwnership(owned) : null,
    suspension: await shownSuspension(db, identity?.id ?? subject.id),
    life:
      subject.type === 'identity'
        ? await lifeOf(db, await resolveEntity(db, subject.id), now, () => loadGraph(db))
        : [],
    // An identity is no healthier than what it authenticates with.
    findings: await findingsOf(db, isCredential ? ids : [...ids, ...views.map(({ id }) => id)]),
    holds: await holdsOf(db, ids),
    credentials: views.map(view => shownCredential(view, names, now)),
    users: isCredential ? await usersOf(db, await loadGraph(db), subject.id) : [],
    merges: await mergesInto(db, ids),
  }
}

/** Only what concerns the identity is read. What no copy and no system tells of any more is left out. */
async function credentialsOf(world: World, identityId: string): Promise<CredentialView[]> {
  const { db, keys } = world
  const rows = await db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .select(['entity.id', 'entity.native', 'entity.gone_at'])
    .where('credential.identity_id', 'in', await membersOf(db, [identityId]))
    .where('entity.merged_into', 'is', null)
    .orderBy('entity.id')
    .execute()
  const views: CredentialView[] = []
  for (const { id, native, gone_at } of rows) {
    const view = await credentialView(db, keys, id)
    if (!isOnlyTold(native) || (view.copies.length > 0 && gone_at === null)) views.push(view)
  }
  return views
}

async function factsOf(db: Db, ids: string[], names: Map<string, string>, now: Ms): Promise<ShownFact[]> {
  const rows = await db
    .selectFrom('fact')
    .selectAll()
    .where('entity_id', 'in', ids)
    .where('gone_at', 'is', null)
    .orderBy('name')
    .execute()
  return rows.map(row =>
    shownFact(
      row.name,
      JSON.parse(row.value),
      names.get(row.source_id) ?? row.source_id,
      row.at ?? row.learnt_at,
      now,
    ),
  )
}

async function findingsOf(db: Db, ids: string[]): Promise<Shown['findings'][number][]> {
  const rows = await db
    .selectFrom('finding')
    .selectAll()
    .where('entity_id', 'in', ids)
    .where('ended_at', 'is', null)
    .execute()
  return rows.map(row => ({ check: row.check, why: row.why, since: isoTime(row.first_seen) }))
}

async function holdsOf(db: Db, ids: string[]): Promise<Shown['holds'][number][]> {
  const rows = await db
    .selectFrom('hold')
    .selectAll()
    .where('entity_id', 'in', ids)
    .where('lifted_at', 'is', null)
    .execute()
  return rows.map(row => ({ why: row.why, since: isoTime(row.at), run: row.run_id }))
}

async function mergesInto(db: Db, ids: string[]): Promise<Shown['merges'][number][]> {
  const rows = await db
    .selectFrom('merge')
    .select(['reason', 'at'])
    .where('into_id', 'in', ids)
    .where('undone_at', 'is', null)
    .orderBy('id')
    .execute()
  return rows.map(row => ({ reason: row.reason, at: isoTime(row.at) }))
}

function shownCredential(view: CredentialView, names: Map<string, string>, now: Ms): ShownCredential {
  return {
    ref: formatRef(view.ref),
    fingerprint: view.publicFingerprint ?? null,
    kind: view.kind,
    preview: view.preview ?? null,
    state: view.state,
    stateWhy: view.stateWhy ?? null,
    stateAt: view.stateAt === undefined ? null : isoTime(view.stateAt),
    access: view.access ?? [],
    strengthBits: view.strengthBits ?? null,
    facts: saidFacts(view, names, now),
    copies: standingsOf(view, names),
  }
}

function text(output: Shown, width: number): string {
  const { subject } = output
  const [name] = subject.names
  const parts =
    name === undefined
      ? [`${subject.type}  ${pc.bold(subject.ref)}`]
      : [pc.bold(name), `${subject.type}  ${subject.ref}`]
  if (subject.names.length > 1)
    parts.push(wrap(`also called ${subject.names.slice(1).join(', ')}`, width, '', ''))
  if (output.identity)
    parts.push(`authenticates as ${output.identity.names[0] ?? ''} ${pc.dim(output.identity.ref)}`)
  for (const hold of output.holds)
    parts.push(pc.red(wrap(`held since ${hold.since}: ${hold.why}`, width, '', '  ')))
  for (const finding of output.findings)
    parts.push(pc.yellow(wrap(`${finding.check}: ${finding.why}`, width, '', '  ')))
  for (const { reason } of output.merges) parts.push(wrap(`the same because: ${reason}`, width, '', ''))
  if (output.ownership) parts.push('', ownershipText(output.ownership, width))
  if (output.suspension) parts.push(suspensionLine(output.suspension, width))
  if (output.life.length > 0) parts.push('', lifeTable(output.life, width))
  if (output.facts.length > 0) parts.push('', factsTable(output.facts, width))
  for (const credential of output.credentials) parts.push('', credentialText(credential, width))
  if (output.users.length > 0) parts.push('', usersText(output.users, width))
  return parts.join('\n')
}

function usersText(users: Shown['users'], width: number): string {
  const rows = users.map(user => [called(user), user.why])
  return table(
    [
      { title: 'USED BY', flexible: true },
      { title: 'WHY', flexible: true },
    ],
    rows,
    width,
  )
}

function lifeTable(life: Shown['life'], width: number): string {
  const rows = life.map(({ asked, value, why }) => [asked, value ?? 'unknown', why])
  const columns = [{ title: 'WHAT' }, { title: 'IS', flexible: true }, { title: 'BECAUSE', flexible: true }]
  return table(columns, rows, width)
}

function factsTable(facts: readonly ShownFact[], width: number): string {
  const rows = facts.map(fact => [fact.name, factText(fact), fact.source, fact.at.slice(0, 10)])
  const columns = [
    { title: 'FACT' },
    { title: 'VALUE', flexible: true },
    { title: 'ACCORDING TO', flexible: true },
    { title: 'AS OF' },
  ]
  return table(columns, rows, width)
}

function credentialText(credential: ShownCredential, width: number): string {
  const title = [credential.kind, credential.preview, credential.fingerprint]
    .filter(part => part !== null)
    .join('  ')
  const at = credential.stateAt === null ? '' : ` (${credential.stateAt})`
  const why = credential.stateWhy === null ? '' : `: ${credential.stateWhy}${at}`
  const reasons = [...new Set(credential.copies.flatMap(copy => copy.reasons))]
  return [
    wrap(`${pc.bold(title)}  ${stateText(credential.state)}${why}`, width, '', '  '),
    ...(credential.access.length > 0
      ? [wrap(`it opens: ${credential.access.join('; ')}`, width, '', '')]
      : []),
    ...(reasons.length > 0
      ? [wrap(`held to be a secret because: ${reasons.join('; ')}`, width, '', '')]
      : []),
    ...factLines(credential.facts, width),
    credential.copies.length === 0 ? 'no copy of it is known' : copiesTable(credential.copies, width),
  ].join('\n')
}
