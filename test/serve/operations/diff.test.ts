import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { memoryAws } from '../../../src/connectors/aws/memory.ts'
import { directory } from '../../../src/connectors/directory/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import type { Db } from '../../../src/core/store/store.ts'
import { Connections } from '../../../src/know/connections/registry.ts'
import { diff } from '../../../src/serve/operations/diff.ts'
import { observe } from '../../../src/serve/operations/observe.ts'
import type { World } from '../../../src/serve/operations/operation.ts'
import { testKeys } from '../../know/estate.ts'
import { memoryStore } from '../../memory-store.ts'

const RULES = fileURLToPath(new URL('../../../rules', import.meta.url))
const HOUR = 3_600_000
const twin = memoryAws()
const { account } = twin
const allow = (Action: string) =>
  JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', Action, Resource: '*' } })
const everything = `AWS account ${account.number}`

let root: string
let db: Db
let world: World
let clock = Date.now()
/** When each stage was over. */
const times: number[] = []

/** An hour later everything is observed again. */
async function look(): Promise<void> {
  clock += HOUR
  await observe.run(world, observe.input.parse({ workers: 1 }))
  times.push(clock + HOUR / 2)
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'firebreak-diff-'))
  const rulesDirectory = join(root, 'rules')
  await cp(join(RULES, 'crossings'), join(rulesDirectory, 'crossings'), { recursive: true })
  await mkdir(join(rulesDirectory, 'secrets'))
  await copyFile(join(RULES, 'secrets/postgres-url.yaml'), join(rulesDirectory, 'secrets/postgres-url.yaml'))
  const io = { ...realIo(), now: () => new Date(clock) }
  db = await memoryStore()
  const connections = new Connections([directory, twin.connector as never], testKeys, io)
  world = {
    home: root,
    db,
    keys: testKeys,
    io,
    connections,
    rulesDirectory,
    version: '0',
    existingKeys: async () => testKeys,
    openChange: () => Promise.reject(new Error('nothing is looked at')),
    readInput: () => {
      throw new Error('nothing is piped in')
    },
    serveHttp: () => Promise.reject(new Error('nothing is served')),
    serveWorkloadApi: () => Promise.reject(new Error('nothing is served')),
    takeSignals: () => () => {},
    progress: () => {},
    say: () => {},
    readSecret: () => Promise.reject(new Error('nobody is there')),
  }
  await mkdir(join(root, 'app'))
  const file = join(root, 'app', '.env')
  const url = (host: string) =>
    `DATABASE_URL=postgres://orders:${'q7Rk2-vLx9'.repeat(3)}@${host}:5432/orders\n`
  await writeFile(file, url('db.example'))
  const tester = account.addUser('tester')
  account.addUser('leaver')
  await connections.add(db, 'aws', {
    accessKeyId: account.admin.id,
    secretAccessKey: new Secret(account.admin.secret),
  })
  await connections.add(db, 'directory', { path: join(root, 'app') })
  await look()
  tester.policies.set('own', allow('*'))
  account.users.delete('leaver')
  account.addUser('joiner')
  await writeFile(join(root, 'app', 'new.env'), url('db.example'))
  await look()
  tester.policies.delete('own')
  await rm(join(root, 'app', 'new.env'))
  await look()
})
afterAll(async () => {
  await world.connections.close()
  await db.destroy()
  await rm(root, { recursive: true, force: true })
})

async function between(since: number, until: number, more: Record<string, unknown> = {}) {
  const at = (time: number) => new Date(times[time]!).toISOString()
  clock = Math.max(clock, times[until]!)
  const output = await diff.run(
    world,
    diff.input.parse({ subjects: ['tester'], since: at(since), until: at(until), ...more }),
  )
  const text = stripVTControlCharacters(diff.text(output, 80))
  expect(text.split('\n').filter(line => line.length > 80 && line.trim().includes(' '))).toEqual([])
  return { output, text }
}
const crossingsOf = (hops: readonly { fromName: string; toName: string; crossing: string }[]) =>
  hops.map(({ crossing, fromName }) => `${crossing} ${fromName.split('/').at(-1)}`)

test('what came: a user, a copy, a right; and what the holder reaches by it', async () => {
  const { output, text } = await between(0, 1, { failOnNewPath: true })
  const names = (things: readonly { name: string }[]) => things.map(({ name }) => name.split('/').at(-1))
  expect(names(output.things.new)).toContain('joiner')
  expect(names(output.things.gone)).toContain('leaver')
  expect(output.copies.new).toEqual([{ of: 'postgres-url', place: `directory:${join(root, 'app')}/new.env` }])
  expect(crossingsOf(output.hops.new)).toContain('administrator tester')
  const gained = output.reach[0]!.gained.find(({ to }) => to === everything)
  expect(gained).toMatchObject({ certainty: 'proven', before: null, hops: [{ isNew: true }] })
  expect(diff.exitCode!(output)).toBe(1)
  expect(text).toContain('A holder of')
  expect(text).toMatch(/1\. NEW: user\/tester may do everything in the account/)
})

test('what went: the same the other way round', async () => {
  const { output } = await between(1, 2, { failOnNewPath: true })
  expect(output.copies.gone).toHaveLength(1)
  expect(crossingsOf(output.hops.gone)).toContain('administrator tester')
  expect(output.reach[0]).toMatchObject({ gained: [] })
  expect(output.reach[0]!.lost.map(({ to }) => to)).toContain(everything)
  expect(diff.exitCode!(output)).toBe(0)
})

test('what came and went again has not changed', async () => {
  const { output, text } = await between(0, 2)
  expect(crossingsOf(output.hops.new)).not.toContain('administrator tester')
  expect(output.copies).toEqual({ new: [], gone: [] })
  expect(output.reach[0]).toMatchObject({ gained: [], lost: [] })
  expect(text).toMatch(/What a holder of \S+ gets to is as it was\./)
})

test('before the first observation nothing was known', async () => {
  const since = new Date(times[0]! - 3 * HOUR).toISOString()
  const { output, text } = await between(0, 1, { since })
  expect(output.hops.gone).toEqual([])
  expect(output.policiesKnownSince).not.toBeNull()
  expect(text).toContain('What policies allowed is kept since')
})

test('times that are none, or the wrong way round, are refused', async () => {
  await expect(between(1, 0)).rejects.toThrow('the wrong way round')
  await expect(between(0, 1, { since: 'yesterday' })).rejects.toThrow('this is no time')
})
