import { createHash } from 'node:crypto'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { RedisConfig } from './config.ts'
import type { Dialled } from './dial.ts'

/** Which server it is, as it tells by itself. */
export interface Identity {
  readonly instance: string
  /** It is told by something that outlasts a restart and that no other server has. */
  readonly lasting: boolean
  /** Random, new with each start of the server. */
  readonly runId: string
  readonly version: string
  readonly cluster: boolean
  /** By the server's clock; undefined where it does not tell (before 6.2). */
  readonly nowMs: number | undefined
  /** Of the file that the server was started with; empty without one. */
  readonly configFile: string
}

const MARK = /^firebreak-instance-([0-9a-f]{16,64})$/

/** Users by this name are marks, not identities. */
export function isMark(name: string): boolean {
  return MARK.test(name)
}

/**
 * Redis has no id that outlasts a restart, but for a node of a cluster. So an administrator may leave a mark: a user that
 * is off and can do nothing, whose name is the id, and which is kept where users are kept. Without a mark the place
 * has to do: the endpoint, and the files that the server was started from; then two servers that take turns there are
 * told apart only while one connection lives, by `run_id`.
 */
export async function identify(config: RedisConfig, connection: Dialled): Promise<Identity> {
  const info = parseInfo(String(await connection.command('INFO', 'server')))
  const users = (await connection.command('ACL', 'USERS')) as string[]
  const mode = info.get('redis_mode')
  if (mode === 'sentinel') {
    throw new FirebreakError(
      'INVALID_CONFIG',
      `a Sentinel answers at ${config.host}:${config.port}, not a server with data`,
      'Connect the servers that it watches, each by itself.',
    )
  }
  const [mark, ...others] = users.flatMap(name => MARK.exec(name)?.[1] ?? [])
  if (others.length > 0) {
    throw new FirebreakError(
      'INVALID_CONFIG',
      'the server bears more than one user called firebreak-instance-…',
      'Delete all but the one that this server was marked with (ACL DELUSER).',
    )
  }
  const microseconds = Number(info.get('server_time_usec'))
  const shared = {
    runId: info.get('run_id') ?? '',
    version: info.get('redis_version') ?? '',
    cluster: mode === 'cluster',
    nowMs: microseconds > 0 ? Math.floor(microseconds / 1000) : undefined,
    configFile: info.get('config_file') ?? '',
  }
  if (mode === 'cluster')
    return {
      ...shared,
      instance: `node-${String(await connection.command('CLUSTER', 'MYID'))}`,
      lasting: true,
    }
  if (mark !== undefined) return { ...shared, instance: `mark-${mark}`, lasting: true }
  const place = [config.host, config.port, info.get('executable'), shared.configFile]
  const digest = createHash('sha256').update(JSON.stringify(place)).digest('hex').slice(0, 32)
  return { ...shared, instance: `place-${digest}`, lasting: false }
}

/** INFO's lines of `name:value`. */
export function parseInfo(text: string): Map<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap(line => {
      const colon = line.indexOf(':')
      return line.startsWith('#') || colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const]
    }),
  )
}
