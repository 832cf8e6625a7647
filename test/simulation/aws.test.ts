import { beforeAll, describe, expect, test } from 'vitest'
import type { ContainRequest } from '../../src/act/incident/contain.ts'
import type { ContainReport } from '../../src/act/incident/report.ts'
import type { MemoryAws } from '../../src/connectors/aws/memory.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { Context } from '../../src/know/graph/aws-policy/context.ts'
import { evaluate } from '../../src/know/graph/aws-policy/evaluate.ts'
import { readPolicy } from '../../src/know/graph/aws-policy/policy.ts'
import { containText } from '../../src/serve/operations/contain-text.ts'
import type { Description } from './estate.ts'
import { mustBeContained } from './invariants.ts'
import { OTHER_PASSWORD, PASSWORD, SHOP } from './shop.ts'
import { reportOf, type Scene, Stage } from './stage.ts'

/** Made here, so that nobody takes them for somebody's. */
const KEY_ID = ['AKIA', 'Q7N2KXT6', 'WLM4RZBH'].join('')
const KEY_SECRET = [PASSWORD, OTHER_PASSWORD, 'hG1e', 'S0aK'].join('')
const SPARE_ID = ['AKIA', 'H5B3YPF7', 'TQ2DMXJC'].join('')
const SPARE_SECRET = [OTHER_PASSWORD, 'hG1e', 'S0aK', PASSWORD].join('')
const STORED = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:apps/orders-a1B2c3'

const ENV = `AWS_ACCESS_KEY_ID=${KEY_ID}\nAWS_SECRET_ACCESS_KEY=${KEY_SECRET}\nAWS_REGION=eu-west-1\n`
const NOTES = `[default]\naws_access_key_id = ${KEY_ID}\naws_secret_access_key = ${KEY_SECRET}\n`

function addUser(account: MemoryAws['account'], name: string, keys: readonly [string, string][]): void {
  account.users.set(name, {
    name,
    id: `AIDA${name.toUpperCase()}`,
    arn: `arn:aws:iam::${account.number}:user/${name}`,
    keys: new Map(
      keys.map(([id, secret]) => [id, { id, secret, active: true, created: new Date(Date.UTC(2025, 0, 1)) }]),
    ),
    tags: new Map(),
    policies: new Map([
      ['s3', JSON.stringify({ Statement: { Effect: 'Allow', Action: 's3:*', Resource: '*' } })],
    ]),
    hasPassword: false,
  })
}

/** A role whose sessions the named users may begin. */
function addRole(account: MemoryAws['account'], name: string, users: readonly string[]): void {
  const trusted = users.map(user => `arn:aws:iam::${account.number}:user/${user}`)
  account.roles.set(name, {
    name,
    id: `AROA${name.toUpperCase()}`,
    arn: `arn:aws:iam::${account.number}:role/${name}`,
    trust: JSON.stringify({
      Statement: { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: trusted } },
    }),
    policies: new Map([
      ['s3', JSON.stringify({ Statement: { Effect: 'Allow', Action: 's3:*', Resource: '*' } })],
    ]),
  })
}

/** One key of a deployer: in its two approved places, in a stored secret, and in notes that nobody may write. */
const CLOUD: Description = {
  roles: [SHOP.roles[1]!],
  aws(account) {
    addUser(account, 'deployer', [[KEY_ID, KEY_SECRET]])
    addUser(account, 'bystander', [])
    addRole(account, 'ops', ['deployer'])
    addRole(account, 'audit', ['bystander'])
    account.secrets.set(STORED, {
      name: 'apps/orders',
      id: STORED,
      versions: [
        {
          id: '0123456789abcdef0123456789abcdef',
          text: JSON.stringify({ AccessKeyId: KEY_ID, SecretAccessKey: KEY_SECRET }),
        },
      ],
    })
  },
  files: { 'orders/.env': ENV, 'home/.aws/credentials': NOTES, 'notes/setup.md': NOTES },
  approved: ['**/.env', '**/.aws/credentials'],
}
const PLACES = ['orders/.env', 'home/.aws/credentials']

const leaked: ContainRequest = {
  secret: new Secret(KEY_SECRET),
  mode: 'graceful',
  windowSeconds: 5,
}

let stage: Stage
beforeAll(async () => {
  stage = await Stage.set(CLOUD)
})

describe.each(['graceful', 'emergency'] as const)('a leaked AWS key, %s', mode => {
  const request = { ...leaked, mode }

  test('a second one is written to its places, the old one is dead with its sessions', async () => {
    const scene = await stage.begin()
    const began = scene.estate.time.now()
    const report = reportOf(await scene.contain(request))
    await mustBeReplaced(scene, report)
    const order = scene.told.filter(({ boundary }) => boundary === 'begin').map(({ key }) => key)
    const verbs = [...new Set(order.map(key => key.split(':')[0]!))]
    expect(verbs.indexOf('issue') < verbs.indexOf('suspend')).toBe(mode === 'graceful')
    expect(order).not.toContainEqual(expect.stringContaining('moved'))
    expect(report.credentials).toEqual([expect.objectContaining({ label: 'deployer', state: 'dead' })])
    // Nobody is counted as moved where no session can be seen.
    expect(report.consumers.every(({ state }) => state === 'unknown')).toBe(true)
    expect(report.breaks.join('\n')).toContain('aws lists no sessions: who else uses deployer is unknown')
    expect(report.copies.find(({ where }) => where.includes('setup.md'))).toMatchObject({ state: 'dead' })
    const { users, roles } = scene.estate.aws!.account
    mustDenySessions(scene, began, users.get('deployer')!)
    // A session of a role goes on without the key that it was begun with.
    mustDenySessions(scene, began, roles.get('ops')!)
    expect([...roles.get('audit')!.policies.keys()]).toEqual(['s3'])
    expect(report.breaks.join('\n')).toContain(
      'whoever has a session of 111122223333:role/ops has to begin a new one',
    )
    await scene.end()
  })

  test.each(['user name', 'key id', 'document'])('asked for by its %s', async by => {
    const scene = await stage.begin()
    const subject = by === 'user name' ? 'deployer' : `aws:111122223333/access-key/${KEY_ID}`
    const asked = by === 'document' ? { leakedIn: 'notes/setup.md' } : { subject }
    await mustBeReplaced(scene, reportOf(await scene.contain({ ...asked, mode, windowSeconds: 0 })))
    await scene.end()
  })

  test.each(['call', 'result', 'verified'] as const)(
    'killed at the boundary "%s" of issuing: the next process leaves one key',
    async boundary => {
      const scene = await stage.begin()
      const dieAt = { key: 'issue:deployer', boundary }
      expect(await scene.contain(request, { dieAt })).toBe('died')
      await mustBeReplaced(scene, reportOf(await scene.contain(request)))
      await scene.end()
    },
  )
})

test('a key that goes on being used while it is suspended is not deleted; in an emergency it is', async () => {
  const scene = await stage.begin()
  const user = scene.estate.aws!.account.users.get('deployer')!
  const key = user.keys.get(KEY_ID)!
  let looks = 0
  // Each time that AWS is asked, there is a later use to be told.
  Object.defineProperty(key, 'lastUsed', {
    get: () => new Date(Date.UTC(2026, 0, 1) + looks++ * 60_000),
    set() {},
  })
  const stuck = reportOf(await scene.contain(leaked))
  expect(stuck).toMatchObject({ state: 'stuck', contained: false })
  expect(stuck.steps.find(step => step.key === 'unused:deployer')).toMatchObject({
    state: 'stuck',
    error: expect.stringContaining('it was used for sts in us-east-1 at 2026-01-01T'),
  })
  expect(user.keys.get(KEY_ID)).toMatchObject({ active: false })
  expect(reportOf(await scene.contain(leaked))).toMatchObject({ state: 'stuck', run: stuck.run })
  const report = reportOf(await scene.contain({ ...leaked, mode: 'emergency' }))
  expect(report.run).toBe(stuck.run)
  expect(user.keys.has(KEY_ID)).toBe(false)
  await mustBeReplaced(scene, report)
  await scene.end()
})

test.each(['graceful', 'emergency'] as const)(
  'where nobody can deny its sessions, the key is cut all the same, and is not called contained, %s',
  async mode => {
    const scene = await stage.begin()
    const { account, refusals } = scene.estate.aws!
    for (const action of ['PutUserPolicy', 'PutRolePolicy'])
      refusals.set(`iam.${action}`, { status: 400, code: 'InvalidAction' })
    const report = reportOf(await scene.contain({ ...leaked, mode }))
    expect(account.users.get('deployer')!.keys.has(KEY_ID)).toBe(false)
    expect(report).toMatchObject({ state: 'done', contained: false })
    expect(report.credentials).toEqual([expect.objectContaining({ label: 'deployer', state: 'dead' })])
    const left = report.steps.filter(({ skipped }) => skipped !== undefined)
    expect(left.map(({ key }) => key).sort()).toEqual([
      'end-sessions:deployer',
      `end-sessions:deployer as ${account.number}:role/ops`,
      'freeze:deployer',
    ])
    expect(containText(report, 200)).toContain('Cut off, but not all that it opened could be ended.')
    await scene.end()
  },
)

describe('both slots of the user are taken', () => {
  const full: Description = {
    ...CLOUD,
    aws(account) {
      CLOUD.aws!(account)
      addUser(account, 'deployer', [
        [KEY_ID, KEY_SECRET],
        [SPARE_ID, SPARE_SECRET],
      ])
    },
  }

  test('the graceful run shows the conflict; made an emergency, it cuts, and has room to replace', async () => {
    const taken = await Stage.set(full)
    const scene = await taken.begin()
    try {
      const stuck = reportOf(await scene.contain(leaked))
      expect(stuck).toMatchObject({ state: 'stuck', contained: false })
      expect(stuck.steps.find(({ key }) => key === 'issue:deployer')).toMatchObject({
        state: 'stuck',
        error: expect.stringContaining('no room for one more'),
      })
      const user = scene.estate.aws!.account.users.get('deployer')!
      expect([...user.keys.values()].map(({ active }) => active)).toEqual([true, true])
      reportOf(await scene.contain({ ...leaked, mode: 'emergency' }))
      expect(user.keys.has(KEY_ID)).toBe(false)
      // What the first attempt found in the way is gone by now.
      await mustBeReplaced(scene, reportOf(await scene.contain({ ...leaked, mode: 'emergency' })), [SPARE_ID])
    } finally {
      await scene.end()
    }
  })

  test('the key that leaked is the one that is cut, also when both stand in files', async () => {
    const spare = `AWS_ACCESS_KEY_ID=${SPARE_ID}\nAWS_SECRET_ACCESS_KEY=${SPARE_SECRET}\n`
    const both = await Stage.set({ ...full, files: { ...CLOUD.files, 'spare/.env': spare } })
    const scene = await both.begin()
    try {
      expect(await scene.contain({ subject: 'deployer', mode: 'graceful', windowSeconds: 0 })).toMatchObject({
        failure: { code: 'AMBIGUOUS', advice: expect.stringContaining(SPARE_ID) },
      })
      const request: ContainRequest = {
        secret: new Secret(SPARE_SECRET),
        mode: 'emergency',
        windowSeconds: 0,
      }
      reportOf(await scene.contain(request))
      reportOf(await scene.contain(request))
      const user = scene.estate.aws!.account.users.get('deployer')!
      expect(user.keys.get(KEY_ID)).toMatchObject({ active: true })
      expect(user.keys.has(SPARE_ID)).toBe(false)
      expect(scene.estate.text('orders/.env')).toBe(ENV)
      expect(scene.estate.text('spare/.env')).not.toContain(SPARE_ID)
    } finally {
      await scene.end()
    }
  })
})

/** Asked of the account, the files, the stored secret, the journal and the evidence. */
async function mustBeReplaced(
  scene: Scene,
  report: ContainReport,
  others: readonly string[] = [],
): Promise<void> {
  const { account } = scene.estate.aws!
  const user = account.users.get('deployer')!
  const issued = [...user.keys.values()].filter(({ id }) => id !== KEY_ID && !others.includes(id))
  expect(issued.map(({ active }) => active)).toEqual([true])
  expect(user.keys.size).toBe(1 + others.length)
  const { id, secret } = issued[0]!
  const stored = account.secrets.get(STORED)!.versions.at(-1)!.text
  expect(JSON.parse(stored)).toEqual({ AccessKeyId: id, SecretAccessKey: secret })
  const replaced = (text: string) => text.replace(KEY_ID, id).replace(KEY_SECRET, secret)
  expect(PLACES.map(path => scene.estate.text(path))).toEqual([replaced(ENV), replaced(NOTES)])
  expect(scene.estate.text('notes/setup.md')).toBe(NOTES)
  expect([...user.policies.keys()].sort()).toEqual(['FirebreakEndSessions', 's3'])
  await mustBeContained(scene.db, scene.estate, report, [])
  const told = JSON.stringify(report)
  for (const value of [secret, KEY_SECRET]) expect(told).not.toContain(value)
}

/** By the policies that stand on the user now, as AWS would decide. */
function mustDenySessions(
  scene: Scene,
  began: number,
  holder: { readonly arn: string; readonly policies: ReadonlyMap<string, string> },
): void {
  const policies = [...holder.policies].map(([name, text]) => readPolicy(JSON.parse(text), name))
  const verdictFor = (issuedAt: number | undefined) =>
    evaluate({
      principal: holder.arn,
      action: 's3:GetObject',
      resource: { arn: 'arn:aws:s3:::reports/may.csv', account: '111122223333' },
      context: new Context(
        issuedAt === undefined ? {} : { 'aws:TokenIssueTime': new Date(issuedAt).toISOString() },
        { complete: true },
      ),
      identityPolicies: policies,
    }).verdict
  expect(verdictFor(began - 36 * 3_600_000), 'a session from long before').toBe('ExplicitlyDenied')
  expect(verdictFor(began), 'a session from just before').toBe('ExplicitlyDenied')
  const ended = scene.estate.time.now()
  expect(verdictFor(ended + 60_000), 'a session from after').toBe('Allowed')
  expect(verdictFor(undefined), 'the new key itself').toBe('Allowed')
}
