import { rmSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { git } from '../../../src/connectors/git/connector.ts'
import { type MemoryCommit, memoryGit, type MemoryRepository } from '../../../src/connectors/git/memory.ts'
import type { Connection } from '../../../src/core/contract/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { documentsOf, observationsOf, occurrencesOf, withoutOwnFiles } from './reading.ts'
import { build, newRepository } from './repository-builder.ts'

const scratch: string[] = []
afterAll(() => {
  for (const path of scratch) rmSync(path, { recursive: true, force: true })
})

type Opener = (repository: Omit<MemoryRepository, 'path'>, path: string) => Promise<Connection>

const real: Opener = async (repository, path) => {
  build({ ...repository, path })
  return await git.open({ path }, realIo())
}
const twin: Opener = (repository, path) => memoryGit({ ...repository, path })

const DAY = 86_400_000
const START = 1_700_000_000_000
const ann = { author: 'Ann <ann@example.org>' }
const bob = { author: 'Bob Ünal <bob@example.org>' }

function commitOf(files: MemoryCommit['files'], more: Partial<MemoryCommit> = {}): MemoryCommit {
  return { files, ...ann, at: START, message: 'change\n', ...more }
}

describe.each([
  ['real', real],
  ['twin', twin],
])('a repository (%s)', (_, open) => {
  const connect = async (repository: Omit<MemoryRepository, 'path'>): Promise<Connection> => {
    const path = newRepository()
    scratch.push(path)
    return await open(repository, path)
  }

  test('a secret that was removed is found with who put it there and when', async () => {
    const first = commitOf({ 'app.env': 'KEY=s3cret\n', 'sub/readme': 'x' }, { ...bob, at: START })
    const second = commitOf({ 'app.env': 'KEY=\n', 'sub/readme': 'x' }, { parents: [first], at: START + DAY })
    const connection = await connect({ branches: { main: second } })
    const documents = await documentsOf(connection)
    const secret = documents.find(({ text }) => text === 'KEY=s3cret\n')!
    expect(secret).toMatchObject({ path: 'app.env', size: 11 })
    expect(await occurrencesOf(connection, secret.id)).toEqual([
      { path: 'app.env', commit: expect.any(String), ...bob, at: START, atHead: false },
    ])
    const now = documents.find(({ text }) => text === 'KEY=\n')!
    expect(await occurrencesOf(connection, now.id)).toEqual([
      { path: 'app.env', commit: expect.any(String), ...ann, at: START + DAY, atHead: true },
    ])
    const [same] = await occurrencesOf(connection, documents.find(({ text }) => text === 'x')!.id)
    expect(same).toMatchObject({ at: START, atHead: true })
    await connection.close()
  })

  test('what stands in the history is read again by its place', async () => {
    const first = commitOf({ 'app.env': 'USER=me\nKEY=s3cret\n' })
    const second = commitOf({ 'app.env': 'KEY=\n' }, { parents: [first] })
    const connection = await connect({ branches: { main: second } })
    const documents = await documentsOf(connection)
    const { id } = documents.find(({ text }) => text.includes('s3cret'))!
    const { instance } = connection
    const repository = { system: 'git', instance, kind: 'repository', id: instance }
    const slot = { part: 'value' as const, at: '12-18', encodings: [], line: 2 }
    const place = { in: repository, path: 'app.env', version: id, slots: [slot] }
    expect((await connection.read!(place)).revealText()).toBe('s3cret')
    const gone = { ...place, version: `git:${'0'.repeat(40)}` }
    await expect(connection.read!(gone)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await connection.close()
  })

  test('every branch is read, and what stands at any of their tips is at head', async () => {
    const base = commitOf({ a: 'base' })
    const main = commitOf({ a: 'main' }, { parents: [base], at: START + DAY })
    const side = commitOf({ a: 'side' }, { parents: [base], at: START + 2 * DAY })
    const connection = await connect({ branches: { main, side } })
    const atHead: Record<string, unknown> = {}
    for (const { id, text } of await documentsOf(connection)) {
      atHead[text] = (await occurrencesOf(connection, id))[0]!.atHead
    }
    expect(atHead).toMatchObject({ base: false, main: true, side: true })
    await connection.close()
  })

  test('a renamed file stands at both paths, at head only at the new one', async () => {
    const first = commitOf({ old: 'same' })
    const second = commitOf({ new: 'same' }, { parents: [first], at: START + DAY })
    const connection = await connect({ branches: { main: second } })
    const { id, path } = (await documentsOf(connection)).find(({ text }) => text === 'same')!
    expect(path).toBe('new')
    expect(await occurrencesOf(connection, id)).toEqual([
      expect.objectContaining({ path: 'old', at: START, atHead: false }),
      expect.objectContaining({ path: 'new', at: START + DAY, atHead: true }),
    ])
    await connection.close()
  })

  test('what a merge itself made belongs to the merge; what it took over belongs to the branches', async () => {
    const base = commitOf({ a: 'base' })
    const left = commitOf({ a: 'left', l: 'l' }, { parents: [base], at: START + DAY })
    const right = commitOf({ a: 'right', r: 'r' }, { parents: [base], at: START + 2 * DAY, ...bob })
    const merge = commitOf({ a: 'evil', l: 'l', r: 'r' }, { parents: [left, right], at: START + 3 * DAY })
    const connection = await connect({ branches: { main: merge } })
    const times: Record<string, unknown> = {}
    for (const { id, text } of await documentsOf(connection))
      times[text] = (await occurrencesOf(connection, id))[0]!.at
    expect(times).toMatchObject({ evil: START + 3 * DAY, r: START + 2 * DAY, l: START + DAY, base: START })
    await connection.close()
  })

  test('a blob that comes back is said once for a path, for its oldest commit', async () => {
    const first = commitOf({ a: 'again' })
    const second = commitOf({ a: 'other' }, { parents: [first], at: START + DAY })
    const third = commitOf({ a: 'again' }, { parents: [second], at: START + 2 * DAY })
    const connection = await connect({ branches: { main: third } })
    const { id } = (await documentsOf(connection)).find(({ text }) => text === 'again')!
    expect(await occurrencesOf(connection, id)).toEqual([
      expect.objectContaining({ at: START, atHead: true }),
    ])
    await connection.close()
  })

  test('messages of commits and tags are documents', async () => {
    const first = commitOf({ a: 'a' }, { message: 'remove token\n\nit was abc\n', ...bob })
    const tag = { of: first, name: 'v1', ...ann, at: START + DAY, message: 'the tag says def\n' }
    const connection = await connect({ branches: { main: first }, tags: [tag] })
    const documents = await documentsOf(connection)
    const message = documents.find(({ path }) => path === '(commit message)')!
    expect(message.text).toBe('remove token\n\nit was abc\n')
    expect(await occurrencesOf(connection, message.id)).toEqual([
      { path: '(commit message)', commit: message.id.slice(4), ...bob, at: START, atHead: true },
    ])
    const tagMessage = documents.find(({ path }) => path === '(tag message)')!
    expect(tagMessage.text).toBe('the tag says def\n')
    expect(await occurrencesOf(connection, tagMessage.id)).toEqual([
      { path: '(tag message)', ...ann, at: START + DAY, atHead: false },
    ])
    await connection.close()
  })

  test('what no ref reaches: lost commits, blobs of no commit, and what is only staged', async () => {
    const first = commitOf({ a: 'a' })
    const lost = commitOf({ a: 'amended away' }, { parents: [first], at: START + DAY })
    const connection = await connect({
      branches: { main: first },
      lost: [lost],
      blobs: ['never committed'],
      staged: { 'new.env': 'staged' },
    })
    const where: Record<string, unknown[]> = {}
    for (const { id, text } of await documentsOf(connection))
      where[text] = await occurrencesOf(connection, id)
    expect(where['amended away']).toEqual([
      expect.objectContaining({ path: 'a', at: START + DAY, atHead: false }),
    ])
    expect(where['never committed']).toEqual([{ path: '(unreachable object)', atHead: false }])
    expect(where['staged']).toEqual([{ path: '(index) new.env', atHead: false }])
    await connection.close()
  })

  test('what was taken out and is staged once more stands in the history and in the index', async () => {
    const first = commitOf({ a: 'old' })
    const connection = await connect({
      branches: { main: commitOf({ a: 'new' }, { parents: [first], at: START + DAY }) },
      staged: { a: 'old' },
    })
    const old = (await documentsOf(connection)).find(({ text }) => text === 'old')!
    expect(await occurrencesOf(connection, old.id)).toEqual([
      expect.objectContaining({ path: 'a', at: START, atHead: false }),
      { path: '(index) a', atHead: false },
    ])
    await connection.close()
  })

  test('content that is not text, and an empty file', async () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, index) => index % 256)
    const connection = await connect({ branches: { main: commitOf({ binary: bytes, empty: '' }) } })
    const documents = await documentsOf(connection)
    expect(documents.find(({ path }) => path === 'binary')!.text).toBe(Buffer.from(bytes).toString('latin1'))
    expect(documents.find(({ path }) => path === 'empty')).toMatchObject({ size: 0, text: '' })
    await connection.close()
  })

  test('an empty repository', async () => {
    const connection = await connect({ branches: {} })
    expect(withoutOwnFiles(await documentsOf(connection))).toEqual([])
    const observations = await observationsOf(connection)
    expect(observations.filter(({ see }) => see === 'covered')).toEqual([
      { see: 'covered', scope: expect.stringMatching(/ 0 commits, 0 blobs$/), complete: true },
    ])
    expect(observations[0]).toMatchObject({
      see: 'resource',
      ref: { kind: 'repository', id: connection.instance },
    })
    await connection.close()
  })
})

describe.each([
  ['real', real],
  ['twin', twin],
])('a second run (%s)', (_, open) => {
  test('reads only what is new; an interrupted one is begun again', async () => {
    const path = newRepository()
    scratch.push(path)
    const repository: MemoryRepository = { path, branches: { main: commitOf({ a: '1', b: '2' }) } }
    const first = await open(repository, path)
    const before = withoutOwnFiles(await documentsOf(first))
    expect(before).toHaveLength(3)
    const end = before.at(-1)!.cursor
    expect(withoutOwnFiles(await documentsOf(first, end))).toEqual([])
    // The position in its middle leads to the same documents again, not past them.
    const again = withoutOwnFiles(await documentsOf(first, before[0]!.cursor))
    expect(again.map(({ id }) => id).sort()).toEqual(before.map(({ id }) => id).sort())
    await first.close()

    const next = commitOf(
      { a: '1', b: '3', 'sub/c': '4' },
      { parents: [repository.branches['main']!], at: START + DAY },
    )
    const second = await open({ branches: { main: next }, blobs: ['loose'] }, path)
    const fresh = withoutOwnFiles(await documentsOf(second, end))
    expect(fresh.map(({ path, text }) => [path, text]).sort()).toEqual([
      ['(commit message)', 'change\n'],
      ['(unreachable object)', 'loose'],
      ['b', '3'],
      ['sub/c', '4'],
    ])
    expect(withoutOwnFiles(await documentsOf(second, fresh.at(-1)!.cursor))).toEqual([])
    await second.close()
  })
})

test('real and twin say the same of the same history, to the id', async () => {
  const root = commitOf({ 'z/deep/file': 'x', 'z.txt': 'sorts before the folder', a: '1' })
  const left = commitOf({ 'z/deep/file': 'x', a: '2' }, { parents: [root], at: START + DAY, ...bob })
  const right = commitOf({ 'z/deep/file': 'y', a: '1' }, { parents: [root], at: START + 2 * DAY })
  const merge = commitOf({ 'z/deep/file': 'y', a: '3' }, { parents: [left, right], at: START + 3 * DAY })
  const repository = {
    branches: { main: merge, old: left },
    tags: [{ of: right, name: 'v1', ...bob, at: START + DAY, message: 'a tag\n' }],
    lost: [commitOf({ a: 'lost' }, { at: START + 9 * DAY })],
    blobs: ['dangling'],
    staged: { a: 'staged' },
  }
  const path = newRepository()
  scratch.push(path)
  const [one, other] = [await real(repository, path), await twin(repository, path)]
  expect(one.instance).toBe(other.instance)
  const sorted = async (connection: Connection) => {
    const documents = withoutOwnFiles(await documentsOf(connection)).map(
      ({ cursor: _, ...document }) => document,
    )
    const observations = (await observationsOf(connection)).filter(
      o => o.see !== 'occurrence' || !o.path.startsWith('.git/'),
    )
    return [...documents, ...observations]
      .map(item => JSON.stringify(item, Object.keys(flat(item)).sort()))
      .sort()
  }
  expect(await sorted(one)).toEqual(await sorted(other))
  await one.close()
})

function flat(item: object): Record<string, unknown> {
  const keys: Record<string, unknown> = {}
  const walk = (value: unknown): void => {
    if (value === null || typeof value !== 'object') return
    for (const [key, inner] of Object.entries(value)) {
      keys[key] = true
      walk(inner)
    }
  }
  walk(item)
  return keys
}
