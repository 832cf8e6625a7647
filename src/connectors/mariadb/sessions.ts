import { FirebreakError } from '../../core/contract/errors.ts'
import type { Ms, Ref } from '../../core/contract/ref.ts'
import type { Use } from '../../core/contract/use.ts'
import { type Account, accountOf, accountRef, credentialRef, refOf } from './account.ts'
import { type Server, type Sql, wordOf } from './server.ts'

interface Session {
  readonly id: string
  readonly from: string
  readonly database: string
  readonly doing: string
  readonly idleMs: number
}

/** Who is connected as the account at this moment. */
export async function* sessions(server: Server, identity: Ref): AsyncGenerator<Use> {
  const account = accountOf(server, identity)
  const now = server.io.now().getTime()
  for (const each of await server.work('listing sessions', sql => sessionsOf(sql, account)))
    yield {
      id: `session:${each.id}`,
      at: now,
      cursor: '',
      identity: accountRef(server.instance, account),
      credential: credentialRef(server.instance, account),
      workload: refOf(server.instance, 'client', `${account.user}@${each.from}`),
      // When it began is told nowhere: not later than what it does now.
      session: { id: each.id, issuedAt: now - Math.ceil(each.idleMs) },
      source: { ip: each.from },
      action: each.doing,
      ...(each.database !== '' && { target: refOf(server.instance, 'database', each.database) }),
      outcome: 'success',
    }
}

/** The list has names without the hosts that they may come from: of accounts that share a name, those whose hosts fit. */
async function sessionsOf(sql: Sql, { user, host }: Account): Promise<Session[]> {
  const rows = await sql(
    'select id, host, coalesce(db, "") db, command, time_ms from information_schema.processlist' +
      ' where user = ? and id <> connection_id()',
    [user],
  )
  return rows
    .map(row => ({
      id: String(row['id']),
      from: String(row['host']).replace(/:\d+$/, ''),
      database: String(row['db']),
      doing: String(row['command']),
      idleMs: Number(row['time_ms']),
    }))
    .filter(({ from }) => comesFrom(from, host))
}

/** Addresses fit as in LIKE. A name, or a network with its mask, cannot be told from an address: it is taken to fit. */
function comesFrom(from: string, host: string): boolean {
  if (!/^[\d.%_]+$/.test(host)) return host.includes(':') ? from === host : true
  const pattern = host.replaceAll('.', '\\.').replaceAll('%', '.*').replaceAll('_', '.')
  return new RegExp(`^${pattern}$`).test(from)
}

const WAIT_MS = 10_000

/**
 * Ends the account's sessions begun before then, and waits until they are gone. Sessions do not tell their age: of an earlier moment
 * than now, only those end that have done nothing since.
 */
export async function endSessions(server: Server, identity: Ref, issuedBefore: Ms): Promise<void> {
  const account = accountOf(server, identity)
  const now = () => server.io.now().getTime()
  const all = issuedBefore > now() - 1000
  await server.work('ending sessions', async sql => {
    const old = async () => {
      // Told anew each time: to get there takes its time, and so does waiting.
      const idleFor = all ? -1 : now() - issuedBefore
      return (await sessionsOf(sql, account)).filter(({ idleMs }) => idleMs > idleFor)
    }
    for (let waitedMs = 0, stepMs = 10; ; waitedMs += stepMs, stepMs = Math.min(stepMs * 2, 500)) {
      const left = await old()
      if (left.length === 0) return
      if (waitedMs >= WAIT_MS)
        throw new FirebreakError('RATE_LIMITED', `sessions of ${account.user} did not end in time`, 'Retry.')
      for (const { id } of left) await kill(sql, id)
      await server.io.sleep(stepMs)
    }
  })
}

async function kill(sql: Sql, id: string): Promise<void> {
  try {
    await sql(`kill hard connection ${Number(id)}`)
  } catch (error) {
    // It ended by itself.
    if (wordOf(error) !== 'ER_NO_SUCH_THREAD') throw error
  }
}
