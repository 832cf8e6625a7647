import { spawn } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { type DeliveryEvent, deliverNotices, retryStuck } from '../../../src/act/lifecycle/delivery.ts'
import { intend } from '../../../src/act/lifecycle/notice.ts'
import { type Io, realIo } from '../../../src/core/contract/io.ts'
import { type Db, openStore, transaction } from '../../../src/core/store/store.ts'
import { ownPlace } from '../../own-store.ts'

const SECRET = randomBytes(24).toString('hex')

interface Call {
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

let calls: Call[]
/** How the next calls are answered; after those, with 204. */
let answers: ((response: ServerResponse) => void)[]
let url: string
let place: string
let db: Db
let clock: number

beforeEach(async () => {
  ;[calls, answers, clock] = [[], [], Date.UTC(2026, 0, 1)]
  vi.stubEnv('NOTIFY_SECRET', SECRET)
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    calls.push({ headers: request.headers, body: Buffer.concat(chunks).toString('utf8') })
    const answer = answers.shift() ?? (response => response.writeHead(204).end())
    answer(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/notices`
  place = await ownPlace()
  db = await openStore(place)
  onTestFinished(() => db.destroy())
  await db
    .insertInto('entity')
    .values({
      id: 'e',
      type: 'identity',
      system: 'postgres',
      instance: 'orders-db',
      kind: 'role',
      native: 'orders',
      first_seen: clock,
      last_seen: clock,
      gone_at: null,
      merged_into: null,
    })
    .execute()
  await require(`require: [{ owner: true }]\nnotify: { url: '${url}', secret: env:NOTIFY_SECRET }`)
})
afterEach(() => void vi.unstubAllEnvs())

async function require(text: string): Promise<void> {
  const id = `r${clock}`
  await db.insertInto('requirement').values({ id, text, file: 'r.yaml', said_by: 'ann', at: clock }).execute()
}

const io = (): Io => ({ ...realIo(), now: () => new Date(clock) })

async function intended(): Promise<void> {
  await transaction(db, tx =>
    intend(tx, io(), {
      event: 'rotate-announced',
      identityId: 'e',
      owner: 'payments',
      why: 'it is to be rotated every 30 days',
      due: clock + 1000,
      evidence: 'some-entry',
    }),
  )
}

async function delivered(from = db): Promise<DeliveryEvent[]> {
  const events: DeliveryEvent[] = []
  await deliverNotices(from, { io: io() }, event => events.push(event))
  return events
}

const idOf = (call: Call | undefined) => call?.headers['x-firebreak-delivery']
const evidenceOf = async (kind: string) =>
  (await db.selectFrom('evidence').select('body').where('kind', '=', kind).execute()).map(
    ({ body }) => JSON.parse(body) as Record<string, unknown>,
  )

test('a notice is signed, says what happens and to whom, and is sent once, of two at the same moment too', async () => {
  await intended()
  const both = await Promise.all([delivered(), delivered()])
  expect(both.flat()).toMatchObject([{ event: 'sent', notice: 'rotate-announced', tries: 1 }])
  clock += 7_200_000
  expect(await delivered()).toEqual([])
  expect(calls).toHaveLength(1)
  const { headers, body } = calls[0]!
  expect(headers['x-firebreak-signature-256']).toBe(
    `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
  )
  expect(JSON.parse(body)).toEqual({
    delivery: headers['x-firebreak-delivery'],
    event: 'rotate-announced',
    at: '2026-01-01T00:00:00.000Z',
    identity: { id: 'e', kind: 'role', ref: 'postgres:orders-db/role/orders', name: null },
    owner: 'payments',
    why: 'it is to be rotated every 30 days',
    due: '2026-01-01T00:00:01.000Z',
    evidence: 'some-entry',
  })
  expect(JSON.stringify([body, await evidenceOf('notice.sent')])).not.toContain(SECRET)
  expect(await evidenceOf('notice.sent')).toMatchObject([{ delivery: idOf(calls[0]), tries: 1 }])
})

test('what fails is tried again later, under the same id and with the same bytes', async () => {
  answers = [
    response => response.writeHead(500).end('no'),
    response => response.destroy(),
    response => response.writeHead(307, { location: '/elsewhere' }).end(),
  ]
  await intended()
  expect(await delivered()).toMatchObject([{ event: 'failed', why: 'it was answered with 500' }])
  // Not before it is time.
  expect(await delivered()).toEqual([])
  expect(calls).toHaveLength(1)
  for (const pause of [10_000, 20_000, 40_000]) {
    clock += pause - 1
    await delivered()
    clock += 1
    await delivered()
  }
  expect(calls).toHaveLength(4)
  expect(new Set(calls.map(idOf)).size).toBe(1)
  expect(new Set(calls.map(({ body }) => body)).size).toBe(1)
  expect(await evidenceOf('notice.sent')).toMatchObject([{ tries: 4 }])
})

test('it is given up some time, which is told and on the record, and tried anew when requirements are put in force', async () => {
  vi.stubEnv('NOTIFY_SECRET', '')
  await intended()
  const [events, began]: [DeliveryEvent[], number] = [[], clock]
  const row = () => db.selectFrom('notice').select(['next_at', 'stuck_at']).executeTakeFirstOrThrow()
  for (let tries = 0; tries < 20; tries++, clock = (await row()).next_at) events.push(...(await delivered()))
  expect(events).toMatchObject([
    { event: 'failed', tries: 1, why: expect.stringContaining('the environment has no NOTIFY_SECRET') },
    { event: 'stuck', tries: 16 },
  ])
  expect(await evidenceOf('notice.stuck')).toMatchObject([
    { tries: 16, why: expect.stringContaining('the environment has no NOTIFY_SECRET') },
  ])
  // As docs/watch.md says.
  expect(Math.floor(((await row()).stuck_at! - began) / 3_600_000)).toBe(7)
  vi.stubEnv('NOTIFY_SECRET', SECRET)
  await transaction(db, tx => retryStuck(tx, clock))
  expect(await delivered()).toMatchObject([{ event: 'sent', tries: 1 }])
  expect(idOf(calls[0])).toBe(events[0]!.delivery)
})

test('what a process that was killed during the call had in hand is sent by the next one, and not while it lives', async () => {
  const source = (path: string) => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href)
  const script = `
    import { deliverNotices } from ${source('act/lifecycle/delivery.ts')}
    import { realIo } from ${source('core/contract/io.ts')}
    import { openStore } from ${source('core/store/store.ts')}
    const db = await openStore(process.env.PLACE)
    const io = { ...realIo(), now: () => new Date(${clock}) }
    await deliverNotices(db, { io }, () => {})`
  await intended()
  let called = () => {}
  const isCalled = new Promise<void>(resolve => (called = resolve))
  // It is never answered.
  answers = [() => called()]
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, PLACE: place },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await isCalled
  expect(await delivered()).toEqual([])
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await delivered()).toMatchObject([{ event: 'sent', tries: 1 }])
  expect(calls).toHaveLength(2)
  expect(idOf(calls[1])).toBe(idOf(calls[0]))
})

test.each(['', '\n'])(
  'a secret whose file holds nothing (%j) signs nothing, and that is told',
  async text => {
    const folder = await mkdtemp(join(tmpdir(), 'firebreak-notice-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const file = join(folder, 'secret')
    await writeFile(file, text)
    clock++
    await require(`require: [{ owner: true }]\nnotify: { url: '${url}', secret: 'file:${file}' }`)
    await intended()
    expect(await delivered()).toMatchObject([
      { event: 'failed', why: expect.stringContaining(`${file} is empty`) },
    ])
    expect(calls).toEqual([])
    await writeFile(file, `${SECRET}\n`)
    clock += 10_000
    expect(await delivered()).toMatchObject([{ event: 'sent' }])
  },
)
