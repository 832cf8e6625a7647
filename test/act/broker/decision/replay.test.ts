import { expect, test } from 'vitest'
import { replay } from '../../../../src/act/broker/decision/replay.ts'
import { compilePolicies } from '../../../../src/judge/policy/policy.ts'
import { realIo } from '../../../../src/core/contract/io.ts'
import { record } from '../../../../src/core/evidence/evidence.ts'
import { transaction } from '../../../../src/core/store/store.ts'
import { Connections } from '../../../../src/know/connections/registry.ts'
import { policySchema } from '../../../../src/serve/operations/broker/open-broker.ts'
import { testKeys } from '../../../know/estate.ts'
import { openOwnStore } from '../../../own-store.ts'
import { brokerStage, ISSUER } from '../broker-stage.ts'

const CONFIG = `
issuers: [{ issuer: "${ISSUER}", subjects: ['job:*'] }]
leases:
  - { name: api, audience: "https://reports.example", scopes: [read, write], ttl: 60s }
`
const NOW = {
  'all.cedar': `
@id("all") permit(principal, action, resource);
@id("not-mail") forbid(principal, action, resource) when { principal.subject == "job:mail" };`,
}
const PROPOSED = {
  'all.cedar': `
@id("all") permit(principal, action, resource);
@id("no-writing") forbid(principal, action, resource) when { context.scopes.contains("write") };`,
}

test('what a change would have denied is told from what was decided, and changes nothing', async () => {
  let now = Date.UTC(2026, 4, 1)
  const { db } = await openOwnStore()
  const connections = new Connections([], testKeys, realIo())
  const stage = await brokerStage(
    db,
    connections,
    { config: CONFIG, policies: NOW },
    { now: () => new Date(now) },
  )
  try {
    const ask = async (sub: string, scopes: string[]) =>
      (await stage.post('/leases', await stage.token({ sub }), { name: 'api', scopes })).status
    const day = 86_400_000
    expect(await ask('job:a', ['write'])).toBe(201)
    now += 8 * day
    expect(await ask('job:a', ['write'])).toBe(201)
    expect(await ask('job:a', ['write'])).toBe(201)
    expect(await ask('job:b', ['read'])).toBe(201)
    expect(await ask('job:mail', ['read'])).toBe(403)
    expect(await ask('job:mail', ['write'])).toBe(403)
    const entry = { kind: 'broker.decision', subject: 'broker', body: { of: 'another form' } }
    await transaction(db, tx => record(tx, stage.broker.io, entry))
    const policies = await compilePolicies(
      await policySchema({ rulesDirectory: new URL('../../../../rules', import.meta.url).pathname }),
      PROPOSED,
    )
    const before = await db.selectFrom('evidence').select('id').execute()
    expect(await replay(db, policies, now - 7 * day)).toEqual({
      since: now - 7 * day,
      decisions: 5,
      unreadable: 1,
      changed: [
        {
          lease: 'api',
          issuer: ISSUER,
          subject: 'job:a',
          would: 'deny',
          why: 'forbidden by no-writing',
          times: 2,
          last: now,
        },
        {
          lease: 'api',
          issuer: ISSUER,
          subject: 'job:mail',
          would: 'allow',
          why: 'permitted by all',
          times: 1,
          last: now,
        },
      ],
    })
    expect((await replay(db, policies, now - 9 * day)).changed[0]).toMatchObject({ times: 3 })
    expect((await replay(db, stage.broker.policies.current, now - 9 * day)).changed).toEqual([])
    expect(await db.selectFrom('evidence').select('id').execute()).toEqual(before)
  } finally {
    await stage.close()
  }
})
