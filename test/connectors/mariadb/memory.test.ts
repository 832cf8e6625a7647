import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memoryMariadb } from '../../../src/connectors/mariadb/memory.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Ref } from '../../../src/core/contract/ref.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { mariadbWorld, type MariadbWorld, principalStatements, SETTING } from '../../laws/mariadb-world.ts'
import { requireServer } from '../../servers.ts'
import { availableMariadb, INSTALL_MARIADB } from './mariadb-server.ts'

const server = requireServer('MariaDB', availableMariadb(), INSTALL_MARIADB)
const PASSWORD = 'first'
const [APP, ROLE, NOBODY] = ['`app`@`%`', '`clerk`', '`nobody`@`%`']

/** Each with what is asked after it. */
const SCRIPT = [
  `show grants for ${APP}`,
  `show grants for ${ROLE}`,
  `show grants for ${NOBODY}`,
  `grant ALL PRIVILEGES ON \`shop\`.* to ${APP}`,
  `show grants for ${APP}`,
  `revoke ALL PRIVILEGES ON \`shop\`.* from ${APP}`,
  `show grants for ${APP}`,
  `revoke grant option ON \`shop\`.* from ${APP}`,
  `revoke grant option ON \`shop\`.* from ${APP}`,
  `grant SELECT, SELECT ON *.* to ${APP} WITH GRANT OPTION`,
  `revoke SELECT ON *.* from ${APP}`,
  `show grants for ${APP}`,
  `revoke grant option ON *.* from ${APP}`,
  `revoke CREATE USER, PROCESS ON *.* from ${APP}`,
  `revoke CREATE USER, PROCESS ON *.* from ${APP}`,
  `revoke UPDATE (\`id\`) ON \`shop\`.\`orders\` from ${APP}`,
  `show grants for ${APP}`,
  `revoke admin option for ${ROLE} from ${APP}`,
  `show grants for ${APP}`,
  `set default role ${ROLE} for ${NOBODY}`,
  `revoke ${ROLE} from ${APP}`,
  `revoke ${ROLE} from ${APP}`,
  `set default role ${ROLE} for ${APP}`,
  `grant \`nothing\` to ${APP}`,
  `grant SELECT ON \`shop\`.* to ${NOBODY}`,
  `create user ${APP} identified by 'x'`,
  `alter user ${NOBODY} account lock`,
  `alter user ${APP} account lock`,
  `show grants for ${APP}`,
  'kill hard connection 999999',
  `drop user if exists ${NOBODY}`,
  `drop user if exists ${APP}`,
  `show grants for ${APP}`,
]

test('what was issued beside a frozen account has its rights again when that one is thawed, and nobody else', async () => {
  const twin = memoryMariadb()
  const connection = await twin.connector.open({}, realIo())
  // As far as they can be read their names are one.
  const [account, alike] = ['app.orders', 'app-orders'].map((user): Ref => {
    twin.run(`create user \`${user}\` identified by '${PASSWORD}'`)
    twin.run(`grant ALL PRIVILEGES ON *.* to \`${user}\` WITH GRANT OPTION`)
    return { system: 'mariadb', instance: connection.instance, kind: 'user', id: `${user}@%` }
  }) as [Ref, Ref]
  const issue = async (name: string, like: Ref) =>
    (await connection.issue!({ name, like, scopes: [], before: null })).ref
  const before = await connection.inspect!(account)
  for (const each of [account, alike]) await connection.freeze!(each)
  const [own, gone] = [await issue('first', account), await issue('second', account)]
  const others = [await issue('third', account), await issue('fourth', alike)]
  await connection.revoke!(gone)
  await connection.thaw!(account, before, [own, gone])
  const rights = async (ref: Ref) => ((await connection.inspect!(ref)) as { grants: object[] } | null)?.grants
  expect(await rights(own)).toEqual(await rights(account))
  expect(await rights(own)).toHaveLength(1)
  expect(await rights(gone)).toBeUndefined()
  for (const other of others) expect(await rights(other)).toEqual([])
})

describe.skipIf(server.skip)(`MariaDB in memory ${server.reason}`, () => {
  let world: MariadbWorld
  beforeAll(async () => {
    world = await mariadbWorld()
    for (const statement of principalStatements('app', new Secret(PASSWORD))) await world.admin(statement)
  })
  afterAll(() => world?.stop())

  test('answers each statement as a real server does', async () => {
    const twin = memoryMariadb()
    for (const statement of [...SETTING, ...principalStatements('app', new Secret(PASSWORD))])
      twin.run(statement)
    for (const statement of SCRIPT)
      expect(await told(() => twin.run(statement)), statement).toEqual(
        await told(() => world.admin(statement)),
      )
  })
})

/** The rows, or the number of the error. */
async function told(run: () => unknown): Promise<unknown> {
  try {
    const rows = await run()
    return Array.isArray(rows) ? rows.map(row => Object.values(row as object)) : []
  } catch (error) {
    return (error as { errno: number }).errno
  }
}
