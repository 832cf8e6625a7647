import { copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { contain } from '../../src/act/incident/contain.ts'
import { azure } from '../../src/connectors/azure/connector.ts'
import { type MemoryAzure, memoryAzure } from '../../src/connectors/azure/memory.ts'
import { directory } from '../../src/connectors/directory/connector.ts'
import type { Connector } from '../../src/core/contract/connector.ts'
import { type Io, realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { observe } from '../../src/know/observe/observe.ts'
import { containText } from '../../src/serve/operations/contain-text.ts'
import { listen } from '../connectors/azure/loopback.ts'
import { ownDirectory, testKeys } from '../know/estate.ts'
import { mustHold, mustNotStandIn } from '../simulation/invariants.ts'
import { memoryStore } from '../memory-store.ts'

/** The rule that is needed, which is read faster than all. */
const RULES = fileURLToPath(new URL('../../rules', import.meta.url))
const RULE = 'secrets/azure-entra-client-secret.yaml'

/** Who waits finds it later at once. */
function clockIo(): Io {
  let ahead = 0
  return {
    ...realIo(),
    now: () => new Date(Date.now() + ahead),
    async sleep(ms) {
      ahead += ms
      await new Promise(resolve => setImmediate(resolve))
    },
  }
}

/** An application whose secret stands in a file and in two secrets of a vault, one of which may be written. */
async function start() {
  const io = clockIo()
  const twin = memoryAzure({ approved: ['shop-kv/orders-*'], pageSize: 2, settleSeconds: 120 })
  const server = await listen(twin)
  const application = twin.addApplication('orders')
  const leaked = twin.addPassword(application, 'ci')
  // Another one of the same application, which nobody leaked.
  const other = twin.addPassword(application, 'nightly')
  const text = (secret: string) =>
    `AZURE_TENANT_ID=${twin.tenant}\nAZURE_CLIENT_ID=${application.appId}\nAZURE_CLIENT_SECRET=${secret}\n`
  twin.setSecret('shop-kv', 'orders-client-secret', leaked.secretText)
  twin.setSecret('shop-kv', 'old-settings', text(leaked.secretText))
  const path = await ownDirectory()
  const file = join(path, 'app.env')
  await writeFile(file, text(leaked.secretText))
  const db = await memoryStore()
  const connections = new Connections([azure, directory] as readonly unknown[] as Connector[], testKeys, io)
  onTestFinished(async () => {
    await connections.close()
    await db.destroy()
    await server.close()
  })
  const rulesDirectory = await ownDirectory()
  await cp(join(RULES, 'crossings'), join(rulesDirectory, 'crossings'), { recursive: true })
  await mkdir(join(rulesDirectory, 'secrets'))
  await copyFile(join(RULES, RULE), join(rulesDirectory, RULE))
  const world = { io, keys: testKeys, connections, rulesDirectory }
  const { clientSecret, certificate: _, ...rest } = twin.config
  const configs = [
    ['azure', { ...rest, ...server.config, clientSecret: new Secret(clientSecret!.revealText()) }],
    ['directory', { path, approved: ['*.env'] }],
  ] as const
  for (const [system, config] of configs) {
    const source = await connections.add(db, system, config)
    await observe(db, source, await connections.open(db, source.id), { ...world, workers: 1 })
  }
  return { twin, server, application, leaked, other, text, file, db, world }
}

async function signsIn(twin: MemoryAzure, login: string, clientId: string, secret: string): Promise<boolean> {
  const form = { client_id: clientId, client_secret: secret, scope: 'https://graph.microsoft.com/.default' }
  const url = `${login}/${twin.tenant}/oauth2/v2.0/token`
  return (await fetch(url, { method: 'POST', body: new URLSearchParams(form) })).ok
}

test.each(['graceful', 'emergency'] as const)(
  'a leaked secret of an application is replaced in its file and in Key Vault, and is dead, %s',
  async mode => {
    const { twin, server, application, leaked, other, text, file, db, world } = await start()
    const { login } = server.config
    expect(await signsIn(twin, login, application.appId, leaked.secretText)).toBe(true)

    const report = await contain(db, world, { leakedIn: 'app.env', mode, windowSeconds: 0 })

    const told = containText(report, 200)
    expect(report, told).toMatchObject({ state: 'done', contained: true })
    expect(report.credentials).toEqual([
      expect.objectContaining({
        label: 'orders',
        state: 'dead',
        // What was made from it before is not passed over.
        why: expect.stringMatching(/AADSTS7000215.*60 to 90 minutes/),
      }),
    ])
    // Of the application's secrets the one that leaked is gone, and one more is there.
    const [kept, issued] = application.passwords
    expect(application.passwords).toHaveLength(2)
    expect(kept).toBe(other)
    expect(await signsIn(twin, login, application.appId, leaked.secretText)).toBe(false)
    expect(await signsIn(twin, login, application.appId, issued!.secretText)).toBe(true)
    // A place that holds the secret alone takes the new one: the client id is the same.
    expect(await readFile(file, 'utf8')).toBe(text(issued!.secretText))
    const { secrets } = twin.vaults.get('shop-kv')!
    expect(secrets.get('orders-client-secret')?.map(({ value }) => value)).toEqual([
      leaked.secretText,
      issued!.secretText,
    ])
    expect(secrets.get('old-settings')?.map(({ value }) => value)).toEqual([text(leaked.secretText)])
    expect(
      Object.fromEntries(
        report.copies.map(({ where, state }) => [where.split('/').slice(-2).join('/'), state]),
      ),
    ).toMatchObject({
      'shop-kv/orders-client-secret:1': 'replaced',
      'shop-kv/old-settings:3': 'dead',
    })
    await mustHold(db)
    await mustNotStandIn(db, [leaked.secretText, issued!.secretText], JSON.stringify(report) + told)
  },
)

test('where the answer to making a secret is lost, the one that it made is taken back, and one stands', async () => {
  const { twin, application, leaked, other, text, file, db, world } = await start()
  const answer = twin.answer
  let lost = 0
  twin.answer = asked => {
    const answered = answer(asked)
    if (asked.url.pathname.endsWith('/addPassword') && lost++ === 0) throw new Error('the answer is lost')
    return answered
  }
  const report = await contain(db, world, { leakedIn: 'app.env', mode: 'graceful', windowSeconds: 0 })
  expect(report, containText(report, 200)).toMatchObject({ state: 'done', contained: true })
  expect(lost).toBe(2)
  const [kept, issued, ...more] = application.passwords
  expect([kept, more]).toEqual([other, []])
  expect(issued!.secretText).not.toBe(leaked.secretText)
  expect(await readFile(file, 'utf8')).toBe(text(issued!.secretText))
  await mustHold(db)
})
