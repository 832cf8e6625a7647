import { describe, expect, test } from 'vitest'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { collect, filled, gapsIn, open } from './world.ts'

describe('policies on buckets, queues and topics', () => {
  const lets = (...accounts: string[]) =>
    JSON.stringify({
      Statement: {
        Effect: 'Allow',
        Principal: { AWS: accounts },
        Action: 's3:GetObject',
        Resource: 'arn:aws:s3:::reports/*',
      },
    })
  const policiesIn = (seen: readonly Observation[]) =>
    Object.fromEntries(
      seen.flatMap(one =>
        one.see === 'policy' && ['bucket', 'queue', 'topic'].includes(one.on.kind)
          ? [[one.on.id, JSON.parse(one.text) as { kind: string; document: string | null }]]
          : [],
      ),
    )

  test('are read page by page, with the accounts that they let in', async () => {
    const twin = filled()
    for (const name of ['reports', 'logs', 'empty'])
      for (const all of [twin.account.buckets, twin.account.queues, twin.account.topics])
        all.set(name, name === 'empty' ? undefined : lets('999988887777', 'arn:aws:iam::555566667777:root'))
    const seen = await collect((await open(twin)).discover!())
    const at = (service: string) => `arn:aws:${service}:us-east-1:111122223333:`
    expect(Object.entries(policiesIn(seen)).map(([id, { kind }]) => `${kind} ${id}`)).toEqual([
      'resource reports',
      'resource logs',
      'none empty',
      ...['sqs', 'sns'].flatMap(service => [
        `resource ${at(service)}reports`,
        `resource ${at(service)}logs`,
        `none ${at(service)}empty`,
      ]),
    ])
    const accounts = seen.flatMap(one =>
      one.see === 'resource' && one.ref.kind === 'account' ? [one.ref.id] : [],
    )
    expect([...new Set(accounts)].sort()).toEqual(['111122223333', '555566667777', '999988887777'])
    expect(gapsIn(seen)).toEqual([])
  })

  test('of a bucket count with its ACL, where that has an effect, and with its block of public access', async () => {
    const twin = filled()
    const { buckets, bucketSettings } = twin.account
    const everyone =
      '<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>WRITE</Permission></Grant>'
    const acl = `<AccessControlPolicy><Owner><ID>owner</ID></Owner><AccessControlList>${everyone}</AccessControlList></AccessControlPolicy>`
    const ownershipControls =
      '<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>'
    const publicAccessBlock =
      '<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>'
    const all: Record<string, Record<string, string>> = {
      open: { acl },
      enforced: { acl, ownershipControls },
      blocked: { acl, publicAccessBlock },
      plain: {},
    }
    for (const [name, settings] of Object.entries(all)) {
      buckets.set(name, undefined)
      bucketSettings.set(name, settings)
    }
    const seen = await collect((await open(twin)).discover!())
    const policies = policiesIn(seen)
    expect(Object.entries(policies).map(([name, { kind }]) => `${name} ${kind}`)).toEqual([
      'open resource',
      'enforced none',
      'blocked none',
      'plain none',
    ])
    expect(policies['open']?.document).toContain('"s3:PutObject"')
    const facts = seen.flatMap(one =>
      one.see === 'resource' && one.ref.id === 'enforced' ? [one.facts['aclsDisabled']?.value] : [],
    )
    expect(facts).toEqual([true])
    expect(gapsIn(seen)).toEqual([])
  })

  test('that may not be read are not known, which is no failure; a server that fails is a gap', async () => {
    const twin = filled()
    twin.account.buckets.set('reports', lets('999988887777'))
    twin.account.queues.set('jobs', undefined)
    twin.refusals.set('s3.GetBucketPolicy', { status: 403, code: 'AccessDenied' })
    twin.refusals.set('AmazonSQS.ListQueues', { status: 500, code: 'InternalError' })
    const seen = await collect((await open(twin)).discover!())
    expect(policiesIn(seen)).toEqual({
      reports: expect.objectContaining({ kind: 'resource', document: null }),
    })
    expect(gapsIn(seen)).toEqual([
      expect.objectContaining({ scope: 'aws:111122223333/queues', failed: true, hides: ['queue'] }),
    ])
  })
})
