import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { OWN_AGENT } from '../../core/contract/use.ts'
import type { RedisConfig } from './config.ts'
import { type Dialled, dial } from './dial.ts'
import { save } from './durability.ts'
import { toFailure } from './failure.ts'
import { type Identity, identify } from './identity.ts'
import { parseUser, type User } from './user-rules.ts'

/** The server as our own user sees it. */
export interface Server {
  readonly config: RedisConfig
  readonly io: Io
  readonly instance: string
  /** 7 of 7.0.15. */
  readonly major: number
  readonly version: string
  /** Our own user. */
  readonly us: string
  /** Why the last change is lost when the server restarts; undefined where it was saved, or none was made. */
  unsaved: string | undefined
  /** Reads on a connection of its own, which has just shown that it leads to `instance`. */
  read<T>(doing: string, work: (connection: Dialled, seen: Identity) => Promise<T>): Promise<T>
  /** Like `read`; afterwards the users are saved where the server keeps them, also when nothing had to be changed. */
  change<T>(
    doing: string,
    work: (connection: Dialled, seen: Identity) => Promise<T>,
    name?: string,
  ): Promise<T>
}

/** Connects once, to learn which server this is. */
export async function openServer(config: RedisConfig, io: Io): Promise<Server> {
  const { instance, runId, version } = await connected(
    config,
    io,
    'connecting',
    OWN_AGENT,
    async (_, seen) => seen,
  )

  const mustBeSame = (seen: Identity) => {
    if (seen.instance !== instance)
      throw new FirebreakError(
        'CONFLICT',
        `${config.host}:${config.port} is another server now: ${seen.instance}, expected ${instance}`,
        'Find out which server answers there; open a new connection for it if it is meant.',
      )
    if (!seen.lasting && seen.runId !== runId)
      throw new FirebreakError(
        'CONFLICT',
        `${config.host}:${config.port} was restarted, or is another server now: it bears no mark that would tell`,
        'If it is the same server, run the command again. The connector’s README says how to mark a server.',
      )
  }

  const server: Server = {
    config,
    io,
    instance,
    version,
    major: Number.parseInt(version, 10),
    us: config.user,
    unsaved: undefined,
    read: (doing, work) =>
      connected(config, io, doing, OWN_AGENT, async (connection, seen) => {
        mustBeSame(seen)
        return work(connection, seen)
      }),
    change: (doing, work, name = OWN_AGENT) =>
      connected(config, io, doing, name, async (connection, seen) => {
        mustBeSame(seen)
        const result = await work(connection, seen)
        server.unsaved = await save(connection)
        return result
      }),
  }
  return server
}

async function connected<T>(
  config: RedisConfig,
  io: Io,
  doing: string,
  name: string,
  work: (connection: Dialled, seen: Identity) => Promise<T>,
): Promise<T> {
  try {
    const { user, password } = config
    const connection = await dial(config, { user, password, name }, io.signal)
    try {
      return await work(connection, await identify(config, connection))
    } finally {
      await connection.close()
    }
  } catch (error) {
    throw toFailure(error, doing)
  }
}

export async function listUsers(connection: Dialled): Promise<User[]> {
  const lines = (await connection.command('ACL', 'LIST')) as string[]
  return lines.flatMap(line => parseUser(line) ?? [])
}

export async function findUser(connection: Dialled, name: string): Promise<User | undefined> {
  return (await listUsers(connection)).find(user => user.name === name)
}

export async function mustFindUser(connection: Dialled, name: string): Promise<User> {
  const user = await findUser(connection, name)
  if (!user) throw new FirebreakError('NOT_FOUND', `there is no user ${name}`)
  return user
}

/** The user with its rules, which are to be set again: raises UNSUPPORTED where they cannot be told in UTF-8. */
export async function mustReadRules(connection: Dialled, name: string): Promise<User> {
  const user = await mustFindUser(connection, name)
  if (!user.rules.some(rule => rule.includes('\uFFFD'))) return user
  throw new FirebreakError(
    'UNSUPPORTED',
    `the rules of ${name} hold bytes that are no UTF-8, and would be changed by being set again`,
    'Do it by hand: ACL GETUSER, ACL SETUSER.',
  )
}

export function setUser(connection: Dialled, name: string, ...rules: string[]): Promise<unknown> {
  return connection.command('ACL', 'SETUSER', name, ...rules)
}

export function mustNotBeUs(server: Pick<Server, 'us'>, name: string, what: string): void {
  if (name !== server.us) return
  throw new FirebreakError(
    'CONFLICT',
    `user ${name} is the one that this connection logs in as: were it ${what}, we would cut ourselves off`,
    'Open a connection as another administrator and act through that.',
  )
}
