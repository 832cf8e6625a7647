import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listLeases } from '../../src/act/broker/lease/lease-view.ts'
import { availablePostgres } from '../../src/serve/operations/drill/postgres-server.ts'
import { type Replica, type ReplicasStage, replicasStage } from '../drills/replicas-stage.ts'
import { requireServer } from '../servers.ts'

const LEASES = Number(process.env['LEASES'] ?? 300)
const KILLS = 8
const AT_ONCE = 6
const SEED = Number(process.env['SEED'] ?? 20_261_129)
/** So long after its end a lease may still be there: one of the brokers is always up. */
const GRACE_MS = 5_000

const postgres = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')

describe.skipIf(postgres.skip)(
  `${LEASES} leases by two brokers on one PostgreSQL, one or the other killed ${KILLS} times, seed ${SEED}`,
  () => {
    const random = generator(SEED)
    const ends = new Map<string, number>()
    const given = new Set<string>()
    let stage: ReplicasStage
    let replicas: Replica[]

    beforeAll(async () => {
      stage = await replicasStage()
      replicas = await Promise.all([stage.start(), stage.start()])
    }, 120_000)
    afterAll(async () => {
      await Promise.all((replicas ?? []).map(each => each.stop('SIGKILL')))
      await stage?.close()
    })

    test('none outlives its time, none is left, and the record is one chain with all of them', async () => {
      let late = 0
      let watching = true
      const watch = (async () => {
        for (; watching; await pause(200))
          for (const user of await stage.usable()) {
            const end = ends.get(user)
            if (end !== undefined) late = Math.max(late, Date.now() - end)
          }
      })()
      const killAt = new Set(
        Array.from({ length: KILLS }, (_, n) => Math.round(((n + random()) * LEASES) / KILLS)),
      )
      let restart = Promise.resolve()
      let asked = 0
      const work = async () => {
        while (given.size < LEASES) {
          if (killAt.delete(asked++)) restart = restart.then(killOne)
          await ask().catch(() => pause(200))
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, work))
      await restart
      const standing = async () =>
        (await listLeases(stage.db, true)).filter(({ state }) => state !== 'ended' && state !== 'refused')
      await expect.poll(standing, { timeout: 300_000, interval: 1000 }).toEqual([])
      watching = false
      await watch
      await Promise.all(replicas.map(each => each.stop('SIGTERM')))

      const leases = await listLeases(stage.db, true)
      console.log(JSON.stringify({ asked, given: given.size, leases: leases.length, longestLateMs: late }))
      expect(await stage.roles()).toEqual([])
      const states = new Map(leases.map(({ id, state }) => [id, state]))
      for (const id of given) expect(states.get(id), id).toBe('ended')
      const told = await stage.record()
      for (const { id } of leases) expect(told).toContain(`broker.decision ${id}`)
      expect(late).toBeLessThan(GRACE_MS)
    }, 1_200_000)

    /** By one of the brokers; some are ended by whoever has them, at the one or the other. */
    async function ask(): Promise<void> {
      const name = random() < 0.6 ? 'postgres:orders' : 'api:reports'
      const { lease, handle, credential } = await any().lease(name, {
        ttlSeconds: 5 + Math.floor(random() * 20),
      })
      given.add(lease.id)
      if (credential) ends.set(credential.user, Date.parse(lease.notAfter))
      if (random() < 0.3) await any().call('DELETE', `/leases/${lease.id}`, handle)
    }

    function any(): Replica {
      return replicas[random() < 0.5 ? 0 : 1]!
    }

    async function killOne(): Promise<void> {
      const index = random() < 0.5 ? 0 : 1
      // Not when a request begins, but somewhere within what is at work.
      await pause(random() * 500)
      await replicas[index]!.stop('SIGKILL')
      replicas[index] = await stage.start()
    }
  },
)

async function pause(ms: number): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, ms))
}

function generator(seed: number): () => number {
  let state = seed % 2_147_483_647
  return () => {
    // Park and Miller's generator: any would do, as long as it is the same each time.
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}
