import { z } from 'zod'
import { BreakableCalls } from '../../core/contract/breakable-calls.ts'
import type { Connection, Connector, Issued, Verdict, Want } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Observation } from '../../core/contract/observation.ts'
import { ownersInText } from '../../core/contract/owner-text.ts'
import { type CredentialRef, formatRef, type Ref } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { ROLE_COMMENT } from './discover-roles.ts'
import { instanceRef, refOf } from './instance-ref.ts'
import { issuedRoleName, markOf, readMark } from './mark.ts'
import { paged } from './paged.ts'
import {
  type GrantState,
  type MembershipState,
  NARROWABLE,
  parseRoleState,
  type RoleState,
  scopeOfGrant,
  scopeOfMembership,
  scopesOf,
} from './role-state.ts'
import { roleOid } from './server.ts'

/**
 * A PostgreSQL that is only memory: what a simulation acts on in place of a real one. It keeps roles, rights, owners
 * and sessions across connections, can be unreachable, be replaced by another instance, take any password (trust),
 * and fail at a chosen call. Who holds this object is its administrator.
 */
export interface MemoryPostgres {
  readonly connector: Connector<Record<string, never>>
  readonly instance: string
  /** Calls that reached the server or would have, since the start. */
  readonly calls: number
  reachable: boolean
  /** Takes any password, as pg_hba `trust` does. */
  trust: boolean
  addRole(role: NewRole): MemoryRole
  role(oid: string): MemoryRole | undefined
  /** Logs in as a client would; undefined where the server refuses. */
  login(name: string, password: Secret, application?: string): MemorySession | undefined
  /** The call with this number, counted from now as 1, breaks off: before or after the server has carried it out. */
  failAt(call: number, when: 'before' | 'after'): void
  noFault(): void
  /** Another, empty server takes over the address. */
  replace(instance: string): void
  /** Everything that stands, as text, to be compared. */
  snapshot(): string
}

export interface NewRole {
  readonly name: string
  readonly password?: Secret
  readonly attributes?: Partial<RoleState['attributes']>
  readonly memberOf?: readonly string[]
  readonly grants?: readonly GrantState[]
  /** `database.schema.table` */
  readonly owns?: readonly string[]
  readonly comment?: string
}

export interface MemoryRole {
  readonly oid: string
  readonly name: string
  password: Uint8Array | null
  state: Omit<RoleState, 'scopes'>
  owns: string[]
  validUntilMs: number | null
}

export interface MemorySession {
  readonly id: string
  readonly oid: string
  readonly application: string
  readonly startedMs: number
  alive: boolean
}

export interface MemoryPostgresOptions {
  readonly instance?: string
  readonly endpoint?: string
  readonly pageSize?: number
  readonly now?: () => number
}

const LOGIN: RoleState['attributes'] = {
  login: true,
  superuser: false,
  inherit: true,
  createrole: false,
  createdb: false,
  replication: false,
  bypassrls: false,
}

export function memoryPostgres(options: MemoryPostgresOptions = {}): MemoryPostgres {
  const now = options.now ?? Date.now
  const pageSize = options.pageSize ?? 2
  let instance = options.instance ?? '7000000000000000001'
  let roles = new Map<string, MemoryRole>()
  let sessions: MemorySession[] = []
  let [nextOid, nextSession] = [16384, 1]

  const named = (name: string) => [...roles.values()].find(role => role.name === name)
  const admits = (role: MemoryRole, password: Secret) =>
    memory.trust ||
    (role.password !== null &&
      (role.validUntilMs === null || role.validUntilMs > now()) &&
      Buffer.compare(role.password, password.reveal()) === 0)

  const wire = new BreakableCalls(() => new FirebreakError('UNREACHABLE', 'the connection broke off'))

  const memory: MemoryPostgres = {
    connector: {
      system: 'postgres',
      summary: 'A PostgreSQL server in memory',
      config: z.strictObject({}),
      open: async (_config, io) =>
        connect(
          io,
          wire.run(() => instance),
        ),
    },
    get instance() {
      return instance
    },
    get calls() {
      return wire.calls
    },
    get reachable() {
      return wire.reachable
    },
    set reachable(is) {
      wire.reachable = is
    },
    trust: false,
    addRole(role) {
      const oid = String(nextOid++)
      const memberships = (role.memberOf ?? []).map(group => membership(group, role.name))
      const made: MemoryRole = {
        oid,
        name: role.name,
        password: role.password?.reveal().slice() ?? null,
        owns: [...(role.owns ?? [])],
        validUntilMs: null,
        state: {
          present: true,
          oid,
          name: role.name,
          comment: role.comment ?? null,
          attributes: { ...LOGIN, ...role.attributes },
          connectionLimit: -1,
          validUntil: null,
          hasPassword: role.password !== undefined,
          settings: [],
          memberships,
          grants: [...(role.grants ?? [])],
          unread: [],
        },
      }
      roles.set(oid, made)
      return made
    },
    role: oid => roles.get(oid),
    login(name, password, application = 'client') {
      const role = named(name)
      if (!role?.state.attributes.login || !admits(role, password)) return undefined
      const session = { id: String(nextSession++), oid: role.oid, application, startedMs: now(), alive: true }
      sessions.push(session)
      return session
    },
    failAt: (at, when) => wire.failAt(at, when),
    noFault: () => wire.noFault(),
    replace(other) {
      instance = other
      for (const session of sessions) session.alive = false
      roles = new Map()
      sessions = []
    },
    snapshot: () =>
      JSON.stringify(
        [...roles.values()].map(({ password, ...rest }) => ({ ...rest, password: password !== null })),
      ),
  }

  function connect(io: Io, ours: string): Connection {
    /** As on the real one: first the connection shows where it leads, then the change is committed as a whole. */
    const change = <T>(effect: () => T): T => {
      wire.run(() => {
        if (instance !== ours)
          throw new FirebreakError('CONFLICT', `another server answers: ${instance}, not ${ours}`)
      })
      return wire.run(effect)
    }
    const at = { instance: ours }
    const must = (ref: Ref): MemoryRole => {
      const role = roles.get(roleOid(at, ref))
      if (!role) throw new FirebreakError('NOT_FOUND', `there is no role with oid ${ref.id}`)
      return role
    }
    const end = (oid: string, before: number) => {
      for (const session of sessions)
        if (session.oid === oid && session.startedMs < before) session.alive = false
      sessions = sessions.filter(session => session.alive)
    }
    const drop = (oid: string) => {
      const shut = change(() => {
        const role = roles.get(oid)
        if (role) role.state.attributes.login = false
        return role
      })
      if (!shut) return
      change(() => end(oid, Infinity))
      change(() => {
        const mark = readMark(shut.state)
        const heir = mark && roles.get(mark.likeOid)
        heir?.owns.push(...shut.owns)
        shut.owns = []
      })
      change(() => roles.delete(oid))
    }
    const credentialOf = (oid: string): CredentialRef => ({
      ...refOf(ours, 'password', oid),
      identity: refOf(ours, 'role', oid),
    })
    const issued = (role: MemoryRole, password: string, ttlSeconds: number | undefined): Issued => ({
      ref: credentialOf(role.oid),
      secret: new Secret(password, role.name),
      ...(ttlSeconds === undefined ? {} : { notAfter: now() + ttlSeconds * 1000 }),
    })
    const setPassword = (role: MemoryRole, password: string | null, ttlSeconds?: number) => {
      role.password = password === null ? null : new TextEncoder().encode(password)
      role.state.hasPassword = password !== null
      if (ttlSeconds === undefined) return
      role.validUntilMs = now() + ttlSeconds * 1000
      role.state.validUntil = new Date(role.validUntilMs).toISOString()
    }
    const newPassword = () => Buffer.from(io.random(32)).toString('base64url')

    return {
      instance: ours,
      settleSeconds: 1,
      close: async () => {},
      async *discover() {
        const endpoint = options.endpoint ?? 'memory:5432'
        yield { see: 'resource', ref: instanceRef(ours), names: [endpoint], facts: {} }
        const page = async (after: string, size: number) =>
          wire.run(() =>
            [...roles.values()]
              .filter(role => Number(role.oid) > Number(after))
              .slice(0, size)
              .map(role => ({ key: role.oid, role: structuredClone({ ...role, password: null }) })),
          )
        for await (const { role } of paged(pageSize, '0', page)) yield* aboutRole(ours, role)
        yield { see: 'covered', scope: `${formatRef(instanceRef(ours))}/roles`, complete: true }
      },
      async *sessions(identity) {
        const oid = roleOid(at, identity)
        for (const session of wire.run(() => sessions.filter(({ alive, oid: of }) => alive && of === oid))) {
          yield {
            id: `session:${session.id}`,
            at: now(),
            cursor: '',
            identity,
            workload: refOf(ours, 'client', `${session.application}@memory`),
            session: { id: session.id, issuedAt: session.startedMs },
            source: { agent: session.application },
            action: 'session',
            outcome: 'success',
          }
        }
      },
      async verify(ref, secret): Promise<Verdict> {
        const oid = roleOid(at, ref)
        try {
          return wire.run((): Verdict => {
            if (instance !== ours) return { state: 'unknown', why: 'Another server answers.' }
            const role = roles.get(oid)
            if (!role) return { state: 'dead', why: 'There is no such role.' }
            if (!role.state.attributes.login) return { state: 'dead', why: 'The role is NOLOGIN.' }
            if (!secret) return { state: 'unknown', why: 'There is no password to try.' }
            if (memory.trust) return { state: 'unknown', why: 'The server takes any password.' }
            if (!admits(role, secret)) return { state: 'dead', why: 'The password was refused.' }
            return { state: 'live', why: `Logged in as ${role.name}.`, access: [`acts as role ${role.name}`] }
          })
        } catch {
          return { state: 'unknown', why: 'The server cannot be reached.' }
        }
      },
      inspect: async ref => {
        const oid = roleOid(at, ref)
        return wire.run(() => {
          const state = roles.get(oid)?.state
          return state ? structuredClone({ ...state, scopes: scopesOf(state) }) : null
        })
      },
      async issue(want: Want) {
        const { like, ttlSeconds } = want
        if (!like || want.scopes.length > 0)
          throw new FirebreakError('UNSUPPORTED', 'only a full sibling of a role')
        const password = newPassword()
        const role = change(() => {
          const old = must(like)
          const name = issuedRoleName(want.name)
          if (named(name)) throw new FirebreakError('CONFLICT', `the role ${name} is there already`)
          const likeOid = readMark(old.state)?.likeOid ?? old.oid
          const comment = markOf(want.name, likeOid)
          const made = memory.addRole({ name, comment, memberOf: [roles.get(likeOid)?.name ?? old.name] })
          setPassword(made, password, ttlSeconds)
          return made
        })
        return issued(role, password, ttlSeconds)
      },
      async extend(ref, ttlSeconds) {
        change(() => {
          const found = must(ref)
          if (!readMark(found.state))
            throw new FirebreakError('CONFLICT', `the role ${found.name} is none that was issued`)
          found.validUntilMs = now() + ttlSeconds * 1000
          found.state.validUntil = new Date(found.validUntilMs).toISOString()
        })
      },
      async undo(want) {
        const left = change(() => named(issuedRoleName(want.name)))
        if (left && readMark(left.state)?.wantName === want.name) drop(left.oid)
      },
      async rotate(ref, want) {
        const password = newPassword()
        const role = change(() => {
          const found = must(ref)
          setPassword(found, password, want.ttlSeconds)
          return found
        })
        return issued(role, password, want.ttlSeconds)
      },
      async suspend(ref) {
        change(() => (must(ref).state.attributes.login = false))
      },
      async resume(ref, before) {
        const { login } = parseRoleState(before).attributes
        change(() => (must(ref).state.attributes.login = login))
      },
      async freeze(identity) {
        change(() => {
          const { state } = must(identity)
          if (state.attributes.superuser)
            throw new FirebreakError('UNSUPPORTED', 'a superuser cannot be frozen')
          state.attributes.createrole = false
          for (const held of state.memberships) held.admin = false
        })
      },
      async thaw(identity, before) {
        const then = parseRoleState(before)
        change(() => {
          const { state } = must(identity)
          for (const attribute of NARROWABLE) state.attributes[attribute] ||= then.attributes[attribute]
          state.memberships = structuredClone(then.memberships)
          state.grants = structuredClone(then.grants)
        })
      },
      async narrow(identity, scopes) {
        const keep = new Set(scopes)
        change(() => {
          const { state } = must(identity)
          for (const attribute of NARROWABLE)
            state.attributes[attribute] &&= keep.has(`attribute ${attribute}`)
          state.memberships = state.memberships.filter(held => keep.has(scopeOfMembership(held)))
          state.grants = state.grants.filter(grant => keep.has(scopeOfGrant(grant)))
        })
      },
      async endSessions(identity, issuedBefore) {
        const oid = roleOid(at, identity)
        change(() => end(oid, issuedBefore))
      },
      async revoke(ref) {
        const oid = roleOid(at, ref)
        const role = change(() => roles.get(oid))
        if (!role) return
        if (ref.kind === 'role' || readMark(role.state)) return drop(oid)
        change(() => {
          setPassword(role, null)
          role.state.attributes.login = false
        })
        change(() => end(oid, Infinity))
      },
    }
  }
  return memory
}

function membership(role: string, member: string): MembershipState {
  return { role, member, grantor: 'postgres', admin: false, inherit: null, set: null }
}

function* aboutRole(instance: string, role: MemoryRole): Generator<Observation> {
  const ref = refOf(instance, 'role', role.oid)
  const issuedByFirebreak = readMark(role.state) !== undefined
  yield {
    see: 'identity',
    ref,
    names: [role.name],
    facts: {
      issuedByFirebreak: { value: issuedByFirebreak },
      canLogin: { value: role.state.attributes.login },
    },
  }
  yield* ownersInText(ref, role.state.comment, ROLE_COMMENT)
  if (role.state.attributes.login && role.state.hasPassword) {
    yield { see: 'credential', ref: { ...refOf(instance, 'password', role.oid), identity: ref }, facts: {} }
  }
  if (role.state.attributes.superuser) {
    yield {
      see: 'edge',
      from: ref,
      to: instanceRef(instance),
      crossing: 'superuser',
      certainty: 'proven',
      why: `${role.name} is a superuser.`,
    }
  }
  for (const grant of role.state.grants) {
    yield {
      see: 'edge',
      from: ref,
      to: refOf(instance, 'table', `${grant.database}.${grant.object}`),
      crossing: grant.privilege === 'SELECT' ? 'may-read' : 'may-write',
      certainty: 'proven',
      why: `${role.name} was granted ${grant.privilege} on ${grant.object}.`,
    }
  }
}
