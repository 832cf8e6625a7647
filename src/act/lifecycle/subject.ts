import { FirebreakError } from '../../core/contract/errors.ts'
import { formatRef, type Ms } from '../../core/contract/ref.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import { loadPeople, type Party, type People } from '../../judge/ownership/people.ts'
import { type Vendor, vendorKey, vendorNamed } from '../../judge/requirements/vendors.ts'
import { findSubject, namesOf, refOf } from '../../know/inventory/queries.ts'
import type { Roots } from '../../know/inventory/roots.ts'
import type { Kinds } from '../incident/declared-target.ts'
import type { ServiceMap } from './services.ts'

export const SUBJECT_KINDS = ['service', 'workload', 'person', 'vendor', 'identity', 'credential'] as const

/** What leaves. */
export type Subject = { readonly name: string; readonly key: string } & (
  | { readonly kind: 'service'; readonly serviceIds: readonly string[] }
  | { readonly kind: 'workload'; readonly workloadId: string }
  | { readonly kind: 'person'; readonly party: Party; readonly people: People }
  | { readonly kind: 'vendor'; readonly vendor: Vendor }
  | { readonly kind: 'identity'; readonly identityId: string }
  | { readonly kind: 'credential'; readonly credentialId: string }
)

interface SubjectWorld {
  readonly db: Db
  readonly keys: Keys
  readonly roots: Roots
  readonly services: ServiceMap
  readonly kinds: Kinds
  readonly now: Ms
}

/**
 * Who or what is meant: a name, or one with its kind before it (`service:orders`), for what several things are called. Raises
 * NOT_FOUND, AMBIGUOUS.
 */
export async function departingSubject(
  { db, keys, roots, services, kinds, now }: SubjectWorld,
  text: string,
): Promise<Subject> {
  const [, said, rest] = new RegExp(`^(${SUBJECT_KINDS.join('|')}):(.+)$`, 's').exec(text.trim()) ?? []
  const asked = rest ?? text.trim()
  const people = await loadPeople(db, now)
  const found: Subject[] = []
  for (const entity of [...(await findSubject(db, keys, asked)), ...(await named(db, asked))]) {
    const subject = await subjectOf(db, services, people, entity)
    if (subject && !found.some(({ key }) => key === subject.key)) found.push(subject)
  }
  const party = people.resolve(asked) ?? (people.isEmpty ? personAsWritten(asked) : undefined)
  if (party?.kind === 'person' && !found.some(({ kind }) => kind === 'person'))
    found.push(personSubject(party, people))
  const mayBeVendor = said === undefined || said === 'vendor'
  const vendor = mayBeVendor ? await vendorNamed(db, roots, await kinds(), asked) : undefined
  if (vendor) found.push({ kind: 'vendor', key: `vendor:${vendorKey(asked)}`, name: vendor.name, vendor })
  const fitting = found.filter(({ kind }) => said === undefined || kind === said)
  // A workload that is called as its service is a part of it.
  const own = fitting.filter(
    one =>
      one.kind !== 'workload' ||
      !fitting.some(
        other =>
          other.kind === 'service' &&
          services.servicesOf(one.workloadId).some(id => other.serviceIds.includes(id)),
      ),
  )
  const [first, ...others] = own
  if (!first)
    throw new FirebreakError(
      'NOT_FOUND',
      'no service, workload, person, vendor or identity is known by this name',
      'firebreak ls identities and firebreak owner show tell what is known; a name may have its kind before it: service:NAME',
    )
  if (others.length > 0)
    throw new FirebreakError(
      'AMBIGUOUS',
      `${own.length} things are called so`,
      `say which is meant: ${own.map(({ kind, key, name }) => (own.filter(one => one.kind === kind).length > 1 ? key : `${kind}:${name}`)).join(', ')}`,
    )
  return first
}

/** A system or a service of which no descriptor tells has no name but the one that others call it by. */
async function named(db: Db, text: string): Promise<Row<'entity'>[]> {
  return await db
    .selectFrom('entity')
    .selectAll()
    .where('system', '=', 'backstage')
    .where('native', 'in', [text.toLowerCase(), `default/${text.toLowerCase()}`])
    .where('merged_into', 'is', null)
    .execute()
}

async function subjectOf(
  db: Db,
  services: ServiceMap,
  people: People,
  entity: Row<'entity'>,
): Promise<Subject | undefined> {
  const key = formatRef(refOf(entity))
  const [name = entity.native] = await namesOf(db, entity.id)
  if (entity.system === 'people' && entity.kind === 'person') {
    const party = people.resolve(name)
    return party?.kind === 'person' ? personSubject(party, people) : undefined
  }
  if (services.names.has(entity.id))
    return { kind: 'service', key, name: services.names.get(entity.id)!, serviceIds: [entity.id] }
  if (entity.system === 'backstage') {
    const serviceIds = services.partsOf(entity.id)
    return serviceIds.length > 0 ? { kind: 'service', key, name, serviceIds } : undefined
  }
  if (entity.type === 'workload') return { kind: 'workload', key, name, workloadId: entity.id }
  if (entity.type === 'identity') return { kind: 'identity', key, name, identityId: entity.id }
  if (entity.type === 'credential') return { kind: 'credential', key, name, credentialId: entity.id }
  return undefined
}

function personSubject(party: Party, people: People): Subject {
  return { kind: 'person', key: party.key, name: party.name, party, people }
}

/** Where no list of people was read, an address is a person’s. */
function personAsWritten(text: string): Party | undefined {
  if (!/^[^@\s]+@[^@\s]+$/.test(text)) return undefined
  return { kind: 'person', key: `person:${text.toLowerCase()}`, name: text, hasLeft: false, teams: [] }
}
