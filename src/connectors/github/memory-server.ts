import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { newSshKey } from '../../core/contract/new-ssh-key.ts'
import { keyOf } from './keys.ts'

/** What stands at GitHub in memory. Names are the API's own where it gives them. */
export interface MemoryUser {
  readonly id: number
  readonly login: string
}

export interface MemorySecret {
  name: string
  value: string
  updated_at: string
  visibility?: string
  selected?: number[]
}

export interface MemoryKey {
  readonly id: number
  readonly key: string
  readonly title: string
  readonly read_only: boolean
}

export interface MemoryEnvironment {
  readonly id: number
  readonly name: string
  readonly protection_rules: object[]
  readonly deployment_branch_policy: { protected_branches: boolean; custom_branch_policies: boolean } | null
  readonly branches: string[]
  readonly secrets: MemorySecret[]
  readonly variables: MemorySecret[]
}

export interface MemoryRepository {
  readonly id: number
  name: string
  visibility: string
  readonly collaborators: { user: MemoryUser; permission: 'admin' | 'push' | 'pull' }[]
  readonly keys: MemoryKey[]
  readonly secrets: MemorySecret[]
  readonly variables: MemorySecret[]
  readonly environments: MemoryEnvironment[]
  readonly rules: { type: string; parameters?: object }[]
  protection: object | undefined
  readonly hooks: object[]
  readonly runners: object[]
  readonly files: Map<string, string>
  readonly issues: { number: number; title: string; body: string; updated_at: string }[]
  readonly comments: { id: number; issue: number; body: string; updated_at: string }[]
  readonly runs: { id: number; logs: Uint8Array | undefined }[]
  readonly artifacts: { id: number; name: string; content: Uint8Array; expired: boolean }[]
  readonly alerts: {
    number: number
    secret_type: string
    secret: string
    path: string
    line: number
    commit: string
  }[]
  oidc: { use_default: boolean; include_claim_keys: string[] }
  jobTokens: 'read' | 'write'
}

export interface MemoryToken {
  readonly kind: 'user' | 'installation'
  readonly user: MemoryUser
  revoked: boolean
  /** Of the classic kind; a fine-grained one tells none. */
  readonly scopes?: readonly string[]
  /** Of an installation's: what it may do, where, and until when. */
  readonly permissions?: Readonly<Record<string, string>>
  readonly repositories?: readonly string[] | undefined
  readonly until?: number
}

const START = Date.UTC(2026, 0, 1)

/** One owner's repositories, and all that is about them. */
export class MemoryServer {
  owner = { id: 9001, login: 'acme', type: 'Organization' }
  readonly admin: string
  readonly tokens = new Map<string, MemoryToken>()
  readonly members: { user: MemoryUser; role: 'admin' | 'member' }[] = []
  readonly teams: { id: number; slug: string; members: MemoryUser[]; repositories: Map<number, string> }[] =
    []
  readonly secrets: MemorySecret[] = []
  readonly variables: MemorySecret[] = []
  readonly installations: {
    id: number
    app_slug: string
    app_id: number
    repository_selection: string
    permissions: Record<string, string>
    suspended_at: string | null
  }[] = []
  readonly fineGrained: { id: number; owner: MemoryUser; permissions: object }[] = []
  readonly repositories: MemoryRepository[] = []
  readonly runners: object[] = []
  /** Repositories of other owners that everybody sees, by their names. */
  readonly others = new Map<string, { full_name: string; archived: boolean }>()
  #jobsKey: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } | undefined
  #appKey: { readonly publicKey: KeyObject; readonly pem: string } | undefined
  #count = 100
  #seconds = 0

  constructor() {
    this.admin = this.addToken(this.addUser('root'))
  }

  /** Made when it is asked for: it takes a while. */
  get appKey() {
    if (this.#appKey) return this.#appKey
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    this.#appKey = { publicKey, pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
    return this.#appKey
  }

  /** What it signs the tokens of jobs with. */
  get jobsKey() {
    return (this.#jobsKey ??= generateKeyPairSync('rsa', { modulusLength: 2048 }))
  }

  /** What a job of `main` gets that asks for a token: https://docs.github.com/en/actions/reference/security/oidc */
  jobToken(repository: MemoryRepository, workflow: string, claims: Record<string, unknown> = {}): string {
    const name = `${this.owner.login}/${repository.name}`
    const now = Math.floor(Date.now() / 1000)
    const all = {
      iss: 'https://token.actions.githubusercontent.com',
      aud: 'sts.amazonaws.com',
      sub: `repo:${name}:ref:refs/heads/main`,
      repository: name,
      repository_id: String(repository.id),
      workflow_ref: `${name}/${workflow}@refs/heads/main`,
      iat: now,
      exp: now + 300,
      ...claims,
    }
    const [header, payload] = [{ alg: 'RS256', typ: 'JWT' }, all].map(part =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    )
    const signed = `${header}.${payload}`
    return `${signed}.${sign('sha256', Buffer.from(signed), this.jobsKey.privateKey).toString('base64url')}`
  }

  /** As a person does in its settings: there is another key, and the old one is gone. */
  replaceAppKey(): void {
    this.#appKey = undefined
  }

  next(): number {
    return ++this.#count
  }

  /** Each change has a second of its own, as most have at GitHub. */
  tick(): string {
    return new Date(START + 1000 * ++this.#seconds).toISOString().replace('.000', '')
  }

  addUser(login: string): MemoryUser {
    return { id: this.next(), login }
  }

  addToken(user: MemoryUser, kind: MemoryToken['kind'] = 'user', scopes?: readonly string[]): string {
    const text = createHash('sha256').update(`token ${this.next()} of ${user.login}`).digest('hex')
    const token = `${kind === 'user' ? 'ghp_' : 'ghs_'}${text.slice(0, 36)}`
    this.tokens.set(token, { kind, user, revoked: false, ...(scopes && { scopes }) })
    return token
  }

  addRepository(name: string, visibility = 'private'): MemoryRepository {
    const repository: MemoryRepository = {
      id: this.next(),
      name,
      visibility,
      collaborators: [],
      keys: [],
      secrets: [],
      variables: [],
      environments: [],
      rules: [],
      protection: undefined,
      hooks: [],
      runners: [],
      files: new Map(),
      issues: [],
      comments: [],
      runs: [],
      artifacts: [],
      alerts: [],
      oidc: { use_default: true, include_claim_keys: [] },
      jobTokens: 'read',
    }
    this.repositories.push(repository)
    return repository
  }

  /** The private half of a new deploy key, with what tells it. */
  addKey(
    repository: MemoryRepository,
    title: string,
    read_only: boolean,
  ): { privateKey: string; fingerprint: string } {
    const { privateKey, line } = newSshKey(title, bytes => new Uint8Array(bytes).fill(7))
    repository.keys.push({ id: this.next(), key: line, title, read_only })
    return { privateKey, fingerprint: keyOf(line)!.fingerprint }
  }

  addInstallation(app_slug: string, permissions: Record<string, string>, selection = 'all') {
    const installation = {
      id: this.next(),
      app_slug,
      app_id: this.next(),
      repository_selection: selection,
      permissions,
      suspended_at: null as string | null,
    }
    this.installations.push(installation)
    return installation
  }

  set(list: MemorySecret[], name: string, value: string, more: Partial<MemorySecret> = {}): void {
    const found = list.find(secret => secret.name === name)
    const set = { name, value, updated_at: this.tick(), ...more }
    if (found) Object.assign(found, set)
    else list.push(set)
  }

  /** All that stands of keys and installations, as text without secrets; numbers come and go. */
  snapshot(): string {
    const keys = this.repositories.map(({ name, keys }) => [
      name,
      ...keys.map(({ id: _, ...key }) => JSON.stringify(key)).sort(),
    ])
    const installations = this.installations.map(({ id, suspended_at }) => [id, suspended_at !== null])
    return JSON.stringify({ keys, installations })
  }
}
