import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { git } from '../../../src/connectors/git/connector.ts'
import { Survey } from '../../../src/connectors/git/survey.ts'
import type { Connection } from '../../../src/core/contract/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { documentsOf, observationsOf } from './reading.ts'
import { commit, gitIn, newRepository } from './repository-builder.ts'

let repository: string
let connection: Connection | undefined
const folders: string[] = []
const path = process.env['PATH']

beforeEach(() => {
  repository = newRepository()
  folders.push(repository)
})

afterEach(async () => {
  process.env['PATH'] = path
  await connection?.close()
  connection = undefined
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

async function open(): Promise<Connection> {
  connection = await git.open({ path: repository }, realIo(new AbortController().signal))
  return connection
}

/** From here on every git that is run is noted; gives what was asked of them so far. */
function noteGits(): () => string[] {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-git-noted-'))
  folders.push(folder)
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
  const notes = join(folder, 'notes')
  writeFileSync(notes, '')
  writeFileSync(join(folder, 'git'), `#!/bin/sh\necho "$*" >>'${notes}'\nexec '${real}' "$@"\n`)
  chmodSync(join(folder, 'git'), 0o755)
  process.env['PATH'] = `${folder}${delimiter}${path}`
  return () => readFileSync(notes, 'utf8').split('\n').slice(0, -1)
}

test('a scan lists the objects once and walks the history once', async () => {
  commit(repository, { 'one.txt': 'first' })
  commit(repository, { 'two.txt': 'second' })
  const noted = noteGits()
  const connection = await open()
  expect(noted().filter(args => /batch-all-objects|diff-tree/.test(args))).toEqual([])
  expect((await documentsOf(connection)).some(({ text }) => text === 'second')).toBe(true)
  const seen = await observationsOf(connection)
  expect(seen.filter(({ see }) => see === 'occurrence').length).toBeGreaterThanOrEqual(4)
  const asked = noted()
  expect(asked.filter(args => args.includes('--batch-all-objects'))).toHaveLength(1)
  expect(asked.filter(args => args.includes('--date-order'))).toHaveLength(1)
  expect(asked.filter(args => /diff-tree .*--root/.test(args))).toHaveLength(1)
})

test('where documents stand is the same with and without reading them before', async () => {
  const first = commit(repository, { 'a.txt': 'same', 'b.txt': 'same', 'gone.txt': 'gone' }, { at: 1.6e12 })
  gitIn(repository, ['rm', '--quiet', 'gone.txt'])
  commit(repository, { 'd.txt': 'same' }, { at: 1.61e12 })
  gitIn(repository, ['checkout', '--quiet', '-b', 'other'])
  commit(repository, { 'c.txt': 'on the other branch' }, { at: 1.62e12, author: 'Zoë <zoe@acme.test>' })
  gitIn(repository, ['checkout', '--quiet', 'main'])
  gitIn(repository, ['merge', '--quiet', '--no-ff', '-m', 'merged', 'other'], { at: 1.63e12 })
  gitIn(repository, ['hash-object', '-w', '--stdin'], { input: 'in no commit' })
  writeFileSync(join(repository, 'e.txt'), 'staged only')
  gitIn(repository, ['add', '--all'])
  const connection = await open()
  const alone = await observationsOf(connection)
  await documentsOf(connection)
  expect(await observationsOf(connection)).toEqual(alone)
  const same = gitIn(repository, ['hash-object', '--stdin'], { input: 'same' })
  const standing = alone.flatMap(seen =>
    seen.see === 'occurrence' && seen.document === `git:${same}` ? [[seen.path, seen.at, seen.atHead]] : [],
  )
  expect(standing).toEqual([
    ['a.txt', 1.6e12, true],
    ['b.txt', 1.6e12, true],
    ['d.txt', 1.61e12, true],
  ])
  const gone = gitIn(repository, ['rev-parse', `${first}:gone.txt`])
  expect(alone).toContainEqual(
    expect.objectContaining({ document: `git:${gone}`, path: 'gone.txt', commit: first, atHead: false }),
  )
})

test('asked again, the repository is looked at again', async () => {
  commit(repository, { 'one.txt': 'first' })
  const connection = await open()
  await documentsOf(connection)
  await observationsOf(connection)
  const later = commit(repository, { 'two.txt': 'second' })
  const seen = await observationsOf(connection)
  expect(seen).toContainEqual(expect.objectContaining({ path: 'two.txt', commit: later, atHead: true }))
})

const COMMIT = 1001
const idOf = (number: number) => number.toString(16).padStart(40, '0')
const hexOf = (number: number) => Buffer.from(idOf(number), 'latin1')

/** A thousand blobs, of which every third stands at a tip, and a commit. */
function surveyed(): Survey {
  const refs = { all: new Map(), symbolic: new Map(), tips: [], shallow: [], problems: [], gaps: [] }
  const survey = new Survey(refs, 'sha1', { random: size => Buffer.alloc(size, 7) })
  for (let number = 1; number < COMMIT; number++) survey.list(hexOf(number), 'blob')
  survey.list(hexOf(COMMIT), 'commit')
  for (let number = 3; number < COMMIT; number += 3) survey.tip(hexOf(number), 0, Buffer.from(`a/${number}`))
  return survey
}

async function taken(ids: AsyncGenerator<readonly string[], void>, most = Number.POSITIVE_INFINITY) {
  const numbers: number[] = []
  while (numbers.length < most) {
    const next = await ids.next()
    if (next.done) break
    numbers.push(...next.value.map(id => Number.parseInt(id, 16)))
  }
  return numbers
}

const all = Array.from({ length: COMMIT }, (_, index) => index + 1)
const known = all.filter(number => number % 3 === 0 || number === COMMIT)
const unknown = all.filter(number => !known.includes(number))

test('what stands at a tip is read while the history is walked, all else once that is done', async () => {
  let end = () => {}
  const ids = surveyed().idsToRead(new Promise<void>(resolve => (end = resolve)))
  expect(await taken(ids, known.length)).toEqual(known)
  end()
  expect(await taken(ids)).toEqual(unknown)
})

test('each comes once, whenever the walk is done', async () => {
  const walked = Promise.resolve()
  await walked
  const ids = surveyed().idsToRead(walked)
  expect((await taken(ids)).sort((a, b) => a - b)).toEqual(all)
})

test('what the walk raises is raised before what has no path yet is read', async () => {
  const ids = surveyed().idsToRead(Promise.reject(new Error('the history is damaged')))
  await expect(taken(ids)).rejects.toThrow('the history is damaged')
})
