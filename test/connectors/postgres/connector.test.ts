import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgres } from '../../../src/connectors/postgres/connector.ts'
import { issuedRoleName } from '../../../src/connectors/postgres/mark.ts'
import type { Connection, Want } from '../../../src/core/contract/connector.ts'
import { isFirebreakError } from '../../../src/core/contract/errors.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import type { CredentialRef } from '../../../src/core/contract/ref.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { absentPostgres, postgresWorld, type PostgresWorld } from '../../laws/postgres-world.ts'
import { addRole, loginAs, refsOf } from './roles.ts'

for (const binaries of ['system', 'embedded'] as const) {
  const absent = absentPostgres(binaries)
  describe.skipIf(absent)(`postgres connector, ${binaries}${absent ? ` (${absent})` : ''}`, () => {
    let world: PostgresWorld
    let connection: Connection
    beforeAll(async () => {
      world = await postgresWorld({ binaries })
      connection = await world.open()
    })
    afterAll(async () => {
      await connection?.close()
      await world?.stop()
    })

    const refs = (oid: string) => refsOf(connection.instance, oid)
    const makeRole = (name: string, options?: string) => addRole(world, connection.instance, name, options)
    const clientAs = (secret: Secret, database?: string) => loginAs(world, secret, database)
    const wantLike = (like: CredentialRef, name: string): Want => ({ name, like, scopes: [], before: null })
    const codeOf = async (call: Promise<unknown>) => {
      const error = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      return isFirebreakError(error) ? error.code : error
    }

    describe('issue and revoke', () => {
      test('a sibling acts as the role it is like, and what it made in two databases stays with that role', async () => {
        const old = await makeRole('i_old', 'login noinherit')
        await world.admin('create role i_group; grant i_group to i_old')
        for (const database of ['app', 'audit']) {
          await world.admin('grant create on schema public to i_old, public', database)
          await world.admin('create table i_private (id int); alter table i_private owner to i_old', database)
        }
        const issued = await connection.issue!({
          ...wantLike(old.credential, 'two databases'),
          ttlSeconds: 600,
        })
        for (const database of ['app', 'audit']) {
          const client = await clientAs(issued.secret, database)
          expect((await client.query('select current_user::text as me')).rows).toEqual([{ me: 'i_old' }])
          await client.query('alter table i_private add column more int')
          await client.query('create table i_made_as_old (id int)')
          await client.query('discard all')
          expect((await client.query('select current_user::text as me')).rows).toEqual([{ me: 'i_old' }])
          await client.query('set role none')
          expect((await client.query('select current_user::text as me')).rows).toEqual([
            { me: issued.secret.id },
          ])
          await client.query('create table i_made_as_self (id int)')
          await client.query('alter default privileges grant select on tables to i_group')
          await client.query('grant select on i_made_as_self to i_group')
          await client.query('select * from i_private')
          await client.end()
        }
        const inside = await clientAs(issued.secret)
        await inside.query('set role none')
        await inside.query('begin')
        await inside.query('lock table i_made_as_self in access exclusive mode')
        await connection.revoke!(issued.ref)
        await expect(inside.query('select 1')).rejects.toThrow()
        await inside.end().catch(() => {})
        for (const database of ['app', 'audit']) {
          const owners = await world.admin<{ owner: string }>(
            `select relname, pg_get_userbyid(relowner)::text as owner from pg_class where relname like 'i\\_made%' order by 1`,
            database,
          )
          expect(owners.map(row => row.owner)).toEqual(['i_old', 'i_old'])
        }
        const [left] = await world.admin<{ count: number }>(
          `select count(*)::int from pg_roles where rolname = ${pg.escapeLiteral(issued.secret.id ?? '')}`,
        )
        expect(left).toEqual({ count: 0 })
        const still = await clientAs(old.secret)
        await still.query('select * from i_made_as_self')
        await still.end()
      })

      test('a sibling of a superuser, and of a role that acts as another, has the same rights', async () => {
        const boss = await makeRole('i_boss', 'login superuser')
        const acting = await makeRole('i_acting')
        await world.admin(
          'create role i_owner nologin; grant i_owner to i_acting; alter role i_acting set role = i_owner',
        )
        for (const [like, me, superuser] of [
          [boss, 'i_boss', 'on'],
          [acting, 'i_owner', 'off'],
        ] as const) {
          const issued = await connection.issue!(wantLike(like.credential, `like ${me}`))
          const client = await clientAs(issued.secret)
          const seen = await client.query(`select current_user::text as me,
            (select case when rolsuper then 'on' else 'off' end from pg_roles where rolname = current_user) as superuser`)
          expect(seen.rows).toEqual([{ me, superuser }])
          await client.end()
          await connection.revoke!(issued.ref)
        }
      })

      test('a sibling outlives the sibling that it was issued like', async () => {
        const old = await makeRole('i_chain')
        const first = await connection.issue!(wantLike(old.credential, 'chain 1'))
        const second = await connection.issue!(wantLike(first.ref, 'chain 2'))
        await connection.revoke!(first.ref)
        const client = await clientAs(second.secret)
        expect((await client.query('select current_user::text as me')).rows).toEqual([{ me: 'i_chain' }])
        await client.end()
        await connection.revoke!(second.ref)
      })

      test('settings go along, lists as lists', async () => {
        const old = await makeRole('i_settings')
        await world.admin(`alter role i_settings set search_path to "$user", 'B c', public;
          alter role i_settings set datestyle to 'SQL, DMY'; alter role i_settings in database app set work_mem to '9MB';
          alter role i_settings set my.note to 'it''s'`)
        const issued = await connection.issue!(wantLike(old.credential, 'settings'))
        const show = async (secret: Secret) => {
          const client = await clientAs(secret)
          const answer = await client.query(`select current_setting('search_path') as path,
            current_setting('datestyle') as style, current_setting('work_mem') as mem, current_setting('my.note') as note`)
          await client.end()
          return answer.rows[0] as unknown
        }
        expect(await show(issued.secret)).toEqual(await show(old.secret))
        await connection.revoke!(issued.ref)
      })

      test('undo leaves alone what is not marked as ours', async () => {
        const old = await makeRole('i_unmarked')
        const want = wantLike(old.credential, 'not ours')
        await world.admin(`create role ${issuedRoleName(want.name)}`)
        expect(await codeOf(connection.issue!(want))).toBe('CONFLICT')
        await connection.undo!(want)
        await world.admin(
          `comment on role ${issuedRoleName(want.name)} is 'firebreak another (like role 10)'`,
        )
        await connection.undo!(want)
        const left = await world.admin(`select from pg_roles where rolname = '${issuedRoleName(want.name)}'`)
        expect(left).toHaveLength(1)
      })

      test('an ordinary role that is dropped leaves what it owned to the connection’s own role', async () => {
        const { identity, credential, secret } = await world.principal()
        await connection.revoke!(identity)
        expect(await connection.inspect!(identity)).toBeNull()
        expect((await connection.verify!(credential, secret)).state).toBe('dead')
        for (const database of ['app', 'audit']) {
          const owners = await world.admin<{ owner: string }>(
            `select pg_get_userbyid(relowner)::text as owner from pg_class where relname = ${pg.escapeLiteral(`${secret.id} orders`)}`,
            database,
          )
          expect(owners).toEqual([{ owner: 'postgres' }])
        }
      })

      test('nothing cuts off the role that we are', async () => {
        const { identity, credential } = refs('10')
        const before = await connection.inspect!(identity)
        for (const call of [
          connection.revoke!(credential),
          connection.revoke!(identity),
          connection.suspend!(credential),
          connection.freeze!(identity),
          connection.narrow!(identity, []),
          connection.rotate!(credential, wantLike(credential, 'us')),
        ]) {
          expect(await codeOf(call)).toBe('CONFLICT')
        }
        expect(await connection.inspect!(identity)).toEqual(before)
      })

      test('what cannot be done says so', async () => {
        const { identity, credential } = await makeRole('i_boss_2', 'login superuser')
        expect(await codeOf(connection.freeze!(identity))).toBe('UNSUPPORTED')
        expect(await codeOf(connection.issue!({ ...wantLike(credential, 's'), scopes: ['read'] }))).toBe(
          'UNSUPPORTED',
        )
        expect(await codeOf(connection.issue!({ name: 's', scopes: [], before: null }))).toBe('UNSUPPORTED')
        expect(await codeOf(connection.suspend!(refs('4000000000').credential))).toBe('NOT_FOUND')
        expect(await codeOf(connection.revoke!({ ...credential, instance: '1' }))).toBe('CONFLICT')
        expect(await codeOf(connection.inspect!({ ...identity, id: '1; drop table x' }))).toBe('UNSUPPORTED')
      })
    })

    describe('narrow', () => {
      test('keeps what is in scope, and takes what was passed on with the rest', async () => {
        const { identity } = await world.principal()
        const passedOn = async () =>
          (
            await world.admin(
              `select from pg_class c, aclexplode(c.relacl) a where relname = 'customers'
             and a.grantor = ${identity.id}`,
              'app',
            )
          ).length
        const before = await connection.inspect!(identity)
        expect(await passedOn()).toBe(1)
        expect(before).toMatchObject({
          scopes: expect.arrayContaining([
            'attribute createrole',
            'member of readers',
            'SELECT on table public.customers in app',
            'UPDATE (name) on table public.customers in app',
            'CONNECT on database app',
            'INSERT on default for role owner_of_orders in schema public on tables in audit',
          ]),
        })
        await connection.narrow!(identity, (before as { scopes: string[] }).scopes)
        expect(await connection.inspect!(identity)).toEqual(before)
        await connection.narrow!(identity, [
          'member of readers',
          'USAGE on schema nowhere in app',
          'attribute createdb',
        ])
        const after = await connection.inspect!(identity)
        expect(after).toMatchObject({
          attributes: { createdb: true, createrole: false, login: true },
          memberships: [{ role: 'readers' }],
          grants: [],
        })
        expect(await passedOn()).toBe(0)
        await connection.thaw!(identity, before)
        expect(await passedOn()).toBe(1)
      })

      test('keeps one right of many', async () => {
        const { identity } = await world.principal()
        await connection.narrow!(identity, ['SELECT on table public.customers in app'])
        const after = await connection.inspect!(identity)
        expect(after).toMatchObject({ scopes: ['SELECT on table public.customers in app'] })
      })

      test('frozen, a role makes no role and lets nobody in', async () => {
        const { identity, secret } = await world.principal()
        await world.admin(
          'create role minter createrole; create role between_minter; grant minter to between_minter',
        )
        await world.admin(`grant between_minter to ${pg.escapeIdentifier(secret.id ?? '')}`)
        const before = await connection.inspect!(identity)
        await connection.freeze!(identity)
        const client = await clientAs(secret)
        await expect(client.query('create role evil login')).rejects.toThrow(/permission denied/)
        await expect(client.query('set role minter')).rejects.toThrow(/permission denied/)
        await expect(client.query('create role evil2; grant readers to evil2')).rejects.toThrow()
        await client.query('select * from customers')
        await client.end()
        await connection.thaw!(identity, before)
        expect(await connection.inspect!(identity)).toEqual(before)
      })
    })

    describe('discover', () => {
      test('names the instance by its endpoints, finds roles, rights, owners and superusers', async () => {
        const { identity, secret } = await world.principal()
        const config = world.config({ endpoints: ['db:5432'] })
        const seen = await collect((await postgres.open(config, realIo())).discover!())
        const { port } = world.server
        const instance = seen.find(each => each.see === 'resource' && each.ref.kind === 'instance')
        expect(instance).toMatchObject({
          ref: { id: connection.instance },
          names: [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'db:5432'],
        })
        const role = seen.find(each => each.see === 'identity' && each.ref.id === identity.id)
        expect(role).toMatchObject({
          names: [secret.id],
          facts: {
            createRole: { value: true },
            superuser: { value: false },
            passwordKind: { value: 'scram-sha-256' },
          },
        })
        expect(seen).toContainEqual(
          expect.objectContaining({ see: 'owner', of: identity, owner: 'team-orders' }),
        )
        const from = seen.flatMap(each => (each.see === 'edge' && each.from.id === identity.id ? [each] : []))
        const crossings = new Set(from.map(edge => `${edge.crossing} ${edge.to.kind}`))
        for (const crossing of [
          'may-read table',
          'owns table',
          'may-use schema',
          'may-connect database',
          'member-of role',
          'can-set-role role',
          'can-grant role',
        ]) {
          expect(crossings).toContain(crossing)
        }
        expect(seen).toContainEqual(
          expect.objectContaining({
            see: 'edge',
            crossing: 'superuser',
            from: expect.objectContaining({ id: '10' }),
          }),
        )
        expect(seen).toContainEqual(
          expect.objectContaining({ crossing: 'may-connect', from: expect.objectContaining({ id: '0' }) }),
        )
      })

      test('what a role’s comment says of it is told as a tag would tell it', async () => {
        const { identity } = await makeRole('d_noted')
        await world.admin(
          `comment on role d_noted is 'owner=bob@acme.example, service=orders; purpose: monthly report'`,
        )
        const seen = await collect((await postgres.open(world.config(), realIo())).discover!())
        const source = 'postgres role comment owner'
        expect(seen).toContainEqual(
          expect.objectContaining({ see: 'owner', of: identity, owner: 'bob@acme.example', source }),
        )
        expect(seen).toContainEqual(expect.objectContaining({ crossing: 'part-of', from: identity }))
        expect(seen).toContainEqual(
          expect.objectContaining({ ref: identity, facts: { purpose: { value: 'monthly report' } } }),
        )
      })

      test('a database that does not let us in is not covered', async () => {
        const reader = await makeRole('d_reader')
        await world.admin('create database secretive')
        await world.admin('revoke connect on database secretive from public')
        const config = world.config({ user: 'd_reader', password: reader.secret })
        const seen = await collect((await postgres.open(config, realIo())).discover!())
        const [row] = await world.admin<{ oid: string }>(
          `select oid::text from pg_database where datname = 'secretive'`,
        )
        const covered = seen.filter(each => each.see === 'covered')
        expect(covered).toContainEqual(
          expect.objectContaining({
            scope: `postgres:${connection.instance}/database/${row!.oid}`,
            complete: false,
          }),
        )
        expect(covered.some(each => each.see === 'covered' && each.complete)).toBe(true)
        const role = seen.find(each => each.see === 'identity' && each.ref.id === reader.identity.id)
        expect(role).toMatchObject({ facts: { passwordKind: { value: 'unknown' } } })
      })
    })

    test('a database owner’s search path does not decide what our statements mean', async () => {
      const { identity, secret } = await makeRole('trapper')
      await world.admin('create database trap owner trapper')
      const client = await clientAs(secret, 'trap')
      await client.query(`create schema evil;
        create table evil.loot (who text);
        create function evil.eq(oid, oid) returns boolean language plpgsql as
          $$ begin insert into evil.loot values (current_user); return $1 operator(pg_catalog.=) $2; end $$;
        create operator evil.= (leftarg = oid, rightarg = oid, function = evil.eq);
        create function evil.eq(name, name) returns boolean language plpgsql as
          $$ begin insert into evil.loot values (current_user); return $1 operator(pg_catalog.=) $2; end $$;
        create operator evil.= (leftarg = name, rightarg = name, function = evil.eq);
        alter database trap set search_path = evil, pg_catalog;
        alter database trap set standard_conforming_strings = off;
        alter database trap set default_transaction_read_only = on`)
      await client.end()
      const own = await postgres.open(world.config({ database: 'trap' }), realIo())
      await collect(own.discover!())
      await own.inspect!(identity)
      const again = await clientAs(secret)
      await again.query(
        `select set_config('search_path', 'public;alter/**/role/**/trapper/**/superuser', false)`,
      )
      await again.query('alter role trapper set search_path from current')
      await again.end()
      const like = await own.issue!(wantLike({ ...identity, identity }, 'like the trapper'))
      await own.revoke!(like.ref)
      expect(await world.admin('select rolsuper from pg_roles where rolname = $$trapper$$')).toEqual([
        { rolsuper: false },
      ])
      const sly = await makeRole(`sly\\' "role`)
      const issued = await own.issue!(wantLike(sly.credential, `it's \\' sly`))
      await own.revoke!(issued.ref)
      expect(
        await world.admin('set default_transaction_read_only = off; select * from evil.loot', 'trap'),
      ).toEqual([])
      await own.revoke!(identity)
    })

    test('a containing role that is no superuser does what the README says it can', async () => {
      const modern = Number.parseInt(world.server.version, 10) >= 16
      const ops = await makeRole('fb_ops', 'login createrole')
      const old = await makeRole('ops_old')
      await world.admin('grant pg_signal_backend, pg_read_all_stats to fb_ops')
      if (modern) await world.admin('grant ops_old to fb_ops with admin option')
      const config = world.config({ user: 'fb_ops', password: ops.secret })
      const own = await postgres.open(config, realIo())
      const issued = await own.issue!(wantLike(old.credential, 'by ops'))
      expect((await own.verify!(issued.ref, issued.secret)).state).toBe('live')
      const client = await clientAs(issued.secret)
      await client.query('set role none')
      await client.query('create temp table t (id int)')
      await own.revoke!(issued.ref)
      await expect(client.query('select 1')).rejects.toThrow()
      await client.end().catch(() => {})
      expect((await own.verify!(issued.ref, issued.secret)).state).toBe('dead')
      const before = await own.inspect!(old.credential)
      await own.suspend!(old.credential)
      await own.resume!(old.credential, before)
      await own.revoke!(old.credential)
      expect((await own.verify!(old.credential, old.secret)).state).toBe('dead')
      const boss = await makeRole('ops_boss', 'login superuser')
      expect(await codeOf(own.suspend!(boss.credential))).toBe('DENIED')
      expect(await codeOf(own.issue!(wantLike(boss.credential, 'no')))).toBe('DENIED')
    })

    test('what is wrong with a connection is said by its code', async () => {
      const open = (overrides: Parameters<PostgresWorld['config']>[0]) =>
        codeOf(postgres.open(world.config(overrides), realIo()))
      expect(await open({ password: new Secret('wrong') })).toBe('DENIED')
      expect(await open({ database: 'nowhere' })).toBe('INVALID_CONFIG')
      expect(await open({ port: 1 })).toBe('UNREACHABLE')
      expect(await open({ tls: 'require' })).toBe('UNREACHABLE')
      expect(await open({ tls: 'prefer' })).toBeUndefined()
      const stopped = AbortSignal.abort()
      expect(await codeOf(postgres.open(world.config(), realIo(stopped)))).toBe('UNREACHABLE')
    })
  })
}

async function collect(items: AsyncIterable<Observation>): Promise<Observation[]> {
  const all: Observation[] = []
  for await (const item of items) all.push(item)
  return all
}
