import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgres } from '../../../src/connectors/postgres/connector.ts'
import type { Connection } from '../../../src/core/contract/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { absentPostgres, postgresWorld, type PostgresWorld } from '../../laws/postgres-world.ts'
import { addRole } from './roles.ts'

for (const binaries of ['system', 'embedded'] as const) {
  const absent = absentPostgres(binaries)
  describe.skipIf(absent)(`verify, ${binaries}${absent ? ` (${absent})` : ''}`, () => {
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
    const makeRole = (name: string, options?: string) => addRole(world, connection.instance, name, options)

    test('tells a right password that may not get in from a wrong one', async () => {
      const { credential, secret } = await makeRole('v_many', 'login connection limit 0')
      expect(await connection.verify!(credential, secret)).toMatchObject({
        state: 'live',
        why: expect.stringContaining('53300'),
      })
      await world.admin('alter role v_many connection limit -1')

      await world.admin('create database closed; ')
      await world.admin('revoke connect on database closed from public')
      const closed = await postgres.open(world.config({ database: 'closed' }), realIo())
      expect(await closed.verify!(credential, secret)).toMatchObject({
        state: 'live',
        why: expect.stringContaining('42501'),
      })
      expect((await closed.verify!(credential, new Secret('wrong'))).state).toBe('dead')

      await world.admin('alter role v_many nologin')
      const shut = await connection.verify!(credential, secret)
      expect(shut).toMatchObject({ state: 'dead', why: expect.stringContaining('NOLOGIN') })
    })

    test('an expired password is dead, and the reason is said', async () => {
      const { credential, secret } = await makeRole('v_expired', "login valid until '2001-01-01'")
      const verdict = await connection.verify!(credential, secret)
      expect(verdict).toMatchObject({ state: 'dead', why: expect.stringContaining('VALID UNTIL') })
    })

    test('an MD5 password refused for being asked for as SCRAM is unknown', async () => {
      const { credential, secret } = await makeRole('v_md5')
      await world.admin(`set password_encryption = 'md5'; alter role v_md5 password '${secret.revealText()}'`)
      expect(await connection.verify!(credential, secret)).toMatchObject({ state: 'unknown' })
    })

    test('a role let in with any password is unknown; one that pg_hba turns away is unknown', async () => {
      const trusted = await makeRole('v_trusted')
      const rejected = await makeRole('v_rejected')
      const hba = (lines: string[]) => [...lines, 'host all all 127.0.0.1/32 scram-sha-256'].join('\n')
      const [row] = await world.admin<{ hba_file: string }>('show hba_file')
      const set = async (lines: string[]) => {
        await writeFile(row!.hba_file, `${hba(lines)}\n`)
        await world.admin('select pg_reload_conf()')
      }
      await set(['host all v_trusted all trust', 'host all v_rejected all reject'])
      try {
        // The server reads it when it gets to it.
        await expect
          .poll(() => connection.verify!(trusted.credential, trusted.secret))
          .toMatchObject({ state: 'unknown', why: expect.stringContaining('wrong password') })
        expect((await connection.verify!(rejected.credential, rejected.secret)).state).toBe('unknown')
        await connection.suspend!(trusted.credential)
        expect((await connection.verify!(trusted.credential, trusted.secret)).state).toBe('dead')
      } finally {
        await set([])
      }
    })

    test('a password that SASLprep changes is normalised as the server does', async () => {
      const { credential } = await makeRole('v_prep')
      await world.admin(`alter role v_prep password 'caf\u00e9\u00a0\u2168'`)
      expect((await connection.verify!(credential, new Secret('caf\u00e9\u00a0\u2168'))).state).toBe('live')
      expect((await connection.verify!(credential, new Secret('cafe\u0301 IX'))).state).toBe('live')
    })

    test('says what a live one opens, a superuser above all', async () => {
      const { credential, secret } = await makeRole('v_super', 'login superuser')
      const { state, access } = await connection.verify!(credential, secret)
      expect(state).toBe('live')
      expect(access).toEqual(expect.arrayContaining(['superuser', 'acts as role v_super', 'database app']))
    })

    test('a dropped role’s password that a new role of its name takes is live', async () => {
      const old = await makeRole('v_reborn')
      await world.admin(
        `drop role v_reborn; create role v_reborn login password '${old.secret.revealText()}'`,
      )
      expect(await connection.verify!(old.credential, old.secret)).toMatchObject({ state: 'live' })
      expect(await connection.verify!(old.credential, new Secret('other', 'v_reborn'))).toMatchObject({
        state: 'dead',
      })
    })
  })
}
