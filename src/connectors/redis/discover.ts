import { countText } from '../../core/contract/count-text.ts'
import { isIssued } from '../../core/contract/issued-name.ts'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import { formatRef } from '../../core/contract/ref.ts'
import type { RedisConfig } from './config.ts'
import type { Dialled } from './dial.ts'
import { whyLost } from './durability.ts'
import { complaintOf } from './failure.ts'
import { isMark, parseInfo } from './identity.ts'
import { credentialRef, instanceRef, refOf } from './instance-ref.ts'
import { listUsers, type Server } from './server.ts'
import { allows, channelsOf, type Command, keysOf, type User, waysOf } from './user-rules.ts'

/**
 * Everything that the server tells: itself, its databases, its users with what they may do. Users are each node's own:
 * replicas and the other nodes of a cluster are named, and not covered.
 */
export async function* discover(server: Server): AsyncGenerator<Observation> {
  const { instance } = server
  const { users, databases, nodes, role, lost } = await server.read(
    'reading users',
    async (connection, seen) => {
      const info = parseInfo(String(await connection.command('INFO')))
      return {
        users: await listUsers(connection),
        databases: databasesIn(info),
        nodes: [...replicasIn(info), ...(seen.cluster ? await clusterNodes(connection) : [])],
        role: info.get('role') ?? 'unknown',
        lost: await whyLost(connection, seen),
      }
    },
  )
  const itself = instanceRef(instance)
  yield {
    see: 'resource',
    ref: itself,
    names: endpointsOf(server.config),
    facts: factsOf({ version: server.version, role, usersOutlastRestart: lost === undefined }),
  }
  for (const database of databases) yield* aboutDatabase(instance, database)
  yield* discoverUsers(instance, users, databases)
  const unreadable = users.filter(user => user.name.includes('\uFFFD')).length
  yield {
    see: 'covered',
    scope: usersScope(instance),
    complete: unreadable === 0,
    ...(unreadable > 0
      ? { why: `${countText(unreadable, 'user has a name that is', 'users have names that are')} no UTF-8.` }
      : {}),
  }
  for (const { at, what } of nodes)
    yield {
      see: 'covered',
      scope: formatRef(refOf(instance, 'node', at)),
      complete: false,
      why: `${what} ${at} keeps users of its own: what is changed here is not changed there. Connect it too.`,
    }
}

/** The denominator of users; shared with the twin in memory. */
export function usersScope(instance: string): string {
  return `redis:${instance}/users`
}

/** Every `host:port` that means this server; the loopback goes by several names. */
export function endpointsOf(config: Pick<RedisConfig, 'host' | 'port' | 'endpoints'>): string[] {
  const loopback = ['localhost', '127.0.0.1', '::1']
  const hosts = loopback.includes(config.host) ? [config.host, ...loopback] : [config.host]
  const own = hosts.map(host => (host.includes(':') ? `[${host}]:${config.port}` : `${host}:${config.port}`))
  return [...new Set([...own, ...config.endpoints])]
}

interface Database {
  readonly number: string
  readonly keys: number
}

/** `db0:keys=12,expires=0,avg_ttl=0`; the first one is always there. */
function databasesIn(info: ReadonlyMap<string, string>): Database[] {
  const found = [...info].flatMap(([name, value]) => {
    const number = /^db(\d+)$/.exec(name)?.[1]
    return number === undefined ? [] : [{ number, keys: Number(/keys=(\d+)/.exec(value)?.[1] ?? 0) }]
  })
  return found.some(({ number }) => number === '0') ? found : [{ number: '0', keys: 0 }, ...found]
}

interface Node {
  readonly at: string
  readonly what: string
}

/** `slave0:ip=10.0.0.2,port=6379,state=online,…`, and on a replica `master_host` and `master_port`. */
function replicasIn(info: ReadonlyMap<string, string>): Node[] {
  const replicas = [...info].flatMap(([name, value]) => {
    if (!/^slave\d+$/.test(name)) return []
    const fields = new Map(value.split(',').map(field => field.split('=', 2) as [string, string]))
    return [{ at: `${fields.get('ip')}:${fields.get('port')}`, what: 'the replica' }]
  })
  const master = info.get('master_host')
  return master ? [...replicas, { at: `${master}:${info.get('master_port')}`, what: 'the master' }] : replicas
}

/** `id host:port@bus,hostname flags …`, one line for each node; our own has the flag `myself`. */
async function clusterNodes(connection: Dialled): Promise<Node[]> {
  try {
    const lines = String(await connection.command('CLUSTER', 'NODES')).split('\n')
    return lines.flatMap(line => {
      const [, address, flags] = line.split(' ')
      if (!address || !flags || flags.split(',').includes('myself')) return []
      return [{ at: address.split('@')[0] ?? address, what: 'the cluster’s node' }]
    })
  } catch (error) {
    if (!complaintOf(error)) throw error
    return [{ at: 'others', what: 'each other node of the cluster (which our user may not list),' }]
  }
}

function* aboutDatabase(instance: string, { number, keys }: Database): Generator<Observation> {
  const ref = refOf(instance, 'database', number)
  yield { see: 'resource', ref, names: [`db${number}`], facts: factsOf({ keys }) }
  yield {
    see: 'edge',
    from: instanceRef(instance),
    to: ref,
    crossing: 'contains',
    certainty: 'proven',
    why: `Who has the whole server has its database ${number}.`,
  }
}

/** Users, that they have passwords, which share one, and what each may do. Shared with the twin in memory. */
export function* discoverUsers(
  instance: string,
  users: readonly User[],
  databases: readonly Database[],
): Generator<Observation> {
  const named = users.filter(user => !isMark(user.name) && !user.name.includes('\uFFFD'))
  for (const user of named) yield* aboutUser(instance, user, databases)
  for (const [index, user] of named.entries())
    for (const other of named.slice(index + 1)) {
      if (!canLogIn(user) || !canLogIn(other)) continue
      if (!user.digests.some(digest => other.digests.includes(digest))) continue
      for (const [from, to] of [
        [user, other],
        [other, user],
      ] as const)
        yield {
          see: 'edge',
          from: credentialRef(instance, from.name),
          to: credentialRef(instance, to.name),
          crossing: 'shares-password',
          certainty: 'proven',
          why: `${from.name} and ${to.name} have a password in common.`,
        }
    }
}

function canLogIn(user: User): boolean {
  return user.on && user.digests.length > 0
}

function* aboutUser(instance: string, user: User, databases: readonly Database[]): Generator<Observation> {
  const { name, rules } = user
  const ref = refOf(instance, 'user', name)
  yield {
    see: 'identity',
    ref,
    names: [name],
    facts: factsOf({
      canLogin: user.on,
      anyPassword: user.nopass,
      passwords: user.digests.length,
      rules: rules.join(' '),
      builtIn: name === 'default',
      issuedByFirebreak: isIssued(name),
    }),
  }
  if (canLogIn(user))
    yield {
      see: 'credential',
      ref: credentialRef(instance, name),
      facts: factsOf({ passwords: user.digests.length }),
    }
  const ways = waysOf(rules)
  const may = (...commands: Command[]) => ways.some(way => commands.some(command => allows(way, command)))
  const toInstance = { see: 'edge', from: ref, to: instanceRef(instance) } as const
  if (may('acl|setuser', 'acl|load', 'config|set', 'module|load', 'debug'))
    yield {
      ...toInstance,
      crossing: 'superuser',
      certainty: 'proven',
      why: `${name} may change users or the configuration, and so give itself anything.`,
    }
  if (may('module|load', 'config|set'))
    yield {
      ...toInstance,
      crossing: 'runs-commands-on-host',
      certainty: 'conditional',
      when: 'the server lets modules be loaded, or its folder be changed, while it runs',
      why: `${name} may load a module or have files written as the server’s account.`,
    }
  if (may('psync', 'monitor'))
    yield {
      ...toInstance,
      crossing: 'may-read',
      certainty: 'proven',
      why: `${name} may copy the whole server, or watch all that is said to it.`,
    }
  for (const way of ways) {
    const patterns = keysOf(way)
    for (const [crossing, verb, commands, letter] of [
      ['may-read', 'read', READS, 'R'],
      ['may-write', 'write', WRITES, 'W'],
    ] as const) {
      const keys = patterns.filter(pattern => opens(pattern, letter))
      if (keys.length === 0 || !commands.some(command => allows(way, command))) continue
      const all = keys.some(pattern => /^(?:~|%[RW]+~)\*+$/.test(pattern))
      for (const { number } of databases)
        yield {
          see: 'edge',
          from: ref,
          to: refOf(instance, 'database', number),
          crossing,
          ...(all
            ? { certainty: 'proven' as const }
            : { certainty: 'conditional' as const, when: `the key matches ${keys.join(' ')}` }),
          why: `${name} may ${verb} ${all ? 'every key' : `keys ${keys.join(' ')}`} of database ${number}.`,
        }
    }
    for (const [crossing, command] of [
      ['may-publish', 'publish'],
      ['may-subscribe', 'subscribe'],
    ] as const)
      if (channelsOf(way).length > 0 && allows(way, command))
        yield {
          ...toInstance,
          crossing,
          certainty: 'proven',
          why: `${name} may ${command} on channels ${channelsOf(way).join(' ')}.`,
        }
  }
}

const READS = ['get', 'hget', 'lrange', 'smembers', 'zrange', 'xread', 'dump'] as const
const WRITES = ['set', 'hset', 'lpush', 'sadd', 'zadd', 'xadd', 'del', 'flushall'] as const

/** `~pattern` is for both; `%R~`, `%W~` and `%RW~` say for what. */
function opens(pattern: string, what: 'R' | 'W'): boolean {
  return pattern.startsWith('~') || /^%([RW]+)~/.exec(pattern)?.[1]?.includes(what) === true
}
