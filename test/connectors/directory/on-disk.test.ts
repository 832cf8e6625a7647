import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { directory } from '../../../src/connectors/directory/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import {
  type Config,
  documentsOf,
  emptyFolder,
  makePipe,
  observationsOf,
  placeOf,
  sha256,
  slotOf,
} from './tree-world.ts'

const NOBODY = 65_534
const isRoot = process.getuid?.() === 0
const config: Config = { approved: ['f'] }

async function oneFile(content: string) {
  const root = emptyFolder()
  writeFileSync(join(root, 'f'), content)
  const connection = await directory.open({ path: root, ...config }, realIo())
  return { root, connection, place: placeOf(connection, 'f', content, slotOf(content, 'old')) }
}

test('mode and owner are kept, and no temporary file stays', async () => {
  const { root, connection, place } = await oneFile('A=old\n')
  chmodSync(join(root, 'f'), 0o640)
  if (isRoot) chownSync(join(root, 'f'), 12345, 23456)
  const before = statSync(join(root, 'f'))
  await connection.write!(place, new Secret('new'))
  const after = statSync(join(root, 'f'))
  expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid])
  expect(after.mode & 0o777).toBe(0o640)
  expect(readdirSync(root)).toEqual(['f'])
})

test('a file with other hard links is refused: the old secret would stay under them', async () => {
  const { root, connection, place } = await oneFile('A=old\n')
  linkSync(join(root, 'f'), join(root, 'g'))
  await expect(connection.write!(place, new Secret('new'))).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  expect(readFileSync(join(root, 'g'), 'utf8')).toBe('A=old\n')
  expect(readdirSync(root).sort()).toEqual(['f', 'g'])
})

test('of two writers at once exactly one wins', async () => {
  const { root, connection, place } = await oneFile('A=old\n')
  const results = await Promise.allSettled([
    connection.write!(place, new Secret('one')),
    connection.write!(place, new Secret('two')),
  ])
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(readFileSync(join(root, 'f'), 'utf8')).toMatch(/^A=(?:one|two)\n$/)
})

test('killed between the temporary file and the rename: the file is whole, the next write tidies up', async () => {
  const { root, connection, place } = await oneFile('A=old\n')
  chmodSync(join(root, 'f'), 0o600)
  const killed = await killedBeforeRename(root)
  const left = readdirSync(root).filter(name => name !== 'f')
  expect(left).toEqual([expect.stringMatching(new RegExp(`^\\.firebreak-${killed}-.*\\.tmp$`))])
  expect(statSync(join(root, left[0]!)).mode & 0o077).toBe(0)
  expect(readFileSync(join(root, 'f'), 'utf8')).toBe('A=old\n')
  await connection.write!(place, new Secret('new'))
  expect(readFileSync(join(root, 'f'), 'utf8')).toBe('A=new\n')
  expect(readdirSync(root)).toEqual(['f'])
})

/** A child that writes through the connector and is killed when it is about to rename. */
async function killedBeforeRename(root: string): Promise<number> {
  const source = new URL('../../../src/', import.meta.url)
  const script = `
    import { createHash } from 'node:crypto'
    import fs from 'node:fs/promises'
    import { syncBuiltinESMExports } from 'node:module'
    fs.rename = () => process.kill(process.pid, 'SIGKILL')
    syncBuiltinESMExports()
    const { directory } = await import('${new URL('connectors/directory/connector.ts', source)}')
    const { realIo } = await import('${new URL('core/contract/io.ts', source)}')
    const { Secret } = await import('${new URL('core/contract/secret.ts', source)}')
    const connection = await directory.open({ path: process.argv[1], approved: ['f'] }, realIo())
    const container = { system: 'directory', instance: connection.instance, kind: 'tree', id: connection.instance }
    const version = 'sha256:' + createHash('sha256').update('A=old\\n').digest('hex')
    const slots = [{ part: 'value', at: '2-5', encodings: [] }]
    await connection.write({ in: container, path: 'f', version, slots }, new Secret('half'))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, root], { stdio: 'inherit' })
  const signal = await new Promise(resolve => child.on('exit', (_, signal) => resolve(signal)))
  expect(signal).toBe('SIGKILL')
  return child.pid!
}

test('names that are not UTF-8 are read, named without doubt, and written', async () => {
  const root = emptyFolder()
  const raw = (text: string) => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(text, 'latin1')])
  writeFileSync(raw('caf\xe9'), 'A=old\n')
  writeFileSync(raw('caf\\xE9'), 'another')
  const connection = await directory.open({ path: root, approved: ['caf*'] }, realIo())
  const found = await documentsOf(connection)
  expect([...found].map(([path, { text }]) => [path, text])).toEqual([
    ['caf\\x5CxE9', 'another'],
    ['caf\\xE9', 'A=old\n'],
  ])
  await connection.write!(
    placeOf(connection, 'caf\\xE9', 'A=old\n', slotOf('A=old\n', 'old')),
    new Secret('new'),
  )
  expect(readFileSync(raw('caf\xe9'), 'utf8')).toBe('A=new\n')
  expect(readFileSync(raw('caf\\xE9'), 'utf8')).toBe('another')
})

test('a large file is streamed, and its id is that of its content', async () => {
  const root = emptyFolder()
  const content = Buffer.alloc(20 * 1024 * 1024, 'abcdefg\n')
  writeFileSync(join(root, 'large'), content)
  const connection = await directory.open({ path: root }, realIo())
  let [read, largest] = [0, 0]
  for await (const { id, bytes } of connection.documents!()) {
    expect(id).toBe(sha256(content))
    for await (const chunk of bytes()) {
      read += chunk.length
      largest = Math.max(largest, chunk.length)
    }
  }
  expect([read, largest]).toEqual([content.length, 256 * 1024])
})

test('a large file that changes between its two readings is stated', async () => {
  const root = emptyFolder()
  writeFileSync(join(root, 'large'), Buffer.alloc(9 * 1024 * 1024, 1))
  const connection = await directory.open({ path: root }, realIo())
  for await (const { bytes } of connection.documents!()) {
    writeFileSync(join(root, 'large'), Buffer.alloc(9 * 1024 * 1024, 2))
    for await (const _ of bytes());
  }
  expect(await observationsOf(connection)).toContainEqual(
    expect.objectContaining({ see: 'covered', complete: false, why: 'it changed while it was read' }),
  )
})

test('the path may be one file: the others beside it are not read', async () => {
  const root = emptyFolder()
  writeFileSync(join(root, 'f'), 'A=old\n')
  writeFileSync(join(root, 'g'), 'other')
  const connection = await directory.open({ path: join(root, 'f'), ...config }, realIo())
  expect([...(await documentsOf(connection)).keys()]).toEqual(['f'])
  const place = placeOf(connection, 'f', 'A=old\n', slotOf('A=old\n', 'old'))
  await connection.write!(await connection.write!(place, new Secret('new')), new Secret('newer'))
  expect(readFileSync(join(root, 'f'), 'utf8')).toBe('A=newer\n')
  await expect(connection.read!({ ...place, path: 'g' })).rejects.toMatchObject({ code: 'DENIED' })
})

test("a repository's settings are read, its compressed history is not", async () => {
  const root = emptyFolder()
  for (const repository of ['.git', '.git/modules/vendor/sub', 'vendor/lib/.git']) {
    mkdirSync(join(root, repository, 'objects'), { recursive: true })
    mkdirSync(join(root, repository, 'refs'))
    writeFileSync(join(root, repository, 'HEAD'), 'ref: refs/heads/main\n')
    writeFileSync(join(root, repository, 'config'), '[remote "origin"]\n')
    writeFileSync(join(root, repository, 'objects', 'x'), 'compressed')
  }
  mkdirSync(join(root, 'objects'))
  writeFileSync(join(root, 'objects', 'plain'), 'no repository')
  const connection = await directory.open({ path: root }, realIo())
  const paths = [...(await documentsOf(connection)).keys()]
  expect(paths).toEqual(expect.arrayContaining(['.git/config', 'vendor/lib/.git/config', 'objects/plain']))
  expect(paths.filter(path => path.endsWith('/x'))).toEqual([])
  const covered = (await observationsOf(connection)).filter(({ see }) => see === 'covered')
  expect(covered).toEqual([
    expect.objectContaining({
      scope: expect.stringMatching(/, without the history in \.git\/objects and \.git\/modules$/),
      complete: true,
    }),
    expect.objectContaining({ scope: expect.stringContaining('vendor/lib/.git/objects'), complete: false }),
  ])
})

test('a file that may not be read is stated, and the rest goes on', async () => {
  const root = emptyFolder()
  for (const name of ['a', 'b']) writeFileSync(join(root, name), name)
  chmodSync(root, 0o755)
  chmodSync(join(root, 'a'), 0)
  // Permissions do not bind root, so for this once we are nobody.
  if (isRoot) process.seteuid?.(NOBODY)
  try {
    const connection = await directory.open({ path: root }, realIo())
    expect([...(await documentsOf(connection)).keys()]).toEqual(['b'])
    const why = 'permission denied'
    const stated = { see: 'covered', scope: `directory:${root}/a`, complete: false, why, failed: true }
    expect(await observationsOf(connection)).toContainEqual(stated)
    // The same where it was given by itself.
    const alone = await directory.open({ path: join(root, 'a') }, realIo())
    expect(await observationsOf(alone)).toContainEqual(stated)
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
})

test('a path with nothing there, and one that is no file', async () => {
  const root = emptyFolder()
  await expect(directory.open({ path: join(root, 'none') }, realIo())).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
  makePipe(join(root, 'pipe'))
  await expect(directory.open({ path: join(root, 'pipe') }, realIo())).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
  })
})

test('the instance is the same at each opening, and another for another directory', async () => {
  const root = emptyFolder()
  const open = async (path: string) => (await directory.open({ path }, realIo())).instance
  mkdirSync(join(root, 'a'))
  symlinkSync('a', join(root, 'link'))
  expect(await open(join(root, 'a'))).toBe(await open(join(root, 'link')))
  expect(await open(join(root, 'a'))).not.toBe(await open(root))
})

test('loops of symbolic links are not walked, and told where they lead to nothing that is read', async () => {
  const root = emptyFolder()
  mkdirSync(join(root, 'a'))
  writeFileSync(join(root, 'a', 'f'), 'x')
  symlinkSync('..', join(root, 'a', 'up'))
  symlinkSync('second', join(root, 'first'))
  symlinkSync('first', join(root, 'second'))
  const connection = await directory.open({ path: root }, realIo())
  const paths: string[] = []
  for await (const { path } of connection.documents!()) paths.push(path)
  expect(paths).toEqual(['a/f'])
  const gaps: string[] = []
  for await (const seen of connection.discover!())
    if (seen.see === 'covered' && !seen.complete)
      gaps.push(`${seen.scope.slice(seen.scope.indexOf(root) + root.length)}: ${seen.why}`)
  expect(gaps.sort()).toEqual([
    '/first: a symbolic link to second, not followed',
    '/second: a symbolic link to first, not followed',
  ])
})
