import { formatRef } from '../../core/contract/ref.ts'
import { byText } from '../../core/contract/text-order.ts'
import type { Row } from '../../core/store/schema.ts'
import { ownershipOf } from '../../judge/ownership/ownership.ts'
import { wordsOf } from '../../judge/ownership/words.ts'
import { credentialsUsedBy } from '../../know/graph/users.ts'
import { claimedIdentities } from '../../know/inventory/claim.ts'
import { inChunks } from '../../know/inventory/in-chunks.ts'
import { membersOf, rootOf } from '../../know/inventory/merge.ts'
import {
  type CredentialView,
  credentialView,
  namesById,
  namesOf,
  refOf,
  resolveEntity,
} from '../../know/inventory/queries.ts'
import { isEnded } from '../incident/subject.ts'
import type { Subject } from './subject.ts'
import { identityInUse, type Use, usesOfCredential, type UsesWorld } from './uses.ts'

/** An identity that goes, or, where others use the identity itself, only these credentials of it. */
export interface Belonging {
  /** Absent for a credential of which no text and no system says whose it is. */
  readonly identityId?: string
  readonly identity?: Row<'entity'>
  readonly name: string
  readonly ref: string
  readonly credentials: readonly CredentialView[]
  /** Nobody else uses any of it, so that its rights go, too. */
  readonly isWhole: boolean
  readonly why: readonly string[]
}

/** What hangs on it and stays, with the reason. */
export interface Kept {
  readonly id: string
  readonly name: string
  readonly ref: string
  readonly why: string
}

export interface Belongings {
  readonly own: readonly Belonging[]
  /** Others use it as well: it is theirs from now on, and what the leaving one knows of it is to be replaced. */
  readonly shared: readonly Kept[]
  /** Nothing but its name speaks for its being a part of it. */
  readonly likely: readonly Kept[]
}

/** Why something hangs on the subject, by the identity’s or the credential’s id. */
type Reasons = Map<string, Set<string>>

/** All that hangs on a subject, and of that what is its alone. */
export async function belongingsOf(world: UsesWorld, subject: Subject, now: number): Promise<Belongings> {
  const { identities, credentials } = await candidatesOf(world, subject, now)
  const own: Belonging[] = []
  const shared: Kept[] = []
  const loose: CredentialView[] = []
  for (const id of credentials.keys()) {
    if (await isEnded(world.db, id)) continue
    const view = await credentialView(world.db, world.keys, id)
    if (!view.identity) loose.push(view)
    else add(identities, view.identity.id, ...credentials.get(id)!)
  }
  for (const [identityId, reasons] of identities) {
    const { credentials: held, uses } = await identityInUse(world, identityId)
    const identity = await resolveEntity(world.db, identityId)
    if (identity.gone_at !== null && held.length === 0) continue
    const names = await namesOf(world.db, identityId)
    // A name with colons is an ARN or an address, where there is a shorter one.
    const name = names.find(one => !one.includes(':')) ?? names[0] ?? identity.native
    const ref = formatRef(refOf(identity))
    const others = uses.filter(use => !isOwn(world, subject, use))
    const why = [...reasons]
    if (others.length === 0) {
      own.push({
        identityId,
        identity,
        name,
        ref,
        credentials: held,
        isWhole: subject.kind !== 'credential' || held.length === 1,
        why,
      })
      continue
    }
    // A second key of a user may be the subject's alone, where the user is not.
    const alone = held.filter(
      ({ id }) => credentials.has(id) && !others.some(({ credentialId }) => credentialId === id),
    )
    if (alone.length > 0 && alone.length < held.length)
      own.push({ identityId, identity, name, ref, credentials: alone, isWhole: false, why })
    shared.push({ id: identityId, name, ref, why: usedBy(others) })
  }
  for (const view of loose) {
    const others = (await usesOfCredential(world, view)).filter(use => !isOwn(world, subject, use))
    const name = view.publicFingerprint ?? formatRef(view.ref)
    if (others.length > 0) shared.push({ id: view.id, name, ref: formatRef(view.ref), why: usedBy(others) })
    else
      own.push({
        name,
        ref: formatRef(view.ref),
        credentials: [view],
        isWhole: true,
        why: [...credentials.get(view.id)!],
      })
  }
  const known = new Set(identities.keys())
  const likely = subject.kind === 'service' ? await likelyOf(world, subject.name, known) : []
  return { own: own.sort(byName), shared: shared.sort(byName), likely }
}

function byName(a: { name: string }, b: { name: string }): number {
  return byText(a.name, b.name)
}

function add(reasons: Reasons, id: string, ...why: readonly string[]): void {
  const own = reasons.get(id) ?? new Set<string>()
  reasons.set(id, own)
  for (const one of why) own.add(one)
}

const MOST_USERS = 3

function usedBy(uses: readonly Use[]): string {
  const lines = [...new Map(uses.map(({ name, why }) => [name, `${name} uses it: ${why}`])).values()]
  const more = lines.length - MOST_USERS
  return `${lines.slice(0, MOST_USERS).join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}

/** Whether a use ends with the subject. */
function isOwn({ services }: UsesWorld, subject: Subject, use: Use): boolean {
  switch (subject.kind) {
    case 'service':
      return use.serviceIds.some(id => subject.serviceIds.includes(id))
    case 'workload':
      // What the code of a service holds is the workload's where the service has no other.
      return use.workloadId === undefined
        ? use.serviceIds.every(id => services.workloadsOf(id).every(one => one === subject.workloadId))
        : use.workloadId === subject.workloadId
    case 'vendor':
    case 'identity':
    case 'credential':
      return true
    case 'person':
      return false
  }
}

async function candidatesOf(
  world: UsesWorld,
  subject: Subject,
  now: number,
): Promise<{ identities: Reasons; credentials: Reasons }> {
  const identities: Reasons = new Map()
  const credentials: Reasons = new Map()
  switch (subject.kind) {
    case 'service':
      for (const id of subject.serviceIds) {
        await partsInto(world, id, identities)
        await copiesInto(world, id, credentials)
        for (const workloadId of world.services.workloadsOf(id))
          await workloadInto(world, workloadId, identities, credentials)
      }
      break
    case 'workload':
      await workloadInto(world, subject.workloadId, identities, credentials)
      break
    case 'person':
      await personInto(world, subject, identities, now)
      break
    case 'vendor':
      for (const [id, why] of subject.vendor.identities) add(identities, id, why)
      for (const [id, why] of subject.vendor.credentials) add(credentials, id, why)
      break
    case 'identity':
      add(identities, subject.identityId, 'it was named')
      break
    case 'credential':
      add(credentials, subject.credentialId, 'it was named')
  }
  return { identities, credentials }
}

/** What a tag, a label or a comment says is a part of the service. */
async function partsInto({ db, roots }: UsesWorld, serviceId: string, identities: Reasons): Promise<void> {
  const rows = await db
    .selectFrom('edge')
    .innerJoin('entity', 'entity.id', 'edge.from_id')
    .select(['edge.from_id', 'edge.why'])
    .where('to_id', 'in', await membersOf(db, [serviceId]))
    .where('crossing', '=', 'part-of')
    .where('entity.type', '=', 'identity')
    .where('edge.gone_at', 'is', null)
    .execute()
  for (const { from_id, why } of rows) add(identities, roots.of(from_id), why)
}

/** What stands in the service's own code. */
async function copiesInto(world: UsesWorld, serviceId: string, credentials: Reasons): Promise<void> {
  const { db, roots, services } = world
  for (const { containerId } of services.foldersOf(serviceId)) {
    const rows = await db
      .selectFrom('copy')
      .innerJoin('occurrence', join =>
        join
          .onRef('occurrence.source_id', '=', 'copy.source_id')
          .onRef('occurrence.document', '=', 'copy.document'),
      )
      .select(['copy.fingerprint', 'copy.claim_id', 'occurrence.path'])
      .where('copy.container_id', 'in', await membersOf(db, [containerId]))
      .where('copy.gone_at', 'is', null)
      .where('occurrence.at_head', '=', 1)
      .execute()
    const standing = rows.filter(({ path }) => services.serviceAt(containerId, path) === serviceId)
    const bearers = await inChunks([...new Set(standing.map(({ fingerprint }) => fingerprint))], chunk =>
      db
        .selectFrom('credential')
        .select(['entity_id', 'fingerprint', 'identity_id'])
        .where('fingerprint', 'in', chunk)
        .execute(),
    )
    const claimed = await claimedIdentities(
      db,
      roots,
      standing.flatMap(({ claim_id }) => (claim_id === null ? [] : [roots.of(claim_id)])),
    )
    for (const { fingerprint, claim_id, path } of standing) {
      const claim = claim_id === null ? undefined : claimed.get(roots.of(claim_id))
      for (const { entity_id, identity_id, fingerprint: own } of bearers) {
        const identity = identity_id === null ? undefined : roots.of(identity_id)
        // The same weak value of another identity is another credential.
        if (own !== fingerprint || (claim !== undefined && identity !== claim)) continue
        add(credentials, roots.of(entity_id), `a copy stands in its ${path}`)
      }
    }
  }
}

/** What the workload runs as, and what it reads. */
async function workloadInto(
  world: UsesWorld,
  workloadId: string,
  identities: Reasons,
  credentials: Reasons,
): Promise<void> {
  const { db, roots, graph } = world
  const rows = await db
    .selectFrom('edge')
    .innerJoin('entity', 'entity.id', 'edge.to_id')
    .select(['edge.to_id', 'edge.why'])
    .where('from_id', 'in', await membersOf(db, [workloadId]))
    .where('crossing', 'in', ['runs-as', 'federates-into'])
    .where('entity.type', '=', 'identity')
    .where('edge.gone_at', 'is', null)
    .execute()
  for (const { to_id, why } of rows) add(identities, roots.of(to_id), why)
  const [name = 'the workload'] = await namesOf(db, workloadId)
  for (const id of credentialsUsedBy(graph, workloadId))
    add(credentials, await rootOf(db, id), `${name} reads it`)
}

/** All for which they answer, and the accounts that bear their name. */
async function personInto(
  { db }: UsesWorld,
  { party, people }: Extract<Subject, { kind: 'person' }>,
  identities: Reasons,
  now: number,
): Promise<void> {
  const { ownership } = await ownershipOf(db, now)
  for (const [id, { answers }] of ownership)
    if (answers?.key === party.key) add(identities, id, `${party.name} answers for it`)
  const accounts = await db
    .selectFrom('entity')
    .innerJoin('name', 'name.entity_id', 'entity.id')
    .select(['entity.id', 'name.name'])
    .where('entity.type', '=', 'identity')
    .where('entity.merged_into', 'is', null)
    .where('entity.gone_at', 'is', null)
    .execute()
  for (const { id, name } of accounts)
    if (!ownership.has(id) && people.resolve(name)?.key === party.key)
      add(identities, id, `it is called ${name}, as they are`)
}

/** Identities that have the service's whole name in theirs. */
async function likelyOf(
  { db, roots }: UsesWorld,
  service: string,
  known: ReadonlySet<string>,
): Promise<Kept[]> {
  const wanted = wordsOf(service)
  const rows = await db
    .selectFrom('entity')
    .selectAll()
    .where('type', '=', 'identity')
    .where('merged_into', 'is', null)
    .where('gone_at', 'is', null)
    .orderBy('id')
    .execute()
  const others = rows.filter(({ id }) => !known.has(id))
  const names = await namesById(
    db,
    roots,
    others.map(({ id }) => id),
  )
  return others.flatMap(entity => {
    const name = (names.get(entity.id) ?? []).find(one => hasWords(wordsOf(one), wanted))
    if (name === undefined) return []
    return { id: entity.id, name, ref: formatRef(refOf(entity)), why: `only its name has ${service} in it` }
  })
}

function hasWords(words: readonly string[], wanted: readonly string[]): boolean {
  return words.some((_, at) => wanted.every((word, index) => words[at + index] === word))
}
