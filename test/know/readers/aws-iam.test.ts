import { describe, expect, test } from 'vitest'
import type { Document } from '../../../src/core/contract/document.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { awsIamReader } from '../../../src/know/readers/aws-iam.ts'

const ACCOUNT = '111122223333'
const arn = (rest: string) => `arn:aws:iam::${ACCOUNT}:${rest}`
const LOOK = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:Get*', Resource: '*' }] }

const user = (name: string, more: Record<string, unknown> = {}) => ({
  Path: '/',
  UserName: name,
  UserId: `AIDA${name.toUpperCase()}`,
  Arn: arn(`user/${name}`),
  CreateDate: '2023-03-09 10:41:38+00:00',
  ...more,
})
const group = (name: string, more: Record<string, unknown> = {}) => ({
  Path: '/',
  GroupName: name,
  GroupId: `AGPA${name.toUpperCase()}`,
  Arn: arn(`group/${name}`),
  ...more,
})
const role = (name: string, more: Record<string, unknown> = {}) => ({
  Path: '/',
  RoleName: name,
  RoleId: `AROA${name.toUpperCase()}`,
  Arn: arn(`role/${name}`),
  AssumeRolePolicyDocument: LOOK,
  ...more,
})

function documentOf(format?: string): Document {
  return {
    id: 'sha256:0',
    in: { system: 'directory', instance: '1', kind: 'directory', id: '/' },
    path: 'account.json',
    ...(format !== undefined && { format }),
    size: 0,
    cursor: '',
    async *bytes() {
      yield new Uint8Array()
    },
  }
}

async function read(content: unknown, chunks?: Iterable<Uint8Array>): Promise<Observation[]> {
  const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))
  async function* all() {
    yield* chunks ?? [bytes.subarray(0, 7), bytes.subarray(7)]
  }
  const seen: Observation[] = []
  for await (const one of awsIamReader.read(documentOf(), all())) seen.push(one)
  return seen
}

const gapsIn = (seen: readonly Observation[]) =>
  seen.flatMap(one => (one.see === 'covered' ? [`${one.scope}: ${one.why}`] : []))
const idsIn = (seen: readonly Observation[]) =>
  seen.flatMap(one => (one.see === 'identity' ? [one.ref.id] : []))
const policiesOf = (seen: readonly Observation[], id: string) =>
  seen.flatMap(one =>
    one.see === 'policy' && one.on.id === id ? [JSON.parse(one.text) as Record<string, unknown>] : [],
  )

describe('which documents are read', () => {
  const isRead = (text: string, format?: string) => awsIamReader.reads(documentOf(format), Buffer.from(text))

  test.each([
    ['{"UserDetailList": []', undefined, true],
    ['\ufeff \n{ "RoleDetailList" : [', undefined, true],
    ['{"Users": []', undefined, false],
    ['["UserDetailList": 1]', undefined, false],
    ['{}', 'aws-iam', true],
    ['{"UserDetailList": []', 'secrets', false],
  ])('%j as %s: %s', (text, format, expected) => {
    expect(isRead(text, format)).toBe(expected)
  })
})

describe('authorization details', () => {
  test('tell users, groups and roles, with what each is allowed', async () => {
    const seen = await read({
      UserDetailList: [
        user('ann', {
          GroupList: ['ops'],
          UserPolicyList: [{ PolicyName: 'look', PolicyDocument: LOOK }],
          PermissionsBoundary: { PermissionsBoundaryArn: arn('policy/fence') },
          Tags: [{ Key: 'team', Value: 'shop' }],
        }),
      ],
      GroupDetailList: [
        group('ops', { AttachedManagedPolicies: [{ PolicyName: 'fence', PolicyArn: arn('policy/fence') }] }),
      ],
      RoleDetailList: [
        role('run', {
          InstanceProfileList: [{ Arn: arn('instance-profile/run') }],
          RoleLastUsed: { LastUsedDate: '2024-01-02T03:04:05Z' },
        }),
      ],
      Policies: [
        {
          PolicyName: 'fence',
          PolicyId: 'ANPAFENCE',
          Arn: arn('policy/fence'),
          PolicyVersionList: [
            { VersionId: 'v1', IsDefaultVersion: false, Document: {} },
            { VersionId: 'v2', IsDefaultVersion: true, Document: LOOK },
          ],
        },
      ],
    })
    expect(gapsIn(seen)).toEqual([])
    expect(idsIn(seen)).toEqual(['AGPAOPS', 'AIDAANN', 'AROARUN'])
    const ann = seen.find(one => one.see === 'identity' && one.ref.id === 'AIDAANN')
    expect(ann).toMatchObject({
      ref: { system: 'aws', instance: ACCOUNT, kind: 'user' },
      names: [arn('user/ann'), 'ann'],
      facts: { created: { value: '2023-03-09T10:41:38.000Z' }, tags: { value: { team: 'shop' } } },
    })
    expect(policiesOf(seen, 'AIDAANN')).toEqual([
      { kind: 'identity', name: 'look', document: LOOK },
      { kind: 'boundary', name: 'fence', arn: arn('policy/fence'), document: LOOK },
    ])
    expect(policiesOf(seen, 'AGPAOPS')).toEqual([
      { kind: 'identity', name: 'fence', arn: arn('policy/fence'), document: LOOK },
    ])
    expect(policiesOf(seen, 'ANPAFENCE')).toEqual([
      { kind: 'version', name: 'v1', document: {} },
      { kind: 'default', name: 'v2', document: LOOK },
    ])
    expect(seen.find(one => one.see === 'edge')).toMatchObject({
      crossing: 'member-of',
      certainty: 'proven',
      from: { id: 'AIDAANN' },
      to: { id: 'AGPAOPS' },
    })
    expect(seen.find(one => one.see === 'identity' && one.ref.id === 'AROARUN')).toMatchObject({
      facts: {
        lastUsed: { value: '2024-01-02T03:04:05.000Z' },
        instanceProfiles: { value: [arn('instance-profile/run')] },
      },
    })
  })

  test('of one page: a group and a policy that stand on another are said to be missing', async () => {
    const seen = await read({
      UserDetailList: [
        user('ann', {
          GroupList: ['elsewhere'],
          AttachedManagedPolicies: [
            { PolicyName: 'ReadOnlyAccess', PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' },
          ],
        }),
      ],
    })
    expect(idsIn(seen)).toEqual(['AIDAANN'])
    expect(gapsIn(seen)).toEqual([
      `aws-iam:account.json#${arn('user/ann')}: it is in the group elsewhere, which is not there`,
    ])
    // What is attached and not here is not known, other than what is not attached.
    expect(policiesOf(seen, 'AIDAANN')).toEqual([
      {
        kind: 'identity',
        name: 'ReadOnlyAccess',
        arn: 'arn:aws:iam::aws:policy/ReadOnlyAccess',
        document: null,
      },
    ])
  })

  test('with items that are broken: each is a gap, and the rest is read', async () => {
    const seen = await read({
      UserDetailList: [user('ann'), { UserName: 'no id' }, 7, null, user('bob')],
      GroupDetailList: { not: 'a list' },
      RoleDetailList: [role('run', { RolePolicyList: [{ PolicyName: 7 }] }), role('walk')],
    })
    expect(idsIn(seen)).toEqual(['AIDAANN', 'AIDABOB', 'AROAWALK'])
    expect(gapsIn(seen).map(gap => gap.slice(0, gap.indexOf(': ')))).toEqual([
      'aws-iam:account.json#GroupDetailList',
      'aws-iam:account.json#UserDetailList[1]',
      'aws-iam:account.json#UserDetailList[2]',
      'aws-iam:account.json#UserDetailList[3]',
      'aws-iam:account.json#RoleDetailList[0]',
    ])
  })

  test('with documents as the API writes them, percent-encoded, or as no policy at all, keep them as they are', async () => {
    const encoded = encodeURIComponent(JSON.stringify(LOOK))
    const seen = await read({
      UserDetailList: [
        user('ann', {
          UserPolicyList: [
            { PolicyName: 'encoded', PolicyDocument: encoded },
            { PolicyName: 'broken', PolicyDocument: '{ "Statement": [' },
            { PolicyName: 'none' },
          ],
        }),
      ],
    })
    expect(policiesOf(seen, 'AIDAANN').map(({ document }) => document)).toEqual([
      encoded,
      '{ "Statement": [',
      null,
    ])
  })

  test.each([
    ['{"UserDetailList": [', 'no whole JSON'],
    ['{"UserDetailList": [}', 'no whole JSON'],
  ])('%s is a gap', async (text, why) => {
    expect(gapsIn(await read(text))).toEqual([expect.stringContaining(why)])
  })

  test.each(['null', '7', '[]', '{}', '"UserDetailList"'])('%s tells nothing', async text => {
    expect(await read(text)).toEqual([])
  })

  test('beyond a bound are a gap, and are not held', async () => {
    let given = 0
    function* endless() {
      const chunk = Buffer.alloc(2 ** 24, ' ')
      for (;;) {
        given++
        yield chunk
      }
    }
    expect(gapsIn(await read('', endless()))).toEqual(['aws-iam:account.json: it has more than 256 MiB'])
    expect(given).toBe(17)
  })
})
