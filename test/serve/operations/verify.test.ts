import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectors } from '../../../src/connectors/all.ts'
import { declared } from '../../../src/connectors/declared/connector.ts'
import { type MemoryVendors, memoryVendors } from '../../../src/connectors/declared/memory.ts'
import type { Connector } from '../../../src/core/contract/connector.ts'
import { type Io, realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { Connections } from '../../../src/know/connections/registry.ts'
import { rulesInUse } from '../../../src/know/readers/secrets/rules/rules-in-use.ts'
import { contain } from '../../../src/serve/operations/contain.ts'
import type { World } from '../../../src/serve/operations/operation.ts'
import { scan } from '../../../src/serve/operations/scan.ts'
import { show } from '../../../src/serve/operations/show.ts'
import { verify } from '../../../src/serve/operations/verify.ts'
import { testKeys } from '../../know/estate.ts'
import { githubToken } from '../../github-token.ts'
import { mustNotStandIn } from '../../simulation/invariants.ts'
import { BUILT_IN_RULES, fewRules } from '../../built-in-rules.ts'
import { memoryStore } from '../../memory-store.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

const letters = (count: number) => [...randomBytes(count)].map(byte => BASE62[byte % 62]).join('')

const hex = (count: number) => randomBytes(count).toString('hex').slice(0, count)
const digits = (count: number) => hex(count).replace(/[a-f]/g, '7')

let root: string
let folder: string
let vendors: MemoryVendors
let world: World
let pasted: Secret
/** Slept without waiting, so that a second look costs no time. */
let sleptMs: number
/** The other one may be of a server of somebody's own: GitHub itself cannot tell. */
const github = { live: githubToken(), other: githubToken() }
const slackToken = () => `xoxb-${digits(12)}-${digits(12)}-${hex(24)}`
const slack = { live: slackToken(), dead: slackToken() }
const webhook = { id: `1${digits(17)}`, token: letters(68) }

/** What stands in the files: all rules would take most of the time to no end. */
const KINDS = ['discord-webhook', 'github-token', 'pulumi-token', 'shopify-token', 'slack-token']

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'firebreak-verify-'))
  folder = join(root, 'app')
  await mkdir(folder)
  await writeFile(join(folder, 'ci.env'), `GITHUB_TOKEN=${github.live}\nOLD_TOKEN=${slack.dead}\n`)
  await writeFile(
    join(folder, 'chat.env'),
    `SLACK=${slack.live}\nHOOK=https://discord.com/api/webhooks/${webhook.id}/${webhook.token}\n`,
  )
  await writeFile(join(folder, 'copy.yaml'), `token: ${github.live}\n`)
  await writeFile(join(folder, 'old.yaml'), `token: ${slack.dead}\n`)
  await writeFile(join(folder, 'other.env'), `GITHUB_TOKEN=${github.other}\n`)
  await writeFile(join(folder, 'shop.py'), `SHOPIFY = "shpat_${hex(32)}"\n`)
  vendors = memoryVendors()
  const token = (login: string) => ({ login, scopes: ['repo', 'gist'], revoked: false })
  vendors.tokens.set(github.live, token('octo-ci'))
  vendors.tokens.set(slack.live, token('bot'))
  vendors.tokens.set(slack.dead, { ...token('bot'), revoked: true })
  vendors.tokens.set(`${webhook.id}/${webhook.token}`, token('deploys'))
  sleptMs = 0
  const io: Io = {
    ...realIo(),
    fetch: vendors.fetch,
    sleep: async ms => {
      sleptMs += ms
      await new Promise(resolve => setImmediate(resolve))
    },
  }
  const atVendors = declared(async () => (await rulesInUse(BUILT_IN_RULES)).rules)
  world = {
    home: root,
    db: await memoryStore(),
    keys: testKeys,
    io,
    connections: new Connections(connectors, testKeys, io, [atVendors as Connector]),
    rulesDirectory: await fewRules(...KINDS),
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
    readSecret: async () => pasted,
  }
})
afterEach(async () => {
  await world.connections.close()
  await world.db.destroy()
  await rm(root, { recursive: true, force: true })
})

const scanned = (more: object = {}) =>
  scan.run(world, scan.input.parse({ paths: [folder], workers: 1, ...more }))
const verified = async (given: object) => (await verify.run(world, verify.input.parse(given))).credentials
const contained = (given: object) => contain.run(world, contain.input.parse({ window: 0, ...given }))

async function fingerprintOf(kind: string, path: string): Promise<string> {
  const { credentials } = await scanned()
  const found = credentials.find(one => one.kind === kind && one.copies.some(copy => copy.path === path))
  return found!.fingerprint!
}

test('a scan talks to nobody, unless it is asked to', async () => {
  await scanned()
  expect(vendors.calls).toBe(0)
  const { credentials } = await scanned({ verify: true })
  const states = Object.fromEntries(
    credentials.map(({ kind, verified: answer, copies }) => [`${kind} ${copies.length}`, answer?.state]),
  )
  expect(states).toMatchObject({
    'github-token 2': 'live',
    'github-token 1': 'unknown',
    'slack-token 1': 'live',
    'slack-token 2': 'dead',
    'discord-webhook 1': 'live',
    'shopify-token 1': 'unknown',
  })
  const shown = scan.text(await scanned({ verify: true }), 100)
  expect(shown).toMatch(/ghp_\S* live/)
  const unknown = credentials.flatMap(({ verified }) => (verified?.state === 'unknown' ? [verified.why] : []))
  expect(unknown.length).toBeGreaterThan(0)
  for (const why of unknown) expect(shown.replace(/\s+/g, ' ')).toContain(`unknown: ${why}`)
})

test('everything is tried, once for all its copies; what is refused, twice', async () => {
  await scanned()
  const credentials = await verified({ all: true })
  const live = credentials.find(({ asked }) => asked === 'GitHub token of octo-ci')
  expect(live).toMatchObject({ state: 'live', access: ['account octo-ci', 'scopes repo, gist'] })
  expect(credentials.filter(({ state }) => state === 'dead')).toHaveLength(1)
  expect(sleptMs).toBe(5000)
  expect(credentials.find(({ kind }) => kind === 'shopify-token')).toMatchObject({
    asked: null,
    why: expect.stringContaining('shop'),
  })
  // A wrong one for each vendor, each value, and the refused one again.
  expect(vendors.log.filter(line => line.endsWith('api.github.com'))).toHaveLength(3)
  expect(vendors.log.filter(line => line.endsWith('slack.com'))).toHaveLength(4)
  expect(verify.exitCode!({ credentials })).toBe(1)
  expect(verify.text({ credentials }, 80)).toContain('Tried 5 of 6: 3 live, 1 dead, 1 unknown.')

  const shown = await show.run(world, { subject: live!.fingerprint! })
  expect(shown.credentials[0]).toMatchObject({
    state: 'live',
    access: ['account octo-ci', 'scopes repo, gist'],
  })
  expect(show.text(shown, 80)).toContain('it opens: account octo-ci; scopes repo, gist')
  const rows = await world.db
    .selectFrom('evidence')
    .selectAll()
    .where('kind', '=', 'credential.verified')
    .execute()
  expect(rows).toHaveLength(5)
  const all = [...Object.values(github), ...Object.values(slack), webhook.token]
  await mustNotStandIn(world.db, all, JSON.stringify([credentials, shown]))
})

test('a vendor that is away tells nothing, and keeps nothing from being told', async () => {
  await scanned()
  vendors.reachable = false
  const credentials = await verified({ all: true })
  expect(credentials.filter(({ asked }) => asked !== null).map(({ state }) => state)).toEqual(
    Array(5).fill('unknown'),
  )
  expect(verify.exitCode!({ credentials })).toBe(0)
})

test('one document; a pasted secret; neither', async () => {
  await scanned()
  expect((await verified({ leakedIn: 'chat.env' })).map(({ state }) => state)).toEqual(['live', 'live'])
  // Pasted without the id, which stands beside a copy.
  pasted = new Secret(webhook.token)
  expect(await verified({ subject: '-' })).toMatchObject([{ state: 'live', access: ['name deploys'] }])
  pasted = new Secret(githubToken())
  await expect(verified({ subject: '-' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(verified({})).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  await expect(verified({ all: true, subject: '-' })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})

describe('a token of a vendor is contained', () => {
  test('in an emergency: revoked, and proven', async () => {
    const subject = await fingerprintOf('github-token', 'copy.yaml')
    const plan = await contained({ subject, emergency: true, dryRun: true })
    expect(plan.steps.map(({ key }) => key.split(':')[0])).toEqual(['revoke', 'prove', 'observe'])
    expect(plan.breaks.join('\n')).toContain('no other GitHub token can be issued by Firebreak')
    expect(vendors.tokens.get(github.live)!.revoked).toBe(false)

    const report = await contained({ subject, emergency: true })
    expect(report).toMatchObject({ state: 'done', contained: true, credentials: [{ state: 'dead' }] })
    expect(report.copies.map(({ state }) => state)).toEqual(['dead', 'dead'])
    expect(vendors.tokens.get(github.live)!.revoked).toBe(true)
    expect(vendors.tokens.get(slack.live)!.revoked).toBe(false)
    await mustNotStandIn(world.db, [github.live], JSON.stringify(report))
    const verbs = await world.db
      .selectFrom('evidence')
      .select('kind')
      .where('subject', '=', report.run)
      .execute()
    expect(verbs.map(({ kind }) => kind)).toContain('step.verified')
    // What ended is reported again, and not cut again.
    const calls = vendors.calls
    expect(await contained({ subject })).toMatchObject({ run: report.run, contained: true })
    expect(vendors.calls).toBe(calls)
  })

  test('otherwise it waits for a person, who makes another one', async () => {
    const subject = await fingerprintOf('github-token', 'copy.yaml')
    const waiting = await contained({ subject, patience: 1 })
    expect(waiting).toMatchObject({ state: 'stuck', contained: false })
    expect(waiting.steps.find(({ key }) => key.startsWith('by-hand'))).toMatchObject({
      state: 'stuck',
      error: expect.stringContaining('another GitHub token is made by hand'),
    })
    expect(vendors.tokens.get(github.live)!.revoked).toBe(false)
    const report = await contained({ resume: waiting.run })
    expect(report).toMatchObject({ state: 'done', contained: true, credentials: [{ state: 'dead' }] })
    expect(vendors.tokens.get(github.live)!.revoked).toBe(true)
  })

  test('made an emergency meanwhile, it waits no more', async () => {
    const subject = await fingerprintOf('github-token', 'copy.yaml')
    const waiting = await contained({ subject, patience: 1 })
    const report = await contained({ resume: waiting.run, emergency: true })
    expect(report).toMatchObject({ state: 'done', contained: true })
    expect(report.steps.find(({ key }) => key.startsWith('by-hand'))?.state).toBe('skipped')
  })

  test('by its pair, of which the secret half was pasted', async () => {
    await scanned()
    pasted = new Secret(webhook.token)
    const report = await contained({ subject: '-', emergency: true })
    expect(report).toMatchObject({ state: 'done', contained: true, credentials: [{ state: 'dead' }] })
    expect(vendors.tokens.get(`${webhook.id}/${webhook.token}`)!.revoked).toBe(true)
  })

  test('all of one document in one run', async () => {
    await scanned()
    const report = await contained({ leakedIn: 'ci.env', emergency: true })
    expect(report).toMatchObject({ state: 'done', contained: true })
    expect(report.credentials.map(({ state }) => state)).toEqual(['dead', 'dead'])
  })

  test('an answer that is lost is asked for again', async () => {
    const subject = await fingerprintOf('slack-token', 'chat.env')
    // Triage asks twice; the third call is the one that revokes.
    vendors.failAt(3, 'after')
    const report = await contained({ subject, emergency: true })
    expect(report).toMatchObject({ state: 'done', contained: true, credentials: [{ state: 'dead' }] })
  })

  test('ended by hand, and refused as others are too: proven by another process, since it was accepted before', async () => {
    const token = `pul-${hex(40)}`
    await writeFile(join(folder, 'stack.env'), `PULUMI_ACCESS_TOKEN=${token}\n`)
    let ended = false
    const pulumi: typeof fetch = async (_, init) => {
      const isIt = new Headers(init?.headers).get('Authorization') === `token ${token}`
      return new Response('{}', { status: isIt && !ended ? 200 : 401 })
    }
    const io = { ...world.io, fetch: pulumi }
    const atVendors = declared(async () => (await rulesInUse(BUILT_IN_RULES)).rules)
    const restarted = async () => {
      await world.connections.close()
      world = {
        ...world,
        io,
        connections: new Connections(connectors, testKeys, io, [atVendors as Connector]),
      }
    }
    await restarted()
    const subject = await fingerprintOf('pulumi-token', 'stack.env')
    const waiting = await contained({ subject, patience: 1 })
    expect(waiting.steps).toContainEqual(
      expect.objectContaining({ state: 'stuck', error: expect.stringContaining('is ended by hand') }),
    )
    ended = true
    await restarted()
    const report = await contained({ resume: waiting.run })
    expect(report).toMatchObject({ state: 'done', contained: true, credentials: [{ state: 'dead' }] })
    // Who never saw it accepted cannot tell.
    expect(await verified({ subject })).toMatchObject([{ state: 'unknown' }])
  })

  test('what no rule knows how to end is said to be ended by hand', async () => {
    const subject = await fingerprintOf('shopify-token', 'shop.py')
    await expect(contained({ subject })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      advice: expect.stringContaining('by hand'),
    })
  })
})
