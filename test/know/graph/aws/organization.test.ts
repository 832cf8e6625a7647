import { describe, expect, test } from 'vitest'
import { memoryAws } from '../../../../src/connectors/aws/memory.ts'
import type { Document } from '../../../../src/core/contract/document.ts'
import { realIo } from '../../../../src/core/contract/io.ts'
import { transaction } from '../../../../src/core/store/store.ts'
import { explainCan } from '../../../../src/know/graph/aws/explain-can.ts'
import { loadCrossings } from '../../../../src/know/graph/aws/crossing.ts'
import { loadAccounts } from '../../../../src/know/graph/aws/load-accounts.ts'
import { loadGraph } from '../../../../src/know/graph/load-graph.ts'
import { type Finding, fold } from '../../../../src/know/inventory/fold.ts'
import { loadRoots } from '../../../../src/know/inventory/roots.ts'
import { awsCredentialReportReader } from '../../../../src/know/readers/aws-credential-report.ts'
import { awsIamReader } from '../../../../src/know/readers/aws-iam.ts'
import { awsOrganizationsReader } from '../../../../src/know/readers/aws-organizations.ts'
import { reachedFrom, wholeOf } from '../whole.ts'
import { Fleet } from './fleet.ts'
import { memoryStore } from '../../../memory-store.ts'

const ACCOUNT = '400000000001'
const MANAGEMENT = '400000000009'
const ROOT = 'r-ab12'
const [UNIT, INNER] = ['ou-ab12-11111111', 'ou-ab12-22222222']
const orgArn = (rest: string) => `arn:aws:organizations::${MANAGEMENT}:${rest}`
const account = (Id: string) => ({
  Id,
  Arn: orgArn(`account/o-exampleorg/${Id}`),
  Name: `team ${Id}`,
  Status: 'ACTIVE',
})
const policy = (Id: string, Type = 'SERVICE_CONTROL_POLICY') => ({
  Id,
  Arn: orgArn(`policy/o-exampleorg/${Type.toLowerCase()}/${Id}`),
  Name: `policy ${Id}`,
  Type,
  AwsManaged: false,
})
const FULL = {
  ...policy('p-FullAWSAccess'),
  Arn: 'arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess',
}
const describePolicy = (summary: object, ...Statement: object[]) => ({
  Policy: { PolicySummary: summary, Content: JSON.stringify({ Version: '2012-10-17', Statement }) },
})
const DENY_IAM = { Effect: 'Deny', Action: 'iam:*', Resource: '*' }

/** Who may do everything, as far as the organization lets it. */
const fleet = (number: string) =>
  new Fleet(number)
    .user('Actor', [{ Effect: 'Allow', Action: '*', Resource: '*' }])
    .role('Runner', [], [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: number } }])
    .details()

/** The answers of the AWS CLI, each in a file of its own. */
const files: Record<string, unknown> = {
  'iam/account.json': fleet(ACCOUNT),
  'org/list-roots.json': {
    Roots: [{ Id: ROOT, Arn: orgArn(`root/o-exampleorg/${ROOT}`), Name: 'Root', PolicyTypes: [] }],
  },
  [`org/list-organizational-units-for-parent-${ROOT}.json`]: {
    OrganizationalUnits: [{ Id: UNIT, Arn: orgArn(`ou/o-exampleorg/${UNIT}`), Name: 'teams' }],
  },
  [`org/list-organizational-units-for-parent-${UNIT}.json`]: {
    OrganizationalUnits: [{ Id: INNER, Arn: orgArn(`ou/o-exampleorg/${INNER}`), Name: 'shop' }],
  },
  'org/list-accounts.json': { Accounts: [account(ACCOUNT), account(MANAGEMENT)] },
  [`org/list-accounts-for-parent-${INNER}.json`]: { Accounts: [account(ACCOUNT)] },
  [`org/${ROOT}/list-policies-for-target.json`]: { Policies: [FULL] },
  [`org/list-policies-for-target-${UNIT}.json`]: { Policies: [FULL, policy('p-denyiam1')] },
  [`org/list-policies-for-target-${INNER}.json`]: { Policies: [FULL] },
  [`org/list-policies-for-target-${ACCOUNT}.json`]: { Policies: [FULL] },
  'org/describe-policy.json': describePolicy(policy('p-denyiam1'), DENY_IAM),
}

async function read(all: Record<string, unknown>): Promise<Finding[]> {
  const readers = [awsIamReader, awsCredentialReportReader, awsOrganizationsReader]
  const findings: Finding[] = []
  for (const [path, content] of Object.entries(all)) {
    const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content, null, 2))
    const document = { id: path, in: { system: 'directory', instance: '1', kind: 'tree', id: '/' }, path }
    async function* chunks() {
      yield bytes
    }
    const fitting = readers.filter(reader => reader.reads({ path }, bytes.subarray(0, 8192)))
    expect(fitting, `readers of ${path}`).toHaveLength(1)
    for await (const one of fitting[0]!.read(document as unknown as Document, chunks()))
      findings.push(one as Finding)
  }
  return findings
}

/** The inventory that these files make, in whatever order, each batch by itself. */
async function known(...batches: readonly Finding[][]) {
  const db = await memoryStore()
  const io = realIo()
  const at = io.now().getTime()
  const source = {
    id: 'source',
    system: 'test',
    instance: '1',
    label: 'test',
    config: '{}',
    cursor: null,
    observed_at: null,
    created_at: at,
  }
  await db.insertInto('source').values(source).execute()
  for (const batch of batches) await transaction(db, tx => fold(tx, { id: 'source' }, batch, { io, at }))
  const accounts = await loadAccounts(db, await loadRoots(db))
  const idOf = (name: string, number = ACCOUNT) =>
    accounts.find(it => it.number === number)!.principals.find(({ arn }) => arn.endsWith(`/${name}`))!.id
  return {
    db,
    accounts,
    idOf,
    can: (action: string, resource = '*', number = ACCOUNT, context = {}) =>
      explainCan(accounts, idOf('Actor', number), action, resource, context, at)!,
  }
}

describe('an organization’s policies, from exports', () => {
  test('bear on every account below, however deep, in whatever order they are read', async () => {
    const found = await read(files)
    for (const batches of [[found], [found.toReversed()], found.toReversed().map(one => [one])]) {
      const { can, db } = await known(...batches)
      expect(can('iam:PutUserPolicy')).toMatchObject({
        verdict: 'ExplicitlyDenied',
        because: 'denied by statement 1 of the service control policy policy p-denyiam1',
      })
      expect(can('s3:GetObject').verdict).toBe('Allowed')
      await db.destroy()
    }
  })

  test('keep an administrator from administering, in reach too', async () => {
    const { db, idOf } = await known(await read(files))
    const aws = await loadCrossings(new URL('../../../../rules', import.meta.url).pathname)
    const graph = await wholeOf(db, await loadGraph(db, { aws, joined: [] }))
    expect(reachedFrom(graph, idOf('Actor')).filter(({ ref }) => ref.kind === 'account')).toEqual([])
    await db.destroy()
  })

  test('are not known where they are attached and not described', async () => {
    const { 'org/describe-policy.json': _, ...rest } = files
    const { can, db } = await known(await read(rest))
    expect(can('iam:PutUserPolicy').verdict).toBe('Conditional')
    await db.destroy()
  })

  test('allow nothing where one level allows nothing', async () => {
    const { can, db } = await known(
      await read({
        ...files,
        [`org/list-policies-for-target-${INNER}.json`]: { Policies: [policy('p-onlys3aa')] },
        'org/only.json': describePolicy(policy('p-onlys3aa'), {
          Effect: 'Allow',
          Action: 's3:*',
          Resource: '*',
        }),
      }),
    )
    expect([can('s3:GetObject').verdict, can('ec2:RunInstances').verdict]).toEqual([
      'Allowed',
      'ImplicitlyDenied',
    ])
    await db.destroy()
  })

  test.each([
    ['listed among the accounts', []],
    ['listed nowhere: what is below it tells whose it is', ['org/list-accounts.json']],
  ])('do not bear on the management account, %s', async (_, left) => {
    const kind = 'RESOURCE_CONTROL_POLICY'
    const rest = Object.fromEntries(Object.entries(files).filter(([path]) => !left.includes(path)))
    const all = {
      ...rest,
      'iam/management.json': fleet(MANAGEMENT),
      [`org/list-policies-for-target-${MANAGEMENT}.json`]: {
        Policies: [policy('p-denyiam1'), policy('p-denysts1', kind)],
      },
      [`org/list-parents-${MANAGEMENT}.json`]: { Parents: [{ Id: UNIT, Type: 'ORGANIZATIONAL_UNIT' }] },
      'org/denysts.json': describePolicy(policy('p-denysts1', kind), {
        Effect: 'Deny',
        Principal: '*',
        Action: 'sts:*',
        Resource: '*',
      }),
    }
    const { can, db } = await known(await read(all))
    expect(can('iam:PutUserPolicy').verdict).toBe('ExplicitlyDenied')
    expect(can('iam:PutUserPolicy', '*', MANAGEMENT).verdict).toBe('Allowed')
    expect(can('sts:AssumeRole', `arn:aws:iam::${MANAGEMENT}:role/Runner`, MANAGEMENT).verdict).toBe(
      'Allowed',
    )
    await db.destroy()
  })

  test.each([
    [MANAGEMENT, 'ExplicitlyDenied'],
    [ACCOUNT, 'Allowed'],
  ])('asked of the API, of an organization that %s manages: %s', async (manager, verdict) => {
    const twin = memoryAws({}, ACCOUNT)
    const deny = (id: string, type: string, Action: string) => ({
      id,
      name: id,
      type,
      content: JSON.stringify({
        Version: '2012-10-17',
        Statement: { Effect: 'Deny', Action, Resource: '*', ...(type.startsWith('R') && { Principal: '*' }) },
      }),
    })
    const levels = [
      { id: ROOT, policies: [deny('p-denyiam1', 'SERVICE_CONTROL_POLICY', 'iam:*')] },
      { id: 'account', policies: [deny('p-denysts1', 'RESOURCE_CONTROL_POLICY', 'sts:*')] },
    ]
    const full = { id: 'p-FullAWSAccess', name: 'FullAWSAccess', type: 'SERVICE_CONTROL_POLICY' }
    const content = JSON.stringify({ Statement: { Effect: 'Allow', Action: '*', Resource: '*' } })
    twin.account.organization.push(
      ...levels.map(level => ({ ...level, policies: [...level.policies, { ...full, content }] })),
    )
    twin.account.managementNumber = manager
    const connection = await twin.connector.open({} as never, realIo())
    const findings = await read({ 'iam/account.json': fleet(ACCOUNT) })
    for await (const document of connection.documents!())
      if (document.format === 'aws-organizations')
        for await (const one of awsOrganizationsReader.read(document, document.bytes()))
          findings.push(one as Finding)
    await connection.close()
    const { can, db } = await known(findings)
    expect(can('iam:PutUserPolicy').verdict).toBe(verdict)
    expect(can('sts:AssumeRole', `arn:aws:iam::${ACCOUNT}:role/Runner`)).toMatchObject({
      verdict,
      because: expect.stringContaining(verdict === 'Allowed' ? 'allowed by' : 'resource control policy'),
    })
    expect(can('s3:GetObject').verdict).toBe('Allowed')
    await db.destroy()
  })

  test('can all stand in one document, under the ids that they were asked about', async () => {
    const { 'iam/account.json': details, ...answers } = files
    const everything = {
      'list-accounts': answers['org/list-accounts.json'],
      'list-roots': answers['org/list-roots.json'],
      'list-parents': { [ACCOUNT]: { Parents: [{ Id: UNIT, Type: 'ORGANIZATIONAL_UNIT' }] } },
      'list-policies-for-target': { [UNIT]: { Policies: [FULL, policy('p-denyiam1')] } },
      'describe-policy': [answers['org/describe-policy.json']],
    }
    const { can, db } = await known(await read({ 'a.json': details, 'b.json': everything }))
    expect(can('iam:PutUserPolicy').verdict).toBe('ExplicitlyDenied')
    await db.destroy()
  })

  test('a policy may say where it is attached instead', async () => {
    const { [`org/list-policies-for-target-${UNIT}.json`]: _, ...rest } = files
    const targets = {
      Targets: [
        {
          TargetId: UNIT,
          Arn: orgArn(`ou/o-exampleorg/${UNIT}`),
          Name: 'teams',
          Type: 'ORGANIZATIONAL_UNIT',
        },
      ],
    }
    const { can, db } = await known(
      await read({ ...rest, 'org/list-targets-for-policy-p-denyiam1.json': targets }),
    )
    expect(can('iam:PutUserPolicy').verdict).toBe('ExplicitlyDenied')
    await db.destroy()
  })

  test('resource control policies bear on what the account has, and on nothing of IAM', async () => {
    const kind = 'RESOURCE_CONTROL_POLICY'
    const outsiders = {
      Effect: 'Deny',
      Principal: '*',
      Action: '*',
      Resource: '*',
      Condition: { StringNotEqualsIfExists: { 'aws:PrincipalOrgID': 'o-other' } },
    }
    const { can, db } = await known(
      await read({
        ...files,
        'org/describe-policy.json': describePolicy(policy('p-denyiam1'), { ...DENY_IAM, Action: 'ec2:*' }),
        [`org/rcp/list-policies-for-target-${UNIT}.json`]: { Policies: [policy('p-perimeter', kind)] },
        'org/perimeter.json': describePolicy(policy('p-perimeter', kind), outsiders),
      }),
    )
    const runner = `arn:aws:iam::${ACCOUNT}:role/Runner`
    expect(can('sts:AssumeRole', runner)).toMatchObject({
      verdict: 'ExplicitlyDenied',
      because: expect.stringContaining('resource control policy'),
    })
    expect(can('iam:GetRole', runner).verdict).toBe('Allowed')
    await db.destroy()
  })

  test('an answer that does not say what it is about is a gap that says how to mend it', async () => {
    const found = await read({ 'org/policies.json': { Policies: [policy('p-denyiam1')] } })
    expect(found.find(({ see }) => see === 'covered')).toMatchObject({
      failed: true,
      why: expect.stringContaining('give the file a name with that id in it'),
    })
  })
})

const COLUMNS =
  'user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,' +
  'access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,' +
  'access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,' +
  'cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated'
const row = (user: string, arn: string, rest: string) =>
  `${user},arn:aws:iam::${ACCOUNT}:${arn},2024-01-02T03:04:05+00:00,${rest}`
const REPORT = [
  COLUMNS,
  row(
    '<root_account>',
    'root',
    'not_supported,2026-01-01T00:00:00+00:00,not_supported,not_supported,false,true,2020-01-01T00:00:00+00:00,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A',
  ),
  row(
    'Actor',
    'user/Actor',
    'true,no_information,2025-01-01T00:00:00+00:00,N/A,true,true,2025-05-05T00:00:00+00:00,2026-02-02T00:00:00+00:00,eu-west-1,s3,true,2025-06-06T00:00:00+00:00,N/A,N/A,N/A,false,N/A,false,N/A',
  ),
  row(
    'a,b',
    'user/a,b',
    'false,N/A,N/A,N/A,false,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A',
  ),
  'broken,line',
  '',
].join('\n')

describe('a credential report', () => {
  test.each([
    ['as CSV', REPORT],
    [
      'as the CLI prints it',
      {
        Content: Buffer.from(REPORT).toString('base64'),
        ReportFormat: 'text/csv',
        GeneratedTime: '2026-01-01',
      },
    ],
  ])('%s tells of the user that the details know, in either order', async (_, report) => {
    const found = await read({ 'iam/report.csv': report })
    const details = await read({ 'iam/account.json': fleet(ACCOUNT) })
    for (const batches of [
      [found, details],
      [details, found],
    ]) {
      const { db, accounts, idOf } = await known(...batches)
      const actor = accounts
        .find(({ number }) => number === ACCOUNT)!
        .principals.find(({ id }) => id === idOf('Actor'))
      expect(actor).toMatchObject({ keyCount: 2, hasPassword: true })
      const standing = await db
        .selectFrom('entity')
        .select('native')
        .where('kind', '=', 'user')
        .where('merged_into', 'is', null)
        .execute()
      expect(standing.map(({ native }) => native).sort()).toEqual([
        `?arn:aws:iam::${ACCOUNT}:user/a,b`,
        `AIDAActor${ACCOUNT}`,
      ])
      await db.destroy()
    }
  })

  test('tells ages, last uses, and of the root user; a broken line is a gap, and the rest is read', async () => {
    const found = await read({ 'iam/report.csv': REPORT })
    const factsOf = (kind: string) =>
      found.flatMap(one => (one.see === 'identity' && one.ref.kind === kind ? [one.facts] : []))
    expect(factsOf('root')).toEqual([
      expect.objectContaining({
        mfaActive: { value: false },
        accessKeys: { value: 1 },
        passwordLastUsed: { value: '2026-01-01T00:00:00.000Z' },
      }),
    ])
    expect(factsOf('root')[0]).not.toHaveProperty('hasConsolePassword')
    expect(factsOf('user')[0]).toEqual({
      created: { value: '2024-01-02T03:04:05.000Z' },
      hasConsolePassword: { value: true },
      passwordLastChanged: { value: '2025-01-01T00:00:00.000Z' },
      mfaActive: { value: true },
      accessKeys: { value: 2 },
      accessKey1Active: { value: true },
      accessKey1LastRotated: { value: '2025-05-05T00:00:00.000Z' },
      accessKey1LastUsed: { value: '2026-02-02T00:00:00.000Z' },
      accessKey1LastUsedRegion: { value: 'eu-west-1' },
      accessKey1LastUsedService: { value: 's3' },
      accessKey2Active: { value: true },
      accessKey2LastRotated: { value: '2025-06-06T00:00:00.000Z' },
    })
    expect(found.filter(({ see }) => see === 'covered')).toMatchObject([
      { scope: 'aws-credential-report:iam/report.csv:5', failed: true },
    ])
  })
})

describe('whom trust policies let in from outside', () => {
  test('an account of which nothing else is known, and an identity provider with its condition', async () => {
    const provider = `arn:aws:iam::${ACCOUNT}:oidc-provider/ci.example.com`
    const details = new Fleet(ACCOUNT)
      .role(
        'Deploy',
        [{ Effect: 'Allow', Action: '*', Resource: '*' }],
        [
          { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: 'arn:aws:iam::499999999999:root' } },
          {
            Effect: 'Allow',
            Action: 'sts:AssumeRoleWithWebIdentity',
            Principal: { Federated: provider },
            Condition: { StringEquals: { 'ci.example.com:sub': 'repo:shop/orders' } },
          },
        ],
      )
      .details()
    const { db } = await known(await read({ 'account.json': details }))
    const graph = await wholeOf(db, await loadGraph(db))
    const from = (native: string) => graph.nodes.find(({ ref }) => ref.id === native)!
    const hopFrom = (native: string) =>
      graph.hops.find(hop => hop.from === from(native).id && hop.crossing === 'trusted')
    expect(hopFrom('499999999999')).toMatchObject({
      certainty: 'proven',
      why: expect.stringContaining('trusts account 499999999999'),
    })
    expect(hopFrom(provider)).toMatchObject({
      certainty: 'conditional',
      condition: expect.stringContaining('ci.example.com:sub repo:shop/orders'),
    })
    await db.destroy()
  })
})
