import { describe, expect, test } from 'vitest'
import type { Document } from '../../../../src/core/contract/document.ts'
import { realIo } from '../../../../src/core/contract/io.ts'
import { transaction } from '../../../../src/core/store/store.ts'
import { awsCrossings } from '../../../../src/know/graph/aws/crossings.ts'
import { loadAccounts } from '../../../../src/know/graph/aws/load-accounts.ts'
import { type Finding, fold } from '../../../../src/know/inventory/fold.ts'
import { loadRoots } from '../../../../src/know/inventory/roots.ts'
import { awsIamReader } from '../../../../src/know/readers/aws-iam.ts'
import { Fleet } from './fleet.ts'
import { memoryStore } from '../../../memory-store.ts'

const [OWN, OTHER, UNKNOWN] = ['410000000001', '410000000002', '410000000003']
const BUCKET = 'arn:aws:s3:::reports'
const QUEUE = `arn:aws:sqs:us-east-1:${OWN}:jobs`
const TOPIC = `arn:aws:sns:us-east-1:${OWN}:news`

const allow = (action: string, resource: string, more: object = {}) => ({
  Effect: 'Allow',
  Action: action,
  Resource: resource,
  ...more,
})
const lets = (aws: string, action: string, resource: string, more: object = {}) =>
  allow(action, resource, { Principal: { AWS: aws }, ...more })

/** What a connection tells of a thing that has a policy, or none. */
function store(kind: string, id: string, arn: string, statements: readonly object[] | null): Finding[] {
  const on = { system: 'aws', instance: OWN, kind, id }
  const said = statements
    ? {
        kind: 'resource',
        name: 'resource policy',
        document: { Version: '2012-10-17', Statement: statements },
      }
    : { kind: 'none', name: '', document: null }
  return [
    { see: 'resource', ref: on, names: [arn], facts: {} },
    { see: 'policy', on, language: 'aws-iam', text: JSON.stringify(said) },
  ]
}

async function details(fleet: Fleet): Promise<Finding[]> {
  const document = { id: fleet.account, path: 'account.json' } as unknown as Document
  async function* bytes() {
    yield Buffer.from(JSON.stringify(fleet.details()))
  }
  const found: Finding[] = []
  for await (const one of awsIamReader.read(document, bytes())) found.push(one as Finding)
  return found
}

/** Each hop to what is stored, as `user/Reader may-read bucket proven`. */
async function hopsTo(fleets: readonly Fleet[], ...stores: readonly Finding[][]): Promise<string[]> {
  const db = await memoryStore()
  const [io, at] = [realIo(), Date.UTC(2026, 0, 1)]
  await db
    .insertInto('source')
    .values({
      id: 'source',
      system: 'aws',
      instance: OWN,
      label: 'aws',
      config: '{}',
      cursor: null,
      observed_at: null,
      created_at: at,
    })
    .execute()
  const findings = [...(await Promise.all(fleets.map(details))).flat(), ...stores.flat()]
  await transaction(db, tx => fold(tx, { id: 'source' }, findings, { io, at }))
  const accounts = await loadAccounts(db, await loadRoots(db))
  const names = new Map(
    accounts.flatMap(account => [
      [account.id, `account ${account.number}`] as const,
      ...account.principals.map(({ id, arn }) => [id, arn.split(':').slice(5).join(':')] as const),
    ]),
  )
  const kept = new Map(accounts.flatMap(({ stores }) => stores).map(({ id, kind }) => [id, kind]))
  const hops = awsCrossings(accounts, [], at).filter(
    ({ to, crossing }) => kept.has(to) && crossing !== 'administers',
  )
  await db.destroy()
  return hops
    .map(({ from, to, crossing, certainty }) => `${names.get(from)} ${crossing} ${kept.get(to)} ${certainty}`)
    .sort()
}

describe('a bucket', () => {
  test('is read by who has an identity policy, and by whom its own policy names', async () => {
    const fleet = new Fleet(OWN)
      .user('Identity', [allow('s3:GetObject', `${BUCKET}/*`)])
      .user('Prefix', [allow('s3:GetObject', `${BUCKET}/2026/*`)])
      .user('Named', [])
      .user('Elsewhere', [allow('s3:*', 'arn:aws:s3:::other/*')])
      .user('Lists', [allow('s3:ListBucket', BUCKET)])
      .user('Nothing', [])
    const own = lets(`arn:aws:iam::${OWN}:user/Named`, 's3:GetObject', `${BUCKET}/public/*`)
    expect(await hopsTo([fleet], store('bucket', 'reports', BUCKET, [own]))).toEqual([
      'user/Identity may-read bucket proven',
      'user/Named may-read bucket proven',
      'user/Prefix may-read bucket proven',
    ])
  })

  test('whose policy denies is not read, and one whose policy names the account leaves it to identity policies', async () => {
    const fleet = new Fleet(OWN)
      .user('Denied', [allow('s3:*', '*')])
      .user('Nothing', [])
      .user('Reader', [allow('s3:GetObject', '*')])
    const policy = [
      lets(`arn:aws:iam::${OWN}:root`, 's3:*', `${BUCKET}/*`),
      { ...lets(`arn:aws:iam::${OWN}:user/Denied`, 's3:*', `${BUCKET}/*`), Effect: 'Deny' },
    ]
    expect(await hopsTo([fleet], store('bucket', 'reports', BUCKET, policy))).toEqual([
      // Who may change the policy takes the denial away.
      'user/Denied may-grant bucket proven',
      'user/Reader may-read bucket proven',
    ])
  })

  test('of another account takes both policies; an account of which nothing is known is let in as a whole', async () => {
    const own = new Fleet(OWN).user('Home', [])
    const other = new Fleet(OTHER).user('Both', [allow('s3:GetObject', `${BUCKET}/*`)]).user('Only', [])
    const policy = [
      lets(`arn:aws:iam::${OTHER}:root`, 's3:GetObject', `${BUCKET}/*`),
      lets(UNKNOWN, 's3:PutObject', `${BUCKET}/*`),
    ]
    const known: Finding[] = [
      {
        see: 'resource',
        ref: { system: 'aws', instance: UNKNOWN, kind: 'account', id: UNKNOWN },
        names: [],
        facts: {},
      },
    ]
    expect(await hopsTo([own, other], store('bucket', 'reports', BUCKET, policy), known)).toEqual([
      `account ${OTHER} may-read bucket proven`,
      `account ${UNKNOWN} may-write bucket proven`,
      'user/Both may-read bucket proven',
    ])
    expect(await hopsTo([own, other], store('bucket', 'reports', BUCKET, null), known)).toEqual([])
  })

  test('that is open to everyone under a condition which nobody can tell is conditional', async () => {
    const fleet = new Fleet(OWN).user('Anyone', [])
    const policy = [
      lets('*', 's3:GetObject', `${BUCKET}/*`, {
        Condition: { StringEquals: { 'aws:SourceVpce': 'vpce-1' } },
      }),
    ]
    expect(await hopsTo([fleet], store('bucket', 'reports', BUCKET, policy))).toEqual([
      'user/Anyone may-read bucket conditional',
    ])
  })
})

test('a queue and a topic: taken from, put into, and opened', async () => {
  const fleet = new Fleet(OWN)
    .user('Worker', [allow('sqs:ReceiveMessage', QUEUE)])
    .user('Sender', [allow('sqs:SendMessage', QUEUE), allow('sns:Publish', TOPIC)])
    .user('Opener', [allow('sqs:AddPermission', QUEUE), allow('sns:SetTopicAttributes', TOPIC)])
    .role('Named', [], [])
  const policy = [lets(`arn:aws:iam::${OWN}:role/Named`, 'sns:Subscribe', TOPIC)]
  expect(
    await hopsTo([fleet], store('queue', QUEUE, QUEUE, null), store('topic', TOPIC, TOPIC, policy)),
  ).toEqual([
    'role/Named may-read topic proven',
    'user/Opener may-grant queue proven',
    'user/Opener may-grant topic proven',
    'user/Sender may-write queue proven',
    'user/Sender may-write topic proven',
    'user/Worker may-read queue proven',
  ])
})
