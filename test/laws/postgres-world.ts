import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { postgres } from '../../src/connectors/postgres/connector.ts'
import type { PostgresConfig } from '../../src/connectors/postgres/config.ts'
import { scramVerifier } from '../../src/connectors/postgres/scram-verifier.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import {
  availablePostgres,
  type PostgresServer,
  type PostgresServerOptions,
  startPostgres,
} from '../../src/serve/operations/drill/postgres-server.ts'
import { cuttingProxy } from './cutting-proxy.ts'
import { PATIENCE_MS, type Principal, type World } from './world.ts'

/** Why real servers cannot be tried here, unless they must be: then the first start fails. */
export function absentPostgres(from?: 'system' | 'embedded'): string | undefined {
  if (availablePostgres(from) || process.env['FIREBREAK_REQUIRE_SERVERS'] === '1') return undefined
  return `PostgreSQL${from ? ` (${from})` : ''} is not installed: apt-get install postgresql`
}

export interface PostgresWorld extends World {
  readonly server: PostgresServer
  config(overrides?: Partial<PostgresConfig>): PostgresConfig
  /** As the administrator, in one connection; what is logged of it is not ours to look at. */
  admin<T extends object>(sql: string, database?: string): Promise<T[]>
  principal(): Promise<Principal>
}

/** A real server with two databases, in which every principal owns a table, has rights, and has passed some on. */
export async function postgresWorld(options: PostgresServerOptions = {}): Promise<PostgresWorld> {
  const settings = { log_statement: 'all', log_min_messages: 'debug1', ...options.settings }
  let server = await startPostgres({ ...options, settings })
  let count = 0

  const client = async (user: string, password: Secret, database: string) => {
    const opened = new pg.Client({
      host: server.host,
      port: server.port,
      user,
      database,
      password: password.revealText(),
      application_name: 'law',
    })
    opened.on('error', () => {})
    await opened.connect()
    return opened
  }
  const admin = async <T extends object>(sql: string, database = 'postgres'): Promise<T[]> => {
    const opened = await client(server.adminUser, server.adminPassword, database)
    try {
      const answers: unknown = await opened.query<T>(sql)
      const last = Array.isArray(answers) ? answers.at(-1) : answers
      return (last as { rows: T[] }).rows
    } finally {
      await opened.end()
    }
  }
  const prepare = async () => {
    await admin('create database app')
    await admin('create database audit')
    await admin('create role readers; create role "Odd ""group"""; create role owner_of_orders')
    await admin(
      'create table customers (id int, name text); alter table customers owner to owner_of_orders',
      'app',
    )
  }
  await prepare()

  const config = (overrides: Partial<PostgresConfig> = {}): PostgresConfig => ({
    ...postgres.config.parse({
      host: server.host,
      port: server.port,
      user: server.adminUser,
      password: server.adminPassword,
      tls: 'disable',
      pageSize: 5,
      connectTimeoutMs: PATIENCE_MS,
    }),
    ...overrides,
  })
  const instanceOf = async () => {
    const [row] = await admin<{ id: string }>('select system_identifier::text as id from pg_control_system()')
    return row?.id ?? ''
  }

  return {
    get server() {
      return server
    },
    config,
    admin,
    takesAnySecret: options.auth === 'trust',
    manyPrincipals: 7,
    open: () => postgres.open(config(), realIo()),
    stop: () => server.stop(),
    async principal() {
      const name = `app_${count++} "x"`
      const secret = new Secret(randomBytes(18).toString('base64url'), name)
      const id = pg.escapeIdentifier(name)
      const verifier = await scramVerifier(secret.revealText(), randomBytes(16))
      const [role] = await admin<{ oid: string }>(`
        create role ${id} login createrole createdb password '${verifier}' connection limit 20;
        comment on role ${id} is 'owner: team-orders';
        grant readers to ${id} with admin option;
        grant "Odd ""group""" to ${id};
        grant create, connect on database app to ${id};
        alter role ${id} set statement_timeout to '61s';
        alter role ${id} set search_path to 'public', "$user";
        alter role ${id} in database audit set work_mem to '8MB';
        select oid::text from pg_roles where rolname = ${pg.escapeLiteral(name)}`)
      const owned = `create table ${pg.escapeIdentifier(`${name} orders`)} (id int);
        alter table ${pg.escapeIdentifier(`${name} orders`)} owner to ${id};
        grant select on ${pg.escapeIdentifier(`${name} orders`)} to readers;
        alter default privileges for role ${id} grant select on tables to readers;
        alter default privileges for role owner_of_orders in schema public grant insert on tables to ${id};`
      await admin(owned, 'audit')
      await admin(
        `${owned}
        create schema ${pg.escapeIdentifier(`${name} schema`)}; grant usage on schema ${pg.escapeIdentifier(`${name} schema`)} to ${id};
        set role owner_of_orders;
        grant select on customers to ${id} with grant option;
        grant update (name) on customers to ${id};
        set role ${id};
        grant select on customers to readers`,
        'app',
      )
      const identity = { system: 'postgres', instance: await instanceOf(), kind: 'role', id: role?.oid ?? '' }
      const [readers] = await admin<{ oid: string }>(
        `select oid::text from pg_roles where rolname = 'readers'`,
      )
      return {
        identity,
        credential: { ...identity, kind: 'password', identity },
        secret,
        trial: {
          from: identity,
          to: { ...identity, id: readers!.oid },
          toNames: ['readers'],
          crossing: 'can-set-role',
        },
      }
    },
    async use(secret) {
      try {
        const opened = await client(secret.id ?? '', secret, 'app')
        await opened.query('select count(*) from customers')
        await opened.end()
        return true
      } catch (error) {
        const state = error instanceof Error && 'code' in error ? String(error.code) : ''
        // Refused by the server: a wrong password, or a role that may not log in. All else is a broken test.
        if (state === '28P01' || state === '28000') return false
        throw error
      }
    },
    async session(secret) {
      const opened = await client(secret.id ?? '', secret, 'app')
      await opened.query('begin')
      await opened.query('select * from customers for key share').catch(() => opened.query('rollback; begin'))
      return {
        alive: () =>
          opened.query('select 1').then(
            () => true,
            () => false,
          ),
        close: () => opened.end().catch(() => {}),
      }
    },
    async faults() {
      const proxy = await cuttingProxy(server.port)
      return { ...proxy, open: () => postgres.open(config({ port: proxy.port }), realIo()) }
    },
    async snapshot() {
      const shared = await admin(SHARED)
      return JSON.stringify([shared, await admin(LOCAL, 'app'), await admin(LOCAL, 'audit')])
    },
    async replace() {
      const { port, adminPassword } = server
      await server.stop()
      server = await startPostgres({ ...options, settings, port, adminPassword })
      await prepare()
    },
    vanish: () => server.stop(),
    log: () => server.log(),
  }
}

const SHARED = `select array(select to_jsonb(r) - 'rolpassword' || jsonb_build_object('has', r.rolpassword is not null,
      'comment', shobj_description(r.oid, 'pg_authid')) from pg_authid r where oid >= 16384 order by oid) as roles,
  array(select concat_ws('/', m.roleid, m.member, m.admin_option, m.grantor)
    from pg_auth_members m order by 1) as members,
  array(select concat_ws('/', setdatabase, setrole, setconfig) from pg_db_role_setting order by 1) as settings,
  array(select concat_ws('/', datname, datdba, datacl) from pg_database order by 1) as databases,
  array(select concat_ws('/', s.dbid, s.classid, s.objid, s.refobjid, s.deptype)
    from pg_shdepend s order by 1) as dependencies`

const LOCAL = `select array(select concat_ws('/', relname, relowner, relacl) from pg_class where oid >= 16384
    order by 1) as relations,
  array(select concat_ws('/', nspname, nspowner, nspacl) from pg_namespace where nspname !~ '^pg_' order by 1) as schemas,
  array(select concat_ws('/', defaclrole, defaclnamespace, defaclobjtype, defaclacl)
    from pg_default_acl order by 1) as defaults`
