import { describe, expect, test } from 'vitest'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { readDocument } from '../../../src/know/observe/read-document.ts'
import { shareBytes } from '../../../src/know/observe/shared-bytes.ts'

function source(count: number) {
  const told = { asked: 0 }
  async function* chunks() {
    for (let index = 0; index < count; index++) {
      told.asked++
      yield Uint8Array.of(index)
    }
  }
  return { told, bytes: chunks() }
}

async function read(bytes: AsyncIterable<Uint8Array>, most = Infinity): Promise<number[]> {
  const all: number[] = []
  for await (const chunk of bytes) {
    all.push(chunk[0]!)
    if (all.length >= most) break
  }
  return all
}

describe('bytes that several read', () => {
  test('come to each of them whole', async () => {
    const shares = shareBytes(source(5).bytes, 3)
    expect(await Promise.all(shares.map(({ bytes }) => read(bytes)))).toEqual(
      Array.from({ length: 3 }, () => [0, 1, 2, 3, 4]),
    )
  })

  test('are not asked for ahead of the slowest', async () => {
    const { told, bytes } = source(5)
    const [fast, slow] = shareBytes(bytes, 2)
    const [reading, taking] = [read(fast!.bytes), slow!.bytes[Symbol.asyncIterator]()]
    await taking.next()
    await new Promise(resolve => setImmediate(resolve))
    expect(told.asked).toBe(1)
    slow!.leave()
    slow!.leave()
    expect(await reading).toEqual([0, 1, 2, 3, 4])
  })

  test('go on for the others where one never begins, or ends early', async () => {
    const [idle, short, long] = shareBytes(source(4).bytes, 3)
    idle!.leave()
    const ended = read(short!.bytes, 2).finally(() => short!.leave())
    expect(await Promise.all([ended, read(long!.bytes)])).toEqual([
      [0, 1],
      [0, 1, 2, 3],
    ])
  })

  test('that break off break off for all', async () => {
    async function* broken() {
      yield Uint8Array.of(0)
      throw new Error('gone')
    }
    const shares = shareBytes(broken(), 2)
    const ends = await Promise.allSettled(shares.map(({ bytes }) => read(bytes)))
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })
})

describe('a document that comes piece by piece', () => {
  const reader = (format: string, most: number) => ({
    format,
    reads: () => true,
    async *read(_: unknown, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Observation> {
      const seen = await read(bytes, most)
      if (most < 0) throw new Error('broken')
      const ref = { system: 's', instance: 'i', kind: format, id: seen.join(' ') }
      yield { see: 'resource', ref, names: [], facts: {} }
    },
  })
  const ids = async (...most: number[]) => {
    const answer = await readDocument<null>(
      {
        id: 'd',
        in: { system: 's', instance: 'i', kind: 'tree', id: 't' },
        path: 'a.yaml',
        head: new Uint8Array(),
        whole: false,
        bytes: () => source(3).bytes,
      },
      most.map((count, index) => reader(`r${index}`, count)),
      { keep: observation => observation as Observation<null>, valueOf: () => '' },
    )
    const found = answer.findings.flatMap(one => ('ref' in one ? [one.ref.id] : []))
    return { found: found.sort(), failed: answer.failure !== undefined }
  }

  test('is read by every reader that fits it, and by the others where one fails', async () => {
    expect(await ids(Infinity, 2, Infinity)).toEqual({ found: ['0 1', '0 1 2', '0 1 2'], failed: false })
    expect(await ids(Infinity, -1)).toEqual({ found: ['0 1 2'], failed: true })
  })
})
