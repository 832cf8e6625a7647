import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CreateUserCommand, IAMClient, ListAccessKeysCommand } from '@aws-sdk/client-iam'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { createEmulator } from 'emulate'
import { expect, onTestFinished, test } from 'vitest'
import { contain } from '../../src/act/incident/contain.ts'
import { connectors } from '../../src/connectors/all.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { observe } from '../../src/know/observe/observe.ts'
import { containText } from '../../src/serve/operations/contain-text.ts'
import { ownDirectory, testKeys } from '../know/estate.ts'
import { mustHold, mustNotStandIn } from '../simulation/invariants.ts'
import { BUILT_IN_RULES } from '../built-in-rules.ts'
import { memoryStore } from '../memory-store.ts'

const ADMIN = { accessKeyId: ['AKIA', 'W3KZ6R2T', 'QX5MVHNB'].join(''), secretAccessKey: 'any' }

/** The emulator with one user, and a key of it that looks like one of AWS: most of the ids that it makes do not. */
async function start() {
  const emulator = await createEmulator({ service: 'aws', port: 0 })
  const at = (service: string) => `${emulator.url}/${service}/`
  const iam = new IAMClient({ region: 'us-east-1', endpoint: at('iam'), credentials: ADMIN })
  onTestFinished(async () => {
    iam.destroy()
    await emulator.close()
  })
  const UserName = 'deployer'
  await iam.send(new CreateUserCommand({ UserName }))
  // Unsigned, as the emulator takes it, since it takes some hundred.
  const ask = async (Action: string, more: Record<string, string> = {}) => {
    const body = new URLSearchParams({ Action, UserName, Version: '2010-05-08', ...more })
    return await (await fetch(at('iam'), { method: 'POST', body })).text()
  }
  const said = (answer: string, name: string) => new RegExp(`<${name}>([^<]*)<`).exec(answer)![1]!
  for (;;) {
    const answer = await ask('CreateAccessKey')
    const [id, secret] = [said(answer, 'AccessKeyId'), said(answer, 'SecretAccessKey')]
    if (/^AKIA[A-Z2-7]{16}$/.test(id)) return { at, id, secret, keyIds }
    await ask('DeleteAccessKey', { AccessKeyId: id })
  }

  async function keyIds() {
    const { AccessKeyMetadata } = await iam.send(new ListAccessKeysCommand({ UserName }))
    return AccessKeyMetadata!.map(({ AccessKeyId }) => AccessKeyId!)
  }
}

test.each(['graceful', 'emergency'] as const)(
  'a key that leaked is replaced and deleted at the emulator, %s: what it cannot do or show is said',
  async mode => {
    const { at, id, secret, keyIds } = await start()
    const path = await ownDirectory()
    const env = `AWS_ACCESS_KEY_ID=${id}\nAWS_SECRET_ACCESS_KEY=${secret}\nAWS_REGION=eu-west-1\n`
    await mkdir(join(path, 'orders'))
    await writeFile(join(path, 'orders/.env'), env)
    await writeFile(join(path, 'setup.md'), env)

    const db = await memoryStore()
    const io = realIo()
    const connections = new Connections(connectors, testKeys, io)
    onTestFinished(async () => {
      await connections.close()
      await db.destroy()
    })
    await connections.add(db, 'aws', {
      accessKeyId: ADMIN.accessKeyId,
      secretAccessKey: new Secret(ADMIN.secretAccessKey),
      endpoint: at('{service}'),
      settleSeconds: 0,
    })
    await connections.add(db, 'directory', { path, approved: ['**/.env'] })
    const world = { io, keys: testKeys, connections, ...BUILT_IN_RULES }
    for (const source of await connections.list(db))
      await observe(db, source, await connections.open(db, source.id), { ...world, workers: 1 })

    const report = await contain(db, world, { secret: new Secret(secret), mode, windowSeconds: 0 })

    // A second key, in the one place that may be written, and the first is gone.
    const [issued, ...others] = await keyIds()
    expect([issued, others]).toEqual([expect.stringMatching(/^AKIA/), []])
    expect(issued).not.toBe(id)
    const written = await readFile(join(path, 'orders/.env'), 'utf8')
    const [, writtenSecret = ''] = /^AWS_SECRET_ACCESS_KEY=(.{40})$/m.exec(written) ?? []
    expect(written).toBe(env.replace(id, issued!).replace(secret, writtenSecret))
    expect(writtenSecret).not.toBe(secret)
    expect(await readFile(join(path, 'setup.md'), 'utf8')).toBe(env)

    // The emulator goes on taking what it has deleted: that is no proof, and none is claimed.
    const sts = new STSClient({
      region: 'us-east-1',
      endpoint: at('sts'),
      credentials: { accessKeyId: id, secretAccessKey: secret },
    })
    await expect(sts.send(new GetCallerIdentityCommand({}))).resolves.toMatchObject({
      Account: expect.any(String),
    })
    sts.destroy()
    expect(report).toMatchObject({ state: 'done', contained: false })
    expect(report.credentials).toEqual([
      expect.objectContaining({
        label: 'deployer',
        state: 'unknown',
        why: expect.stringContaining('lists no'),
      }),
    ])
    expect(report.copies.map(({ where, state }) => [where.replace(/^.*\/|:2$/g, ''), state]).sort()).toEqual([
      ['.env', 'replaced'],
      ['setup.md', 'unknown'],
    ])

    const left = report.steps.filter(({ state }) => state === 'skipped')
    expect(left.map(({ key }) => key).sort()).toEqual([
      'end-sessions:deployer',
      'freeze:deployer',
      'suspend:deployer',
      'thaw:deployer',
      // It tells no last use.
      ...(mode === 'graceful' ? ['unused:deployer'] : []),
    ])
    for (const { skipped } of left) expect(skipped).toContain('the server does not know this call')
    const told = containText(report, 200)
    expect(told).toContain('Cut off, but the proof is missing.')
    expect(told).toMatch(/Steps left out\S*\n(.*\n)* {2}end-sessions:deployer: .*does not know this call/)
    await mustHold(db)
    await mustNotStandIn(db, [secret, writtenSecret], JSON.stringify(report) + told)
  },
)
