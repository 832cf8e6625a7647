import { countText } from '../../core/contract/count-text.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { sleep } from '../../core/contract/io.ts'
import type { Ms, Ref } from '../../core/contract/ref.ts'
import type { Use } from '../../core/contract/use.ts'
import { roleOid, type Server } from './server.ts'

interface Backend {
  pid: number
  startedMs: number
  client: string | null
  application: string | null
  database: string | null
  databaseOid: string | null
}

/** Who is logged in as the role at this moment. Sessions that took the role on by SET ROLE the server does not tell. */
export async function* sessions(server: Server, identity: Ref): AsyncGenerator<Use> {
  const oid = roleOid(server, identity)
  const backends = await server.read('listing sessions', sql =>
    sql.rows<Backend>(
      `select a.pid, (extract(epoch from a.backend_start) * 1000)::float8 as "startedMs",
         pg_catalog.host(a.client_addr) as client, a.application_name as application,
         a.datname as database, a.datid::text as "databaseOid"
       from pg_catalog.pg_stat_activity a
       where a.usesysid = $1::oid and a.pid <> pg_catalog.pg_backend_pid() and a.leader_pid is null
       order by a.backend_start, a.pid`,
      [oid],
    ),
  )
  const at = { system: 'postgres', instance: server.instance }
  const now = server.io.now().getTime()
  for (const { pid, startedMs, client, application, database, databaseOid } of backends) {
    const id = `${pid}:${Math.round(startedMs * 1000)}`
    yield {
      id: `session:${id}`,
      at: now,
      cursor: '',
      identity: { ...at, kind: 'role', id: oid },
      workload: { ...at, kind: 'client', id: `${application ?? ''}@${client ?? 'local'}` },
      session: { id, issuedAt: Math.round(startedMs) },
      source: { ...(client ? { ip: client } : {}), ...(application ? { agent: application } : {}) },
      action: database === null ? 'session' : `session in ${database}`,
      ...(databaseOid === null ? {} : { target: { ...at, kind: 'database', id: databaseOid } }),
      outcome: 'success',
    }
  }
}

const WAIT_MS = 10_000

/**
 * Ends the role's sessions begun before `issuedBefore` and waits until they are gone. Raises RATE_LIMITED where some
 * do not end in time, so that it is tried again.
 */
export async function endSessions(server: Server, identity: Ref, issuedBefore: Ms): Promise<void> {
  const oid = roleOid(server, identity)
  await server.act('ending sessions', async sql => {
    // As an age, so that it holds by the server's clock whatever ours says; told now, since to get there takes its time.
    const ageSeconds = Math.max(0, (server.io.now().getTime() - issuedBefore) / 1000)
    const { cutoff } = await sql.row<{ cutoff: string }>(
      `select (pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $1::float8))::text as cutoff`,
      [ageSeconds],
    )
    // A login that is half through is not listed yet: gone means twice not seen.
    let emptyLooks = 0
    for (let waitedMs = 0, stepMs = 20; ; waitedMs += stepMs, stepMs = Math.min(stepMs * 2, 500)) {
      const left = await sql.rows<{ pid: number }>(
        `select pid, pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity
         where usesysid = $1::oid and backend_start < $2::timestamptz and pid <> pg_catalog.pg_backend_pid()`,
        [oid, cutoff],
      )
      emptyLooks = left.length === 0 ? emptyLooks + 1 : 0
      if (emptyLooks === 2) return
      if (waitedMs >= WAIT_MS) {
        throw new FirebreakError(
          'RATE_LIMITED',
          `${countText(left.length, 'session')} of role ${oid} did not end within ${WAIT_MS / 1000} s`,
          'Retry; see pg_stat_activity for what holds them.',
        )
      }
      await sleep(stepMs, server.io.signal)
    }
  })
}
