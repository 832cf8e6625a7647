import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { z } from 'zod'
import { type MemoryAws, memoryAws } from '../../src/connectors/aws/memory.ts'
import { directoryConfig } from '../../src/connectors/directory/connector.ts'
import { type MemoryFiles, memoryDirectory } from '../../src/connectors/directory/memory.ts'
import { type MemoryMariadb, memoryMariadb } from '../../src/connectors/mariadb/memory.ts'
import { readMark } from '../../src/connectors/postgres/mark.ts'
import {
  type MemoryPostgres,
  type MemoryRole,
  memoryPostgres,
  type NewRole,
} from '../../src/connectors/postgres/memory.ts'
import { type MemoryRedis, memoryRedis, type NewUser } from '../../src/connectors/redis/memory.ts'
import type { Connection, Connector } from '../../src/core/contract/connector.ts'
import { FirebreakError } from '../../src/core/contract/errors.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import type { Db } from '../../src/core/store/store.ts'
import { keepTimeStillForWorkers } from './kept-workers.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimulatedTime } from './simulated-time.ts'

export const ENDPOINT = 'db.example:5432'
export const MARIADB_ENDPOINT = 'shop-db.example:3306'
export const CACHE_ENDPOINT = 'cache.example:6379'
const START_MS = Date.UTC(2026, 2, 1)

/** What an estate consists of. */
export interface Description {
  readonly roles: readonly (Omit<NewRole, 'password'> & { readonly password: string })[]
  /** Users of a Redis server, which stands beside where there are any. */
  readonly users?: readonly (Omit<NewUser, 'passwords'> & { readonly password: string })[]
  /** A MariaDB server, set up by these statements where there are any. */
  readonly mariadb?: readonly string[]
  /** An AWS account, filled by this where there is one. */
  readonly aws?: (account: MemoryAws['account']) => void
  readonly files: Readonly<Record<string, string>>
  /** Globs of the files that Firebreak may write. */
  readonly approved: readonly string[]
  /** Which of them is read by whom. */
  readonly workloads?: readonly { readonly name: string; readonly reads: string }[]
}

/** The systems outside, in memory. They live on when a process dies, and break where they are told to. */
export class Estate {
  readonly time = new SimulatedTime(START_MS)
  readonly random: SeededRandom
  readonly server: MemoryPostgres
  readonly cache: MemoryRedis | undefined
  readonly mariadb: MemoryMariadb | undefined
  readonly aws: MemoryAws | undefined
  readonly files: MemoryFiles = { entries: new Map(), inode: 1 }
  readonly roles = new Map<string, MemoryRole>()
  /** Calls to the directory since the start. */
  directoryCalls = 0
  directoryReachable = true
  /** Takes a method away from the server's connection: what the system cannot do. */
  without: readonly (keyof Connection)[] = []
  #directoryFault: { call: number; when: 'before' | 'after' } | undefined

  constructor(description: Description, seed: number | string) {
    this.random = new SeededRandom(seed)
    keepTimeStillForWorkers(this.time)
    this.server = memoryPostgres({ endpoint: ENDPOINT, now: () => this.time.now() })
    for (const { password, ...role } of description.roles)
      this.roles.set(role.name, this.server.addRole({ ...role, password: new Secret(password) }))
    this.cache = description.users && memoryRedis({ endpoint: CACHE_ENDPOINT, now: () => this.time.now() })
    for (const { password, ...user } of description.users ?? [])
      this.cache?.addUser({ ...user, passwords: [new Secret(password)] })
    this.mariadb =
      description.mariadb && memoryMariadb({ endpoint: MARIADB_ENDPOINT, now: () => this.time.now() })
    for (const statement of description.mariadb ?? []) this.mariadb?.run(statement)
    this.aws = description.aws && memoryAws({ settleSeconds: 15, approved: ['apps/*'] })
    if (this.aws) description.aws?.(this.aws.account)
    for (const [path, text] of Object.entries(description.files)) this.put(path, text)
  }

  put(path: string, text: string): void {
    this.files.entries.set(path, { bytes: Buffer.from(text), changedAt: this.time.now() })
  }

  text(path: string): string {
    const entry = this.files.entries.get(path)
    if (!entry || !('bytes' in entry)) throw new Error(`no file ${path}`)
    return Buffer.from(entry.bytes).toString()
  }

  /** The call with this number, counted from now as 1, breaks off, before or after it was carried out. */
  failAt(system: 'postgres' | 'directory', call: number, when: 'before' | 'after'): void {
    if (system === 'postgres') this.server.failAt(call, when)
    else this.#directoryFault = { call: this.directoryCalls + call, when }
  }

  noFault(): void {
    this.server.noFault()
    this.#directoryFault = undefined
  }

  /** Roles at the server that Firebreak made in place of this one. */
  issuedFor(role: MemoryRole): MemoryRole[] {
    return this.#all().filter(other => readMark(other.state)?.likeOid === role.oid)
  }

  #all(): MemoryRole[] {
    const listed = JSON.parse(this.server.snapshot()) as { oid: string }[]
    return listed.flatMap(({ oid }) => this.server.role(oid) ?? [])
  }

  connectors(): Connector[] {
    const postgres: Connector<Record<string, never>> = {
      ...this.server.connector,
      open: async (config, io) => without(await this.server.connector.open(config, io), this.without),
    }
    const directory: Connector<ReturnType<typeof directoryConfig.parse>> = {
      system: 'directory',
      summary: 'Files in memory',
      config: directoryConfig,
      open: async config => {
        const connection = await this.#callDirectory(() => memoryDirectory(this.files, config))
        return overDirectory(connection, call => this.#callDirectory(call))
      },
    }
    return [
      postgres as Connector,
      directory as Connector,
      ...(this.cache ? [this.cache.connector as Connector] : []),
      ...(this.mariadb ? [this.mariadb.connector as Connector] : []),
      ...(this.aws ? [this.#awsConnector(this.aws)] : []),
    ]
  }

  /** The SDK takes turns of the event loop of its own: time stands still meanwhile. */
  #awsConnector(twin: MemoryAws): Connector {
    return {
      ...twin.connector,
      config: z.object({}),
      open: async (_, io) => {
        const connection = await twin.connector.open({} as never, io)
        return new Proxy(connection, {
          get: (target, name) => {
            const member: unknown = Reflect.get(target, name, target)
            if (typeof member !== 'function') return member
            return (...args: unknown[]) => {
              const answer: unknown = Reflect.apply(member, target, args)
              return answer instanceof Promise ? this.time.during(answer) : answer
            }
          },
        })
      },
    }
  }

  async #callDirectory<T>(call: () => Promise<T>): Promise<T> {
    this.directoryCalls++
    const breaks = this.#directoryFault?.call === this.directoryCalls ? this.#directoryFault : undefined
    const broken = () => new FirebreakError('UNREACHABLE', 'the disk did not answer')
    if (!this.directoryReachable || breaks?.when === 'before') throw broken()
    const result = await call()
    if (breaks) throw broken()
    return result
  }
}

function without(connection: Connection, methods: readonly (keyof Connection)[]): Connection {
  const less = { ...connection }
  for (const method of methods) Reflect.deleteProperty(less, method)
  return less
}

/** Each method as one call; one that lists things is called when it is first asked for one. */
function overDirectory(connection: Connection, call: <T>(work: () => Promise<T>) => Promise<T>): Connection {
  return {
    ...connection,
    async *documents(since) {
      yield* await call(async () => connection.documents!(since))
    },
    async *discover(since) {
      yield* await call(async () => connection.discover!(since))
    },
    inspect: ref => call(() => connection.inspect!(ref)),
    read: place => call(() => connection.read!(place)),
    write: (place, secret) => call(() => connection.write!(place, secret)),
    remove: place => call(() => connection.remove!(place)),
  }
}

/** All that a store in memory holds, for `memoryStore`. */
export async function contentOf(db: Db): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-simulation-'))
  try {
    const file = join(folder, 'store.db')
    await sql`vacuum into ${file}`.execute(db)
    return await readFile(file)
  } finally {
    await rm(folder, { recursive: true })
  }
}
