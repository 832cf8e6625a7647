import { afterEach, beforeEach, expect, test } from 'vitest'
import { realIo } from '../../../../src/core/contract/io.ts'
import { Connections } from '../../../../src/know/connections/registry.ts'
import { testKeys } from '../../../know/estate.ts'
import { openOwnStore } from '../../../own-store.ts'
import { type BrokerStage, brokerStage, ISSUER } from '../broker-stage.ts'

let stage: BrokerStage
let db: Awaited<ReturnType<typeof openOwnStore>>['db']
let now: number

beforeEach(async () => {
  now = Date.UTC(2026, 4, 1)
  ;({ db } = await openOwnStore())
  const config = `
issuers: [{ issuer: "${ISSUER}", subjects: ['job:*'] }]
leases: [{ name: api, audience: "https://reports.example", ttl: 60s }]
`
  const policies = {
    'all.cedar': 'permit(principal, action, resource) when { principal.subject == "job:good" };',
  }
  stage = await brokerStage(
    db,
    new Connections([], testKeys, realIo()),
    { config, policies },
    { now: () => new Date(now) },
  )
})
afterEach(() => stage.close())

async function recorded(kind: string): Promise<Record<string, unknown>[]> {
  const rows = await db.selectFrom('evidence').select('body').where('kind', '=', kind).orderBy('id').execute()
  return rows.map(({ body }) => JSON.parse(body) as Record<string, unknown>)
}

test('who proves nothing fills the evidence with no more than counts', async () => {
  const stranger = (bearer: string) => stage.post('/leases', bearer, { name: 'api' })
  for (let left = 400; left > 0; left -= 40) {
    const answers = await Promise.all(Array.from({ length: 40 }, () => stranger('no.such.token')))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]))
  }
  expect(await recorded('broker.unattested')).toHaveLength(100)
  // Those who prove who they are, are recorded each, refused or not.
  expect((await stage.post('/leases', await stage.token({ sub: 'job:bad' }), { name: 'api' })).status).toBe(
    403,
  )
  expect((await stage.post('/leases', await stage.token({ sub: 'job:good' }), { name: 'api' })).status).toBe(
    201,
  )
  expect(await recorded('broker.decision')).toHaveLength(2)
  const since = now
  now += 61_000
  await stage.keeper.look()
  const entries = await recorded('broker.unattested')
  expect(entries).toHaveLength(101)
  expect(entries[100]).toEqual({ error: 'invalid_token', times: 300, since, until: now })
  // Not twice; and after a minute there is room for some again.
  await stage.keeper.look()
  for (let again = 0; again < 8; again++) await stranger('no.such.token')
  expect(await recorded('broker.unattested')).toHaveLength(107)
  await stage.broker.ledger.keepCounted(true)
  expect((await recorded('broker.unattested'))[107]).toMatchObject({ times: 2 })
})

test('requests that cannot be read are bounded in the same way', async () => {
  const token = await stage.token()
  for (let left = 120; left > 0; left -= 40)
    await Promise.all(
      Array.from({ length: 40 }, (_, at) => stage.post('/leases', token, { [`x${left}${at}`]: 1 })),
    )
  expect(await recorded('broker.refused')).toHaveLength(100)
  await stage.broker.ledger.keepCounted(true)
  const { error, times } = (await recorded('broker.refused'))[100]!
  expect([error, times]).toEqual(['invalid_request', 20])
})
