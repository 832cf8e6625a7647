import { z } from 'zod'
import { BreakableCalls } from '../../core/contract/breakable-calls.ts'
import type { Connection, Connector, Issued, Verdict } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { isIssued, isIssuedFor, issuedName } from '../../core/contract/issued-name.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { discoverUsers, usersScope } from './discover.ts'
import { credentialRef, instanceRef, refOf, userName } from './instance-ref.ts'
import { passwordDigest, withoutPassword } from './revoke.ts'
import { frozenRules, mints, narrowedRules, type User } from './user-rules.ts'
import { parseUserState, stateOf } from './user-state.ts'

/**
 * A Redis that is only memory: what a simulation acts on in place of a real one. It keeps users and sessions across
 * connections, can be unreachable, be replaced by another one, take any password, and fail at a chosen call. Who holds
 * this object is its administrator.
 */
export interface MemoryRedis {
  readonly connector: Connector<Record<string, never>>
  readonly instance: string
  /** Calls that reached the server or would have, since the start. */
  readonly calls: number
  reachable: boolean
  addUser(user: NewUser): void
  user(name: string): User | undefined
  users(): readonly User[]
  /** Logs in as a client would; undefined where the server refuses. */
  login(name: string, password: Secret, client?: string): MemorySession | undefined
  /** The call with this number, counted from now as 1, breaks off: before or after the server has carried it out. */
  failAt(call: number, when: 'before' | 'after'): void
  noFault(): void
  /** Another, empty server takes over the address. */
  replace(instance: string): void
  /** Everything that stands, as text, to be compared. */
  snapshot(): string
}

export interface NewUser {
  readonly name: string
  readonly passwords: readonly Secret[]
  readonly rules: readonly string[]
  readonly nopass?: boolean
}

export interface MemorySession {
  readonly id: string
  readonly user: string
  readonly client: string
  readonly startedMs: number
  alive: boolean
}

export interface MemoryRedisOptions {
  readonly instance?: string
  readonly endpoint?: string
  readonly now?: () => number
}

const MAJOR = 7

export function memoryRedis(options: MemoryRedisOptions = {}): MemoryRedis {
  const now = options.now ?? Date.now
  let instance = options.instance ?? `mark-${'1'.repeat(32)}`
  let users = new Map<string, User>()
  let sessions: MemorySession[] = []
  let nextSession = 1

  const admits = (user: User, password: Secret) =>
    user.on && (user.nopass || user.digests.includes(passwordDigest(password)))

  const wire = new BreakableCalls(() => new FirebreakError('UNREACHABLE', 'the connection broke off'))
  const end = (name: string, before: number) => {
    for (const session of sessions)
      if (session.user === name && session.startedMs < before) session.alive = false
    sessions = sessions.filter(session => session.alive)
  }

  const memory: MemoryRedis = {
    connector: {
      system: 'redis',
      summary: 'A Redis server in memory',
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
    addUser({ name, passwords, rules, nopass = false }) {
      users.set(name, { name, on: true, nopass, digests: passwords.map(passwordDigest), rules })
    },
    user: name => users.get(name),
    users: () => [...users.values()],
    login(name, password, client = 'client') {
      const user = users.get(name)
      if (!user || !admits(user, password)) return undefined
      const session = { id: String(nextSession++), user: name, client, startedMs: now(), alive: true }
      sessions.push(session)
      return session
    },
    failAt: (at, when) => wire.failAt(at, when),
    noFault: () => wire.noFault(),
    replace(other) {
      instance = other
      for (const session of sessions) session.alive = false
      users = new Map()
      sessions = []
    },
    snapshot: () => JSON.stringify([...users.values()].map(stateOf)),
  }

  function connect(io: Io, ours: string): Connection {
    const at = { instance: ours }
    /** As on the real one: first the connection shows where it leads, then the command is carried out as a whole. */
    const change = <T>(effect: () => T): T => {
      wire.run(() => {
        if (instance !== ours)
          throw new FirebreakError('CONFLICT', `another server answers: ${instance}, not ${ours}`)
      })
      return wire.run(effect)
    }
    const must = (name: string): User => {
      const user = users.get(name)
      if (!user) throw new FirebreakError('NOT_FOUND', `there is no user ${name}`)
      return user
    }
    const set = (name: string, patch: Partial<User>) => users.set(name, { ...must(name), ...patch })
    const setOf = (ref: Ref, patch: (user: User) => Partial<User>) => {
      const name = userName(at, ref)
      change(() => set(name, patch(must(name))))
    }
    const newPassword = (name: string): Issued => ({
      ref: credentialRef(ours, name),
      secret: new Secret(Buffer.from(io.random(32)).toString('base64url'), name),
    })

    return {
      instance: ours,
      settleSeconds: 1,
      close: async () => {},
      async *discover() {
        const endpoint = options.endpoint ?? 'memory:6379'
        yield { see: 'resource', ref: instanceRef(ours), names: [endpoint], facts: {} }
        yield* discoverUsers(
          ours,
          wire.run(() => [...users.values()]),
          [{ number: '0', keys: 0 }],
        )
        yield { see: 'covered', scope: usersScope(ours), complete: true }
      },
      async *sessions(identity) {
        const name = userName(at, identity)
        for (const session of wire.run(() => sessions.filter(({ alive, user }) => alive && user === name))) {
          yield {
            id: `session:${session.id}`,
            at: now(),
            cursor: '',
            identity: refOf(ours, 'user', name),
            workload: refOf(ours, 'client', `${session.client}@memory`),
            session: { id: session.id, issuedAt: session.startedMs },
            source: { agent: session.client },
            action: 'session',
            outcome: 'success',
          }
        }
      },
      async verify(ref, secret): Promise<Verdict> {
        const name = userName(at, ref)
        try {
          return wire.run((): Verdict => {
            if (instance !== ours) return { state: 'unknown', why: 'Another server answers.' }
            const user = users.get(name)
            if (!user) return { state: 'dead', why: `There is no user ${name}.` }
            if (!user.on) return { state: 'dead', why: 'The user is off.' }
            if (!secret) return { state: 'unknown', why: 'There is no password to try.' }
            if (user.nopass) return { state: 'unknown', why: 'It is let in with any password.' }
            if (!admits(user, secret)) return { state: 'dead', why: 'The password was refused.' }
            return { state: 'live', why: `Logged in as ${name}.`, access: [...user.rules] }
          })
        } catch {
          return { state: 'unknown', why: 'The server cannot be reached.' }
        }
      },
      inspect: async ref => {
        const name = userName(at, ref)
        return wire.run(() => {
          const user = users.get(name)
          return user ? stateOf(user) : null
        })
      },
      async issue(want) {
        const { like } = want
        if (!like || want.scopes.length > 0)
          throw new FirebreakError('UNSUPPORTED', 'only a full sibling of a user')
        const likeName = userName(at, like)
        const issued = newPassword(issuedName(want.name, likeName))
        change(() => {
          const { rules } = must(likeName)
          if ([...users.keys()].some(name => isIssuedFor(name, want.name)))
            throw new FirebreakError('CONFLICT', `the user ${issued.ref.id} is there already`)
          memory.addUser({ name: issued.ref.id, passwords: [issued.secret], rules })
        })
        return issued
      },
      async undo(want) {
        change(() => {
          for (const name of users.keys())
            if (isIssuedFor(name, want.name)) {
              users.delete(name)
              end(name, Infinity)
            }
        })
      },
      async rotate(ref) {
        const issued = newPassword(userName(at, ref))
        setOf(ref, () => ({ digests: [passwordDigest(issued.secret)], nopass: false }))
        return issued
      },
      suspend: async ref => setOf(ref, () => ({ on: false })),
      async resume(ref, before) {
        const { on } = parseUserState(before, userName(at, ref))
        setOf(ref, () => ({ on }))
      },
      freeze: async identity =>
        setOf(identity, ({ rules }) => (mints(rules) ? { rules: frozenRules(rules, MAJOR) } : {})),
      async thaw(identity, before, issued = []) {
        const name = userName(at, identity)
        const { rules } = parseUserState(before, name)
        const frozen = JSON.stringify(frozenRules(rules, MAJOR))
        change(() => {
          set(name, { rules })
          for (const ref of issued) {
            const other = users.get(userName(at, ref))
            if (JSON.stringify(other?.rules) === frozen) set(ref.id, { rules })
          }
        })
      },
      narrow: async (identity, scopes) =>
        setOf(identity, ({ rules }) => ({ rules: narrowedRules(rules, scopes) })),
      async endSessions(identity, issuedBefore) {
        const name = userName(at, identity)
        change(() => end(name, issuedBefore))
      },
      async revoke(ref, secret) {
        const name = userName(at, ref)
        const user = change(() => {
          const found = users.get(name)
          if (!found || ref.kind === 'user' || isIssued(name)) {
            users.delete(name)
            end(name, Infinity)
            return undefined
          }
          const words = withoutPassword(found, secret)
          const gone = words.flatMap(word => (word.startsWith('!') ? [word.slice(1)] : []))
          if (words.includes('off')) set(name, { on: false, nopass: false, digests: [] })
          else set(name, { digests: found.digests.filter(digest => !gone.includes(digest)) })
          return found
        })
        if (user) change(() => end(name, Infinity))
      },
    }
  }
  return memory
}
