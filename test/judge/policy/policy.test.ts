import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { isFirebreakError } from '../../../src/core/contract/errors.ts'
import { compilePolicies, type PolicyRequest } from '../../../src/judge/policy/policy.ts'

const schema = await readFile(new URL('../../../rules/policies/broker.cedarschema', import.meta.url), 'utf8')

const request: PolicyRequest = {
  workload: {
    issuer: 'https://issuer.example',
    subject: 'repo:acme/orders:ref:main',
    claims: { env: 'ci' },
  },
  lease: { name: 'orders/read', kind: 'credential', system: 'postgres', environment: 'production' },
  context: {
    now: Date.parse('2026-05-01T10:00:00Z'),
    ttlSeconds: 600,
    scopes: [],
    held: false,
    findings: [],
  },
}
const PERMIT = `@id("ci-reads") permit(principal, action == Action::"lease", resource == Lease::"orders/read")
  when { principal.subject like "repo:acme/orders:*" && context.ttlSeconds <= 600 };`

test('nothing is permitted but what a policy permits', async () => {
  const none = await compilePolicies(schema, {})
  expect(none.decide(request)).toMatchObject({
    allowed: false,
    policies: [],
    why: 'no policy permits it',
  })
  const some = await compilePolicies(schema, { 'ci.cedar': PERMIT })
  expect(some.decide(request)).toMatchObject({ allowed: true, policies: ['ci-reads'] })
  const longer = { ...request, context: { ...request.context, ttlSeconds: 601 } }
  expect(some.decide(longer).allowed).toBe(false)
  const other = { ...request, workload: { ...request.workload, subject: 'repo:acme/other:ref:main' } }
  expect(some.decide(other).allowed).toBe(false)
})

test('what forbids outranks what permits, and each is named', async () => {
  const policies = await compilePolicies(schema, {
    'ci.cedar': PERMIT,
    'night.cedar': `forbid(principal, action, resource) when { context.held };
      @id("tagged") forbid(principal, action, resource)
        unless { principal.hasTag("env") && principal.getTag("env") == "ci" };
      @id("findings") forbid(principal, action, resource) when { context.findings.contains("unused") };
      @id("may-day") forbid(principal, action, resource) when { context.now > datetime("2026-05-02") };`,
  })
  expect(policies.count).toBe(5)
  expect(policies.decide(request).allowed).toBe(true)
  const refusedBy = (change: Partial<PolicyRequest['context']>, claims = request.workload.claims) =>
    policies.decide({
      ...request,
      workload: { ...request.workload, claims },
      context: { ...request.context, ...change },
    }).policies
  expect(refusedBy({ held: true })).toEqual(['night.cedar#1'])
  expect(refusedBy({}, {})).toEqual(['tagged'])
  expect(refusedBy({ findings: ['unused'] })).toEqual(['findings'])
  expect(refusedBy({ now: Date.parse('2026-05-03') })).toEqual(['may-day'])
})

test('a policy that cannot be told refuses', async () => {
  const overflow = await compilePolicies(schema, {
    'ci.cedar': `${PERMIT}
      forbid(principal, action, resource) when { context.ttlSeconds * 9223372036854775807 > 0 };`,
  })
  expect(overflow.decide(request)).toMatchObject({ allowed: false })
  expect(overflow.decide(request).why).toContain('ci.cedar#2 cannot be told')
})

test('what does not parse, or speaks of what is not there, is refused with its file', async () => {
  for (const [text, said] of [
    ['permit(principal', /^.*bad\.cedar/],
    ['permit(principal, action, resource) when { principal.owner == "x" };', /owner/],
    ['permit(principal, action, resource) when { principal.subject > 3 };', /bad\.cedar/],
    ['permit(principal, action, resource) when { resource.owner == "x" };', /owner/],
    ['permit(principal == ?principal, action, resource);', /template/],
    [
      '@id("a") permit(principal,action,resource);@id("a") permit(principal,action,resource);',
      /two policies/,
    ],
  ] as const) {
    const error = await compilePolicies(schema, { 'bad.cedar': text }).catch((raised: unknown) => raised)
    expect(isFirebreakError(error, 'INVALID_CONFIG'), text).toBe(true)
    expect(String(error), text).toMatch(said)
  }
})

test('the version tells two sets apart that decide differently', async () => {
  const one = await compilePolicies(schema, { 'ci.cedar': PERMIT })
  const same = await compilePolicies(schema, { 'ci.cedar': PERMIT })
  const other = await compilePolicies(schema, { 'ci.cedar': PERMIT.replace('600', '60') })
  expect(same.version).toBe(one.version)
  expect(other.version).not.toBe(one.version)
  // What was compiled before decides as before.
  expect([one.decide(request).allowed, other.decide(request).allowed]).toEqual([true, false])
})

test('of many policies those are tried whose scope can hold, and they decide as all of them would', async () => {
  const many = Array.from(
    { length: 40 },
    (_, n) => `@id("p${n}") ${n % 3 === 0 ? 'forbid' : 'permit'}(principal, ${
      [
        'action',
        'action == Action::"lease"',
        'action in [Action::"exchange"]',
        'action == Action::"exchange"',
      ][n % 4]
    }, ${n % 2 === 0 ? `resource == Lease::"l${n % 5}"` : 'resource is Lease'})
      when { context.ttlSeconds ${n % 3 === 0 ? `> ${n * 20 + 300}` : `< ${n * 20}`} };`,
  ).join('\n')
  const cedar = await import('@cedar-policy/cedar-wasm/nodejs')
  const policies = await compilePolicies(schema, { 'all.cedar': many })
  const parts = cedar.policySetTextToParts(many)
  if (parts.type === 'failure') throw new Error('the test’s own policies')
  const staticPolicies = Object.fromEntries(
    parts.policies.map(part => [/@id\("(.*?)"\)/.exec(part)![1]!, part]),
  )
  let allowed = 0
  for (const action of ['lease', 'exchange'] as const)
    for (const name of ['l0', 'l1', 'l2', 'l3', 'l4', 'other'])
      for (const ttlSeconds of [1, 101, 301, 701]) {
        const context = { ...request.context, ttlSeconds }
        const ours = policies.decide({ ...request, action, lease: { name, kind: 'token' }, context })
        const whole = cedar.isAuthorized({
          principal: { type: 'Workload', id: 'x' },
          action: { type: 'Action', id: action },
          resource: { type: 'Lease', id: name },
          context: { ttlSeconds },
          policies: { staticPolicies },
          entities: [],
        })
        if (whole.type === 'failure') throw new Error('the test’s own request')
        expect(ours.allowed, `${action} ${name} ${ttlSeconds}`).toBe(whole.response.decision === 'allow')
        expect(ours.policies).toEqual([...whole.response.diagnostics.reason].sort())
        if (ours.allowed) allowed++
      }
  expect(allowed).toBeGreaterThan(0)
})

test('an approval is needed where every policy that permits it says so', async () => {
  const policies = await compilePolicies(schema, {
    'all.cedar': `
      @id("admin") @approval("a person") permit(principal, action, resource) when { context.ttlSeconds > 60 };
      @id("short") permit(principal, action, resource) when { context.ttlSeconds < 120 };
      @id("never") @approval forbid(principal, action, resource) when { context.held };`,
  })
  const decide = (ttlSeconds: number, held = false) =>
    policies.decide({ ...request, context: { ...request.context, ttlSeconds, held } })
  expect(decide(600)).toMatchObject({ allowed: true, approval: true })
  expect(decide(100)).not.toHaveProperty('approval')
  expect(decide(30)).not.toHaveProperty('approval')
  expect(decide(600, true)).toMatchObject({ allowed: false })
  expect(decide(600, true)).not.toHaveProperty('approval')
})

test('the same question has the same answer, but where a policy reads the time', async () => {
  const later = { ...request, context: { ...request.context, now: request.context.now + 86_400_000 } }
  const timeless = await compilePolicies(schema, { 'all.cedar': PERMIT })
  expect(timeless.decide(request)).toBe(timeless.decide(later))
  expect(timeless.decide({ ...later, context: { ...later.context, held: true } })).not.toBe(
    timeless.decide(later),
  )
  const until = `forbid(principal, action, resource) when { context.now > datetime("2026-05-02") };`
  const timed = await compilePolicies(schema, { 'all.cedar': PERMIT, 'until.cedar': until })
  expect([timed.decide(request).allowed, timed.decide(later).allowed]).toEqual([true, false])
})

test('an answer is for every lifetime where no policy reads it, and for its own where one may', async () => {
  const shorter = { ...request, context: { ...request.context, ttlSeconds: 60 } }
  const decisions = async (condition: string) => {
    const text = `permit(principal, action, resource) when { ${condition} };`
    const policies = await compilePolicies(schema, { 'all.cedar': text })
    return [request, shorter, request].map(each => policies.decide(each))
  }
  const [one, two, three] = await decisions('context.scopes.isEmpty()')
  expect([one === two, one === three]).toEqual([true, true])
  // However it is written.
  for (const read of ['context.ttlSeconds', 'context["ttlSeconds"]', 'context["ttl\\u{53}econds"]']) {
    const answers = await decisions(`${read} <= 60`)
    expect(answers.map(({ allowed }) => allowed)).toEqual([false, true, false])
  }
  const whole = await decisions('if true then context == context else false')
  expect(whole[0] === whole[1]).toBe(false)
})
