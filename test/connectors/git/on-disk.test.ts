import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { git } from '../../../src/connectors/git/connector.ts'
import type { Connection } from '../../../src/core/contract/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { documentsOf, observationsOf, occurrencesOf, withoutOwnFiles } from './reading.ts'
import { commit, commitAll, gitIn, newRepository } from './repository-builder.ts'

const scratch: string[] = []
const open: Connection[] = []
const path = process.env['PATH']
afterEach(async () => {
  process.env['PATH'] = path
  for (const connection of open.splice(0)) await connection.close()
  for (const path of scratch.splice(0)) rmSync(path, { recursive: true, force: true })
})

function repository(...args: string[]): string {
  const path = newRepository(...args)
  scratch.push(path)
  return path
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-git-test-'))
  scratch.push(path)
  return path
}

async function connect(path: string): Promise<Connection> {
  const connection = await git.open({ path }, realIo())
  open.push(connection)
  return connection
}

async function texts(connection: Connection): Promise<string[]> {
  return withoutOwnFiles(await documentsOf(connection)).map(({ text }) => text)
}

async function gaps(connection: Connection): Promise<string[]> {
  return (await observationsOf(connection)).flatMap(o =>
    o.see === 'covered' && !o.complete ? [o.why ?? ''] : [],
  )
}

function looseFile(repository: string, id: string): string {
  return join(repository, '.git/objects', id.slice(0, 2), id.slice(2))
}

function damage(repository: string, id: string, keepBytes = 0): void {
  const file = looseFile(repository, id)
  chmodSync(file, 0o644)
  if (keepBytes > 0) truncateSync(file, keepBytes)
  else writeFileSync(file, 'not zlib')
}

test('stashes, also older ones, with what was staged and untracked', async () => {
  const path = repository()
  commit(path, { a: 'committed' })
  for (const round of ['1', '2']) {
    writeFileSync(join(path, 'a'), `stashed ${round}`)
    writeFileSync(join(path, 'new'), `untracked ${round}`)
    gitIn(path, ['stash', 'push', '--quiet', '--include-untracked'])
  }
  gitIn(path, ['stash', 'drop', '--quiet'])
  const connection = await connect(path)
  const documents = await documentsOf(connection)
  for (const round of ['1', '2']) {
    for (const [name, text] of [
      ['a', `stashed ${round}`],
      ['new', `untracked ${round}`],
    ]) {
      const found = documents.find(document => document.text === text)
      expect(found?.path, text).toBe(name)
      expect(await occurrencesOf(connection, found!.id)).toEqual([
        expect.objectContaining({
          path: name,
          commit: expect.any(String),
          author: 'Test <test@example.org>',
          atHead: false,
        }),
      ])
    }
  }
})

test('a packed repository gives the same as a loose one', async () => {
  const path = repository()
  const versions = Array.from({ length: 30 }, (_, index) => {
    const lines = Array.from({ length: 200 }, (_, line) => `${line} ${line === index ? 'changed' : ''}`)
    return { files: { long: lines.join('\n'), [`f${index}`]: `${index}` }, message: `commit ${index}` }
  })
  commitAll(path, versions)
  const read = async () => {
    const connection = await connect(path)
    const documents = withoutOwnFiles(await documentsOf(connection)).map(
      ({ id, path, text }) => `${id} ${path} ${text}`,
    )
    const places = (await observationsOf(connection)).filter(
      o => o.see === 'occurrence' && !o.path.startsWith('.git/'),
    )
    return [documents.sort(), places.map(o => JSON.stringify(o)).sort()]
  }
  const loose = await read()
  gitIn(path, ['-c', 'pack.threads=1', 'gc', '--quiet', '--aggressive'])
  const packed = await read()
  expect(packed).toEqual(loose)
  expect(loose[0]).toHaveLength(90)
})

test('a bare repository, a worktree and a checkout of the same history are the same instance', async () => {
  const path = repository()
  commit(path, { a: 'a' })
  const bare = folder()
  gitIn(bare, ['clone', '--quiet', '--bare', path, '.'])
  const worktree = join(folder(), 'tree')
  gitIn(path, ['worktree', 'add', '--quiet', worktree, '-b', 'other'])
  commit(worktree, { b: 'only in the worktree' })
  const [first, second, third] = [await connect(path), await connect(bare), await connect(worktree)]
  expect(new Set([first.instance, second.instance, third.instance]).size).toBe(1)
  expect(await texts(second)).toEqual(expect.arrayContaining(['a', 'a commit\n']))
  expect(await texts(third)).toContain('only in the worktree')
  const bareFact = async (connection: Connection) => {
    const [resource] = await observationsOf(connection)
    return resource?.see === 'resource' && resource.facts['bare']
  }
  expect([await bareFact(first), await bareFact(second)]).toEqual([{ value: false }, { value: true }])
})

test('the instance stays when branches are added, and differs between histories', async () => {
  const path = repository()
  const first = commit(path, { a: 'a' })
  const before = (await connect(path)).instance
  gitIn(path, ['checkout', '--quiet', '--orphan', 'pages'])
  commit(path, { b: 'b' }, { at: 1_800_000_000_000, message: 'another root' })
  expect((await connect(path)).instance).toBe(before)
  const other = repository()
  expect(commit(other, { a: 'b' })).not.toBe(first)
  expect((await connect(other)).instance).not.toBe(before)
})

test('a shallow clone is read, and what it lacks is stated', async () => {
  const path = repository()
  commit(path, { a: 'one' })
  commit(path, { a: 'two', b: 'b' })
  commit(path, { a: 'three' })
  const clone = folder()
  gitIn(clone, ['clone', '--quiet', '--depth', '2', `file://${path}`, '.'])
  const connection = await connect(clone)
  const found = await texts(connection)
  expect(found).toEqual(expect.arrayContaining(['two', 'three', 'b']))
  expect(found).not.toContain('one')
  expect(await gaps(connection)).toContainEqual(expect.stringContaining('shallow'))
})

test('damaged blobs, trees and commits: stated, and everything else is found', async () => {
  const path = repository()
  commit(path, { first: 'first', bad: 'damaged header' })
  commit(path, { second: 'second', large: randomBytes(200_000).toString('base64') })
  const middle = commit(path, { third: 'third' }, { message: 'damaged commit' })
  commit(path, { fourth: 'fourth' })
  const lost = commit(path, { fifth: 'fifth' }, { message: 'damaged tree' })
  commit(path, { last: 'last' })
  damage(path, gitIn(path, ['rev-parse', 'HEAD:bad']))
  damage(path, gitIn(path, ['rev-parse', 'HEAD:large']), 5000)
  damage(path, gitIn(path, ['rev-parse', `${lost}^{tree}`]))
  damage(path, middle)
  const connection = await connect(path)
  const found = await texts(connection)
  for (const text of ['first', 'second', 'third', 'fourth', 'fifth', 'last']) expect(found).toContain(text)
  expect(found).not.toContain('damaged header')
  const stated = await gaps(connection)
  for (const [what, count] of [
    ['damaged', 3],
    ['could not be read', 1],
    ['parents of 1 commit are lost', 1],
  ] as const) {
    expect(
      stated.filter(why => why.includes(what)).length,
      `${what}: ${stated.join('\n')}`,
    ).toBeGreaterThanOrEqual(count)
  }
  const observations = await observationsOf(connection)
  const places = observations.flatMap(o => (o.see === 'occurrence' ? [o.path] : []))
  expect(places).toEqual(expect.arrayContaining(['first', 'second', 'third', 'fourth', 'last']))
  // No content gets into what is stated: git's output after a damaged object is content, not an answer.
  for (const why of stated) expect(why).not.toMatch(/[A-Za-z0-9+/]{60}/)
})

test('blobs that the history or the index names and that are not there are stated', async () => {
  const path = repository()
  commit(path, { first: 'first', gone: 'gone' })
  commit(path, { gone: 'other' })
  writeFileSync(join(path, 'empty'), '')
  gitIn(path, ['add', '--intent-to-add', 'empty'])
  writeFileSync(join(path, 'staged'), 'staged and gone')
  gitIn(path, ['add', 'staged'])
  expect(await gaps(await connect(path))).toEqual([])
  const remove = (name: string) => rmSync(looseFile(path, gitIn(path, ['rev-parse', name])))
  remove('HEAD~1:gone')
  const stated = async () => (await gaps(await connect(path))).filter(why => why.includes('missing'))
  expect(await stated()).toEqual(['1 blob of the history is missing or damaged (gone)'])
  remove(':staged')
  expect(await stated()).toEqual([expect.stringContaining('2 blobs of the history are missing')])
})

test('a blob that is damaged in a pack: stated, everything else is found, and a next run goes on from there', async () => {
  const path = repository()
  const names = Array.from({ length: 100 }, (_, number) => `file ${number}`)
  commit(path, Object.fromEntries(names.map(name => [name, randomBytes(60).toString('hex')])))
  gitIn(path, ['repack', '--quiet', '-a', '-d'])
  const folder = join(path, '.git/objects/pack')
  const pack = join(folder, readdirSync(folder).find(name => name.endsWith('.pack'))!)
  const bad = gitIn(path, ['rev-parse', 'HEAD:file 7'])
  const listed = gitIn(path, ['verify-pack', '--verbose', pack]).split('\n')
  const offset = Number(listed.find(line => line.startsWith(bad))!.split(/ +/)[4])
  const bytes = readFileSync(pack)
  bytes.fill(0xff, offset + 12, offset + 20)
  chmodSync(pack, 0o644)
  writeFileSync(pack, bytes)
  const connection = await connect(path)
  const documents = withoutOwnFiles(await documentsOf(connection))
  expect(documents).toHaveLength(100)
  expect(documents.map(({ id }) => id)).not.toContain(`git:${bad}`)
  expect((await gaps(connection)).join()).toContain('could not be read')
  const cursors = documents.map(({ cursor }) => cursor)
  expect(new Set(cursors.slice(0, -1)).size).toBe(1)
  expect(withoutOwnFiles(await documentsOf(connection, cursors.at(-1)))).toEqual([])
})

test('a missing commit in the middle: the history on both sides is told', async () => {
  const path = repository()
  commit(path, { a: 'old' }, { at: 1_700_000_000_000 })
  const middle = commit(path, { a: 'mid' }, { at: 1_700_000_100_000 })
  commit(path, { a: 'new' }, { at: 1_700_000_200_000 })
  unlinkSync(looseFile(path, middle))
  const connection = await connect(path)
  const documents = await documentsOf(connection)
  for (const [text, at] of [
    ['old', 1_700_000_000_000],
    ['new', 1_700_000_200_000],
  ] as const) {
    const { id } = documents.find(document => document.text === text)!
    expect(await occurrencesOf(connection, id)).toEqual([expect.objectContaining({ path: 'a', at })])
  }
  const { id } = documents.find(({ text }) => text === 'mid')!
  expect(await occurrencesOf(connection, id)).toEqual([{ path: '(unreachable object)', atHead: false }])
  expect(await gaps(connection)).toContainEqual(expect.stringContaining('parents of 1 commit are lost'))
})

test('a pack that cannot be used is an error that says what to do', async () => {
  const path = repository()
  commit(path, { a: 'a' })
  gitIn(path, ['gc', '--quiet'])
  const packs = join(path, '.git/objects/pack')
  const pack = join(packs, readdirSync(packs).find(name => name.endsWith('.pack'))!)
  chmodSync(pack, 0o644)
  truncateSync(pack, 50)
  await expect(connect(path)).rejects.toMatchObject({
    code: 'UNREACHABLE',
    advice: expect.stringContaining('git fsck'),
  })
})

test('a pack without its index is stated', async () => {
  const path = repository()
  commit(path, { a: 'a' })
  gitIn(path, ['gc', '--quiet'])
  commit(path, { b: 'b' })
  const packs = join(path, '.git/objects/pack')
  for (const name of readdirSync(packs)) if (name.endsWith('.idx')) unlinkSync(join(packs, name))
  const connection = await connect(path)
  expect(await texts(connection)).toContain('b')
  expect(await gaps(connection)).toContainEqual(expect.stringContaining('has no index'))
})

test('a submodule is a scope of its own, and the repository stays complete', async () => {
  const inner = repository()
  commit(inner, { secret: 'inner' })
  const path = repository()
  commit(path, { a: 'a' })
  gitIn(path, ['submodule', '--quiet', 'add', inner, 'vendor/inner'])
  commit(path, {})
  const connection = await connect(path)
  expect(await texts(connection)).not.toContain('inner')
  const covered = (await observationsOf(connection)).filter(o => o.see === 'covered')
  expect(covered[0]).toMatchObject({ complete: true })
  // Once: where it stands in the checkout is the path to scan.
  const told = expect.objectContaining({
    scope: expect.stringMatching(/ submodule vendor\/inner$/),
    complete: false,
  })
  expect(covered.slice(1)).toEqual([told])

  gitIn(path, ['submodule', '--quiet', 'deinit', 'vendor/inner'])
  const deinitialised = (await observationsOf(await connect(path))).filter(o => o.see === 'covered')
  expect(deinitialised.slice(1)).toEqual([
    told,
    expect.objectContaining({
      scope: expect.stringMatching(/ \.git\/modules\/vendor\/inner$/),
      complete: false,
    }),
  ])
})

test("the repository's own settings are read, and a remote's name does not show its token", async () => {
  const path = repository()
  commit(path, { a: 'a' })
  const token = `tok${randomBytes(12).toString('hex')}`
  gitIn(path, ['remote', 'add', 'origin', `https://user:${token}@example.org/team/app.git`])
  gitIn(path, ['remote', 'add', 'ssh', 'deploy@example.org:team/app.git'])
  const connection = await connect(path)
  const settings = (await documentsOf(connection)).find(({ path }) => path === '.git/config')!
  expect(settings.text).toContain(token)
  const observations = await observationsOf(connection)
  expect(observations[0]).toMatchObject({
    see: 'resource',
    names: [path, 'https://example.org/team/app.git', 'example.org:team/app.git'],
    facts: { defaultBranch: { value: 'main' }, shallow: { value: false } },
  })
  expect(await occurrencesOf(connection, settings.id)).toEqual([
    { path: '.git/config', at: expect.any(Number), atHead: true },
  ])
  expect(JSON.stringify(observations)).not.toContain(token)
  const end = (await documentsOf(connection)).at(-1)!.cursor
  expect(await documentsOf(connection, end)).toEqual([])
  gitIn(path, ['config', 'some.thing', 'new'])
  expect((await documentsOf(connection, end)).map(({ path }) => path)).toEqual(['.git/config'])
})

test('what came and went between two runs is read under its path, whichever object is listed first', async () => {
  const path = repository()
  commit(path, { a: 'a' })
  const end = (await documentsOf(await connect(path))).at(-1)!.cursor
  const paths = Array.from({ length: 12 }, (_, index) => `deep${index}/.netrc`)
  for (const place of paths) {
    mkdirSync(dirname(join(path, place)))
    commit(path, { [place]: place })
    gitIn(path, ['rm', '-q', place])
    commit(path, {})
  }
  commit(path, { b: 'amended away' })
  gitIn(path, ['reset', '-q', '--hard', 'HEAD~1'])
  const fresh = withoutOwnFiles(await documentsOf(await connect(path), end))
  const files = fresh.filter(document => document.path !== '(commit message)')
  expect(files.map(document => [document.path, document.text]).sort()).toEqual(
    [...paths.map(place => [place, place]), ['b', 'amended away']].sort(),
  )
})

test('a large blob is streamed in pieces, and one that is not read is passed over', async () => {
  const path = repository()
  const large = randomBytes(30_000_000)
  commit(path, { large, small: 'small' })
  const connection = await connect(path)
  let [total, largest] = [0, 0]
  for await (const { path, bytes } of connection.documents!()) {
    if (path !== 'large') continue
    for await (const chunk of bytes()) {
      total += chunk.length
      largest = Math.max(largest, chunk.length)
    }
  }
  expect(total).toBe(large.length)
  expect(largest).toBeLessThan(2_000_000)
  const seen: string[] = []
  for await (const document of connection.documents!()) {
    seen.push(document.path)
    if (document.path === 'large') for await (const _ of document.bytes()) break
  }
  expect(seen).toEqual(expect.arrayContaining(['large', 'small', '(commit message)']))
})

test('a reader that stops early leaves no process behind', async () => {
  const path = repository()
  commit(
    path,
    Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`f${index}`, randomBytes(20_000)])),
  )
  const connection = await connect(path)
  for await (const document of connection.documents!()) if (document.path.startsWith('f')) break
  const children = () => process.getActiveResourcesInfo().filter(name => name === 'ProcessWrap')
  await expect.poll(children).toEqual([])
})

test('an aborted run ends with the reason of its signal', async () => {
  const path = repository()
  commit(path, { a: 'a' })
  const controller = new AbortController()
  const connection = await git.open({ path }, realIo(controller.signal))
  open.push(connection)
  controller.abort(new Error('enough'))
  await expect(documentsOf(connection)).rejects.toThrow('enough')
  await expect(observationsOf(connection)).rejects.toThrow('enough')
})

test('a repository with SHA-256 ids', async () => {
  const path = repository('--object-format=sha256')
  commit(path, { a: 'one' })
  commit(path, { a: 'two' })
  const connection = await connect(path)
  const found = (await documentsOf(connection)).find(({ text }) => text === 'one')!
  expect(found.id).toMatch(/^git:[0-9a-f]{64}$/)
  expect(await occurrencesOf(connection, found.id)).toEqual([
    expect.objectContaining({ path: 'a', atHead: false }),
  ])
  expect(await gaps(connection)).toEqual([])
})

test('nothing of the temporary repository stays', async () => {
  const path = repository()
  commit(path, { a: 'a' })
  const own = folder()
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = own
  try {
    const connection = await git.open({ path }, realIo())
    await documentsOf(connection)
    expect(readdirSync(own)).toHaveLength(1)
    await connection.close()
    await expect(git.open({ path: own }, realIo())).rejects.toThrow()
    expect(readdirSync(own)).toEqual([])
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
})

test('what is no repository, and what is not there', async () => {
  const plain = folder()
  await expect(connect(plain)).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    advice: expect.stringContaining('firebreak scan PATH'),
  })
  await expect(connect(join(plain, 'none'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  const path = repository()
  mkdirSync(join(path, 'sub'))
  await expect(connect(join(path, 'sub'))).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    advice: expect.stringContaining(path),
  })
})

test('without git it says how to install it', async () => {
  const path = repository()
  process.env['PATH'] = folder()
  await expect(connect(path)).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    advice: expect.stringContaining('apt-get install git'),
  })
})

test('a cursor of something else is refused', async () => {
  const path = repository()
  const connection = await connect(path)
  await expect(documentsOf(connection, '{"tips":["--all"]}')).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
  })
})

test('memory does not grow with the size of what is read', async () => {
  const path = repository()
  const files = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`f${index}`, randomBytes(2_000_000)]),
  )
  commit(path, files)
  const connection = await connect(path)
  let most = 0
  const start = process.memoryUsage().arrayBuffers
  for await (const { bytes } of connection.documents!()) {
    for await (const _ of bytes()) most = Math.max(most, process.memoryUsage().arrayBuffers - start)
  }
  expect(most).toBeLessThan(60_000_000)
})
