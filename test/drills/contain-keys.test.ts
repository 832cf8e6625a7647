import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { contain } from '../../src/act/incident/contain.ts'
import { directory } from '../../src/connectors/directory/connector.ts'
import { memoryGithub } from '../../src/connectors/github/memory.ts'
import { memoryGitlab } from '../../src/connectors/gitlab/memory.ts'
import type { Connector } from '../../src/core/contract/connector.ts'
import { type Io, realIo } from '../../src/core/contract/io.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { observe } from '../../src/know/observe/observe.ts'
import { containText } from '../../src/serve/operations/contain-text.ts'
import { ownDirectory, testKeys } from '../know/estate.ts'
import { opensshFile } from '../know/readers/secrets/facts/openssh-file.ts'
import { publicLine } from '../know/readers/ssh/public-line.ts'
import { mustHold, mustNotStandIn } from '../simulation/invariants.ts'
import { memoryStore } from '../memory-store.ts'

const RULES = fileURLToPath(new URL('../../rules', import.meta.url))

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

/** The twin, and a directory with a private key that leaked: observed in this order. */
async function estateOf(twin: { readonly connector: unknown }, leaked: string) {
  const io = clockIo()
  const path = await ownDirectory()
  await writeFile(join(path, 'leaked.txt'), leaked)
  // Where whoever uses it has it.
  const file = join(path, 'deploy.key')
  await writeFile(file, leaked)
  const rulesDirectory = await ownDirectory()
  await cp(join(RULES, 'crossings'), join(rulesDirectory, 'crossings'), { recursive: true })
  await mkdir(join(rulesDirectory, 'secrets'))
  await copyFile(join(RULES, 'secrets/private-key.yaml'), join(rulesDirectory, 'secrets/private-key.yaml'))
  const db = await memoryStore()
  const own = twin.connector as Connector
  const loose = {
    ...own,
    config: { safeParse: (data: unknown) => ({ success: true, data }) },
  } as never as Connector
  const connections = new Connections([loose, directory] as readonly unknown[] as Connector[], testKeys, io)
  onTestFinished(async () => {
    await connections.close()
    await db.destroy()
  })
  const world = { io, keys: testKeys, connections, rulesDirectory }
  for (const [system, config] of [
    [own.system, {}],
    ['directory', { path, approved: ['*.key'] }],
  ] as const) {
    const source = await connections.add(db, system, config)
    await observe(db, source, await connections.open(db, source.id), { ...world, workers: 1 })
  }
  return { db, world, file }
}

test.each(['emergency', 'graceful'] as const)(
  'a deploy key of GitLab that leaked is taken from its project, %s, and that it is gone is proven',
  async mode => {
    const key = generateKeyPairSync('ed25519').privateKey
    const { line } = publicLine(createPublicKey(key))
    const gitlab = memoryGitlab()
    const shop = gitlab.addProject('shop')
    shop.deployKeys.push({ id: 6, title: 'ci', key: `${line} ci`, can_push: true })
    const other = publicLine(createPublicKey(generateKeyPairSync('ed25519').privateKey))
    shop.deployKeys.push({ id: 7, title: 'other', key: other.line, can_push: false })
    const leaked = opensshFile(key, 'ci')
    const { db, world, file } = await estateOf(gitlab, leaked)

    const report = await contain(db, world, { leakedIn: 'leaked.txt', mode, windowSeconds: 0 })

    const told = containText(report, 200)
    expect(report, told).toMatchObject({ state: 'done', contained: true })
    expect(report.credentials).toEqual([expect.objectContaining({ state: 'dead' })])
    expect(shop.deployKeys.map(({ title }) => title)).toContain('other')
    expect(shop.deployKeys.map(({ id }) => id)).not.toContain(6)
    expect(shop.deployKeys).toContainEqual(
      expect.objectContaining({ title: expect.stringMatching(/^firebreak /), can_push: true }),
    )
    expect(await readFile(file, 'utf8')).not.toContain(leaked.split('\n')[3])
    await mustHold(db)
    await mustNotStandIn(db, [leaked.split('\n')[3]!], JSON.stringify(report) + told)
  },
)

test('a deploy key of GitHub that leaked is replaced in the file that holds it, and the old one is dead', async () => {
  const key = generateKeyPairSync('ed25519').privateKey
  const { line } = publicLine(createPublicKey(key))
  const github = memoryGithub()
  const repository = github.server.addRepository('app')
  repository.keys.push({ id: 77, key: line, title: 'ci', read_only: false })
  const leaked = opensshFile(key, 'ci')
  const { db, world, file } = await estateOf(github, leaked)

  const report = await contain(db, world, { leakedIn: 'leaked.txt', mode: 'graceful', windowSeconds: 0 })

  const told = containText(report, 200)
  expect(report, told).toMatchObject({ state: 'done', contained: true })
  expect(repository.keys.map(({ id }) => id)).not.toContain(77)
  expect(repository.keys).toEqual([expect.objectContaining({ read_only: false })])
  expect(await readFile(file, 'utf8')).not.toContain(leaked.split('\n')[3])
  await mustHold(db)
  await mustNotStandIn(db, [leaked.split('\n')[3]!], JSON.stringify(report) + told)
})

test('a key of a GitHub App that leaked: its installation is suspended, a person deletes it, and it is proven dead', async () => {
  const github = memoryGithub({}, { asApp: true })
  const leaked = github.server.appKey.pem
  github.server.addInstallation('firebreak', { contents: 'write', workflows: 'write' })
  github.server.addRepository('app')
  const { db, world } = await estateOf(github, leaked)
  const request = { leakedIn: 'leaked.txt', mode: 'emergency', windowSeconds: 0 } as const

  const waiting = await contain(db, world, request)
  expect(waiting, containText(waiting, 200)).toMatchObject({ state: 'stuck', contained: false })
  expect(github.server.installations[0]).toMatchObject({ suspended_at: expect.any(String) })
  expect(containText(waiting, 200)).toContain('In the settings of the app')

  github.server.replaceAppKey()
  const report = await contain(db, world, request)
  const told = containText(report, 200)
  expect(report, told).toMatchObject({ state: 'done', contained: true })
  expect(report.credentials).toEqual([expect.objectContaining({ state: 'dead' })])
  await mustHold(db)
  await mustNotStandIn(db, [leaked.split('\n')[3]!], JSON.stringify(report) + told)
})
