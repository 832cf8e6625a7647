import { beforeAll, describe, expect, test } from 'vitest'
import { formatRef } from '../../../src/core/contract/ref.ts'
import { checks } from '../../../src/judge/posture/all.ts'
import { runChecks } from '../../../src/judge/posture/run-checks.ts'
import { listIdentities } from '../../../src/know/inventory/queries.ts'
import { makeOrganisation, type Organisation } from '../organisation/organisation.ts'
import { takeIn } from '../organisation/take-in.ts'

const SEED = 'ordinary'
const COUNT = 300

describe('an organisation', () => {
  let organisation: Organisation
  beforeAll(() => {
    organisation = makeOrganisation(SEED, COUNT)
  })

  test('is the same for the same seed, and another for another', () => {
    expect(JSON.stringify(makeOrganisation(SEED, COUNT).sources)).toBe(JSON.stringify(organisation.sources))
    expect(JSON.stringify(makeOrganisation('other', COUNT).sources)).not.toBe(
      JSON.stringify(organisation.sources),
    )
  })

  test('has ten systems, every class, and every wrong that is planted', () => {
    const { identities, sources } = makeOrganisation(SEED, 2000)
    expect(new Set(sources.map(({ system }) => system)).size).toBeGreaterThanOrEqual(10)
    expect(identities).toHaveLength(2000)
    expect(new Set(identities.map(one => one.class)).size).toBe(5)
    const refs = new Set(identities.map(({ ref }) => formatRef(ref)))
    expect(refs.size).toBe(identities.length)
    expect([...new Set(identities.flatMap(({ wrong }) => [...wrong]))].sort()).toEqual([
      'administrator',
      'console password in use',
      'departed owner',
      'federates with everyone',
      'leaked in a repository',
      'mixed environments',
      'never expires',
      'no owner',
      'no password needed',
      'old key',
      'posted in chat',
      'static key in a pipeline',
      'third party with everything',
      'unused',
      'used by several workloads',
      'weak password hash',
    ])
  })

  test('is known through the readers and the fold as its sources tell it, every identity of it', async () => {
    const estate = await takeIn(organisation)
    const known = new Set((await listIdentities(estate.db)).map(({ ref }) => formatRef(ref)))
    expect(organisation.identities.filter(({ ref }) => !known.has(formatRef(ref)))).toEqual([])
    const { counts } = await runChecks(estate.db, estate, checks)
    expect(counts.find(({ check }) => check === 'workflow-static-cloud-key')!.fails).toBeGreaterThan(0)
  })
})
