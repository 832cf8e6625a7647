import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { expect, test } from 'vitest'
import { realIo } from '../../../../src/core/contract/io.ts'
import { Connections } from '../../../../src/know/connections/registry.ts'
import { testKeys } from '../../../know/estate.ts'
import { openOwnStore } from '../../../own-store.ts'
import { brokerStage, ISSUER } from '../broker-stage.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Whether a token holds by the keys that are published, told by another library than the one that signs. */
async function holds(url: string, token: string): Promise<{ kid: string; alg: string; ok: boolean }> {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const { kid, alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string; alg: string }
  const { keys } = (await (await fetch(`${url}/jwks.json`)).json()) as {
    keys: (JsonWebKey & { kid: string })[]
  }
  const jwk = keys.find(each => each.kid === kid)
  if (!jwk) return { kid, alg, ok: false }
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  const signed = Buffer.from(`${header}.${payload}`)
  const bytes = Buffer.from(signature, 'base64url')
  const ok =
    alg === 'EdDSA'
      ? verify(null, signed, key, bytes)
      : verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, bytes)
  return { kid, alg, ok }
}

test.for(['EdDSA', 'ES256'])('%s: keys change, and what each signed holds for its time', async signing => {
  let now = Date.UTC(2026, 4, 1)
  const { db } = await openOwnStore()
  const config = `
signing: ${signing}
rotateKeys: 2d
issuers: [{ issuer: "${ISSUER}", subjects: ['job:*'] }]
leases: [{ name: api, audience: "https://reports.example", ttl: 1h, maxTtl: 1h }]
`
  const policies = { 'all.cedar': 'permit(principal, action, resource);' }
  const connections = new Connections([], testKeys, realIo())
  const stage = await brokerStage(db, connections, { config, policies }, { now: () => new Date(now) })
  try {
    const token = async () => {
      const { status, body } = await stage.post('/leases', await stage.token(), { name: 'api' })
      expect(status).toBe(201)
      return String(body['accessToken'])
    }
    const published = async () =>
      ((await (await fetch(`${stage.url}/jwks.json`)).json()) as { keys: { kid: string }[] }).keys
    const first = await token()
    const before = await holds(stage.url, first)
    expect(before).toMatchObject({ alg: signing, ok: true })
    expect(await published()).toHaveLength(1)
    // The next one is there an hour before it signs.
    now += 2 * DAY - HOUR + 1000
    expect(await published()).toHaveLength(2)
    const last = await token()
    expect(await holds(stage.url, last)).toEqual(before)
    now += HOUR
    const second = await token()
    const after = await holds(stage.url, second)
    expect(after).toMatchObject({ alg: signing, ok: true })
    expect(after.kid).not.toBe(before.kid)
    // What the old one signed last is good still, and so is its key.
    expect(await holds(stage.url, last)).toEqual(before)
    const [header, payload, signature = ''] = second.split('.')
    const changed = `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
    expect((await holds(stage.url, changed)).ok).toBe(false)
    now += DAY
    expect((await published()).map(({ kid }) => kid)).not.toContain(before.kid)
  } finally {
    await stage.close()
  }
})
