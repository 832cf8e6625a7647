import { createSign } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { contain } from '../../src/act/incident/contain.ts'
import { directory } from '../../src/connectors/directory/connector.ts'
import { type MemoryGcp, memoryGcp } from '../../src/connectors/gcp/memory.ts'
import type { Connector } from '../../src/core/contract/connector.ts'
import { type Io, realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { observe } from '../../src/know/observe/observe.ts'
import { containText } from '../../src/serve/operations/contain-text.ts'
import { ownDirectory, testKeys } from '../know/estate.ts'
import { mustHold, mustNotStandIn } from '../simulation/invariants.ts'
import { BUILT_IN_RULES } from '../built-in-rules.ts'
import { memoryStore } from '../memory-store.ts'

/** Who waits finds it later at once, here and at Google, whose clock goes along. */
function clockIo(gcp: MemoryGcp): Io {
  return {
    ...realIo(),
    now: () => new Date(Date.now() + gcp.clockOffsetMs),
    async sleep(ms) {
      gcp.clockOffsetMs += ms
      await new Promise(resolve => setImmediate(resolve))
    },
  }
}

interface KeyFile {
  readonly private_key_id: string
  readonly private_key: string
  readonly client_email: string
}

/** As Google's libraries do it: they send the key's name along, and are refused where it is another key's. */
async function logsIn(gcp: MemoryGcp, file: KeyFile): Promise<boolean> {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor((Date.now() + gcp.clockOffsetMs) / 1000)
  const signed = `${part({ alg: 'RS256', kid: file.private_key_id })}.${part({
    iss: file.client_email,
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    aud: 'https://oauth2.googleapis.com/token',
    iat: now,
    exp: now + 60,
  })}`
  const signature = createSign('sha256').update(signed).sign(file.private_key).toString('base64url')
  const answer = await gcp.fetch('https://oauth2.googleapis.com/token', {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: `${signed}.${signature}`,
    }),
  })
  return answer.ok
}

async function start() {
  const gcp = memoryGcp({ approved: ['deploy-key'] })
  const io = clockIo(gcp)
  const account = gcp.addAccount('deploy')
  const key = gcp.addKey(account)
  const file = gcp.fileOf(account, key)
  const pretty = `${JSON.stringify(JSON.parse(file), null, 2)}\n`
  gcp.secrets.set('deploy-key', [pretty])
  const path = await ownDirectory()
  await mkdir(join(path, 'ci'))
  await writeFile(join(path, 'ci/sa.json'), pretty)
  await writeFile(
    join(path, 'ci/.env'),
    `REGION=europe-west1\nGCP_SA_KEY=${Buffer.from(file).toString('base64')}\n`,
  )
  await writeFile(join(path, 'notes.json'), pretty)
  const db = await memoryStore()
  const twin = { ...gcp.connector, config: { safeParse: (data: unknown) => ({ success: true, data }) } }
  const connections = new Connections([twin, directory] as unknown as Connector[], testKeys, io)
  onTestFinished(async () => {
    await connections.close()
    await db.destroy()
  })
  await connections.add(db, 'gcp', {})
  await connections.add(db, 'directory', { path, approved: ['ci/sa.json', 'ci/.env'] })
  const world = { io, keys: testKeys, connections, ...BUILT_IN_RULES }
  for (const source of await connections.list(db))
    await observe(db, source, await connections.open(db, source.id), { ...world, workers: 1 })
  return { gcp, account, key, file, pretty, path, db, world }
}

test.each(['graceful', 'emergency'] as const)(
  'a service account’s key that leaked is replaced as a whole file, %s: it opens, the old one is dead',
  async mode => {
    const { gcp, account, key, file, pretty, path, db, world } = await start()
    const old = JSON.parse(file) as KeyFile
    expect(await logsIn(gcp, old)).toBe(true)

    const report = await contain(db, world, {
      secret: new Secret(old.private_key.trimEnd()),
      mode,
      windowSeconds: 0,
    })

    const told = containText(report, 200)
    expect(report, told).toMatchObject({ state: 'done', contained: true })
    const [fresh, ...others] = [...account.keys.values()]
    expect([others, fresh!.id === key.id]).toEqual([[], false])
    const read = async (name: string) => await readFile(join(path, name), 'utf8')
    const env = await read('ci/.env')
    const inEnv = Buffer.from(/^GCP_SA_KEY=(.*)$/m.exec(env)![1]!, 'base64').toString()
    for (const text of [await read('ci/sa.json'), inEnv, gcp.secrets.get('deploy-key')!.at(-1)!]) {
      const written = JSON.parse(text) as KeyFile
      expect(written.private_key_id).toBe(fresh!.id)
      expect(await logsIn(gcp, written)).toBe(true)
      // Around the two it stays as it was.
      const as = (one: KeyFile) => ({ ...one, private_key: '', private_key_id: '' })
      expect(as(written)).toEqual(as(old))
    }
    const lines = (text: string) => text.split('\n').filter(line => !line.includes('"private_key'))
    expect(lines(await read('ci/sa.json'))).toEqual(lines(pretty))
    expect(await read('notes.json')).toBe(pretty)
    expect(await logsIn(gcp, old)).toBe(false)
    await mustHold(db)
    await mustNotStandIn(db, [old.private_key, fresh!.privateKey], JSON.stringify(report) + told)
  },
)
