import { expect, test } from 'vitest'
import { approve, waitingApprovals } from '../../../../src/act/broker/decision/approval.ts'
import { realIo } from '../../../../src/core/contract/io.ts'
import { Connections } from '../../../../src/know/connections/registry.ts'
import { testKeys } from '../../../know/estate.ts'
import { openOwnStore } from '../../../own-store.ts'
import { brokerStage, ISSUER } from '../broker-stage.ts'

const CONFIG = `
issuers: [{ issuer: "${ISSUER}", subjects: ['job:*'] }]
leases:
  - { name: api, audience: "https://reports.example", scopes: [read, admin], ttl: 60s, maxTtl: 5m }
`
const POLICIES = {
  'all.cedar': `
@id("read") permit(principal, action, resource) unless { context.scopes.contains("admin") };
@id("admin") @approval("a person") permit(principal, action, resource);`,
}

test('what a policy wants approved is given once, to who asked, for what was asked', async () => {
  let now = Date.UTC(2026, 4, 1)
  const { db } = await openOwnStore()
  const connections = new Connections([], testKeys, realIo())
  const text = { config: CONFIG, policies: POLICIES }
  const stage = await brokerStage(db, connections, text, { now: () => new Date(now) })
  try {
    const { io } = stage.broker
    const ask = async (sub: string, more: object = {}) => {
      const token = await stage.token({ sub })
      const { status, body } = await stage.post('/leases', token, { name: 'api', scopes: ['admin'], ...more })
      return status === 201 ? 'given' : body['error']
    }
    expect(await ask('job:a', { scopes: ['read'] })).toBe('given')
    expect(await ask('job:a')).toBe('authorization_pending')
    expect(await ask('job:a')).toBe('authorization_pending')
    const [waiting, ...others] = await waitingApprovals(db, now)
    expect([waiting?.subject, others]).toEqual(['job:a', []])
    await approve(db, io, waiting!.id.slice(0, 13), 'ann')
    expect(await ask('job:b')).toBe('authorization_pending')
    expect(await ask('job:a', { scopes: ['admin', 'read'] })).toBe('authorization_pending')
    expect(await ask('job:a', { ttlSeconds: 61 })).toBe('authorization_pending')
    expect(await ask('job:a', { task: 'other' })).toBe('authorization_pending')
    // Of two that ask at once, one is given it.
    const both = await Promise.all([ask('job:a', { ttlSeconds: 30 }), ask('job:a')])
    expect(both.sort()).toEqual(['authorization_pending', 'given'])
    // An approval that is not used in its time is over.
    const [last] = (await waitingApprovals(db, now)).filter(row => row.subject === 'job:b')
    await approve(db, io, last!.id, 'ann')
    now += 3_601_000
    expect(await ask('job:b')).toBe('authorization_pending')
    await expect(approve(db, io, last!.id, 'ann')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const said = await db.selectFrom('evidence').select('kind').where('kind', 'like', '%approval%').execute()
    expect(said.filter(({ kind }) => kind === 'approval')).toHaveLength(2)
    expect(said.filter(({ kind }) => kind === 'broker.approval-used')).toHaveLength(1)
    // What was given stands when it is decided again.
    await stage.keeper.look()
    expect(stage.troubles).toEqual([])
  } finally {
    await stage.close()
  }
})
