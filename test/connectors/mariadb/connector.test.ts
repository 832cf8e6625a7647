import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Connection } from '../../../src/core/contract/connector.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { mariadbWorld, type MariadbWorld } from '../../laws/mariadb-world.ts'
import { requireServer } from '../../servers.ts'
import { availableMariadb, INSTALL_MARIADB } from './mariadb-server.ts'

const server = requireServer('MariaDB', availableMariadb(), INSTALL_MARIADB)

describe.skipIf(server.skip)(`MariaDB ${server.reason}`, () => {
  let world: MariadbWorld
  let connection: Connection

  beforeAll(async () => {
    world = await mariadbWorld()
    connection = await world.open()
  })
  afterAll(() => world?.stop())

  const grantsOf = async (user: string) =>
    (await world.admin(`show grants for \`${user}\`@\`%\``)).map(row =>
      String(Object.values(row)[0])
        .replaceAll(user, 'USER')
        .replace(/ IDENTIFIED BY PASSWORD '[^']+'/, ''),
    )

  test('a sibling has the rights, roles and default role of the one beside it, and what can be passed on', async () => {
    const principal = await world.principal!()
    const want = { name: 'run:issue', like: principal.credential, scopes: [], before: null }
    const issued = await connection.issue!(want)
    expect(await grantsOf(issued.secret.id!)).toEqual(await grantsOf('app_0'))
    const session = await world.login(issued.secret)
    const [rows] = await session.query('select current_role() role')
    expect(rows).toEqual([{ role: 'clerk' }])
    await session.end()
    await connection.revoke!(issued.ref, issued.secret)
    await expect(grantsOf(issued.secret.id!)).rejects.toThrow('There is no such grant')
  })

  test('a frozen account keeps what it reads, and can make no account and pass nothing on', async () => {
    const { identity } = await world.principal!()
    await connection.freeze!(identity)
    const grants = (await grantsOf(identity.id.replace('@%', ''))).join('\n')
    expect(grants).not.toMatch(/OPTION|CREATE USER/)
    expect(grants).toContain('GRANT SELECT, INSERT ON `shop`.*')
  })

  test('tells of accounts, roles, and what each may do in which database', async () => {
    const { identity } = await world.principal!()
    const seen: Observation[] = []
    for await (const each of connection.discover!()) seen.push(each)
    const edges = seen.flatMap(each => (each.see === 'edge' ? [each] : []))
    const ofIt = edges.filter(({ from }) => from.id === identity.id)
    expect(
      ofIt.map(({ crossing, to, certainty }) => `${crossing} ${to.kind} ${to.id.slice(0, 5)} ${certainty}`),
    ).toEqual(
      expect.arrayContaining([
        'member-of role clerk proven',
        'may-read database shop proven',
        'may-write database shop proven',
        `superuser instance ${world.instance.slice(0, 5)} proven`,
      ]),
    )
    expect(edges).toContainEqual(
      expect.objectContaining({
        from: expect.objectContaining({ kind: 'role', id: 'clerk' }),
        crossing: 'may-read',
        certainty: 'conditional',
        when: 'it is of `shop`.`orders`',
      }),
    )
  })
})
