import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { State } from '../../core/contract/ref.ts'

/** One right on one object, written as PostgreSQL's GRANT would name it. */
const grantState = z.strictObject({
  /** The database that the object lives in; null for databases, tablespaces and parameters, which all share. */
  database: z.string().nullable(),
  /** What GRANT … ON takes: `table`, `schema`, `routine`, …, or `default` for default privileges. */
  kind: z.string(),
  /** The object quoted, ready for GRANT: `public.orders`, `"App".f(integer)`. */
  object: z.string(),
  /** The one column that the right is on, quoted. */
  column: z.string().nullable(),
  privilege: z.string().regex(/^[A-Z ]+$/),
  grantable: z.boolean(),
  grantor: z.string(),
  /** Null is PUBLIC: rights that this role has passed on. */
  grantee: z.string().nullable(),
})

export type GrantState = z.infer<typeof grantState>

const membershipState = z.strictObject({
  role: z.string(),
  member: z.string(),
  grantor: z.string(),
  admin: z.boolean(),
  /** Null before PostgreSQL 16, where a membership has no such options. */
  inherit: z.boolean().nullable(),
  set: z.boolean().nullable(),
})

export type MembershipState = z.infer<typeof membershipState>

/** What `inspect` writes to the journal. Whether there is a password, never what is stored for it. */
const roleState = z.strictObject({
  present: z.literal(true),
  oid: z.string(),
  name: z.string(),
  comment: z.string().nullable(),
  attributes: z.strictObject({
    login: z.boolean(),
    superuser: z.boolean(),
    inherit: z.boolean(),
    createrole: z.boolean(),
    createdb: z.boolean(),
    replication: z.boolean(),
    bypassrls: z.boolean(),
  }),
  connectionLimit: z.number().int(),
  validUntil: z.string().nullable(),
  /** Null where only a superuser could tell. */
  hasPassword: z.boolean().nullable(),
  settings: z.array(z.strictObject({ database: z.string().nullable(), setting: z.string() })),
  /** Roles that it is in, and, where it passed those on, what hangs on that. */
  memberships: z.array(membershipState),
  grants: z.array(grantState),
  /** Databases whose grants could not be read. */
  unread: z.array(z.string()),
  /** All that `narrow` may be told to keep. */
  scopes: z.array(z.string()),
})

export type RoleState = z.infer<typeof roleState>

/** Raises CONFLICT where the journalled state is of a role that was not there, or is no state of ours. */
export function parseRoleState(before: State): RoleState {
  const parsed = roleState.safeParse(before)
  if (parsed.success) return parsed.data
  throw new FirebreakError('CONFLICT', 'the state to go back to is not that of a role that was there')
}

export type Attribute = keyof RoleState['attributes']

/**
 * How `narrow` writes what may stay: `attribute createdb`, `member of reader`, `SELECT on table public.orders in app`.
 * They stand in what `inspect` shows, to be copied from there.
 */
export function scopesOf(state: Omit<RoleState, 'scopes'>): string[] {
  const attributes = NARROWABLE.filter(attribute => state.attributes[attribute])
  const grants = state.grants.filter(grant => grant.grantee === state.name)
  const memberships = state.memberships.filter(membership => membership.member === state.name)
  return [
    ...attributes.map(attribute => `attribute ${attribute}`),
    ...new Set(memberships.map(scopeOfMembership)),
    ...new Set(grants.map(scopeOfGrant)),
  ]
}

/** Rights that are attributes of the role itself. Logging in is not one of them: that is what suspend takes. */
export const NARROWABLE: readonly Attribute[] = [
  'superuser',
  'createrole',
  'createdb',
  'replication',
  'bypassrls',
]

export function scopeOfMembership(membership: MembershipState): string {
  return `member of ${membership.role}`
}

export function scopeOfGrant(grant: GrantState): string {
  const place = grant.database === null ? '' : ` in ${grant.database}`
  const column = grant.column === null ? '' : ` (${grant.column})`
  return `${grant.privilege}${column} on ${grant.kind} ${grant.object}${place}`
}
