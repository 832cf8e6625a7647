import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Observation } from '../../core/contract/observation.ts'
import { formatRef } from '../../core/contract/ref.ts'
import { discoverDatabase } from './discover-database.ts'
import { discoverRoles } from './discover-roles.ts'
import { rolesWithRightsApart } from './inherited-rights.ts'
import { instanceRef, refOf } from './instance-ref.ts'
import { paged } from './paged.ts'
import type { PostgresConfig } from './config.ts'
import type { Server } from './server.ts'

/**
 * Everything that the server tells our role: itself, roles, memberships, then database by database what is in it
 * and who may touch it. Read page by page, by oid. A database that does not let us in is not covered, with the reason.
 */
export async function* discover(server: Server): AsyncGenerator<Observation> {
  const instance = instanceRef(server.instance)
  yield {
    see: 'resource',
    ref: instance,
    names: endpointsOf(server.config),
    facts: { version: { value: server.version } },
  }
  const apart = await rolesWithRightsApart(server)
  yield* discoverRoles(server, apart)
  yield { see: 'covered', scope: `${formatRef(instance)}/roles`, complete: true }

  for await (const { oid, name, connectable } of databases(server)) {
    const scope = formatRef(refOf(server.instance, 'database', oid))
    if (!connectable) {
      // Nobody gets in, so there is nothing that a holder of anything could reach: complete, and said so.
      yield { see: 'covered', scope, complete: true, why: `Database ${name} takes no connections.` }
      continue
    }
    try {
      yield* discoverDatabase(server, oid, name, apart)
      yield { see: 'covered', scope, complete: true }
    } catch (error) {
      // The right to connect may be missing; the database may have been dropped meanwhile.
      if (!isFirebreakError(error, 'DENIED', 'INVALID_CONFIG')) throw error
      yield { see: 'covered', scope, complete: false, why: error.message }
    }
  }
}

/** Every `host:port` that means this server; the loopback goes by several names. */
export function endpointsOf(config: Pick<PostgresConfig, 'host' | 'port' | 'endpoints'>): string[] {
  const loopback = ['localhost', '127.0.0.1', '::1']
  const hosts = loopback.includes(config.host) ? [config.host, ...loopback] : [config.host]
  const own = hosts.map(host => (host.includes(':') ? `[${host}]:${config.port}` : `${host}:${config.port}`))
  return [...new Set([...own, ...config.endpoints])]
}

interface DatabaseRow {
  key: string
  oid: string
  name: string
  connectable: boolean
}

function databases(server: Server): AsyncGenerator<DatabaseRow> {
  return paged(server.config.pageSize, '0', (after, size) =>
    server.read('listing databases', sql =>
      sql.rows<DatabaseRow>(
        `select oid::text as key, oid::text, datname as name, datallowconn as connectable
         from pg_catalog.pg_database where oid > $1::oid order by pg_database.oid limit $2`,
        [after, size],
      ),
    ),
  )
}
