import { type KeyObject, randomBytes } from 'node:crypto'

export interface MemoryKey {
  readonly id: string
  readonly secret: string
  active: boolean
  readonly created: Date
  lastUsed?: Date
  /** Of a session: its token, the role that it is of, its name, when it is over, and the policy that it was begun with. */
  readonly token?: string
  readonly role?: MemoryRole
  readonly name?: string
  readonly until?: Date
  readonly policy?: string | undefined
  readonly tags?: Readonly<Record<string, string>>
}

export interface MemoryUser {
  readonly name: string
  readonly id: string
  readonly arn: string
  readonly keys: Map<string, MemoryKey>
  readonly tags: Map<string, string>
  /** Inline ones, by name. */
  readonly policies: Map<string, string>
  hasPassword: boolean
}

export interface MemoryRole {
  readonly name: string
  readonly id: string
  readonly arn: string
  readonly trust: string
  readonly policies: Map<string, string>
}

export interface MemoryValue {
  readonly name: string
  readonly id: string
  /** Oldest first; the last one is current. */
  readonly versions: { readonly id: string; readonly text: string }[]
  /** Waits to become current. */
  pending?: { readonly id: string; readonly text: string } | undefined
  /** Who else may read it. */
  policy?: string
}

export interface Asked {
  readonly action: string
  readonly input: Record<string, unknown>
}

export type Answer =
  | { readonly output: Record<string, unknown> }
  | { readonly status: number; readonly code: string; readonly message: string }

export type Action = (account: MemoryAccount, asked: Asked, key: MemoryKey) => Answer

export function refuse(status: number, code: string, message = code): Answer {
  return { status, code, message }
}

/** What an account holds, and how a test fills it. */
export interface MemoryAccount {
  /** Another number: another account answers now. */
  number: string
  readonly admin: MemoryKey
  readonly users: Map<string, MemoryUser>
  readonly roles: Map<string, MemoryRole>
  readonly secrets: Map<string, MemoryValue>
  readonly parameters: Map<string, MemoryValue>
  readonly functions: { name: string; role: string; variables: Record<string, string>; policy?: string }[]
  /** By name, with their policies. */
  readonly buckets: Map<string, string | undefined>
  /** What stands on a bucket beside its policy: `acl`, `ownershipControls` and `publicAccessBlock`, as the XML that S3 gives. */
  readonly bucketSettings: Map<string, Readonly<Record<string, string>>>
  readonly queues: Map<string, string | undefined>
  readonly topics: Map<string, string | undefined>
  /** The credential report that was made last: AWS keeps it for four hours. */
  credentialReport: { madeAt: Date; csv: string; ready: boolean } | undefined
  /** The number of the account that the organization is managed from. */
  managementNumber: string
  /** `r-root` first: what is above what, and the policies on each. Empty where there is no organization. */
  readonly organization: {
    id: string
    policies: { id: string; name: string; content: string; type?: string }[]
  }[]
  /** OpenID Connect providers, by host and path. */
  readonly providers: string[]
  /** What their tokens are signed with, where a test has one. */
  readonly providerKeys: Map<string, KeyObject>
  /** Whether a user or role may do something: all may do everything, until a test says otherwise. */
  permits: (arn: string, action: string, resource: string) => boolean
  readonly sessions: Map<string, MemoryKey>
  keyOf(id: string): MemoryKey | undefined
  ownerOf(keyId: string): MemoryUser | undefined
  addUser(name: string): MemoryUser
  addKey(user: MemoryUser): MemoryKey
  addRole(name: string, trust: unknown): MemoryRole
  addSession(
    role: MemoryRole,
    begun: Pick<MemoryKey, 'name' | 'until' | 'policy' | 'tags'>,
  ): MemoryKey & { readonly token: string }
  /** The ARN of whom a key is; a session's is its role's. */
  callerOf(key: MemoryKey): string
  addValue(kind: 'secrets' | 'parameters', name: string, text: string): MemoryValue
  /** All that stands, but for when keys were used. */
  snapshot(): string
}

export function newAccount(number: string): MemoryAccount {
  const admin = newKey()
  const account: MemoryAccount = {
    number,
    admin,
    users: new Map(),
    roles: new Map(),
    secrets: new Map(),
    parameters: new Map(),
    functions: [],
    buckets: new Map(),
    bucketSettings: new Map(),
    queues: new Map(),
    topics: new Map(),
    credentialReport: undefined,
    managementNumber: `9${number.slice(1)}`,
    organization: [],
    providers: [],
    providerKeys: new Map(),
    permits: () => true,
    sessions: new Map(),
    keyOf: id => (id === admin.id ? admin : (account.sessions.get(id) ?? account.ownerOf(id)?.keys.get(id))),
    ownerOf: keyId => [...account.users.values()].find(({ keys }) => keys.has(keyId)),
    addUser(name) {
      const user: MemoryUser = {
        name,
        id: `AIDA${random(16)}`,
        arn: `arn:aws:iam::${account.number}:user/${name}`,
        keys: new Map(),
        tags: new Map(),
        policies: new Map(),
        hasPassword: false,
      }
      account.users.set(name, user)
      return user
    },
    addKey(user) {
      const key = newKey()
      user.keys.set(key.id, key)
      return key
    },
    addRole(name, trust) {
      const arn = `arn:aws:iam::${account.number}:role/${name}`
      const role = { name, id: `AROA${random(16)}`, arn, trust: JSON.stringify(trust), policies: new Map() }
      account.roles.set(name, role)
      return role
    },
    addSession(role, begun) {
      const session = {
        ...newKey(),
        id: `ASIA${random(16)}`,
        token: randomBytes(48).toString('base64'),
        role,
        ...begun,
      }
      account.sessions.set(session.id, session)
      return session
    },
    callerOf: key =>
      key.role?.arn ?? account.ownerOf(key.id)?.arn ?? `arn:aws:iam::${account.number}:user/firebreak`,
    addValue(kind, name, text) {
      const region = `arn:aws:secretsmanager:us-east-1:${account.number}`
      const id = kind === 'secrets' ? `${region}:secret:${name}-a1B2c3` : name
      const value: MemoryValue = { name, id, versions: [{ id: kind === 'secrets' ? random(32) : '1', text }] }
      account[kind].set(id, value)
      return value
    },
    snapshot: () =>
      JSON.stringify(
        [account.users, account.roles, account.secrets, account.parameters],
        (name, value: unknown) =>
          value instanceof Map ? [...value].sort() : name === 'lastUsed' ? undefined : value,
      ),
  }
  return account
}

function newKey(): MemoryKey {
  return {
    id: `AKIA${random(16)}`,
    secret: randomBytes(30).toString('base64'),
    active: true,
    created: new Date(),
  }
}

/** Capital letters and digits, as AWS's ids are made of. */
function random(length: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  return Array.from(randomBytes(length), byte => alphabet[byte % 32]).join('')
}
