import { isIssued } from '../../core/contract/issued-name.ts'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { accountRef, credentialRef, refOf } from './account.ts'
import { type Grant, grantsOf } from './grants.ts'
import { type Entry, listEntries, type Server, type Sql, wordOf } from './server.ts'

/** The server, its databases, accounts and roles, who has which role, and what each may do. */
export async function* discover(server: Server): AsyncGenerator<Observation> {
  const { instance, config } = server
  const { entries, grants, databases } = await server.work('reading accounts', async sql => {
    const all = await listEntries(sql)
    const rights = new Map<Entry, Grant[]>()
    for (const entry of all) rights.set(entry, await grantsInForce(sql, entry))
    const schemata = await sql('select schema_name name from information_schema.schemata')
    return { entries: all, grants: rights, databases: schemata.map(row => String(row['name'])) }
  })
  const itself = refOf(instance, 'instance', instance)
  yield {
    see: 'resource',
    ref: itself,
    names: endpointsOf(config),
    facts: factsOf({ version: server.version }),
  }
  for (const name of databases) {
    yield { see: 'resource', ref: refOf(instance, 'database', name), names: [name], facts: {} }
    yield {
      see: 'edge',
      from: itself,
      to: refOf(instance, 'database', name),
      crossing: 'contains',
      certainty: 'proven',
      why: `Who has the whole server has its database ${name}.`,
    }
  }
  for (const entry of entries) {
    const ref = entry.role ? roleRef(instance, entry.user) : accountRef(instance, entry)
    yield {
      see: 'identity',
      ref,
      names: entry.role ? [entry.user] : [entry.user, `${entry.user}@${entry.host}`],
      facts: factsOf({
        canLogin: !entry.role && !entry.locked,
        role: entry.role,
        plugin: entry.role ? undefined : entry.plugin,
        issuedByFirebreak: isIssued(entry.user),
      }),
    }
    if (!entry.role && !entry.locked && entry.hasPassword)
      yield { see: 'credential', ref: credentialRef(instance, entry), facts: {} }
    for (const grant of grants.get(entry) ?? []) yield* edgesOf(instance, ref, entry.user, grant, databases)
  }
  yield { see: 'covered', scope: `mariadb:${instance}/accounts`, complete: true }
}

/** A server that looks no names up leaves out accounts of hosts that are named: they stand in the table, and are nobody. */
async function grantsInForce(sql: Sql, entry: Entry): Promise<Grant[]> {
  try {
    return await grantsOf(sql, entry)
  } catch (error) {
    if (wordOf(error) !== 'ER_NONEXISTING_GRANT') throw error
    return []
  }
}

function roleRef(instance: string, name: string): Ref {
  return refOf(instance, 'role', name)
}

const READS = /\b(ALL PRIVILEGES|SELECT)\b/
const WRITES = /\b(ALL PRIVILEGES|INSERT|UPDATE|DELETE|DROP|ALTER)\b/
const MASTERS = /\b(ALL PRIVILEGES|SUPER|CREATE USER|SET USER)\b/

function* edgesOf(
  instance: string,
  from: Ref,
  name: string,
  grant: Grant,
  databases: readonly string[],
): Generator<Observation> {
  const told = { see: 'edge', from, certainty: 'proven' } as const
  if (grant.role) {
    const role = grant.what.slice(1, -1).replaceAll('``', '`')
    yield {
      ...told,
      to: roleRef(instance, role),
      crossing: 'member-of',
      why: `${name} has the role ${role}.`,
    }
    return
  }
  const [, privileges = '', scope = ''] =
    /^(.*?) ON (?:(?:TABLE|FUNCTION|PROCEDURE|PACKAGE|PACKAGE BODY) )?(.+)$/s.exec(grant.what) ?? []
  const everywhere = scope === '*.*'
  const itself = refOf(instance, 'instance', instance)
  if (everywhere && (MASTERS.test(privileges) || grant.option))
    yield {
      ...told,
      to: itself,
      crossing: 'superuser',
      why: `${name} may change accounts or rights of the whole server (${privileges}).`,
    }
  if (everywhere && /\bFILE\b|ALL PRIVILEGES/.test(privileges))
    yield {
      ...told,
      to: itself,
      crossing: 'may-read-files',
      certainty: 'conditional',
      when: 'secure_file_priv allows it',
      why: `${name} may read and write files as the server’s account.`,
    }
  const pattern = /^`((?:[^`]|``)*)`\./.exec(scope)?.[1]?.replaceAll('``', '`')
  const reached = everywhere
    ? databases
    : databases.filter(each => pattern !== undefined && fits(each, pattern))
  const part = !everywhere && !scope.endsWith('.*')
  for (const database of reached)
    for (const [crossing, verb, privilege] of [
      ['may-read', 'read', READS],
      ['may-write', 'write', WRITES],
    ] as const)
      if (privilege.test(privileges))
        yield {
          ...told,
          to: refOf(instance, 'database', database),
          crossing,
          ...(part && { certainty: 'conditional' as const, when: `it is of ${scope}` }),
          why: `${name} may ${verb} ${part ? scope : `all of ${database}`}.`,
        }
}

/** The name of a database in a grant is a pattern, in which a backslash takes away what `_` and `%` mean. */
function fits(database: string, pattern: string): boolean {
  const parts = pattern.split(/(\\[_%\\]|_|%)/)
  const source = parts.map(part => {
    if (part === '%') return '.*'
    if (part === '_') return '.'
    return part.replace(/^\\(?=[_%\\])/, '').replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${source.join('')}$`, 's').test(database)
}

/** Every `host:port` that means this server; the loopback goes by several names. */
function endpointsOf({ host, port, endpoints }: Server['config']): string[] {
  const loopback = ['localhost', '127.0.0.1', '::1']
  const hosts = loopback.includes(host) ? [host, ...loopback] : [host]
  return [
    ...new Set([
      ...hosts.map(each => (each.includes(':') ? `[${each}]:${port}` : `${each}:${port}`)),
      ...endpoints,
    ]),
  ]
}
