import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listLeases } from '../../src/act/broker/lease/lease-view.ts'
import { availablePostgres } from '../../src/serve/operations/drill/postgres-server.ts'
import { requireServer } from '../servers.ts'
import { type Replica, REPORTS, type ReplicasStage, replicasStage } from './replicas-stage.ts'

const postgres = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')

/** The whole program twice, on one store: what the one does the other knows, and goes on with where the one is gone. */
describe.skipIf(postgres.skip)(`two brokers on one PostgreSQL ${postgres.reason}`, () => {
  let stage: ReplicasStage
  let one: Replica
  let two: Replica

  beforeAll(async () => {
    stage = await replicasStage()
    // Both at once, so that both find neither a key nor policies in force.
    ;[one, two] = await Promise.all([stage.start(), stage.start()])
  })
  afterAll(async () => {
    await one?.stop('SIGTERM')
    await two?.stop('SIGTERM')
    await stage?.close()
  })

  test('a lease of the one is shown, renewed and ended by the other', async () => {
    const { lease, handle, credential } = await one.lease('postgres:orders', { ttlSeconds: 60 })
    expect(await stage.logsIn(credential)).toBe(true)
    const shown = await two.call('GET', `/leases/${lease.id}`, handle)
    expect(shown).toMatchObject({ id: lease.id, state: 'active' })
    const ended = await two.call('DELETE', `/leases/${lease.id}`, handle)
    expect(ended).toMatchObject({ state: 'ended', proof: { state: 'dead' } })
    expect(await stage.logsIn(credential)).toBe(false)
    expect(await one.call('GET', `/leases/${lease.id}`, handle)).toMatchObject({ state: 'ended' })
  })

  test('a token of the one holds at the other until that ends it, by the keys of both', async () => {
    const { accessToken = '' } = await one.lease('api:reports')
    expect(await two.form('/introspect', { token: accessToken })).toMatchObject({ active: true })
    await two.form('/revoke', { token: accessToken }, {})
    expect(await one.form('/introspect', { token: accessToken })).toEqual({ active: false })
    const published = async (path: string) => [await one.call('GET', path), await two.call('GET', path)]
    for (const path of ['/jwks.json', '/spiffe/bundle']) {
      const [here, there] = await published(path)
      expect(here, path).toEqual(there)
      expect((here as { keys: unknown[] }).keys).toHaveLength(1)
    }
  })

  test('what was presented to the one is not taken by the other, though both ask at the same moment', async () => {
    for (let round = 0; round < 5; round++) {
      const shown = await stage.assertion()
      const asked = { grant_type: 'client_credentials', resource: REPORTS, ...shown }
      const answers = await Promise.all([one, two, one, two].map(each => each.form('/token', asked, {})))
      expect(answers.filter(answer => 'access_token' in (answer as object))).toHaveLength(1)
      const refused = answers.filter(answer => !('access_token' in (answer as object)))
      expect(refused).toEqual(refused.map(() => expect.objectContaining({ error: 'invalid_client' })))
    }
  })

  test('of one that is killed the other ends what it left, and nothing half-issued stays', async () => {
    const { credential } = await one.lease('postgres:orders', { ttlSeconds: 3 })
    const token = await one.lease('api:reports', { ttlSeconds: 3 })
    // While it is at some, as the store tells: it is asked for more until that is seen.
    let isSeen = false
    const asking = Array.from({ length: 6 }, async () => {
      while (!isSeen) await one.lease('postgres:orders', { ttlSeconds: 3 }).catch(() => undefined)
    })
    await expect
      .poll(async () => (await states()).filter(state => state === 'issuing').length, { interval: 5 })
      .toBeGreaterThan(0)
    isSeen = true
    await one.stop('SIGKILL')
    await Promise.all(asking)
    // How soon is seen by the soak, which has the machine to itself.
    const standing = async () => (await states()).filter(state => state !== 'ended' && state !== 'refused')
    await expect.poll(standing, { interval: 50 }).toEqual([])
    expect(await stage.logsIn(credential)).toBe(false)
    expect(await two.form('/introspect', { token: token.accessToken ?? '' })).toEqual({ active: false })
    expect(await stage.roles()).toEqual([])
  })

  test('the record of both is one chain, and has all of it', async () => {
    one = await stage.start()
    await Promise.all([one, two].flatMap(each => Array.from({ length: 20 }, () => each.lease('api:reports'))))
    await Promise.all([one.stop('SIGTERM'), two.stop('SIGTERM')])
    const told = await stage.record()
    const leases = await listLeases(stage.db, true)
    expect(leases.length).toBeGreaterThan(40)
    for (const { id } of leases) expect(told).toContain(`broker.decision ${id}`)
  })

  async function states(): Promise<string[]> {
    const leases = await listLeases(stage.db, true)
    return leases.filter(({ name }) => name === 'postgres:orders').map(({ state }) => state)
  }
})
