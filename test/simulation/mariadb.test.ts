import { beforeAll, describe, expect, test } from 'vitest'
import type { ContainRequest } from '../../src/act/incident/contain.ts'
import type { ContainReport } from '../../src/act/incident/report.ts'
import { isIssued } from '../../src/core/contract/issued-name.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { type Containment, eachCall, mustEndWell } from './disturbed.ts'
import { type Description, MARIADB_ENDPOINT } from './estate.ts'
import { mustBeClosed, mustHold, mustNotStandIn } from './invariants.ts'
import { OTHER_PASSWORD, PASSWORD } from './shop.ts'
import { reportOf, type Scene, Stage } from './stage.ts'

const PLACE = 'shop/.env'
/** Odd, so that calls break before and after their effect by turns. */
const STEP = 11
const RIGHTS = ['grant SELECT, INSERT ON `shop`.* to `orders` with grant option', 'grant `clerk` to `orders`']

function url(name: string, password: string): string {
  return `mysql://${name}:${password}@${MARIADB_ENDPOINT}/shop`
}

/** An account whose password stands in a file that may be written and in one that may not. */
const SHOP: Description = {
  roles: [],
  mariadb: [
    'create database shop',
    'create role `clerk`',
    `create user \`orders\` identified by '${PASSWORD}'`,
    ...RIGHTS,
    'set default role `clerk` for `orders`',
    `create user \`billing\` identified by '${OTHER_PASSWORD}'`,
  ],
  files: {
    [PLACE]: `PORT=3000\nDATABASE_URL=${url('orders', PASSWORD)}\n`,
    'billing/.env': `DATABASE_URL=${url('billing', OTHER_PASSWORD)}\n`,
    'notes/setup.md': `Use ${url('orders', PASSWORD)} for now.\n`,
  },
  approved: ['**/.env'],
}

let stage: Stage
beforeAll(async () => {
  stage = await Stage.set(SHOP)
})

describe.each(['graceful', 'emergency'] as const)('an account of MariaDB, %s', mode => {
  const request: ContainRequest = { subject: 'orders', mode, windowSeconds: 0 }
  const containment = (): Containment => ({ stage, request, mustBeContained })

  test('logins and statements broken, before or after their effect: it recovers, or the next process finishes it', async () => {
    const scene = await stage.begin()
    const { wire } = scene.estate.mariadb!
    const before = wire.calls
    await mustBeContained(scene, reportOf(await scene.contain(request)))
    await scene.end()
    // Each is a run of its own, and there are hundreds.
    const some = eachCall(wire.calls - before).filter((_, index) => index % STEP === 0)
    await mustEndWell(containment(), some, async (broken, { call, when }) => {
      broken.estate.mariadb!.wire.failAt(call, when)
      const ending = await broken.contain(request)
      broken.estate.mariadb!.wire.noFault()
      return ending
    })
  })
})

async function mustBeContained({ db, estate }: Scene, report: ContainReport): Promise<void> {
  const server = estate.mariadb!
  expect(report).toMatchObject({ state: 'done', contained: true })
  expect(server.login('orders', new Secret(PASSWORD)), 'the leaked password').toBeUndefined()
  const issued = server.accounts().filter(({ user }) => isIssued(user))
  expect(issued).toHaveLength(1)
  const [, name = '', password = ''] = /mysql:\/\/([^:]+):([^@]+)@/.exec(estate.text(PLACE)) ?? []
  expect(name).toBe(issued[0]?.user)
  const session = server.login(name, new Secret(password))
  expect(session, 'what stands in the file is accepted').toBeDefined()
  server.run(`kill hard connection ${session?.id}`)
  const rights = (user: string) => server.account(user)?.grants.lines('', '')
  expect(rights(name), 'it may what the old one may').toEqual(rights('orders'))
  expect(rights('orders')).toEqual([
    'GRANT `clerk` TO ',
    'GRANT USAGE ON *.* TO ',
    'GRANT SELECT, INSERT ON `shop`.* TO  WITH GRANT OPTION',
  ])
  expect(server.account(name)?.defaultRole).toBe('clerk')
  expect(server.login('billing', new Secret(OTHER_PASSWORD)), 'who has nothing to do with it').toBeDefined()
  await mustBeClosed(db, report)
  await mustHold(db)
  await mustNotStandIn(db, [PASSWORD, password], JSON.stringify(report))
}
