import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { directory } from '../../../src/connectors/directory/connector.ts'
import { owner } from '../../../src/serve/operations/owner.ts'
import { require } from '../../../src/serve/operations/require.ts'
import { watch } from '../../../src/serve/operations/watch.ts'
import { openWorld } from './open-world.ts'

const SECRET = randomBytes(24).toString('hex')
const DEPLOYER = 'arn:aws:iam::123456789012:user/deployer'
const hr = (bob: string) =>
  `Full Name,Work Email,Team,Status\nJane Doe,jane@acme.example,Payments,Active\nBob Lee,bob@acme.example,Search,${bob}\n`
const user = {
  Path: '/',
  UserName: 'deployer',
  UserId: 'AIDADEPLOYER',
  Arn: DEPLOYER,
  CreateDate: '2020-01-01T00:00:00Z',
  Tags: [{ Key: 'owner', Value: 'bob@acme.example' }],
}

interface Told {
  readonly event: string
  readonly [name: string]: unknown
}

const received: Told[] = []
const lines: Told[] = []
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  received.push(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Told)
  response.writeHead(202).end()
})
let opened: Awaited<ReturnType<typeof openWorld>>
let root: string

beforeAll(async () => {
  vi.stubEnv('NOTIFY_SECRET', SECRET)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  opened = await openWorld([directory], ['github-token'], {
    say: ({ json }) => void lines.push(json as Told),
  })
  root = join(opened.world.home, 'exports')
  await mkdir(root)
  await writeFile(join(root, 'hr.csv'), hr('Active'))
  await writeFile(join(root, 'account.json'), JSON.stringify({ UserDetailList: [user], RoleDetailList: [] }))
  await opened.world.connections.add(opened.world.db, 'directory', { path: root })
})
afterAll(async () => {
  vi.unstubAllEnvs()
  server.closeAllConnections()
  server.close()
  await opened?.close()
})

async function required(url: string, rest = ''): Promise<void> {
  const file = join(opened.world.home, 'requirements.yaml')
  await writeFile(
    file,
    `require:\n  - owner: true\n${rest}notify:\n  url: ${url}\n  secret: env:NOTIFY_SECRET\n`,
  )
  await require.run(opened.world, { file, by: 'ann' })
}

async function watched(): Promise<Told[]> {
  received.length = 0
  await watch.run(opened.world, watch.input.parse({ once: true }))
  return [...received]
}

const here = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`

test('a place where others could read it is refused, as is a secret that is written down there', async () => {
  for (const url of ['http://notices.example/', 'http://localhost:1/', 'https://a:b@notices.example/', '/x'])
    await expect(required(url)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  const file = join(opened.world.home, 'slip.yaml')
  await writeFile(
    file,
    `require: [{ owner: true }]\nnotify:\n  url: https://n.example/\n  secret: ${SECRET}\n`,
  )
  const refused = await require.run(opened.world, { file }).catch(error => error as Error)
  expect(refused).toMatchObject({ message: expect.stringContaining('line 4: secret: env:NAME') })
  expect(String(refused)).not.toContain(SECRET)
})

test('who answered at first is no news; that they left is, and who answers next, each with what is live of it', async () => {
  await required(here())
  expect(await watched()).toEqual([])
  const { db } = opened.world
  const { id } = await db
    .selectFrom('entity')
    .innerJoin('name', 'name.entity_id', 'entity.id')
    .select('entity.id')
    .where('name.name', '=', DEPLOYER)
    .where('entity.type', '=', 'identity')
    .executeTakeFirstOrThrow()
  await db
    .insertInto('lease')
    .values({
      id: 'lease-1',
      name: 'deploy',
      kind: 'credential',
      run_id: null,
      entity_id: id,
      workload: '{}',
      task: null,
      scopes: '[]',
      ttl_seconds: 60,
      handle_digest: 'd',
      decision: '{}',
      holder: null,
      state: 'active',
      created_at: 0,
      not_after: 86_400_000,
      ended_at: null,
      ended_why: null,
      next_at: null,
      failures: 0,
      parent_id: null,
      actors: null,
      decided_alike: null,
    })
    .execute()
  const credential = { system: 'aws', instance: '123456789012', kind: 'access-key', native: 'AKIAEXAMPLE' }
  await db
    .insertInto('entity')
    .values({
      ...credential,
      id: 'key-1',
      type: 'credential',
      first_seen: 0,
      last_seen: 0,
      gone_at: null,
      merged_into: null,
    })
    .execute()
  await db
    .insertInto('credential')
    .values({
      entity_id: 'key-1',
      identity_id: id,
      fingerprint: null,
      strength_bits: null,
      preview: null,
      confidence: null,
      state: 'live',
      state_why: null,
      state_at: 0,
      access: null,
      issued_by: null,
    })
    .execute()
  const hanging = {
    credentials: [{ id: 'key-1', kind: 'access-key', ref: 'aws:123456789012/access-key/AKIAEXAMPLE' }],
    credentialCount: 1,
    leases: [{ id: 'lease-1', name: 'deploy', expires: '1970-01-02T00:00:00.000Z' }],
    leaseCount: 1,
  }
  await writeFile(join(root, 'hr.csv'), hr('Terminated'))
  const [left, ...more] = await watched()
  expect(more).toEqual([])
  expect(left).toMatchObject({
    event: 'owner-departed',
    owner: null,
    previousOwner: 'bob@acme.example',
    identity: { id },
    ...hanging,
  })
  const { kind, subject } = await db
    .selectFrom('evidence')
    .select(['kind', 'subject'])
    .where('id', '=', String(left!['evidence']))
    .executeTakeFirstOrThrow()
  expect([kind, subject]).toEqual(['owner.departed', id])
  expect(lines.map(({ event }) => event)).toEqual(expect.arrayContaining(['owner-departed', 'notice-sent']))
  expect(await watched()).toEqual([])

  await owner.run(
    opened.world,
    owner.input.parse({ action: 'set', subject: DEPLOYER, owner: 'payments', by: 'ann' }),
  )
  expect(await watched()).toMatchObject([
    { event: 'owner-changed', owner: 'payments', previousOwner: 'bob@acme.example', ...hanging },
  ])
  expect(JSON.stringify([received, lines])).not.toContain(SECRET)
})

test('what will be done by itself is sent before it is, with the day', async () => {
  const { id } = await opened.world.db
    .selectFrom('name')
    .innerJoin('entity', 'entity.id', 'name.entity_id')
    .select('entity.id')
    .where('name.name', '=', DEPLOYER)
    .where('entity.type', '=', 'identity')
    .executeTakeFirstOrThrow()
  await opened.world.db
    .insertInto('word')
    .values({
      id: 'w',
      entity_id: id,
      name: 'expiry',
      value: '2026-01-03',
      said_by: 'ann',
      why: null,
      at: 0,
      ended_at: null,
    })
    .execute()
  await required(here(), '    automatic: { expire: true, notice: 9d }\n')
  const [told, ...more] = await watched()
  expect(more).toEqual([])
  expect(told).toMatchObject({ event: 'expire-announced', owner: 'payments', identity: { id } })
  expect(Date.parse(String(told!['due'])) - Date.parse(String(told!['at']))).toBeGreaterThan(8.9 * 86_400_000)
})
