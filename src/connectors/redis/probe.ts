import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Held, Trial, Tried } from '../../core/contract/probe.ts'
import { OWN_AGENT } from '../../core/contract/use.ts'
import { listClients } from './client-list.ts'
import { dial, type Dialled } from './dial.ts'
import { complaintOf, networkReason } from './failure.ts'
import { userName } from './instance-ref.ts'
import { findUser, type Server } from './server.ts'
import { allows, channelsOf, type Command, keysOf, type User, waysOf } from './user-rules.ts'

/**
 * Logs in as the tester. Reading is really tried, of a key that nothing is stored under; for all else the server is asked
 * whether it would let the user (ACL DRYRUN, Redis 7 and later), and nothing is carried out.
 */
export async function probe(server: Server, trial: Trial, held: Held): Promise<Tried> {
  if (!['instance', 'database'].includes(trial.to.kind) || !(trial.crossing in CROSSINGS))
    return { state: 'not-tried', why: `There is no way to try "${trial.crossing}" without using it.` }
  try {
    const name = userName(server, held.by)
    return await server.read('trying a hop', async watching => {
      const user = await findUser(watching, name)
      if (user?.nopass) return { state: 'unknown', why: `${name} is let in with any password (nopass).` }
      const tester = await logIn(server, watching, name, held)
      if ('state' in tester) return tester
      try {
        return await ask(trial, held, { name, user, tester, watching, random: randomName(server) })
      } finally {
        await tester.close()
      }
    })
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: `${error.message}.` }
    throw error
  }
}

function randomName(server: Server): string {
  return `firebreak-probe-${Buffer.from(server.io.random(9)).toString('base64url')}`
}

async function logIn(server: Server, watching: Dialled, user: string, held: Held): Promise<Dialled | Tried> {
  let tester: Dialled | undefined
  try {
    const login = { user, password: held.secret, name: OWN_AGENT }
    tester = await dial(server.config, login, server.io.signal)
    const { id } = tester
    if ((await listClients(watching)).some(client => client.id === id && client.user === user)) return tester
    await tester.close()
    return { state: 'unknown', why: 'Another server answered than the one this hop is of.' }
  } catch (error) {
    await tester?.close()
    const complaint = complaintOf(error)
    if (complaint?.word === 'WRONGPASS')
      return { state: 'refused', why: `The server does not let ${user} in with this password.` }
    const reason = complaint ? complaint.word : networkReason(error)
    return { state: 'unknown', why: `The server gave no answer (${reason}).` }
  }
}

interface Asking {
  readonly name: string
  readonly user: User | undefined
  readonly tester: Dialled
  readonly watching: Dialled
  readonly random: string
}

interface Crossing {
  /** Any one of them is enough. */
  readonly commands: readonly Command[]
  /** What follows "says that NAME". */
  readonly says: string
  readonly keys?: 'R' | 'W'
  readonly channels?: boolean
}

const READS = ['get', 'hget', 'lrange', 'smembers', 'zrange', 'xread', 'dump'] as const
const CROSSINGS: Readonly<Record<string, Crossing>> = {
  superuser: {
    commands: ['acl|setuser', 'acl|load', 'config|set', 'module|load', 'debug'],
    says: 'may change users or the configuration',
  },
  'runs-commands-on-host': {
    commands: ['module|load', 'config|set'],
    says: 'may load a module or have files written (neither was done)',
  },
  'may-read': { commands: READS, says: 'may read there', keys: 'R' },
  contains: { commands: READS, says: 'may read there', keys: 'R' },
  'may-write': {
    commands: ['set', 'hset', 'lpush', 'sadd', 'zadd', 'xadd', 'del', 'flushall'],
    says: 'may write there (nothing was written)',
    keys: 'W',
  },
  'may-publish': { commands: ['publish'], says: 'may publish', channels: true },
  'may-subscribe': { commands: ['subscribe'], says: 'may subscribe', channels: true },
}

async function ask(trial: Trial, held: Held, asking: Asking): Promise<Tried> {
  const { name, user, tester, watching, random } = asking
  const database = trial.to.kind === 'database' ? trial.to.id : '0'
  if (database !== '0' && (await answerTo(tester, ['SELECT', database])) === 'denied')
    return { state: 'refused', why: `The server denies that ${name} selects database ${database}.` }
  // To read the whole server is to copy it or to watch it.
  const { commands, says, keys, channels } =
    trial.crossing === 'may-read' && trial.to.kind === 'instance'
      ? ({ commands: ['psync', 'monitor'], says: 'may copy or watch the whole server' } as Crossing)
      : CROSSINGS[trial.crossing]!
  const really = keys === 'R'
  for (const words of wordsFor(user, commands, keys, channels, random)) {
    const answer = really ? await answerTo(tester, words) : await dryRun([watching, tester], name, words)
    if (answer === 'allowed') return { state: 'confirmed', why: sentence(name, true, says, really), held }
    if (answer !== 'denied') return { state: 'unknown', why: `The server cannot be asked: ${answer}.` }
  }
  return { state: 'refused', why: sentence(name, false, says, really) }
}

function sentence(name: string, may: boolean, says: string, really: boolean): string {
  if (really)
    return may ? `${name} asked for a key and was answered.` : `${name} asked for a key and was refused.`
  return `The server ${may ? 'says' : 'denies'} that ${name} ${says}.`
}

/** Commands that its rules seem to allow, with keys or channels that they name; else each with any. */
function* wordsFor(
  user: User | undefined,
  commands: readonly Command[],
  keys: Crossing['keys'],
  channels: boolean | undefined,
  random: string,
): Generator<string[]> {
  const ways = user ? waysOf(user.rules) : []
  let found = false
  for (const way of ways)
    for (const command of commands) {
      if (!allows(way, command)) continue
      const patterns = keys
        ? keysOf(way).filter(it => it.startsWith('~') || /^%([RW]+)~/.exec(it)?.[1]?.includes(keys))
        : channels
          ? channelsOf(way)
          : ['~*']
      for (const pattern of patterns) {
        found = true
        yield WORDS[command]!(fitting(pattern.slice(pattern.search(/[~&]/) + 1), random))
      }
    }
  if (!found) for (const command of commands) yield WORDS[command]!(random)
}

/** A name that fits a pattern of Redis (util.c, stringmatchlen), and that nothing bears where the pattern leaves room. */
function fitting(pattern: string, random: string): string {
  return pattern.replace(/\\(.)|\[\^?(.)[^\]]*\]|\?|\*/g, (all, escaped?: string, first?: string) =>
    all === '*' ? random : (escaped ?? (all.startsWith('[^') ? '~' : (first ?? 'x'))),
  )
}

const WORDS: Readonly<Partial<Record<Command, (name: string) => string[]>>> = {
  'acl|setuser': name => ['ACL', 'SETUSER', name],
  'acl|load': () => ['ACL', 'LOAD'],
  'config|set': () => ['CONFIG', 'SET', 'dir', '/'],
  'module|load': name => ['MODULE', 'LOAD', name],
  debug: () => ['DEBUG', 'JMAP'],
  psync: () => ['PSYNC', '?', '-1'],
  monitor: () => ['MONITOR'],
  get: key => ['GET', key],
  hget: key => ['HGET', key, 'f'],
  lrange: key => ['LRANGE', key, '0', '0'],
  smembers: key => ['SMEMBERS', key],
  zrange: key => ['ZRANGE', key, '0', '0'],
  xread: key => ['XREAD', 'COUNT', '1', 'STREAMS', key, '0'],
  dump: key => ['DUMP', key],
  set: key => ['SET', key, 'v'],
  hset: key => ['HSET', key, 'f', 'v'],
  lpush: key => ['LPUSH', key, 'v'],
  sadd: key => ['SADD', key, 'v'],
  zadd: key => ['ZADD', key, '0', 'v'],
  xadd: key => ['XADD', key, '*', 'f', 'v'],
  del: key => ['DEL', key],
  flushall: () => ['FLUSHALL'],
  publish: channel => ['PUBLISH', channel, 'm'],
  subscribe: channel => ['SUBSCRIBE', channel],
}

/** Allowed, denied, or why neither is known. */
async function answerTo(connection: Dialled, words: readonly string[]): Promise<string> {
  try {
    await connection.command(words[0]!, ...words.slice(1))
    return 'allowed'
  } catch (error) {
    const complaint = complaintOf(error)
    if (complaint?.word === 'NOPERM') return 'denied'
    // Of another type than the command is for: it was looked up, which is what was asked.
    if (complaint?.word === 'WRONGTYPE') return 'allowed'
    return complaint?.word ?? networkReason(error)
  }
}

/** https://redis.io/docs/latest/commands/acl-dryrun/: OK, or a sentence why not. Who has no right to ask may let another. */
async function dryRun(
  connections: readonly Dialled[],
  user: string,
  words: readonly string[],
): Promise<string> {
  for (const connection of connections) {
    try {
      const answer = await connection.command('ACL', 'DRYRUN', user, ...words)
      return answer === 'OK' ? 'allowed' : 'denied'
    } catch (error) {
      const complaint = complaintOf(error)
      if (!complaint) return networkReason(error)
      if (complaint.word !== 'NOPERM')
        return 'it has no ACL DRYRUN, which came with Redis 7, or does not know the command'
    }
  }
  return 'neither our user nor the tester may use ACL DRYRUN'
}
