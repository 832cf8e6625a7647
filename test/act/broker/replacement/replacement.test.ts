import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseBrokerConfig } from '../../../../src/act/broker/broker-config.ts'
import type { Proof } from '../../../../src/act/broker/replacement/proof.ts'
import {
  casesText,
  policyText,
  type Replacement,
  withReplacement,
} from '../../../../src/act/broker/replacement/replacement.ts'
import { compilePolicies } from '../../../../src/judge/policy/policy.ts'

const GITHUB = 'https://token.actions.githubusercontent.com'
const lease = { name: 'postgres:orders', like: 'app_orders', ttl: '10m', maxTtl: '10m' }
const deploy: Proof = {
  issuer: GITHUB,
  subject: 'repo:acme/shop:environment:production',
  claims: { workflow_ref: 'acme/shop/.github/workflows/ci.yml@refs/heads/main' },
  other: 'repo:acme/shop:pull_request',
  subjects: 'repo:acme/shop:*',
}
const service: Proof = {
  issuer: 'join',
  subject: 'orders-api',
  claims: {},
  other: 'not orders-api',
  subjects: '*',
}
const both: Replacement = {
  lease,
  users: [
    { name: 'ci.yml#deploy', why: 'it reads the secret', proof: deploy },
    { name: 'orders-api', why: 'it reads deploy/.env', proof: service },
  ],
}

async function decideBy(replacement: Replacement) {
  const schema = await readFile(
    new URL('../../../../rules/policies/broker.cedarschema', import.meta.url),
    'utf8',
  )
  const policies = await compilePolicies(schema, { 'own.cedar': policyText(replacement) })
  return (issuer: string, subject: string, claims: Record<string, string> = {}, name = lease.name) =>
    policies.decide({
      workload: { issuer, subject, claims },
      lease: { name, kind: 'credential' },
      context: { now: 0, ttlSeconds: 600, scopes: [], held: false, findings: [] },
    }).allowed
}

describe('the policies', () => {
  test('give the lease to who uses it, by what each can show, and to nobody else', async () => {
    const decide = await decideBy(both)
    expect(decide(GITHUB, deploy.subject, deploy.claims)).toBe(true)
    expect(decide('join', 'orders-api')).toBe(true)
    expect(decide(GITHUB, deploy.subject)).toBe(false)
    expect(
      decide(GITHUB, deploy.subject, {
        workflow_ref: 'acme/shop/.github/workflows/other.yml@refs/heads/main',
      }),
    ).toBe(false)
    expect(decide(GITHUB, deploy.other, deploy.claims)).toBe(false)
    expect(decide('https://evil.example', deploy.subject, deploy.claims)).toBe(false)
    expect(decide('join', 'orders-api', {}, 'postgres:other')).toBe(false)
  })

  test('give it to nobody where nobody is known to use it', async () => {
    const decide = await decideBy({ lease, users: [] })
    expect(decide('join', 'orders-api')).toBe(false)
  })

  test('are not written by names: what stands in one is text', async () => {
    const subject = 'x" };\npermit(principal, action, resource);//'
    const name = 'a\nforbid(principal, action, resource);'
    const decide = await decideBy({ lease, users: [{ name, why: name, proof: { ...service, subject } }] })
    expect(decide('join', 'anybody')).toBe(false)
    expect(decide('join', subject)).toBe(true)
  })

  test('come out as the cases beside them say', async () => {
    const decide = await decideBy(both)
    const cases = parse(casesText(both, 'postgres'), { maxAliasCount: 0 }) as {
      workload: { issuer: string; subject: string; claims?: Record<string, string> }
      expect: string
    }[]
    expect(cases.map(one => one.expect)).toEqual(['allow', 'allow', 'deny', 'deny'])
    for (const { workload, expect: expected } of cases)
      expect(decide(workload.issuer, workload.subject, workload.claims)).toBe(expected === 'allow')
  })
})

describe('the broker’s file', () => {
  test('keeps what stood there, comments too, and has the lease and whom to trust', () => {
    const before = `# ours
issuer: https://broker.example # never another
issuers:
  - issuer: ${GITHUB}
    subjects: ["repo:acme/web:*"] # the web
leases:
  - { name: "postgres:web", like: app_web }
`
    const after = withReplacement(before, both)
    for (const comment of ['# ours', '# never another', '# the web']) expect(after).toContain(comment)
    const config = parseBrokerConfig(after, 'broker.yaml')
    expect(config.leases.map(({ name }) => name)).toEqual(['postgres:web', 'postgres:orders'])
    expect(config.issuers).toMatchObject([
      { issuer: GITHUB, subjects: ['repo:acme/web:*', 'repo:acme/shop:*'] },
    ])
    const again = withReplacement(after, { ...both, lease: { ...lease, name: 'postgres:again' } })
    expect(parseBrokerConfig(again, 'broker.yaml').issuers).toEqual(config.issuers)
  })

  test('is one where there was nothing but an address', () => {
    const config = parseBrokerConfig(withReplacement('issuer: http://127.0.0.1:7412\n', both), 'broker.yaml')
    expect(config.leases).toMatchObject([{ name: 'postgres:orders', like: 'app_orders', ttl: 600 }])
    expect(config.issuers).toHaveLength(1)
  })
})
