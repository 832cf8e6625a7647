import type { Ms } from '../../../core/contract/ref.ts'
import type { Row } from '../../../core/store/schema.ts'
import { loadRoots } from '../../../know/inventory/roots.ts'
import { type CheckContext, oncePerRun } from '../check.ts'

export const DAY_MS = 86_400_000

/** An identity or a credential with what is told of it. */
export interface Told {
  readonly id: string
  readonly type: Row<'entity'>['type']
  readonly system: string
  readonly instance: string
  readonly kind: string
  /** Its system lists it: a text is not all that tells of it. */
  readonly isListed: boolean
  /** The identity, of a credential. */
  readonly identityId: string | undefined
  readonly state: Row<'credential'>['state'] | undefined
  readonly facts: ReadonlyMap<string, unknown>
}

/** Facts that some check asks for. */
const ASKED = [
  'accessKeys',
  'active',
  'anyPassword',
  'created',
  'disabled',
  'enabled',
  'expired',
  'expires',
  'hasConsolePassword',
  'kind',
  'lastUsed',
  'passwordKind',
  'passwordLastUsed',
  'permissions',
  'repositories',
  'superuser',
  'suspended',
]

/** Everything that stands. */
export const told = oncePerRun(async ({ db }): Promise<readonly Told[]> => {
  const entities = await db
    .selectFrom('entity')
    .leftJoin('credential', 'credential.entity_id', 'entity.id')
    .select([
      'entity.id',
      'entity.type',
      'entity.system',
      'entity.instance',
      'entity.kind',
      'entity.native',
      'credential.identity_id',
      'credential.state',
    ])
    .where('entity.type', 'in', ['identity', 'credential'])
    .where('entity.gone_at', 'is', null)
    .where('entity.merged_into', 'is', null)
    .orderBy('entity.id')
    .execute()
  const rows = await db
    .selectFrom('fact')
    .innerJoin('entity', 'entity.id', 'fact.entity_id')
    .select(['fact.entity_id', 'fact.name', 'fact.value'])
    .where('entity.type', 'in', ['identity', 'credential'])
    .where('fact.name', 'in', ASKED)
    .where('fact.gone_at', 'is', null)
    .orderBy('fact.learnt_at')
    .execute()
  const roots = await loadRoots(db)
  const facts = new Map<string, Map<string, unknown>>()
  for (const { entity_id, name, value } of rows) {
    const id = roots.of(entity_id)
    const own = facts.get(id) ?? new Map<string, unknown>()
    facts.set(id, own.set(name, JSON.parse(value)))
  }
  return entities.map(({ id, type, system, instance, kind, native, identity_id, state }) => ({
    id,
    type,
    system,
    instance,
    kind,
    isListed: !native.startsWith('fp:'),
    identityId: identity_id ?? undefined,
    state: state ?? undefined,
    facts: facts.get(id) ?? NONE,
  }))
})

const NONE: ReadonlyMap<string, unknown> = new Map()

/** Of these, those that are for the check. */
export async function those(
  context: CheckContext,
  isMeant: (one: Told) => boolean,
): Promise<ReadonlyMap<string, Told>> {
  return new Map((await told(context)).filter(isMeant).map(one => [one.id, one]))
}

/** A credential that could be used: not dead, switched off or expired, as far as is told. */
export function isUsable({ type, state, facts }: Told, now: Ms): boolean {
  if (type !== 'credential' || state === 'dead') return false
  if (facts.get('active') === false || facts.get('expired') === true) return false
  const end = timeOf(facts.get('expires'))
  return end === undefined || end > now
}

/** Undefined for what is no date. */
export function timeOf(value: unknown): Ms | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? undefined : at
}

/** `2025-03-01, 457 days ago` */
export function since(at: Ms, now: Ms): string {
  return `${new Date(at).toISOString().slice(0, 10)}, ${Math.floor((now - at) / DAY_MS)} days ago`
}
