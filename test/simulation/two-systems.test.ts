import { beforeAll, describe, expect, test } from 'vitest'
import { BOUNDARIES } from '../../src/act/actions/step.ts'
import type { ContainRequest } from '../../src/act/incident/contain.ts'
import type { ContainReport } from '../../src/act/incident/report.ts'
import { isIssued } from '../../src/core/contract/issued-name.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { CACHE_ENDPOINT, type Description } from './estate.ts'
import { mustBeContained, mustNotStandIn } from './invariants.ts'
import { OTHER_PASSWORD, PASSWORD, SHOP, url } from './shop.ts'
import { reportOf, type Scene, Stage } from './stage.ts'

const CACHE_PASSWORD = ['Hx4Rw9Ub', '7sQk2EyD'].join('')
const RULES = ['~shop:*', '&*', '+@all']
const PLACE = 'shop/.env'

function cacheUrl(name: string, password: string, endpoint = CACHE_ENDPOINT): string {
  return `redis://${name}:${password}@${endpoint}/0`
}

/** One file names a login of each system, another one, which leaked, names both. */
const TWO: Description = {
  roles: SHOP.roles,
  users: [
    { name: 'cart', password: CACHE_PASSWORD, rules: RULES },
    { name: 'other', password: OTHER_PASSWORD, rules: RULES },
  ],
  files: {
    [PLACE]: `DATABASE_URL=${url('orders', PASSWORD)}\nREDIS_URL=${cacheUrl('cart', CACHE_PASSWORD)}\n`,
    'support/dump.txt': `${url('orders', PASSWORD)}\n${cacheUrl('cart', CACHE_PASSWORD)}\n`,
    'other/.env': `REDIS_URL=${cacheUrl('other', OTHER_PASSWORD)}\n`,
  },
  approved: ['**/.env'],
}

describe.each(['graceful', 'emergency'] as const)(
  'PostgreSQL and Redis leaked from one document, %s',
  mode => {
    const request: ContainRequest = { leakedIn: 'support/dump.txt', mode, windowSeconds: 0 }
    let stage: Stage
    beforeAll(async () => {
      stage = await Stage.set(TWO)
    })

    test('both are contained in one run, and the file that has both gets both', async () => {
      const scene = await stage.begin()
      const report = reportOf(await scene.contain(request))
      await mustBothBeContained(scene, report)
      expect(report.credentials.map(({ label, state }) => `${label} ${state}`).sort()).toEqual([
        'cart dead',
        'orders dead',
      ])
      // The branches run side by side: neither waits for the other's end.
      const order = scene.told.filter(({ boundary }) => boundary === 'begin').map(({ key }) => key)
      const [first] = mode === 'graceful' ? ['freeze'] : ['suspend']
      expect(Math.max(order.indexOf(`${first}:cart`), order.indexOf(`${first}:orders`))).toBeLessThan(
        Math.min(order.indexOf('prove:cart'), order.indexOf('prove:orders')),
      )
      // Asked for again, it is told again, and nothing that was put in place is cut.
      const again = reportOf(await scene.contain(request))
      expect(again.run).toBe(report.run)
      await scene.end()
    })

    test('dead at each boundary, it is finished by the next process', async () => {
      const { told, end } = await stage.begin().then(async scene => {
        reportOf(await scene.contain(request))
        return { told: scene.told, end: () => scene.end() }
      })
      await end()
      const wrong: string[] = []
      // What the branches of one run do to each other: the rest is tried with one.
      const points = told.filter(({ key }) => /^(?:write|reread)/.test(key))
      for (const { key, boundary } of points) {
        const scene = await stage.begin()
        try {
          expect(await scene.contain(request, { dieAt: { key, boundary } })).toBe('died')
          await mustBothBeContained(scene, reportOf(await scene.contain(request)))
        } catch (error) {
          wrong.push(`${key} ${boundary}: ${error instanceof Error ? error.message : String(error)}`)
        } finally {
          await scene.end()
        }
      }
      expect(wrong).toEqual([])
      expect(points).toHaveLength(3 * BOUNDARIES.length)
    })
  },
)

test('what leaked with it and no connected system accepts keeps the run from counting as contained', async () => {
  const elsewhere = cacheUrl('far', ['Kd8Zt5Wq', '3nVb6LpA'].join(''), 'far.example:6379')
  const stage = await Stage.set({
    ...TWO,
    files: { ...TWO.files, 'support/dump.txt': `${url('orders', PASSWORD)}\n${elsewhere}\n` },
  })
  const scene = await stage.begin()
  try {
    const report = reportOf(
      await scene.contain({ leakedIn: './support/dump.txt', mode: 'graceful', windowSeconds: 0 }),
    )
    expect(report).toMatchObject({ state: 'done', contained: false })
    expect(report.credentials).toEqual([
      expect.objectContaining({ label: 'orders', state: 'dead' }),
      expect.objectContaining({ state: 'unknown', why: expect.stringContaining('no connected system') }),
    ])
  } finally {
    await scene.end()
  }
})

test.each([
  ['.env', 'AMBIGUOUS'],
  ['nowhere.txt', 'NOT_FOUND'],
])('the document %s: %s, and nothing is done', async (leakedIn, code) => {
  const stage = await Stage.set(TWO)
  const scene = await stage.begin()
  try {
    const ending = await scene.contain({ leakedIn, mode: 'graceful', windowSeconds: 0 })
    expect(ending).toMatchObject({ failure: { code } })
    expect(scene.told).toEqual([])
  } finally {
    await scene.end()
  }
})

async function mustBothBeContained(scene: Scene, report: ContainReport): Promise<void> {
  await mustBeContained(scene.db, scene.estate, report, [scene.contained('orders', [PLACE])])
  const cache = scene.estate.cache!
  expect(cache.login('cart', new Secret(CACHE_PASSWORD))).toBeUndefined()
  expect(cache.user('cart')).toMatchObject({ on: false, digests: [], rules: RULES })
  const issued = cache.users().filter(({ name }) => isIssued(name))
  expect(issued.map(user => user.rules)).toEqual([RULES])
  const [, name = '', password = ''] = /redis:\/\/([^:]+):([^@]+)@/.exec(scene.estate.text(PLACE)) ?? []
  expect(name).toBe(issued[0]?.name)
  const session = cache.login(name, new Secret(password))
  expect(session, 'what stands in the file is accepted').toBeDefined()
  if (session) session.alive = false
  expect(cache.login('other', new Secret(OTHER_PASSWORD)), 'who has nothing to do with it').toBeDefined()
  await mustNotStandIn(scene.db, [CACHE_PASSWORD, password], JSON.stringify(report))
}
