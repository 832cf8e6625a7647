import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { realIo } from '../../../../src/core/contract/io.ts'
import { transaction } from '../../../../src/core/store/store.ts'
import { type Crossing, loadCrossings } from '../../../../src/know/graph/aws/crossing.ts'
import type { Hop } from '../../../../src/know/graph/graph.ts'
import { loadGraph } from '../../../../src/know/graph/load-graph.ts'
import { type Finding, fold } from '../../../../src/know/inventory/fold.ts'
import { readDetails } from '../../../../src/know/readers/aws-iam.ts'
import { reachedFrom, type Whole, wholeOf } from '../whole.ts'
import { accountDetails, type Wanted } from './account-details.ts'
import { memoryStore } from '../../../memory-store.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const crossings = await loadCrossings(`${root}rules`)
const NOW = Date.UTC(2026, 10, 24)

async function graphOf(...details: unknown[]): Promise<Whole> {
  return await graphWith([], ...details)
}

/** `found` is what a connection lists beside the details. */
async function graphWith(found: readonly Finding[], ...details: unknown[]): Promise<Whole> {
  const db = await memoryStore()
  const io = realIo()
  const at = io.now().getTime()
  const source = {
    system: 'test',
    instance: '1',
    label: 'test',
    config: '{}',
    cursor: null,
    observed_at: null,
  }
  await db
    .insertInto('source')
    .values({ id: 'source', ...source, created_at: at })
    .execute()
  const findings = [...details.flatMap(one => [...readDetails(one, 'test')] as Finding[]), ...found]
  await transaction(db, tx => fold(tx, { id: 'source' }, findings, { io, at }))
  const graph = await wholeOf(db, await loadGraph(db, { aws: crossings, joined: [] }, NOW))
  await db.destroy()
  return graph
}

/** The hops by which the actor of an account gains something. */
function hopsOf(graph: Whole, account: string, name = 'Actor'): Hop[] {
  const actor = graph.nodes.find(
    node =>
      node.ref.instance === account && ['user', 'role'].includes(node.ref.kind) && node.names.includes(name),
  )
  if (!actor) throw new Error(`no ${name} in ${account}`)
  return graph.hops.filter(hop => hop.from === actor.id)
}

const allow = (Action: string, Resource = '*', more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
})
const numbers = (function* () {
  for (let number = 200_000_000_000; ; number++) yield String(number)
})()

describe('each rule', () => {
  const wanted = (crossing: Crossing, without?: number): Wanted => {
    const account = numbers.next().value!
    const actor = crossing.actor ?? 'user'
    const self = `arn:aws:iam::${account}:${actor}/Actor`
    const trust =
      crossing.services.length > 0
        ? { Service: crossing.services[0]! }
        : crossing.target === 'assumable-role'
          ? { AWS: self }
          : crossing.target === 'assumed-role'
            ? { AWS: account }
            : { Service: 'nothing.amazonaws.com' }
    const statements = crossing.premises
      .filter((_, index) => index !== without)
      .map(({ action }) => allow(action))
    // Who is held back by a boundary alone has all that it takes, once it is gone.
    if (crossing.target === 'self-unbounded')
      return { account, actor, statements: [allow('*')], boundary: statements[0] ?? allow('s3:*') }
    return { account, actor, trust, statements, instanceProfile: crossing.instanceProfile }
  }

  const cases = crossings.flatMap(crossing => [
    { crossing, wanted: wanted(crossing), holds: true, title: `${crossing.id}: all premises` },
    ...crossing.premises.map(({ action }, index) => ({
      crossing,
      wanted: wanted(crossing, index),
      holds: false,
      title: `${crossing.id}: without ${action}`,
    })),
    ...(crossing.instanceProfile
      ? [
          {
            crossing,
            wanted: { ...wanted(crossing), instanceProfile: false },
            holds: false,
            title: `${crossing.id}: no instance profile`,
          },
        ]
      : []),
  ])
  let graph: Whole
  beforeAll(async () => {
    graph = await graphOf(...cases.map(({ wanted }) => accountDetails(wanted)))
  })

  test.each(cases)('$title', ({ crossing, wanted, holds }) => {
    const hops = hopsOf(graph, wanted.account).filter(hop => hop.crossing === crossing.id)
    expect(hops.length > 0).toBe(holds)
    for (const hop of hops) {
      expect(hop.certainty).toBe(crossing.needs === undefined ? 'proven' : 'conditional')
      if (crossing.needs !== undefined) expect(hop.condition).toContain(crossing.needs)
      expect(hop.why).toContain(crossing.why)
    }
  })
})

describe('what keeps a crossing from being one', () => {
  const passRole = (account: string, more: Partial<Wanted> = {}): Wanted => ({
    account,
    actor: 'user',
    trust: { Service: 'lambda.amazonaws.com' },
    statements: [allow('iam:PassRole'), allow('lambda:CreateFunction'), allow('lambda:InvokeFunction')],
    ...more,
  })
  const found = async (wanted: Wanted, id: string) =>
    hopsOf(await graphOf(accountDetails(wanted)), wanted.account).find(hop => hop.crossing === id)

  test('a role that trusts another service', async () => {
    expect(
      await found(passRole('1', { trust: { Service: 'ec2.amazonaws.com' } }), 'aws-lambda-001'),
    ).toBeUndefined()
  })

  test('PassRole of other roles, or to other services', async () => {
    const statements = (pass: object) => [
      pass,
      allow('lambda:CreateFunction'),
      allow('lambda:InvokeFunction'),
    ]
    const other = allow('iam:PassRole', 'arn:aws:iam::*:role/dev-*')
    expect(
      await found(passRole('1', { statements: statements(other) as never }), 'aws-lambda-001'),
    ).toBeUndefined()
    const to = (service: string) =>
      allow('iam:PassRole', '*', { Condition: { StringEquals: { 'iam:PassedToService': service } } })
    expect(
      await found(
        passRole('1', { statements: statements(to('ec2.amazonaws.com')) as never }),
        'aws-lambda-001',
      ),
    ).toBeUndefined()
    const right = await found(
      passRole('1', { statements: statements(to('lambda.amazonaws.com')) as never }),
      'aws-lambda-001',
    )
    expect(right?.certainty).toBe('proven')
  })

  test('a deny of what would be made, but not one of something else', async () => {
    const denied = (Resource: string): Wanted =>
      passRole('1', {
        statements: [...passRole('1').statements, { Effect: 'Deny', Action: 'lambda:*', Resource }],
      })
    expect(await found(denied('*'), 'aws-lambda-001')).toBeUndefined()
    expect((await found(denied('arn:aws:lambda:*:*:function:prod-*'), 'aws-lambda-001'))?.certainty).toBe(
      'proven',
    )
  })

  test('functions of some names only do not keep anyone from making one', async () => {
    const statements = [
      allow('iam:PassRole'),
      allow('lambda:CreateFunction', 'arn:aws:lambda:eu-west-1:*:function:team-*'),
      allow('lambda:InvokeFunction', 'arn:aws:lambda:eu-west-1:*:function:team-*'),
    ]
    expect((await found(passRole('1', { statements }), 'aws-lambda-001'))?.certainty).toBe('proven')
  })

  test('a condition that is not known makes it conditional, one on the region does not', async () => {
    const when = (Condition: object) =>
      passRole('1', {
        statements: [allow('iam:PassRole', '*', { Condition }), ...passRole('1').statements.slice(1)],
      })
    const mfa = await found(when({ Bool: { 'aws:MultiFactorAuthPresent': 'true' } }), 'aws-lambda-001')
    expect(mfa).toMatchObject({ certainty: 'conditional', condition: 'Bool aws:MultiFactorAuthPresent true' })
    const region = await found(
      when({ StringEquals: { 'aws:RequestedRegion': 'eu-west-1' } }),
      'aws-lambda-001',
    )
    expect(region?.certainty).toBe('proven')
  })

  test('a boundary: what it does not allow cannot be gained', async () => {
    const self = (account: string, boundary?: object): Wanted => ({
      account,
      actor: 'user',
      statements: [allow('iam:PutUserPolicy')],
      ...(boundary && { boundary: boundary as never }),
    })
    expect((await found(self('1'), 'aws-iam-007'))?.certainty).toBe('proven')
    expect(await found(self('1', allow('s3:*')), 'aws-iam-007')).toBeUndefined()
    // The policy could be written, and would not grant what the boundary leaves out.
    expect(await found(self('1', allow('iam:PutUserPolicy')), 'aws-iam-007')).toBeUndefined()
    expect((await found(self('1', allow('*')), 'aws-iam-007'))?.certainty).toBe('proven')
  })

  test('AWS’s own policies cannot be rewritten', async () => {
    const details = accountDetails({ account: '1', actor: 'user', statements: [] })
    const own = 'arn:aws:iam::aws:policy/IAMFullAccess'
    details.Policies[0]!.Arn = own
    details.Policies[0]!.PolicyVersionList[0]!.Document = {
      Version: '2012-10-17',
      Statement: [allow('iam:CreatePolicyVersion')],
    }
    details.UserDetailList[0]!.AttachedManagedPolicies = [{ PolicyName: 'IAMFullAccess', PolicyArn: own }]
    const hops = hopsOf(await graphOf(details), '1')
    expect(hops.some(hop => hop.crossing === 'aws-iam-001')).toBe(false)
  })

  test('a policy that is attached and not given is not known, and is not taken for a deny if AWS keeps it', async () => {
    const attach = (arn: string) => {
      const details = accountDetails({
        account: '1',
        actor: 'user',
        statements: [allow('iam:PutUserPolicy')],
      })
      details.UserDetailList[0]!.AttachedManagedPolicies.push({ PolicyName: 'Other', PolicyArn: arn })
      return details
    }
    const certainty = async (arn: string) =>
      hopsOf(await graphOf(attach(arn)), '1').find(hop => hop.crossing === 'aws-iam-007')?.certainty
    expect(await certainty('arn:aws:iam::aws:policy/ReadOnlyAccess')).toBe('proven')
    expect(await certainty('arn:aws:iam::aws:policy/AWSDenyAll')).toBe('conditional')
    expect(await certainty('arn:aws:iam::1:policy/Lost')).toBe('conditional')
  })

  test('those of AWS’s own policies that everyone knows need not be given', async () => {
    const administers = async (name: string, partition = 'aws') => {
      const details = accountDetails({ account: '1', actor: 'user', statements: [] })
      const PolicyArn = `arn:${partition}:iam::aws:policy/${name}`
      details.UserDetailList[0]!.AttachedManagedPolicies.push({ PolicyName: name, PolicyArn })
      const graph = await graphOf(details)
      const actor = graph.nodes.find(({ names }) => names.includes('Actor'))!
      return reachedFrom(graph, actor.id).find(({ ref }) => ref.kind === 'account')?.certainty
    }
    expect(await administers('AdministratorAccess')).toBe('proven')
    expect(await administers('AdministratorAccess', 'aws-cn')).toBe('proven')
    expect(await administers('IAMFullAccess')).toBe('proven')
    // It lets no role be passed, and neither users nor policies be changed.
    expect(await administers('PowerUserAccess')).toBeUndefined()
  })

  test('roles that trust each other end', async () => {
    const details = accountDetails({
      account: '1',
      actor: 'role',
      statements: [],
      trust: { AWS: 'arn:aws:iam::1:role/Actor' },
    })
    details.RoleDetailList[0]!.AssumeRolePolicyDocument = {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: 'arn:aws:iam::1:role/Target' } },
      ],
    }
    const graph = await graphOf(details)
    const actor = graph.nodes.find(node => node.names.includes('Actor'))!
    const gained = reachedFrom(graph, actor.id).map(({ names }) => names.at(-1))
    expect(gained).toContain('AWS account 1')
  })

  test('a role of another account needs both its trust and the right to assume', async () => {
    const trusting = accountDetails({
      account: '2',
      actor: 'user',
      statements: [],
      trust: { AWS: 'arn:aws:iam::1:user/Actor' },
    })
    const asking = (statements: object[]) =>
      accountDetails({ account: '1', actor: 'user', statements: statements as never })
    const to = async (statements: object[]) =>
      hopsOf(await graphOf(asking(statements), trusting), '1').filter(hop => hop.crossing === 'aws-sts-001')
    expect(await to([])).toEqual([])
    expect(await to([allow('sts:AssumeRole')])).toHaveLength(1)
  })
})

const vulnerable = `${root}../shared/data/aws-iam-vulnerable.json`
if (existsSync(vulnerable))
  describe('an account made to be vulnerable', async () => {
    const graph = await graphOf(JSON.parse(readFileSync(vulnerable, 'utf8')))
    const admin = graph.nodes.find(({ ref }) => ref.kind === 'account')!
    const way = (id: string) => reachedFrom(graph, id).find(thing => thing.id === admin.id)
    const users = graph.nodes.filter(
      ({ ref, names }) => ref.kind === 'user' && !names.includes('privesc-sre-user'),
    )

    test('30 of 31 users reach administrator, and the one that lacks a right does not', () => {
      const missing = users.filter(({ id }) => !way(id)).map(({ names }) => names[0])
      expect(users).toHaveLength(31)
      expect(missing).toEqual(['privesc-AssumeRole-start-user'])
    })

    test('what must exist beside what the export shows is named', () => {
      for (const { id, names } of users) {
        const found = way(id)
        const open = found?.hops.find(hop => hop.certainty === 'conditional')
        if (found?.certainty === 'conditional')
          expect(open?.condition, names.at(-1)).toMatch(/^there is an? /)
      }
    })

    test('a chain of trust is followed', () => {
      const start = graph.nodes.find(({ names }) => names.includes('privesc-AssumeRole-starting-role'))!
      expect(way(start.id)?.hops.map(hop => hop.crossing)).toEqual([
        'aws-sts-001',
        'aws-sts-001',
        'administrator',
      ])
      expect(way(start.id)?.certainty).toBe('proven')
    })
  })

describe('a Lambda function that a connection listed', () => {
  const account = '300000000001'
  const arn = `arn:aws:lambda:eu-west-1:${account}:function:invoices`
  const listed = (runsAs: string): Finding => ({
    see: 'workload',
    ref: { system: 'aws', instance: account, kind: 'function', id: arn },
    names: ['invoices'],
    facts: { runsAs: { value: runsAs } },
  })
  const role = `arn:aws:iam::${account}:role/Target`
  const found = async (runsAs: string, Resource: string) => {
    const wanted: Wanted = {
      account,
      actor: 'user',
      trust: { Service: 'lambda.amazonaws.com' },
      statements: [allow('lambda:UpdateFunctionCode', Resource)],
    }
    const graph = await graphWith([listed(runsAs)], accountDetails(wanted))
    return hopsOf(graph, account).find(hop => hop.crossing === 'aws-lambda-003')
  }

  test.each(['*', arn])('and whose code may be changed (%s): its role is gained, by name', async Resource => {
    const hop = await found(role, Resource)
    expect(hop).toMatchObject({ certainty: 'proven' })
    expect(hop?.condition).toBeUndefined()
    expect(hop?.why).toContain('the role that it runs as: function:invoices is such a one')
  })

  test.each([
    ['runs as another role', `${role}2`, '*'],
    ['may not be changed', role, arn.replace('invoices', 'reports')],
  ])('and that %s proves nothing', async (_, runsAs, Resource) => {
    expect(await found(runsAs, Resource)).toMatchObject({
      certainty: 'conditional',
      condition: expect.stringContaining('there is a Lambda function that runs as the role'),
    })
  })
})
