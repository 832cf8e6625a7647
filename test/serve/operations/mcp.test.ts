import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { listLeases } from '../../../src/act/broker/lease/lease-view.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Db } from '../../../src/core/store/store.ts'
import { Connections } from '../../../src/know/connections/registry.ts'
import { type BrokerStage, brokerStage, ISSUER } from '../../act/broker/broker-stage.ts'
import { testKeys } from '../../know/estate.ts'
import { memoryStore } from '../../memory-store.ts'

const PROGRAM = fileURLToPath(new URL('../../../bin/firebreak.js', import.meta.url))
const shell = promisify(execFile)

let stage: BrokerStage
let db: Db
let home: string

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'firebreak-mcp-'))
  db = await memoryStore()
  const config = `
issuers: [{ issuer: "${ISSUER}", subjects: ['agent:*'] }]
leases:
  - { name: api, audience: "https://reports.example", scopes: [read, write], ttl: 60s }
`
  const policies = {
    'all.cedar':
      'permit(principal, action, resource) when { context has task && context.task != "drop everything" };',
  }
  stage = await brokerStage(db, new Connections([], testKeys, realIo()), { config, policies })
})
afterAll(async () => {
  await stage?.close()
  await db?.destroy()
  await rm(home, { recursive: true, force: true })
})

interface Told {
  readonly id: string
  readonly load: string
  readonly variables: readonly string[] | Readonly<Record<string, string>>
}

/** An agent with the SDK's own client. Each call has a token of its own: one is good once. */
async function agent(...parameters: string[]) {
  const tokenFile = join(home, 'token')
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [
      PROGRAM,
      'mcp',
      '--broker',
      stage.url,
      '--token',
      `file:${tokenFile}`,
      '--audience',
      'https://broker.example',
      ...parameters,
    ],
    env: { PATH: process.env['PATH'] ?? '', FIREBREAK_HOME: home },
  })
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(transport)
  onTestFinished(() => client.close())
  const use = async (name: string, given: Record<string, unknown>) => {
    await writeFile(tokenFile, await stage.token({ sub: 'agent:helper' }))
    const { isError, content } = await client.callTool({ name, arguments: given })
    const [{ text }] = content as [{ text: string }]
    return { isError: isError === true, text }
  }
  const lease = async (task: string, more: object = {}) => {
    const { isError, text } = await use('lease_credential', { lease: 'api', task, ...more })
    expect(isError, text).toBe(false)
    return { text, ...(JSON.parse(text) as Told) }
  }
  return { client, use, lease }
}

async function stateOf(id: string) {
  return (await listLeases(db, true)).find(view => view.id === id)!
}

test('an agent gets a credential for a task in a file, ends it, and what it leaves ends with its session', async () => {
  const { client, use, lease } = await agent()
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['lease_credential', 'end_lease'])
  const [one, left] = [await lease('read a report', { scopes: ['read'] }), await lease('compare two')]
  expect(one.variables).toContain('FIREBREAK_ACCESS_TOKEN')
  const { stdout } = await shell('sh', ['-c', `${one.load} && printf %s "$FIREBREAK_ACCESS_TOKEN"`])
  expect(stdout).toMatch(/^eyJ/)
  // The model is told where it is, and not what it is.
  expect(one.text).not.toContain(stdout)
  const file = /'(.*)'/.exec(one.load)![1]!
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await stateOf(one.id)).toMatchObject({
    state: 'active',
    task: 'read a report',
    scopes: ['read'],
    workload: { subject: 'agent:helper' },
  })
  expect(await use('end_lease', { id: one.id })).toMatchObject({ isError: false })
  expect((await stateOf(one.id)).state).toBe('ended')
  await expect(stat(file)).rejects.toThrow('ENOENT')
  expect(await use('end_lease', { id: one.id })).toMatchObject({ isError: true })
  expect((await stateOf(left.id)).state).toBe('active')
  await client.close()
  await expect.poll(async () => (await stateOf(left.id)).state).toBe('ended')
  await expect(stat(/'(.*)'/.exec(left.load)![1]!)).rejects.toThrow('ENOENT')
})

test('what the policies refuse is told to the agent, and a task is asked for', async () => {
  const { use } = await agent()
  expect(await use('lease_credential', { lease: 'api', task: 'drop everything' })).toMatchObject({
    isError: true,
    text: expect.stringMatching(/refused/),
  })
  expect(await use('lease_credential', { lease: 'api' })).toMatchObject({ isError: true })
})

test('the value itself is told only where that was chosen', async () => {
  const { lease } = await agent('--reveal')
  const { variables } = await lease('show it')
  expect((variables as Record<string, string>)['FIREBREAK_ACCESS_TOKEN']).toMatch(/^eyJ/)
})
