import { randomBytes } from 'node:crypto'
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { contain, type ContainRequest } from '../../src/act/incident/contain.ts'
import { kubernetesConfig } from '../../src/connectors/kubernetes/config.ts'
import { memoryKubernetes } from '../../src/connectors/kubernetes/memory.ts'
import { type MemorySession, memoryPostgres } from '../../src/connectors/postgres/memory.ts'
import type { Connector } from '../../src/core/contract/connector.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { observe } from '../../src/know/observe/observe.ts'
import { openOwnStore } from '../own-store.ts'
import { ownDirectory, testKeys } from '../know/estate.ts'
import { keepTimeStillForWorkers } from './kept-workers.ts'
import { SimulatedTime } from './simulated-time.ts'

const ENDPOINT = 'db.example:5432'
const root = new URL('../../', import.meta.url).pathname

/** A database, and a cluster in which a workload reads its password from a Secret when it starts. */
async function stage(startsAnew: boolean) {
  const time = new SimulatedTime(Date.UTC(2026, 2, 1))
  keepTimeStillForWorkers(time)
  const server = memoryPostgres({ endpoint: ENDPOINT, now: () => time.now() })
  const leaked = randomBytes(18).toString('base64url')
  server.addRole({ name: 'orders', password: new Secret(leaked) })
  const twin = memoryKubernetes({ approved: ['shop/*'], rolloutSeconds: 5 })
  const { objects, fetch } = twin
  Object.assign(twin, { fetch: ((...asked) => time.during(fetch(...asked))) satisfies typeof fetch })
  const url = `postgres://orders:${leaked}@${ENDPOINT}/shop`
  const secret = objects.add('secrets', 'Secret', 'shop', {
    metadata: { name: 'db' },
    data: { DATABASE_URL: Buffer.from(url).toString('base64') },
  })!
  const template = {
    spec: { containers: [{ name: 'api', envFrom: [{ secretRef: { name: 'db' } }] }] },
  }
  objects.add('deployments', 'Deployment', 'shop', {
    metadata: { name: 'api' },
    spec: { replicas: 1, template },
  })
  objects.add('cronjobs', 'CronJob', 'shop', {
    metadata: { name: 'nightly' },
    spec: { jobTemplate: { spec: { template } } },
  })

  let session: MemorySession | undefined
  const logIns: string[] = []
  const start = () => {
    const stored = (secret.body['data'] as { DATABASE_URL: string }).DATABASE_URL
    const { username, password } = new URL(Buffer.from(stored, 'base64').toString())
    if (session) session.alive = false
    session = server.login(username, new Secret(decodeURIComponent(password)), 'shop-api')
    logIns.push(session ? username : `${username} refused`)
  }
  start()
  if (startsAnew) twin.onRolledOut = start
  else twin.rolloutLooks = Infinity

  const { db } = await openOwnStore()
  const io = {
    ...realIo(),
    now: () => new Date(time.now()),
    sleep: (ms: number) => time.sleep(ms),
  }
  const cluster: Connector = {
    ...(twin.connector as Connector),
    config: kubernetesConfig.partial(),
    open: (_, given) => twin.connector.open({} as never, given),
  }
  const connections = new Connections([server.connector as Connector, cluster], testKeys, io)
  await connections.add(db, 'postgres', {}, 'db')
  await connections.add(db, 'kubernetes', {}, 'cluster')
  const rulesDirectory = await ownDirectory()
  await mkdir(join(rulesDirectory, 'secrets'))
  await cp(join(root, 'rules/secrets/postgres-url.yaml'), join(rulesDirectory, 'secrets/postgres-url.yaml'))
  const options = { io, keys: testKeys, connections, rulesDirectory, workers: 1 }
  for (const source of await connections.list(db))
    await observe(db, source, await connections.open(db, source.id), options)
  return { db, twin, server, leaked, options, logIns, session: () => session }
}

async function run({ db, leaked, options, session }: Awaited<ReturnType<typeof stage>>, more: object = {}) {
  const told: string[] = []
  const request: ContainRequest = { secret: new Secret(leaked), mode: 'graceful', windowSeconds: 0, ...more }
  const report = await contain(
    db,
    {
      ...options,
      patienceSeconds: 5,
      onBoundary: ({ key }, boundary) => {
        if (boundary === 'begin') told.push(`${key}${key.startsWith('revoke') ? ` ${session()?.alive}` : ''}`)
      },
    },
    request,
  )
  return { report, told }
}

describe('a password that a workload reads from a Secret', () => {
  test('is written there, and the workload restarted, before the old one is revoked', async () => {
    const scene = await stage(true)
    const { report, told } = await run(scene)
    expect(report.credentials.map(({ label, state }) => `${label} ${state}`)).toEqual(['orders dead'])
    const verbs = told.map(key => key.split(':')[0])
    const order = ['issue', 'write', 'reload', 'suspend'].map(verb => verbs.indexOf(verb))
    expect(order).toEqual([...order].sort((a, b) => a - b))
    expect(order[0]).toBeGreaterThanOrEqual(0)
    expect(told.filter(key => key.startsWith('reload'))).toEqual(['reload:orders:shop/deployment/api'])
    // It was never refused, and goes on as the new one when the old one is revoked.
    expect(scene.logIns).toHaveLength(2)
    expect(scene.logIns[1]).not.toMatch(/^orders$|refused/)
    expect(told).toContain('revoke:orders true')
    expect(scene.server.login('orders', new Secret(scene.leaked))).toBeUndefined()
  })

  test('that does not come up anew is not cut off from the old one', async () => {
    const scene = await stage(false)
    const { report, told } = await run(scene)
    expect(told.some(key => /^(?:suspend|revoke)/.test(key))).toBe(false)
    expect(report.credentials.map(({ state }) => state)).toEqual(['live'])
    expect(scene.session()?.alive).toBe(true)
  })
})

describe('a cluster that is observed again', () => {
  async function known(db: Awaited<ReturnType<typeof stage>>['db']) {
    const rows = await db
      .selectFrom('entity')
      .select(['kind', 'gone_at'])
      .where('system', '=', 'kubernetes')
      .where('kind', 'in', ['deployment', 'cron-job', 'secret'])
      .where('merged_into', 'is', null)
      .execute()
    return rows.map(({ kind, gone_at }) => `${kind}${gone_at === null ? '' : ' gone'}`).sort()
  }
  const again = async ({ db, options }: Awaited<ReturnType<typeof stage>>) => {
    const source = (await options.connections.list(db)).find(({ system }) => system === 'kubernetes')!
    return await observe(db, source, await options.connections.open(db, source.id), options)
  }

  test('is read where it changed; what is gone is gone, and what is only hidden is not', async () => {
    const scene = await stage(true)
    const { db, twin } = scene
    expect(await known(db)).toEqual(['cron-job', 'deployment', 'secret'])
    const unchanged = await again(scene)
    expect(unchanged.documents).toBe(2)
    expect(unchanged.skippedAsRead).toBe(2)
    // Nobody may list them any more: that is no reason to think that they are gone.
    for (const resource of ['deployments', 'secrets'])
      twin.refusals.set(resource, { status: 403, afterPages: 0, times: 99 })
    await again(scene)
    expect(await known(db)).toEqual(['cron-job', 'deployment', 'secret'])
    twin.refusals.clear()
    twin.objects.remove('cronjobs', twin.objects.get('cronjobs', 'shop', 'nightly')!)
    const changed = await again(scene)
    expect(changed.read).toBe(1)
    expect(await known(db)).toEqual(['cron-job gone', 'deployment', 'secret'])
  })
})
