import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { parseBrokerConfig } from '../../../../src/act/broker/broker-config.ts'
import { realIo } from '../../../../src/core/contract/io.ts'
import type { Db } from '../../../../src/core/store/store.ts'
import { Connections } from '../../../../src/know/connections/registry.ts'
import { testKeys } from '../../../know/estate.ts'
import { type BrokerStage, brokerStage, ISSUER } from '../broker-stage.ts'
import { memoryStore } from '../../../memory-store.ts'

const SECRET = ['whsec', 'x'.repeat(24)].join('-')
const CONFIG = `
issuers: [{ issuer: '${ISSUER}', subjects: ['*'] }]
webhooks:
  - { platform: github, issuer: '${ISSUER}', secret: 'env:TEST_WEBHOOK_SECRET' }
  - { platform: gitlab, issuer: '${ISSUER}', secret: 'env:TEST_WEBHOOK_SECRET' }
leases:
  - { name: api:reports, audience: https://reports.example, ttl: 60s }
`
const POLICIES = { 'all.cedar': '@id("all") permit(principal, action == Action::"lease", resource);' }

let db: Db
let stage: BrokerStage

beforeAll(async () => {
  vi.stubEnv('TEST_WEBHOOK_SECRET', SECRET)
  db = await memoryStore()
  stage = await brokerStage(db, new Connections([], testKeys, realIo()), {
    config: CONFIG,
    policies: POLICIES,
  })
})
afterAll(async () => {
  await stage?.close()
  await db?.destroy()
  vi.unstubAllEnvs()
})

/** Whether it stands, of a lease that a job with these claims got. */
async function leaseOf(claims: Record<string, string>): Promise<() => Promise<string>> {
  const { status, body } = await stage.post('/leases', await stage.token(claims), { name: 'api:reports' })
  expect(status).toBe(201)
  const { lease, handle } = body as unknown as { lease: { id: string }; handle: string }
  return async () => {
    const shown = (await stage.call('GET', `/leases/${lease.id}`, handle)).body as unknown as {
      state: string
      endedWhy: string | null
    }
    return shown.endedWhy === null ? shown.state : `${shown.state}: ${shown.endedWhy}`
  }
}

let deliveries = 0

async function deliver(path: string, event: object, headers: Record<string, string> = {}, secret = SECRET) {
  const body = JSON.stringify({ ...event, delivery: ++deliveries })
  return await send(path, body, {
    ...(path === '/webhooks/github'
      ? { 'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` }
      : { 'x-gitlab-token': secret, 'x-gitlab-event': 'Job Hook' }),
    ...headers,
  })
}

async function send(path: string, body: string, headers: Record<string, string>) {
  const sent = { 'content-type': 'application/json', ...headers }
  const answer = await fetch(`${stage.url}${path}`, { method: 'POST', headers: sent, body })
  return { status: answer.status, body: await answer.json() }
}

const repository = { full_name: 'acme/orders' }
const atGithub = (run: string, attempt: string, more: Record<string, string> = {}) =>
  leaseOf({
    sub: 'repo:acme/orders:ref:refs/heads/main',
    repository: 'acme/orders',
    run_id: run,
    run_attempt: attempt,
    ...more,
  })
const runOver = (id: number, run_attempt: number, action = 'completed') => ({
  action,
  workflow_run: { id, run_attempt },
  repository,
})

const jobOver = (id: number, run_id: number) => ({
  action: 'completed',
  workflow_job: { id: run_id, run_id: id, run_attempt: 1 },
  repository,
})

test('a run of GitHub that is over ends what its jobs hold, and nothing of another run, attempt or repository', async () => {
  const [own, again, other] = [
    await atGithub('77', '1'),
    await atGithub('77', '2'),
    await atGithub('78', '1'),
  ]
  const elsewhere = await atGithub('77', '1', { repository: 'acme/cart' })
  const event = { 'x-github-event': 'workflow_run' }
  expect(await deliver('/webhooks/github', runOver(77, 1, 'in_progress'), event)).toEqual({
    status: 200,
    body: { ending: 0 },
  })
  expect(await own()).toBe('active')
  expect(await deliver('/webhooks/github', runOver(77, 1), event)).toEqual({
    status: 200,
    body: { ending: 1 },
  })
  expect(await own()).toBe('ended: its job is over (repository acme/orders, run_id 77, run_attempt 1)')
  for (const lease of [again, other, elsewhere]) expect(await lease()).toBe('active')
})

test('a job of GitHub that is over ends what it holds, and nothing of another job of its run', async () => {
  const [own, other] = [
    await atGithub('80', '1', { check_run_id: '901' }),
    await atGithub('80', '1', { check_run_id: '902' }),
  ]
  const job = { action: 'completed', workflow_job: { id: 901, run_id: 80, run_attempt: 1 }, repository }
  const event = { 'x-github-event': 'workflow_job' }
  expect(await deliver('/webhooks/github', job, event)).toEqual({ status: 200, body: { ending: 1 } })
  expect([await own(), await other()]).toEqual([
    expect.stringMatching(/^ended: .*check_run_id 901/),
    'active',
  ])
  expect(await deliver('/webhooks/github', { zen: 'ping' }, { 'x-github-event': 'ping' })).toMatchObject({
    status: 200,
  })
})

test.each(['success', 'failed', 'canceled'])(
  'a job of GitLab that is over (%s) ends what it holds',
  async build_status => {
    const id = 500 + deliveries
    const at = (job: number) =>
      leaseOf({
        sub: 'project_path:acme/orders:ref_type:branch:ref:main',
        project_id: '12',
        job_id: String(job),
      })
    const [own, other] = [await at(id), await at(id + 1)]
    const job = { object_kind: 'build', build_id: id, project_id: 12, build_status: 'running' }
    expect(await deliver('/webhooks/gitlab', job)).toMatchObject({ body: { ending: 0 } })
    expect(await deliver('/webhooks/gitlab', { ...job, build_status })).toMatchObject({ body: { ending: 1 } })
    expect([await own(), await other()]).toEqual([expect.stringMatching(/^ended: /), 'active'])
  },
)

test('what is signed wrong, not at all, or was delivered before is refused, and logged', async () => {
  const own = await atGithub('90', '1')
  const event = { 'x-github-event': 'workflow_run' }
  const refused = { status: 401, body: expect.objectContaining({ error: 'invalid_token' }) }
  expect(await deliver('/webhooks/github', runOver(90, 1), event, 'another')).toEqual(refused)
  expect(await deliver('/webhooks/github', runOver(90, 1), { ...event, 'x-hub-signature-256': '' })).toEqual(
    refused,
  )
  expect(
    await deliver('/webhooks/github', runOver(90, 1), {
      ...event,
      'x-hub-signature-256': `sha1=${'0'.repeat(40)}`,
    }),
  ).toEqual(refused)
  expect(await deliver('/webhooks/gitlab', runOver(90, 1), {}, 'another')).toEqual(refused)
  expect(await send('/webhooks/github', JSON.stringify(runOver(90, 1)), event)).toEqual(refused)
  // One byte more than was signed.
  const body = JSON.stringify(runOver(90, 1))
  const signature = {
    'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
  }
  expect(await send('/webhooks/github', `${body} `, { ...event, ...signature })).toEqual(refused)
  expect(await own()).toBe('active')
  expect(await send('/webhooks/github', body, { ...event, ...signature })).toMatchObject({
    body: { ending: 1 },
  })
  expect(
    await send('/webhooks/github', body, { ...event, ...signature, 'x-github-delivery': 'another' }),
  ).toEqual({
    status: 400,
    body: { error: 'invalid_request', error_description: 'it was presented before' },
  })
  expect(await deliver('/webhooks/github', { action: 'completed' }, event)).toMatchObject({ status: 400 })
  const entries = await db.selectFrom('evidence').select(['kind', 'body']).orderBy('id').execute()
  const whys = entries.filter(({ kind }) => kind === 'broker.refused').map(each => each.body)
  expect(whys.filter(why => why.includes('githubJobEnded'))).toHaveLength(7)
  expect(whys.filter(why => why.includes('gitlabJobEnded'))).toHaveLength(1)
  expect(
    entries.some(({ kind, body }) => kind === 'broker.job-ended' && body.includes('"run_id":"90"')),
  ).toBe(true)
  expect(JSON.stringify(entries)).not.toContain(SECRET)
})

test.each([
  ['/webhooks/github', { check_run_id: '951' }, () => jobOver(95, 951), { 'x-github-event': 'workflow_job' }],
  ['/webhooks/github', {}, () => runOver(95, 1), { 'x-github-event': 'workflow_run' }],
  [
    '/webhooks/gitlab',
    { project_id: '13', job_id: '95' },
    () => ({ object_kind: 'build', build_id: 95, project_id: 13, build_status: 'success' }),
    {},
  ],
] as const)(
  'whose end %s tells is given nothing more, nor what was on its way to it',
  async (path, more, event, headers) => {
    const sub = path.endsWith('lab')
      ? 'project_path:acme/orders:ref_type:branch:ref:main'
      : 'repo:acme/orders'
    const claims = { sub, repository: 'acme/orders', run_id: '95', run_attempt: '1', ...more }
    const asked = async () => await stage.post('/leases', await stage.token(claims), { name: 'api:reports' })
    const { ledger } = stage.broker
    const keep = ledger.keep.bind(ledger)
    // The job ends when its lease was decided and is not there yet.
    const spy = vi.spyOn(ledger, 'keep').mockImplementation(async kept => {
      if (kept.lease)
        expect(await deliver(path, event(), { ...headers })).toMatchObject({ body: { ending: 0 } })
      return await keep(kept)
    })
    const refused = { status: 403, body: { error: 'access_denied', error_description: 'its job is over' } }
    try {
      expect(await asked()).toMatchObject(refused)
    } finally {
      spy.mockRestore()
    }
    const { state, ended_why } = await db
      .selectFrom('lease')
      .select(['state', 'ended_why'])
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .executeTakeFirstOrThrow()
    expect({ state, ended_why }).toEqual({ state: 'ended', ended_why: 'its job is over' })
    expect(await asked()).toMatchObject(refused)
    expect(
      await db
        .selectFrom('lease')
        .select('id')
        .where('state', '=', 'active')
        .where('workload', 'like', '%"95"%')
        .execute(),
    ).toEqual([])
  },
)

test('a hook of an issuer that is not trusted is none', () => {
  const text = `issuer: https://broker.example\n${CONFIG.replace(`github, issuer: '${ISSUER}'`, "github, issuer: 'https://other.example'")}`
  expect(() => parseBrokerConfig(text, 'broker.yaml')).toThrow(/none of the issuers/)
})
