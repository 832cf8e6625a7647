import { createEmulator } from 'emulate'
import { describe, expect, onTestFinished, test } from 'vitest'
import { slackConfig } from '../../../src/connectors/slack/config.ts'
import { slack } from '../../../src/connectors/slack/connector.ts'
import { memorySlack } from '../../../src/connectors/slack/memory.ts'
import type { Connection } from '../../../src/core/contract/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { Secret } from '../../../src/core/contract/secret.ts'

const TOKEN = ['xoxb', '123456789012', 'firebreakfirebreak'].join('-')
const tsAt = (iso: string, n = 0) => `${Date.parse(iso) / 1000}.00000${n}`

function workspace() {
  const memory = memorySlack()
  memory.token = TOKEN
  memory.bots.push(
    { id: 'U1', name: 'deployer' },
    { id: 'U2', name: 'gone', deleted: true },
    { id: 'U3', name: 'alerts' },
  )
  memory.channels.push(
    {
      id: 'C1',
      name: 'general',
      messages: [
        { ts: tsAt('2026-05-01T10:00:00Z', 1), user: 'U9', text: 'first' },
        { ts: tsAt('2026-05-01T11:00:00Z', 2), user: 'U9', text: 'second' },
        {
          ts: tsAt('2026-05-03T08:00:00Z', 3),
          user: 'U8',
          text: 'answer of days later',
          threadTs: tsAt('2026-05-01T10:00:00Z', 1),
        },
        { ts: tsAt('2026-05-01T12:00:00Z', 4), user: 'U9', text: 'third' },
        { ts: tsAt('2026-05-02T09:00:00Z', 5), user: 'U9', text: 'next day' },
      ],
    },
    { id: 'C2', name: 'random', messages: [] },
    { id: 'C3', name: 'ops', messages: [{ ts: tsAt('2026-05-02T09:00:00Z'), text: 'x' }] },
    {
      id: 'G1',
      name: 'secret-plans',
      isPrivate: true,
      messages: [{ ts: tsAt('2026-05-02T09:00:00Z'), text: 'y' }],
    },
  )
  const slept: number[] = []
  const io = { ...realIo(), fetch: memory.fetch, sleep: async (ms: number) => void slept.push(ms) }
  const open = (more = {}) => slack.open(slackConfig.parse({ token: new Secret(TOKEN), ...more }), io)
  return { memory, open, slept }
}

async function look(connection: Connection) {
  const documents = new Map<string, { id: string; text: string }>()
  for await (const { id, path, bytes } of connection.documents!())
    documents.set(path, { id, text: Buffer.concat(await collect(bytes())).toString() })
  const seen: Observation[] = await collect(connection.discover!())
  return { documents, seen, gaps: seen.flatMap(one => (one.see === 'covered' && !one.complete ? [one] : [])) }
}

describe('a workspace of Slack', () => {
  test('is a document for each day of each conversation, threads with what they answer', async () => {
    const { documents, seen, gaps } = await look(await workspace().open())
    expect([...documents.keys()]).toEqual([
      'general/2026-05-01.json',
      'general/2026-05-02.json',
      'ops/2026-05-02.json',
      'secret-plans/2026-05-02.json',
    ])
    const first = JSON.parse(documents.get('general/2026-05-01.json')!.text) as { text: string }[]
    expect(first.map(({ text }) => text)).toEqual(['first', 'second', 'third', 'answer of days later'])
    expect(gaps).toEqual([])
    expect(seen.flatMap(one => (one.see === 'identity' ? one.names : []))).toEqual(['deployer', 'alerts'])
    expect(seen.filter(one => one.see === 'occurrence')).toHaveLength(4)
    expect(seen.find(one => one.see === 'resource' && one.ref.id === 'G1')).toMatchObject({
      names: ['#secret-plans'],
      facts: { isPrivate: { value: true } },
    })
  })

  test('what is as it was keeps its id, what was written or changed since does not', async () => {
    const { memory, open } = workspace()
    const before = await look(await open())
    memory.channels[2]!.messages.push({ ts: tsAt('2026-05-02T10:00:00Z'), text: 'late' })
    const after = await look(await open())
    expect(
      [...after.documents]
        .filter(([path, { id }]) => before.documents.get(path)?.id !== id)
        .map(([path]) => path),
    ).toEqual(['ops/2026-05-02.json'])
  })

  test('only the channels that were asked for are read, and one that is not there is said', async () => {
    const { documents, gaps } = await look(await workspace().open({ channels: ['#ops', 'nowhere'] }))
    expect([...documents.keys()]).toEqual(['ops/2026-05-02.json'])
    expect(gaps.map(({ scope }) => scope)).toContain('slack T0000001: #nowhere')
  })

  test('where the bot is not in a channel, or lacks a scope, the rest is read and the gap is said', async () => {
    const { memory, open } = workspace()
    memory.channels.push({ id: 'C4', name: 'board', member: false, messages: [] })
    memory.missing.add('groups:read').add('users:read')
    const { documents, gaps } = await look(await open())
    expect(documents.size).toBe(3)
    expect(gaps.map(({ scope, why }) => `${scope}: ${why}`)).toEqual([
      expect.stringContaining(
        'bots: The system refused the credential or the right: Slack refused users.list: missing_scope',
      ),
      'slack T0000001: the conversations that the bot may read: a part of it could not be read',
      expect.stringContaining('every private channel'),
      'slack T0000001: #board: the bot is not in it: invite it, or leave it out',
    ])
  })

  test('is waited for where it asks to, and not for ever', async () => {
    const { memory, open, slept } = workspace()
    memory.limited = { calls: 2, seconds: 7 }
    const connection = await open()
    expect(slept).toEqual([7000, 7000])
    memory.limited = { calls: 100, seconds: 1 }
    await expect(look(connection)).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    memory.limited = { calls: 1, seconds: 86_400 }
    await expect(look(connection)).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  })

  test('a failure on a later page is an error, and no empty whole', async () => {
    const { memory, open } = workspace()
    const connection = await open()
    memory.failAt = 4
    await expect(look(connection)).rejects.toMatchObject({ code: 'UNREACHABLE' })
  })

  test('a token that is not taken is DENIED, and is not told', async () => {
    const { memory, open } = workspace()
    memory.token = 'another'
    const error = await open().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'DENIED', message: expect.stringContaining('invalid_auth') })
    expect(JSON.stringify(error) + String(error)).not.toContain(TOKEN)
  })
})

test('the Slack of emulate is read to the end', async () => {
  const emulator = await createEmulator({
    service: 'slack',
    port: 0,
    seed: {
      tokens: { [TOKEN]: { login: 'U000000001', scopes: [] } },
      slack: {
        team: { name: 'Shop', domain: 'shop' },
        users: [{ name: 'ada', real_name: 'Ada' }],
        channels: [{ name: 'general' }, { name: 'ops' }],
        bots: [{ name: 'deployer' }],
      },
    },
  })
  onTestFinished(() => emulator.close())
  const connection = await slack.open(
    slackConfig.parse({ token: new Secret(TOKEN), endpoint: `${emulator.url}/api` }),
    realIo(),
  )
  const post = (channel: string, text: string) =>
    fetch(`${emulator.url}/api/chat.postMessage`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ channel, text }),
    })
  const { seen } = await look(connection)
  const ops = seen.find(one => one.see === 'resource' && one.names.includes('#ops'))
  for (let count = 0; count < 205; count++)
    await post(ops?.see === 'resource' ? ops.ref.id : '', `message ${count}`)
  const { documents, gaps } = await look(connection)
  const texts = [...documents.values()].map(({ text }) => text).join('')
  for (const count of [0, 1, 204]) expect(texts).toContain(`message ${count}`)
  expect(gaps).toEqual([])
})

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
