import { describe, expect, test } from 'vitest'
import { listCredentials } from '../../../src/know/inventory/queries.ts'
import { type Estate, openEstate, sawCopy } from '../estate.ts'

describe('what a credential says of itself', () => {
  const says = (path: string, facts?: Record<string, string>) =>
    sawCopy({ value: 'token', path, kind: 'jwt', ...(facts && { facts }) })
  const told = async (estate: Estate) =>
    (await listCredentials(estate.db, estate.keys)).map(({ facts }) =>
      facts.map(({ name, value, copy }) => [name, value, copy.place.path]),
    )

  test('is told once, by the first copy that says it, and where copies differ by each', async () => {
    const estate = await openEstate()
    const source = await estate.source()
    const issuer = 'https://issuer.test'
    await estate.fold(source, [
      says('a', { subject: 'ci', issuer }),
      says('b', { subject: 'ci', registry: 'npm.acme.test' }),
      says('c'),
    ])
    expect(await told(estate)).toEqual([
      [
        ['issuer', issuer, 'a'],
        ['registry', 'npm.acme.test', 'b'],
        ['subject', 'ci', 'a'],
      ],
    ])
  })

  test('is replaced by what a later reading says', async () => {
    const estate = await openEstate()
    const source = await estate.source()
    await estate.fold(source, [says('a', { account: '1' })])
    await estate.fold(source, [says('a', { account: '2' })])
    expect(await told(estate)).toEqual([[['account', '2', 'a']]])
    await estate.fold(source, [says('a')])
    expect(await told(estate)).toEqual([[]])
  })

  test('does not depend on the order within a reading', async () => {
    const both = [says('a', { account: '1' }), says('a', { account: '2' })]
    const outcomes = await Promise.all(
      [both, both.toReversed()].map(async batch => {
        const estate = await openEstate()
        await estate.fold(await estate.source(), batch)
        return await told(estate)
      }),
    )
    expect(outcomes[0]).toEqual(outcomes[1])
  })
})
