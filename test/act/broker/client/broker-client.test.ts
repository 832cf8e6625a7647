import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect, promisify } from 'node:util'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { BrokerClient } from '../../../../src/act/broker/client/broker-client.ts'
import { realIo } from '../../../../src/core/contract/io.ts'
import { Connections } from '../../../../src/know/connections/registry.ts'
import { testKeys } from '../../../know/estate.ts'
import { openOwnStore } from '../../../own-store.ts'
import { type BrokerStage, brokerStage, ISSUER } from '../broker-stage.ts'

const OWN = 'https://broker.example'
const POLICIES = {
  'all.cedar': `
@id("jobs") permit(principal, action, resource) unless { context has task && context.task == "nothing" };
@id("admin") @approval("a person") permit(principal, action, resource)
  when { context has task && context.task == "nothing" };`,
}

let stage: BrokerStage
let db: Awaited<ReturnType<typeof openOwnStore>>['db']
let folder: string
let now: number
const servers: Server[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firebreak-client-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

beforeEach(async () => {
  now = Date.UTC(2026, 4, 1)
  ;({ db } = await openOwnStore())
  const config = `
issuers: [{ issuer: "${ISSUER}", subjects: ['job:*'] }]
leases:
  - { name: api, audience: ["https://reports.example", "https://mail.example"], scopes: [read], ttl: 100s, maxTtl: 150s }
`
  stage = await brokerStage(
    db,
    new Connections([], testKeys, realIo()),
    { config, policies: POLICIES },
    { now: () => new Date(now) },
  )
})
afterEach(async () => {
  await stage.close()
  await db.destroy()
  for (const server of servers.splice(0)) server.close()
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function tokenFile(): Promise<{ file: string }> {
  const file = join(folder, 'token')
  await writeFile(file, `${await stage.token()}\n`)
  return { file }
}

async function stateOf(id: string) {
  return await db.selectFrom('lease').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

test('a lease is got by a token in a file, and ended where its block ends', async () => {
  let id: string
  {
    await using lease = await new BrokerClient(stage.url).lease({
      name: 'api',
      scopes: ['read'],
      task: 'report',
      token: await tokenFile(),
    })
    ;({ id } = lease)
    expect(decodeJwt(lease.secret.revealText())).toMatchObject({ jti: id, scope: 'read', task: 'report' })
    expect(lease.notAfter.getTime()).toBe(now + 100_000)
    expect(JSON.stringify(lease) + inspect(lease, { depth: 9 })).not.toContain(lease.secret.revealText())
    expect((await stateOf(id)).state).toBe('active')
  }
  expect(await stateOf(id)).toMatchObject({ state: 'ended', ended_why: 'its holder ended it' })
})

test('the platforms’ own places are found without being told', async () => {
  const client = new BrokerClient(stage.url)
  const asked: string[] = []
  const github = await serve((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`)
    void stage.token().then(value => response.end(JSON.stringify({ value })))
  })
  const byGithub = await client.lease(
    { name: 'api', audience: OWN },
    { ACTIONS_ID_TOKEN_REQUEST_URL: `${github}/token?api-version=2`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'abc' },
  )
  expect(asked).toEqual([`/token?api-version=2&audience=${encodeURIComponent(OWN)} Bearer abc`])
  const byGitlab = await client.lease({ name: 'api' }, { FIREBREAK_ID_TOKEN: await stage.token() })
  await byGithub.end()
  await byGitlab.end()
  await expect(client.lease({ name: 'api' }, {})).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('what is refused is told apart from what cannot be asked', async () => {
  const client = new BrokerClient(stage.url)
  const token = await tokenFile()
  await expect(client.lease({ name: 'api', scopes: ['write'], token })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringContaining('(invalid_scope)'),
  })
  await expect(client.lease({ name: 'api', task: 'nothing', token })).rejects.toMatchObject({
    code: 'DENIED',
    message: expect.stringContaining('(authorization_pending)'),
  })
  // Used up by the one before.
  await expect(client.lease({ name: 'api', token })).rejects.toMatchObject({ code: 'DENIED' })
})

test.for<[string, RequestListener, string]>([
  [
    'sends elsewhere',
    (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
    'elsewhere',
  ],
  ['answers without end', (_, response) => response.end(`"${'x'.repeat(300_000)}"`), 'too much'],
  ['answers with what is no JSON', (_, response) => response.end('<html>'), 'no JSON'],
  ['answers like something else', (_, response) => response.end('{"lease":{"id":"../x"}}'), 'no broker'],
  ['fails', (_, response) => response.writeHead(500).end('{}'), 'answers 500'],
])('a broker that %s is not believed', async ([, listener, why]) => {
  const client = new BrokerClient(await serve(listener))
  await expect(client.lease({ name: 'api', token: await tokenFile() })).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: expect.stringContaining(why),
  })
})

test('a token goes over no network in the clear', () => {
  for (const url of [
    'http://broker.example',
    'http://localhost:7412',
    'ftp://127.0.0.1',
    'https://a:b@c.example',
  ])
    expect(() => new BrokerClient(url), url).toThrow('over https only')
  expect(() => new BrokerClient('broker')).toThrow('no URL')
})

test('a renewed token is another one of the same lease, never beyond its longest time', async () => {
  const lease = await new BrokerClient(stage.url).lease({
    name: 'api',
    scopes: ['read'],
    token: await tokenFile(),
  })
  const first = lease.secret.revealText()
  // Little would be won by it, and each one is recorded.
  now += 5_000
  expect(await lease.renew()).toBe(false)
  now += 35_000
  expect(await lease.renew()).toBe(true)
  const second = lease.secret.revealText()
  const { jti, exp, ...same } = decodeJwt(second)
  const { jti: firstJti, exp: _, iat: __, ...firstRest } = decodeJwt(first)
  expect(same).toMatchObject(firstRest)
  expect(jti).not.toBe(firstJti)
  expect(jti).toContain(lease.id)
  expect(exp).toBe((now + 100_000) / 1000)
  now += 60_000
  expect(await lease.renew()).toBe(true)
  expect(lease.notAfter.getTime()).toBe(Date.UTC(2026, 4, 1) + 150_000)
  expect(await lease.renew()).toBe(false)
  const decisions = await db.selectFrom('evidence').select('body').where('subject', '=', lease.id).execute()
  expect(decisions.filter(({ body }) => body.includes('"renewed":true'))).toHaveLength(2)
  // It ends at its new time, and not at the one before.
  now += 20_000
  await stage.keeper.sweep()
  expect((await stateOf(lease.id)).state).toBe('active')
  now += 30_000
  await stage.keeper.sweep()
  expect((await stateOf(lease.id)).state).toBe('ended')
  await expect(lease.renew()).rejects.toThrow('(invalid_grant)')
})

test('renewing is decided again', async () => {
  const lease = await new BrokerClient(stage.url).lease({ name: 'api', token: await tokenFile() })
  now += 50_000
  await writeFile(
    join(stage.policies, 'all.cedar'),
    'permit(principal, action, resource) when { context.scopes.contains("read") };',
  )
  await stage.broker.policies.refresh()
  await expect(lease.renew()).rejects.toMatchObject({ code: 'DENIED' })
  expect((await stateOf(lease.id)).not_after).toBe(Date.UTC(2026, 4, 1) + 100_000)
})

test('a lease is renewed by its own token only, and by its own handle', async () => {
  const asked = async () =>
    (await stage.post('/leases', await stage.token(), { name: 'api' })).body as never as {
      handle: string
      accessToken: string
      lease: { id: string }
    }
  const [one, other] = [await asked(), await asked()]
  now += 50_000
  const path = `/leases/${one.lease.id}/renew`
  const answers = [
    await stage.post(path, other.handle, { accessToken: one.accessToken }),
    await stage.post(path, one.handle, { accessToken: other.accessToken }),
    await stage.post(path, one.handle, {}),
    await stage.post(path, one.handle, { accessToken: one.accessToken }),
  ]
  expect(answers.map(({ status, body }) => [status, body['error']])).toEqual([
    [401, 'invalid_token'],
    [400, 'invalid_grant'],
    [400, 'invalid_request'],
    [200, undefined],
  ])
})

test('what a person approved is not renewed', async () => {
  const ask = async () => await stage.post('/leases', await stage.token(), { name: 'api', task: 'nothing' })
  await ask()
  await db.updateTable('approval').set({ approved_at: now, said_by: 'ann' }).execute()
  const { body } = await ask()
  const { handle, accessToken, lease } = body as never as { [name: string]: string } & {
    lease: { id: string }
  }
  now += 50_000
  const answer = await stage.post(`/leases/${lease.id}/renew`, handle!, { accessToken })
  expect([answer.status, answer.body['error']]).toEqual([403, 'access_denied'])
})

test('the program that the docs show does what they say', async () => {
  const page = await readFile(new URL('../../../../docs/broker.md', import.meta.url), 'utf8')
  const shown = /^```ts\n(.*?)^```/ms.exec(page)![1]!
  const program = shown
    .replace(
      'firebreak/client',
      new URL('../../../../src/act/broker/client/broker-client.ts', import.meta.url).href,
    )
    .replace('https://broker.example', stage.url)
    .replace('postgres:orders', 'api')
  const file = join(folder, 'shown.ts')
  await writeFile(
    file,
    `const work = async (...given: unknown[]) => console.log(given.length, given.at(-1))\n${program}`,
  )
  const env = { ...process.env, FIREBREAK_ID_TOKEN: await stage.token() }
  const { stdout } = await promisify(execFile)(process.execPath, [file], { env })
  const { jti } = decodeJwt(/^3 (\S+)/.exec(stdout)![1]!)
  expect(await stateOf(jti!)).toMatchObject({ state: 'ended', ended_why: 'its holder ended it' })
})
