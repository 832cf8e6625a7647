import { beforeEach, describe, expect, test } from 'vitest'
import type { Ref } from '../../../src/core/contract/ref.ts'
import { namedRepository } from '../../../src/core/contract/repository-key.ts'
import type { Finding } from '../../../src/know/inventory/fold.ts'
import { listCredentials } from '../../../src/know/inventory/queries.ts'
import { type Estate, openEstate } from '../estate.ts'

const repository = (id: string): Ref => ({ system: 'git', instance: id, kind: 'repository', id })
const COMMIT = 'c'.repeat(40)

let estate: Estate
beforeEach(async () => {
  estate = await openEstate()
})

const told = (ref: Ref, ...names: string[]): Finding => ({ see: 'resource', ref, names, facts: {} })

/** A copy of the one value, and where its document stands. */
function copyIn(container: Ref, version: string, commit = COMMIT): Finding[] {
  const place = {
    in: container,
    path: 'a.env',
    version,
    slots: [{ part: 'value' as const, at: version.startsWith('git:') ? '3-9' : '', encodings: [], line: 2 }],
  }
  const secret = { fingerprint: 'f'.repeat(43), strengthBits: 128 }
  return [
    { see: 'copy', place, kind: 'token', secret, confidence: 0.9 },
    { see: 'occurrence', document: version, path: 'a.env', commit, atHead: true },
  ]
}

const reported = copyIn(namedRepository('github.com/acme/app'), 'reported:1')
const read = [
  told(repository('one'), '/srv/app', 'https://github.com/acme/app.git'),
  ...copyIn(repository('one'), 'git:1'),
]

async function copies() {
  const views = await listCredentials(estate.db, estate.keys)
  expect(views).toHaveLength(1)
  return views[0]!.copies
}

describe('a repository that a report names', () => {
  test.each([
    ['before', [reported, read]],
    ['after', [read, reported]],
  ])('is the connected one of that name, where it was told %s', async (_, batches) => {
    for (const [index, batch] of batches.entries())
      await estate.fold(await estate.source(String(index)), batch)
    const all = await copies()
    expect(all.map(({ place }) => place.in.instance)).toEqual(['one', 'one'])
    const own = all.find(({ place }) => place.version === 'git:1')!
    expect(all.flatMap(({ reportOf }) => reportOf ?? [])).toEqual([own.id])
    expect(own.reportOf).toBeUndefined()
  })

  test('is none of two that bear the name', async () => {
    await estate.fold(await estate.source('a'), reported)
    await estate.fold(await estate.source('b'), [
      told(repository('one'), 'git@github.com:acme/app'),
      told(repository('two'), 'https://github.com/acme/app'),
    ])
    expect((await copies()).map(({ place }) => place.in.instance)).toEqual(['?github.com/acme/app'])
  })

  test('has places of its own in versions that nobody else read', async () => {
    const later = copyIn(namedRepository('/srv/app'), 'reported:2', 'd'.repeat(40))
    const past = later.map(each => (each.see === 'occurrence' ? { ...each, atHead: false } : each))
    await estate.fold(await estate.source('a'), past)
    await estate.fold(await estate.source('b'), read)
    const all = await copies()
    expect(all).toHaveLength(2)
    expect(all.filter(({ reportOf }) => reportOf !== undefined)).toEqual([])
  })
})
