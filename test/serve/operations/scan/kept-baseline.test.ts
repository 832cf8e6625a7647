import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { FirebreakError } from '../../../../src/core/contract/errors.ts'
import { Baseline } from '../../../../src/serve/operations/scan/baseline.ts'
import { Comparison } from '../../../../src/serve/operations/scan/kept-baseline.ts'
import { Marks } from '../../../../src/serve/operations/scan/marks.ts'
import { openWorld } from '../open-world.ts'

const gone = () => new FirebreakError('NOT_FOUND', 'a.zip: it vanished before it was read')

/** A find within an archive, as a scan knows it. */
function kept(name: string) {
  const copy = { sourceId: 'files', place: { in: { system: 'directory' }, version: name, path: 'a.zip' } }
  return {
    view: { publicFingerprint: name, copies: [copy] },
    found: { fingerprint: name, preview: null, copies: [{ accepted: null }] },
  }
}

test.each([
  ['a document that cannot be read', { documents: () => documents(), read: failing }],
  ['a source that cannot be listed', { documents: unlisted }],
])('%s ends no scan: what was found there stays a find', async (_, connection) => {
  const { world, close } = await openWorld([], ['github-token'])
  onTestFinished(close)
  const connections = { open: async () => connection }
  const baselines = { accept: undefined, collect: new Baseline('known.json', new Marks(randomUUID())) }
  const comparison = new Comparison({ ...world, connections } as never, baselines)
  const found = await comparison.of([kept('one'), kept('two')] as never)
  expect(await comparison.rest(found, ['files'])).toBe(2)
  expect(found.map(one => one.fingerprint)).toEqual(['one', 'two'])
  expect(baselines.collect.size).toBe(0)
})

test('a failure of the program itself is raised, and nothing more is read', async () => {
  const { world, close } = await openWorld([], ['github-token'])
  onTestFinished(close)
  let reads = 0
  const read = async () => {
    if (reads++ === 0) throw new TypeError('x is no function')
    await setImmediate()
  }
  const connections = { open: async () => ({ read }) }
  const baselines = { accept: undefined, collect: new Baseline('known.json', new Marks(randomUUID())) }
  const comparison = new Comparison({ ...world, connections } as never, baselines)
  const many = Array.from({ length: 100 }, (_, index) => kept(String(index)))
  await expect(comparison.of(many as never)).rejects.toThrow('x is no function')
  for (let turn = 0; turn < 500; turn++) await setImmediate()
  expect(reads).toBeLessThan(20)
})

async function failing(): Promise<never> {
  throw gone()
}

async function* unlisted() {
  yield* documents()
  throw gone()
}

async function* documents() {
  for (const id of ['one', 'two'])
    yield {
      id,
      in: { system: 'directory', instance: 'i', kind: 'file', id: 'a.zip' },
      path: 'a.zip',
      cursor: '',
      bytes: () => {
        throw gone()
      },
    }
}
