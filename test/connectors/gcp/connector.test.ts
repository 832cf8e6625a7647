import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type MemoryGcp, memoryGcp } from '../../../src/connectors/gcp/memory.ts'
import { type Io, realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import type { Row } from '../../../src/core/store/schema.ts'
import { loadCrossingRules } from '../../../src/know/graph/crossing-rules.ts'
import { loadGraph } from '../../../src/know/graph/load-graph.ts'
import { observe } from '../../../src/know/observe/observe.ts'
import { ownDirectory, testKeys } from '../../know/estate.ts'
import { reachedFrom, wholeOf } from '../../know/graph/whole.ts'
import { memoryStore } from '../../memory-store.ts'

const RULES = new URL('../../../rules', import.meta.url).pathname

function impatient(): Io & { slept: number[] } {
  const slept: number[] = []
  return { ...realIo(), slept, sleep: async ms => void slept.push(ms) }
}

async function open(twin: MemoryGcp, io: Io = impatient()) {
  const connection = await twin.connector.open({} as never, io)
  onTestFinished(() => connection.close())
  return connection
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

function filled(overrides: Parameters<typeof memoryGcp>[0] = { pageSize: 2 }): MemoryGcp {
  const twin = memoryGcp(overrides)
  const deployer = twin.addAccount('deployer')
  twin.addKey(deployer)
  deployer.bindings = [
    {
      role: 'roles/iam.workloadIdentityUser',
      members: [
        `principalSet://iam.googleapis.com/projects/${twin.number}/locations/global/workloadIdentityPools/ci/*`,
      ],
    },
  ]
  const reader = twin.addAccount('reader')
  reader.bindings = [{ role: 'roles/iam.serviceAccountTokenCreator', members: ['user:alice@acme.example'] }]
  twin.bindings = [{ role: 'projects/acme-prod/roles/own', members: [`serviceAccount:${reader.email}`] }]
  twin.roles.set('own', ['secretmanager.versions.access'])
  twin.pools.set('ci', [
    {
      name: `projects/${twin.number}/locations/global/workloadIdentityPools/ci/providers/github`,
      oidc: { issuerUri: 'https://token.actions.githubusercontent.com' },
    },
  ])
  twin.secrets.set('db', ['token=aaaa'])
  return twin
}

const gapsIn = (seen: readonly Observation[]) =>
  seen.flatMap(one => (one.see === 'covered' && !one.complete ? [one] : []))

test('a project that was observed tells who reaches what, as its exports do', async () => {
  const twin = filled()
  const db = await memoryStore()
  onTestFinished(() => db.destroy())
  const source: Row<'source'> = {
    id: 'source-1',
    system: 'gcp',
    instance: twin.project,
    label: 'gcp',
    config: '{}',
    cursor: null,
    created_at: 0,
    observed_at: null,
    disconnected_at: null,
    connected_at: null,
    epoch: 0,
  }
  await db.insertInto('source').values(source).execute()
  const rulesDirectory = await ownDirectory()
  const rule = 'secrets/gcp-service-account.yaml'
  await mkdir(join(rulesDirectory, 'secrets'))
  await copyFile(join(RULES, rule), join(rulesDirectory, rule))
  const [key] = twin.accounts.get('reader@acme-prod.iam.gserviceaccount.com')!.keys.values()
  expect(key).toBeUndefined()
  const deployer = twin.accounts.get('deployer@acme-prod.iam.gserviceaccount.com')!
  const [leaked] = deployer.keys.values()
  twin.secrets.set('leaked', [
    JSON.stringify({ client_email: deployer.email, private_key: leaked!.privateKey }),
  ])
  await observe(db, source, await open(twin), {
    io: impatient(),
    keys: testKeys,
    rulesDirectory,
    workers: 1,
  })
  const whole = await wholeOf(db, await loadGraph(db, await loadCrossingRules(RULES)))
  const reachOf = (name: string) =>
    reachedFrom(whole, whole.nodes.find(({ names }) => names.includes(name))!.id).map(
      ({ ref, names, certainty }) => `${ref.kind} ${names[0]?.replace(/@.*/, '')} ${certainty}`,
    )
  expect(reachOf('alice@acme.example')).toEqual(
    expect.arrayContaining(['service-account reader proven', 'secret db proven', 'secret leaked proven']),
  )
  // The key in the secret is told whose it is by the address that stands beside it.
  expect(reachOf('alice@acme.example').join()).toContain('service-account deployer')
  expect(reachOf('anyone who can run a workflow on GitHub')).toContain('service-account deployer proven')
})

describe('reading', () => {
  test('is patient where the server asks for it', async () => {
    const twin = filled()
    const io = impatient()
    const connection = await open(twin, io)
    twin.refusals.set('GET iam.googleapis.com/v1/projects/acme-prod/roles', 429)
    await collect(connection.documents!())
    expect(io.slept).toEqual([200, 400, 800, 1600])
    expect(gapsIn(await collect(connection.discover!()))).toEqual([
      expect.objectContaining({ scope: 'gcp:acme-prod/roles', failed: true, hides: ['role'] }),
    ])
  })

  test('what is denied is a gap, and no failure, and the rest is read', async () => {
    const twin = filled()
    twin.refusals.set('GET secretmanager.googleapis.com', 403)
    const connection = await open(twin)
    const [whole] = await collect(connection.documents!())
    expect(whole).toMatchObject({ path: 'project.json', format: 'gcp' })
    const seen = await collect(connection.discover!())
    expect(seen.filter(({ see }) => see === 'credential')).toHaveLength(2)
    const gaps = gapsIn(seen)
    expect(gaps.map(({ scope }) => scope)).toEqual(['gcp:acme-prod/secrets', 'gcp:acme-prod/secrets-values'])
    expect(gaps.every(({ failed }) => failed !== true)).toBe(true)
  })

  test('a clock that is off leaves a key unknown', async () => {
    const twin = filled()
    const connection = await open(twin)
    const account = twin.accounts.get('deployer@acme-prod.iam.gserviceaccount.com')!
    const [key] = account.keys.values()
    const ref = { system: 'gcp', instance: twin.project, kind: 'service-account', id: account.uniqueId }
    twin.clockOffsetMs = 3_600_000
    expect(await connection.verify!(ref, new Secret(key!.privateKey, account.email))).toEqual({
      state: 'unknown',
      why: expect.stringContaining('clock'),
    })
  })
})

describe('cutting', () => {
  test('of several keys of one account, the one that the secret is of', async () => {
    const twin = filled()
    const connection = await open(twin)
    const account = twin.accounts.get('deployer@acme-prod.iam.gserviceaccount.com')!
    const [kept] = account.keys.values()
    const gone = twin.addKey(account)
    const identity = { system: 'gcp', instance: twin.project, kind: 'service-account', id: account.uniqueId }
    await connection.revoke!(identity, new Secret(gone.privateKey, account.email))
    expect([...account.keys.keys()]).toEqual([kept!.id])
  })

  test('keys that others made meanwhile are not taken for ours', async () => {
    const twin = filled()
    const connection = await open(twin)
    const account = twin.accounts.get('deployer@acme-prod.iam.gserviceaccount.com')!
    const [key] = account.keys.values()
    const identity = { system: 'gcp', instance: twin.project, kind: 'service-account', id: account.uniqueId }
    const like = { ...identity, kind: 'service-account-key', id: key!.id, identity }
    const want = { name: 'ours', like, scopes: [], before: await connection.inspect!(like) }
    await connection.issue!(want)
    twin.addKey(account)
    await expect(connection.undo!(want)).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(account.keys.size).toBe(3)
  })
})

describe('a stored secret', () => {
  const placeIn = async (connection: Awaited<ReturnType<typeof open>>) => {
    const document = (await collect(connection.documents!())).find(({ path }) => path === 'db')!
    const slots = [{ part: 'value' as const, at: '6-10', encodings: [] }]
    return { in: document.in, path: document.path, version: document.id, slots }
  }

  test('is written as a new version, on the one that was read', async () => {
    const twin = filled({ approved: ['db'] })
    const connection = await open(twin)
    const place = await placeIn(connection)
    expect((await connection.read!(place)).revealText()).toBe('aaaa')
    const written = await connection.write!(place, new Secret('bbbbbb'))
    expect(twin.secrets.get('db')).toEqual(['token=aaaa', 'token=bbbbbb'])
    expect((await connection.read!(written)).revealText()).toBe('bbbbbb')
    // An attempt whose answer was lost is recognised, and another's write is not passed over.
    expect(await connection.write!(place, new Secret('bbbbbb'))).toEqual(written)
    await expect(connection.write!(place, new Secret('cccc'))).rejects.toMatchObject({ code: 'CONFLICT' })
  })

  test('removed, once or twice, no version holds it; one that holds nothing else goes', async () => {
    const twin = filled({ approved: ['db', 'whole'] })
    twin.secrets.set('whole', ['aaaa'])
    const connection = await open(twin)
    const place = await placeIn(connection)
    const whole = (await collect(connection.documents!())).find(({ path }) => path === 'whole')!
    const slots = [{ part: 'value' as const, at: '0-4', encodings: [] }]
    const alone = { in: whole.in, path: 'whole', version: whole.id, slots }
    for (const one of [place, place, alone, alone]) await connection.remove!(one)
    expect(twin.secrets.get('db')).toEqual(['', 'token='])
    expect(twin.secrets.has('whole')).toBe(false)
    twin.secrets.set('db', ['token=aaaa', 'token=cccc'])
    await expect(connection.remove!(place)).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(twin.secrets.get('db')).toEqual(['token=aaaa', 'token=cccc'])
  })

  test('that is not approved is not written, nor taken out', async () => {
    const connection = await open(filled())
    await expect(connection.remove!(await placeIn(connection))).rejects.toMatchObject({ code: 'DENIED' })
    await expect(connection.write!(await placeIn(connection), new Secret('bbbb'))).rejects.toMatchObject({
      code: 'DENIED',
    })
  })
})

test('a key that is none is said before anything is asked', async () => {
  const twin = filled()
  const key = new Secret(await readFile(join(RULES, 'secrets', 'gcp-service-account.yaml'), 'utf8'))
  await expect(twin.connector.open({ key } as never, realIo())).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
  })
  expect(twin.calls).toBe(0)
})
