import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type MemoryAws, memoryAws } from '../../../src/connectors/aws/memory.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import type { Row } from '../../../src/core/store/schema.ts'
import type { Db } from '../../../src/core/store/store.ts'
import { coverageOf } from '../../../src/know/inventory/queries.ts'
import { observe } from '../../../src/know/observe/observe.ts'
import { awsCredentialReportReader } from '../../../src/know/readers/aws-credential-report.ts'
import { awsOrganizationsReader } from '../../../src/know/readers/aws-organizations.ts'
import { ownDirectory, testKeys } from '../../know/estate.ts'
import { collect, filled, gapsIn, impatient, open } from './world.ts'
import { memoryStore } from '../../memory-store.ts'

describe('reading an account', () => {
  test('goes through all pages', async () => {
    const connection = await open(filled())
    const [details] = await collect(connection.documents!())
    const text = Buffer.concat(await collect(details!.bytes())).toString()
    const parsed = JSON.parse(text) as { UserDetailList: unknown[]; RoleDetailList: unknown[] }
    expect([parsed.UserDetailList.length, parsed.RoleDetailList.length]).toEqual([5, 1])
    const seen = await collect(connection.discover!())
    expect(seen.filter(({ see }) => see === 'credential')).toHaveLength(5)
    // The account of these tests is in no organization, which is no failure.
    expect(gapsIn(seen)).toEqual([expect.not.objectContaining({ failed: true })])
  })

  test.each([
    [429, 'Throttling'],
    [400, 'ThrottlingException'],
    [503, 'ServiceUnavailable'],
  ])('is patient where it is answered %i %s', async (status, code) => {
    const twin = filled()
    const io = impatient()
    const connection = await open(twin, io)
    twin.answerAt(2, status, code, 3)
    const [details] = await collect(connection.documents!())
    expect(JSON.parse(Buffer.concat(await collect(details!.bytes())).toString()).UserDetailList).toHaveLength(
      5,
    )
    expect(io.slept.slice(0, 3)).toEqual([100, 200, 400])
  })

  test('gives what it has where the third page fails for good, and says what that hides', async () => {
    const twin = filled()
    const connection = await open(twin)
    twin.answerAt(3, 500, 'InternalFailure', 5)
    const documents = await collect(connection.documents!())
    twin.answerAsUsual()
    const details = documents.find(({ format }) => format === 'aws-iam')
    expect(JSON.parse(Buffer.concat(await collect(details!.bytes())).toString()).UserDetailList).toHaveLength(
      4,
    )
    expect(gapsIn(await collect(connection.discover!()))).toContainEqual({
      see: 'covered',
      scope: 'aws:111122223333/iam',
      complete: false,
      failed: true,
      why: expect.stringContaining('reading authorization details: the server failed (InternalFailure)'),
      hides: ['user', 'group', 'role', 'policy'],
    })
  })

  test.each([
    ['secretsmanager.ListSecrets', 'secretsmanager', ['secret']],
    ['secretsmanager.GetSecretValue', 'secret/apps/orders', undefined],
    ['iam.ListUsers', 'users', ['user', 'access-key']],
  ])('a denied %s is a gap, and no failure', async (action, scope, hides) => {
    const twin = filled()
    twin.account.addValue('secrets', 'apps/orders', 'nothing')
    twin.refusals.set(action, { status: 400, code: 'AccessDeniedException' })
    const connection = await open(twin)
    await collect(connection.documents!())
    const found = gapsIn(await collect(connection.discover!())).find(
      gap => gap.scope === `aws:111122223333/${scope}`,
    )
    expect(found).toMatchObject({ why: expect.stringContaining('our own key lacks a right') })
    expect([found?.failed, found?.hides]).toEqual([undefined, hides])
  })

  test('a clock that is off is said, and leaves a key unknown', async () => {
    const twin = filled()
    const connection = await open(twin)
    const user = twin.account.users.get('app-1')!
    const [key] = user.keys.values()
    const identity = { system: 'aws', instance: connection.instance, kind: 'user', id: user.id }
    const ref = { ...identity, kind: 'access-key', id: key!.id, identity }
    twin.clockOffsetMs = 600_000
    expect(await connection.verify!(ref, new Secret(key!.secret, key!.id))).toEqual({
      state: 'unknown',
      why: expect.stringContaining('the clock of this machine is off'),
    })
    await expect(connection.revoke!(ref)).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('the clock of this machine is off'),
    })
    expect(user.keys.size).toBe(1)
  })
})

describe('observing an account again', () => {
  const set = async (twin: MemoryAws) => {
    const db = await memoryStore()
    onTestFinished(() => db.destroy())
    const source: Row<'source'> = {
      id: 'source-1',
      system: 'aws',
      instance: twin.account.number,
      label: 'aws',
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
    const rule = 'secrets/aws-access-key.yaml'
    await mkdir(join(rulesDirectory, 'secrets'))
    await copyFile(new URL(`../../../rules/${rule}`, import.meta.url), join(rulesDirectory, rule))
    let clock = Date.UTC(2026, 0, 1)
    const connection = await open(twin, { ...impatient(), now: () => new Date(clock) })
    const look = async () => {
      clock += 60_000
      const io = { ...impatient(), now: () => new Date(clock) }
      return await observe(db, source, connection, { io, keys: testKeys, rulesDirectory, workers: 1 })
    }
    return { db, look }
  }

  const standing = async (db: Db, ...kinds: string[]) =>
    (
      await db
        .selectFrom('entity')
        .select('kind')
        .where('system', '=', 'aws')
        .where('kind', 'in', kinds)
        .where('gone_at', 'is', null)
        .where('merged_into', 'is', null)
        .execute()
    ).length

  test('what says the same still stands, what was deleted is gone', async () => {
    const twin = filled()
    const { db, look } = await set(twin)
    await look()
    await look()
    expect(await standing(db, 'user', 'role', 'access-key')).toBe(5 + 1 + 5)
    twin.account.users.delete('app-3')
    twin.account.roles.delete('runner')
    await look()
    expect(await standing(db, 'user', 'role', 'access-key')).toBe(4 + 0 + 4)
  })

  test('what was deleted is gone also where some value may not be read', async () => {
    const twin = filled()
    twin.account.addValue('secrets', 'apps/orders', 'not for us')
    twin.refusals.set('secretsmanager.GetSecretValue', { status: 400, code: 'AccessDeniedException' })
    const { db, look } = await set(twin)
    await look()
    twin.account.users.delete('app-3')
    await look()
    expect(await standing(db, 'user', 'role', 'access-key')).toBe(4 + 1 + 4)
    expect((await coverageOf(db)).skipped.map(({ what }) => what)).toContain(
      'aws:111122223333/secret/apps/orders',
    )
  })

  test('what was read in part is marked so, and nothing of it is marked gone', async () => {
    const twin = filled()
    const { db, look } = await set(twin)
    await look()
    twin.refusals.set('iam.ListUsers', { status: 500, code: 'InternalFailure' })
    twin.answerAt(3, 500, 'InternalFailure', 5)
    await look()
    expect(await standing(db, 'user', 'role', 'access-key')).toBe(5 + 1 + 5)
    const { skipped } = await coverageOf(db)
    expect(skipped.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['aws:111122223333/iam', 'aws:111122223333/users']),
    )
    twin.answerAsUsual()
    twin.refusals.clear()
    await look()
    expect((await coverageOf(db)).skipped.map(({ what }) => what)).toEqual(['aws:111122223333/organization'])
  })

  test('a broken policy and a trust in an account that nobody knows: recorded, and the rest is read', async () => {
    const twin = filled()
    twin.account.users.get('app-1')!.policies.set('broken', '{ "Statement": [')
    const { db, look } = await set(twin)
    await look()
    expect(await standing(db, 'user', 'role')).toBe(6)
    const policies = await db.selectFrom('policy').select('text').execute()
    const texts = policies.map(({ text }) => text)
    expect(texts.filter(text => text.includes('"name":"broken"'))).toHaveLength(1)
    expect(texts.filter(text => text.includes('999988887777'))).toHaveLength(1)
  })
})

describe('a credential report', () => {
  const reportIn = async (connection: Awaited<ReturnType<typeof open>>) => {
    const documents = await collect(connection.documents!())
    const document = documents.find(({ format }) => format === 'aws-credential-report')!
    return await collect(awsCredentialReportReader.read(document, document.bytes()))
  }
  const usersIn = (seen: readonly Observation[]) =>
    seen.flatMap(one => (one.see === 'identity' && one.ref.kind === 'user' ? [one] : []))

  test('is asked for until it is ready, and read as its export is', async () => {
    const io = impatient()
    const seen = await reportIn(await open(filled(), io))
    expect(io.slept).toEqual([2000])
    const users = usersIn(seen)
    expect(users.map(({ names }) => names[1])).toEqual(['app-1', 'app-2', 'app-3', 'app-4', 'app-5'])
    // It is of when it was made, and not of when it was read.
    expect(users[0]!.facts['accessKeys']).toEqual({ value: 1, at: expect.any(Number) })
    expect(gapsIn(seen)).toEqual([])
  })

  test('that is older than the account tells of no user who is gone, or is another by now', async () => {
    const twin = filled()
    const connection = await open(twin)
    await reportIn(connection)
    twin.account.users.delete('app-3')
    const made = twin.account.credentialReport!
    made.csv = made.csv.replace(/(user\/app-4,)1970/, '$12001')
    const users = usersIn(await reportIn(connection))
    expect(users.map(({ names }) => names[1])).toEqual(['app-1', 'app-2', 'app-5'])
  })

  test('that may not be asked for is a gap, and no failure', async () => {
    const twin = filled()
    twin.refusals.set('iam.GenerateCredentialReport', { status: 403, code: 'AccessDenied' })
    const connection = await open(twin)
    expect((await collect(connection.documents!())).map(({ format }) => format)).not.toContain(
      'aws-credential-report',
    )
    const gaps = gapsIn(await collect(connection.discover!()))
    const gap = gaps.find(({ scope }) => scope.endsWith('/credential-report'))
    expect(gap).toEqual(expect.not.objectContaining({ failed: true }))
    expect(gap?.hides).toEqual(['root'])
  })
})

test('the last use of a key is told with its service', async () => {
  const twin = filled()
  const connection = await open(twin)
  const [key] = twin.account.users.get('app-1')!.keys.values()
  const ref = { system: 'aws', instance: connection.instance, kind: 'access-key', id: key!.id }
  expect((await connection.lastUse!(ref)).at).toBeUndefined()
  key!.lastUsed = new Date(Date.UTC(2026, 0, 2))
  expect(await connection.lastUse!(ref)).toEqual({
    at: Date.UTC(2026, 0, 2),
    how: 'for sts in us-east-1',
  })
})

describe('writing to what the account keeps', () => {
  const set = async () => {
    const twin = memoryAws({ approved: ['*'] })
    const secret = twin.account.addValue('secrets', 'apps/orders', 'token=aaaa')
    twin.account.functions.push({ name: 'mailer', role: 'none', variables: { HOST: 'h', TOKEN: 'aaaa"b' } })
    const connection = await open(twin)
    const documents = await collect(connection.documents!())
    const placeIn = (kind: string, at: string) => {
      const document = documents.find(one => one.in.kind === kind)!
      const slots = [{ part: 'value' as const, at, encodings: [] }]
      return { in: document.in, path: document.path, version: document.id, slots }
    }
    return { twin, secret, connection, placeIn }
  }

  test('a secret: pending first, then current; the one before is kept', async () => {
    const { secret, connection, placeIn } = await set()
    const written = await connection.write!(placeIn('secret', '6-10'), new Secret('bbbbbb'))
    expect(secret.versions.map(({ text }) => text)).toEqual(['token=aaaa', 'token=bbbbbb'])
    expect(secret.pending).toBeUndefined()
    expect(written.version).toBe(`${secret.id}@${secret.versions[1]!.id}`)
    expect((await connection.read!(written)).revealText()).toBe('bbbbbb')
  })

  test('a secret that another writes at the same moment is not overwritten', async () => {
    const { twin, secret, connection, placeIn } = await set()
    const put = twin.account.secrets.get.bind(twin.account.secrets)
    let looks = 0
    // Between the look and the write.
    twin.account.secrets.get = id => {
      if (++looks === 3) secret.versions.push({ id: 'theirs', text: 'token=cccc' })
      return put(id)
    }
    await expect(connection.write!(placeIn('secret', '6-10'), new Secret('bbbb'))).rejects.toMatchObject({
      code: 'CONFLICT',
    })
    expect(secret.versions.at(-1)).toEqual({ id: 'theirs', text: 'token=cccc' })
  })

  test('a secret whose rotation is under way is left to it', async () => {
    const { secret, connection, placeIn } = await set()
    secret.pending = { id: 'rotation', text: 'token=dddd' }
    await expect(connection.write!(placeIn('secret', '6-10'), new Secret('bbbb'))).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('the secret is being rotated'),
    })
    expect([secret.versions.length, secret.pending.text]).toEqual([1, 'token=dddd'])
  })

  test('a secret whose write was answered by nobody is written once', async () => {
    const { twin, secret, connection, placeIn } = await set()
    const place = placeIn('secret', '6-10')
    for (let call = 1; call <= 6; call++) {
      twin.failAt(call, 'after')
      await connection.write!(place, new Secret('bbbb')).catch(() => {})
      twin.noFault()
    }
    await connection.write!(place, new Secret('bbbb'))
    expect(secret.versions.map(({ text }) => text)).toEqual(['token=aaaa', 'token=bbbb'])
  })

  test('removed, once or twice, no version gives it out; what holds nothing else goes', async () => {
    const { twin, secret, connection, placeIn } = await set()
    const [part, ofFunction] = [placeIn('secret', '6-10'), placeIn('function', '6-7')]
    for (const place of [part, part, ofFunction, ofFunction]) await connection.remove!(place)
    expect(secret.versions.map(({ text }) => text)).toEqual(['token='])
    expect(twin.account.functions[0]!.variables).toEqual({ HOST: '', TOKEN: 'aaaa"b' })
    const [whole, parameter] = [
      twin.account.addValue('secrets', 'apps/whole', 'aaaa'),
      twin.account.addValue('parameters', '/apps/whole', 'aaaa'),
    ]
    const documents = await collect(connection.documents!())
    for (const path of [whole.name, parameter.name]) {
      const document = documents.find(one => one.path === path)!
      const slots = [{ part: 'value' as const, at: '0-4', encodings: [] }]
      const place = { in: document.in, path, version: document.id, slots }
      await expect(connection.remove!({ ...place, version: `${document.in.id}@9` })).rejects.toMatchObject({
        code: 'CONFLICT',
      })
      for (let times = 0; times < 2; times++) await connection.remove!(place)
    }
    expect([twin.account.secrets.size, twin.account.parameters.size]).toEqual([1, 0])
  })

  test('a removal whose answer was lost is made whole by the next one', async () => {
    for (let call = 1; call <= 8; call++) {
      const { twin, secret, connection, placeIn } = await set()
      const place = placeIn('secret', '6-10')
      twin.failAt(call, 'after')
      await connection.remove!(place).catch(() => {})
      twin.noFault()
      await connection.remove!(place)
      expect(secret.versions.map(({ text }) => text)).toEqual(['token='])
    }
  })

  test('what is not approved is not removed', async () => {
    const twin = memoryAws({ approved: ['apps/other'] })
    const secret = twin.account.addValue('secrets', 'apps/orders', 'aaaa')
    const connection = await open(twin)
    const document = (await collect(connection.documents!())).find(({ path }) => path === secret.name)!
    const slots = [{ part: 'value' as const, at: '0-4', encodings: [] }]
    await expect(
      connection.remove!({ in: document.in, path: document.path, version: document.id, slots }),
    ).rejects.toMatchObject({ code: 'DENIED' })
    expect(secret.versions).toHaveLength(1)
  })

  test('a function’s environment: the one variable, on the revision that was read', async () => {
    const { twin, connection, placeIn } = await set()
    const [mailer] = twin.account.functions
    const place = placeIn('function', '16-20')
    const written = await connection.write!(place, new Secret('bbbb'))
    expect(mailer!.variables).toEqual({ HOST: 'h', TOKEN: 'bbbb"b' })
    expect((await connection.read!(written)).revealText()).toBe('bbbb')
    mailer!.variables = { HOST: 'other', TOKEN: 'aaaa"b' }
    await expect(connection.write!(place, new Secret('cccc'))).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(mailer!.variables['TOKEN']).toBe('aaaa"b')
  })
})

test.each([
  [501, 'NotImplemented'],
  [400, 'InvalidAction'],
  [400, 'UnknownOperationException'],
])('a server that lacks a call (%i %s) is asked once, and the rest is read', async (status, code) => {
  const twin = filled()
  for (const action of ['iam.ListSAMLProviders', 'iam.GetLoginProfile', 'lambda.ListFunctions'])
    twin.refusals.set(action, { status, code })
  twin.refusals.set('iam.GenerateCredentialReport', { status, code })
  const io = impatient()
  const connection = await open(twin, io)
  await collect(connection.documents!())
  const seen = await collect(connection.discover!())
  expect(io.slept).toEqual([])
  expect(seen.filter(({ see }) => see === 'credential')).toHaveLength(5)
  const gaps = gapsIn(seen)
  expect(gaps.filter(({ failed }) => failed)).toEqual([])
  expect(gaps.map(({ scope }) => scope.split('/')[1])).toEqual(
    expect.arrayContaining(['providers', 'functions', 'lambda', 'organization']),
  )
})

test('what is above the account leaves as the answers that an export holds', async () => {
  const twin = filled()
  const content = JSON.stringify({ Statement: { Effect: 'Deny', Action: 'iam:*', Resource: '*' } })
  const control = (id: string, type: string) => ({ id, name: id, content, type })
  twin.account.organization.push(
    { id: 'r-ab12', policies: [control('p-services1', 'SERVICE_CONTROL_POLICY')] },
    { id: 'account', policies: [control('p-resource1', 'RESOURCE_CONTROL_POLICY')] },
  )
  const connection = await open(twin)
  const documents = await collect(connection.documents!())
  const document = documents.find(({ format }) => format === 'aws-organizations')!
  const said: Observation[] = await collect(awsOrganizationsReader.read(document, document.bytes()))
  const policies = said.flatMap(one =>
    one.see === 'policy'
      ? [`${one.on.kind} ${one.on.id} ${(JSON.parse(one.text) as { kind: string }).kind}`]
      : [],
  )
  expect(policies.sort()).toEqual([
    'account 111122223333 resource-control',
    'organization-policy p-resource1 control-document',
    'organization-policy p-services1 control-document',
    'organization-root r-ab12 service-control',
  ])
})

test('an organization whose policies are kept from us is known all the same, with the gap', async () => {
  const twin = filled()
  twin.account.organization.push({ id: 'r-ab12', policies: [] }, { id: 'account', policies: [] })
  const refused = 'AWSOrganizationsV20161128.ListPoliciesForTarget'
  twin.refusals.set(refused, { status: 400, code: 'AccessDeniedException' })
  const connection = await open(twin)
  const documents = await collect(connection.documents!())
  const document = documents.find(({ format }) => format === 'aws-organizations')!
  const said: Observation[] = await collect(awsOrganizationsReader.read(document, document.bytes()))
  expect(said).toContainEqual(
    expect.objectContaining({
      ref: { system: 'aws', instance: '111122223333', kind: 'account', id: '111122223333' },
      facts: expect.objectContaining({ organization: { value: 'o-exampleorg' } }),
    }),
  )
  const gaps = gapsIn(await collect(connection.discover!()))
  expect(gaps.map(({ scope }) => scope)).toEqual(['aws:111122223333/organization'])
})
