import { createHash } from 'node:crypto'
import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { directory, type DirectoryConfig } from '../../../src/connectors/directory/connector.ts'
import { type MemoryFiles, memoryDirectory } from '../../../src/connectors/directory/memory.ts'
import type { Connection } from '../../../src/core/contract/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import type { PlaceRef, Slot } from '../../../src/core/contract/ref.ts'
import { Secret } from '../../../src/core/contract/secret.ts'

type Config = Omit<DirectoryConfig, 'path'>
const isRoot = process.getuid?.() === 0
const scratch: string[] = []
afterAll(() => {
  for (const path of scratch) rmSync(path, { recursive: true, force: true })
})

function emptyFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-directory-test-'))
  scratch.push(path)
  return path
}

/** A tree that another program than Firebreak can change, on disk or in memory. */
interface World {
  open(config?: Config): Promise<Connection>
  put(path: string, content: string | Uint8Array): void
  get(path: string): string | undefined
  delete(path: string): void
  link(path: string, to: string): void
  pipe(path: string): void
  /** Another directory is put at the same path. */
  swap(): void
}

function onDisk(): World {
  const root = join(emptyFolder(), 'tree')
  mkdirSync(root)
  const at = (path: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    return join(root, path)
  }
  return {
    open: (config = {}) => directory.open({ path: root, ...config }, realIo()),
    put: (path, content) => writeFileSync(at(path), content),
    get: path => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'latin1') : undefined),
    delete: path => unlinkSync(join(root, path)),
    link: (path, to) => symlinkSync(to, at(path)),
    pipe: path => execFileSync('mkfifo', [at(path)]),
    swap() {
      renameSync(root, `${root}-before`)
      mkdirSync(root)
      for (const name of readdirSync(`${root}-before`)) {
        writeFileSync(join(root, name), readFileSync(join(`${root}-before`, name)))
      }
    },
  }
}

function inMemory(): World {
  const files: MemoryFiles = { entries: new Map(), inode: 1 }
  return {
    open: (config = {}) => memoryDirectory(files, config),
    put: (path, content) => void files.entries.set(path, { bytes: Buffer.from(content as string) }),
    get(path) {
      const entry = files.entries.get(path)
      return entry && 'bytes' in entry ? Buffer.from(entry.bytes).toString('latin1') : undefined
    },
    delete: path => void files.entries.delete(path),
    link: (path, to) => void files.entries.set(path, { linkTo: to }),
    pipe: path => void files.entries.set(path, { pipe: true }),
    swap: () => void files.inode++,
  }
}

async function documentsOf(connection: Connection): Promise<Map<string, { id: string; text: string }>> {
  const found = new Map<string, { id: string; text: string }>()
  for await (const { id, path, size, bytes } of connection.documents!()) {
    const chunks: Uint8Array[] = []
    for await (const chunk of bytes()) chunks.push(chunk)
    const content = Buffer.concat(chunks)
    expect(content.length).toBe(size)
    found.set(path, { id, text: content.toString('latin1') })
  }
  return found
}

async function observationsOf(connection: Connection): Promise<Observation[]> {
  const observations: Observation[] = []
  for await (const observation of connection.discover!()) observations.push(observation)
  return observations
}

function sha256(content: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/** The place of `value` in `content`. */
function placeOf(connection: Connection, path: string, content: string, ...slots: Slot[]): PlaceRef {
  const { instance } = connection
  const container = { system: 'directory', instance, kind: 'tree', id: instance }
  return { in: container, path, version: sha256(content), slots }
}

function slotOf(
  content: string,
  value: string,
  part: Slot['part'] = 'value',
  encodings: string[] = [],
): Slot {
  const start = Buffer.from(content).indexOf(value)
  return { part, at: `${start}-${start + Buffer.from(value).length}`, encodings }
}

describe.each([
  ['on disk', onDisk],
  ['in memory', inMemory],
])('a directory %s', (_, make) => {
  test('every file is a document with the id of its content', async () => {
    const world = make()
    world.put('.env', 'A=1\n')
    world.put('deep/er/file.txt', Buffer.from([0xff, 0x00, 0xfe]))
    world.put('empty', '')
    const found = await documentsOf(await world.open())
    expect([...found.keys()].sort()).toEqual(['.env', 'deep/er/file.txt', 'empty'])
    expect(found.get('.env')!.id).toBe(sha256('A=1\n'))
    expect(found.get('deep/er/file.txt')!.text).toBe('\xff\x00\xfe')
  })

  test('discover says where each document stands, whether or not documents were read first', async () => {
    const world = make()
    world.put('a', 'same')
    world.put('b', 'same')
    const expected = ['a', 'b'].map(path =>
      expect.objectContaining({ document: sha256('same'), path, atHead: true }),
    )
    const connection = await world.open()
    const occurrences = async () =>
      (await observationsOf(connection)).filter(({ see }) => see === 'occurrence')
    expect(await occurrences()).toEqual(expected)
    await documentsOf(connection)
    expect(await occurrences()).toEqual(expected)
  })

  test('links, pipes and what is excluded are not read, and stated', async () => {
    const world = make()
    world.put('real', 'x')
    world.link('loop', '.')
    world.link('outside', '/etc')
    world.pipe('pipe')
    world.put('skip/me', 'y')
    const connection = await world.open({ exclude: ['skip/**'] })
    expect([...(await documentsOf(connection)).keys()]).toEqual(['real'])
    const covered = (await observationsOf(connection)).filter(({ see }) => see === 'covered')
    expect(covered).toContainEqual({
      see: 'covered',
      scope: expect.stringMatching(/ 1 files$/),
      complete: true,
    })
    for (const [scope, why] of [
      ['/loop', 'a symbolic link to ., not followed'],
      ['/outside', 'a symbolic link to /etc, not followed'],
      ['/pipe', 'a named pipe, not a file'],
      ['/skip/**', 'excluded by the configuration'],
    ]) {
      const stated = {
        see: 'covered',
        scope: expect.stringMatching(new RegExp(`${scope!.replaceAll('*', '\\*')}$`)),
        complete: false,
      }
      expect(covered).toContainEqual({ ...stated, why })
    }
  })

  test('a file that vanishes under the walk is stated, and the rest is read', async () => {
    const world = make()
    for (const name of ['a', 'b', 'c']) world.put(name, name)
    const connection = await world.open()
    const read: string[] = []
    for await (const { path } of connection.documents!()) {
      read.push(path)
      if (path === 'a') world.delete('b')
    }
    expect(read).toEqual(['a', 'c'])
    const observations = await observationsOf(connection)
    expect(observations).toContainEqual(
      expect.objectContaining({
        see: 'covered',
        complete: false,
        scope: expect.stringMatching(/\/b$/),
        why: expect.stringContaining('vanished'),
      }),
    )
    expect(observations).toContainEqual(
      expect.objectContaining({ see: 'covered', complete: false, scope: expect.stringMatching(/ 2 files$/) }),
    )
  })

  test('approved files and the workloads that read them', async () => {
    const world = make()
    world.put('app.env', 'A=1')
    world.put('other', 'x')
    const workloads = [
      { name: 'api', reads: 'app.env' },
      { name: 'ghost', reads: 'nowhere' },
    ]
    const connection = await world.open({ approved: ['*.env'], workloads })
    const observations = await observationsOf(connection)
    const file = { system: 'directory', instance: connection.instance, kind: 'file', id: 'app.env' }
    expect(observations).toContainEqual(
      expect.objectContaining({ see: 'resource', ref: file, facts: { approved: { value: true } } }),
    )
    expect(observations.filter(({ see }) => see === 'edge')).toEqual([
      expect.objectContaining({
        from: expect.objectContaining({ id: 'api' }),
        to: file,
        crossing: 'reads',
        certainty: 'proven',
      }),
    ])
    expect(observations).toContainEqual(
      expect.objectContaining({ see: 'covered', complete: false, why: 'no file fits nowhere' }),
    )
    expect(observations.some(o => o.see === 'resource' && o.ref.id === 'other')).toBe(false)
  })

  test.each([
    ['bare', 'A=old1\nB=2\n', 'old1', [], 'A=a+longer/one=\nB=2\n'],
    ['quoted', '{"pw": "old1", "b": 2}', 'old1', [], '{"pw": "a+longer/one=", "b": 2}'],
    [
      'percent-encoded',
      'u=postgres://me:old1@h/d\n',
      'old1',
      ['url'],
      'u=postgres://me:a%2Blonger%2Fone%3D@h/d\n',
    ],
    ['in base64', 'k: b2xkMQ==\nb: 2\n', 'b2xkMQ==', ['base64'], 'k: YStsb25nZXIvb25lPQ==\nb: 2\n'],
  ])(
    'a %s value is replaced, read back, replaced again and removed',
    async (_name, content, written, encodings, after) => {
      const world = make()
      world.put('store.txt', content)
      const connection = await world.open({ approved: ['store.txt'] })
      const before = placeOf(connection, 'store.txt', content, slotOf(content, written, 'value', encodings))
      expect((await connection.read!(before)).revealText()).toBe('old1')

      const next = await connection.write!(before, new Secret('a+longer/one='))
      expect(world.get('store.txt')).toBe(after)
      expect((await connection.read!(next)).revealText()).toBe('a+longer/one=')
      expect(await connection.write!(before, new Secret('a+longer/one='))).toEqual(next) // its answer was lost

      const again = await connection.write!(next, new Secret('old1'))
      expect(world.get('store.txt')).toBe(content)
      expect(again).toEqual(before)

      await connection.remove!(again)
      const removed = world.get('store.txt')
      expect(removed).toBe(content.replace(written, ''))
      await connection.remove!(again)
      expect(world.get('store.txt')).toBe(removed)
    },
  )

  test('an id and a value are replaced together, both in one base64 text', async () => {
    const world = make()
    const plain = 'user:old-password:end'
    const encoded = Buffer.from(plain).toString('base64')
    const content = `auth = ${encoded}\n`
    world.put('a.conf', content)
    const connection = await world.open({ approved: ['a.conf'] })
    const { at } = slotOf(content, encoded)
    const place = placeOf(
      connection,
      'a.conf',
      content,
      { part: 'id', at, encodings: ['base64', 'text:0-4'] },
      { part: 'value', at, encodings: ['base64', 'text:5-17'] },
    )
    const next = await connection.write!(place, new Secret('pw', 'another-user'))
    expect(world.get('a.conf')).toBe(`auth = ${Buffer.from('another-user:pw:end').toString('base64')}\n`)
    const read = await connection.read!(next)
    expect([read.id, read.revealText()]).toEqual(['another-user', 'pw'])
  })

  test('several slots of one file keep their places', async () => {
    const world = make()
    const content = 'ID=aa\nPW=bbb\nOLD=bbb\n'
    world.put('f', content)
    const connection = await world.open({ approved: ['f'] })
    const last: Slot = { part: 'value', at: '17-20', encodings: [] }
    const place = placeOf(connection, 'f', content, last, slotOf(content, 'aa', 'id'), slotOf(content, 'bbb'))
    const next = await connection.write!(place, new Secret('c', 'longer'))
    expect(world.get('f')).toBe('ID=longer\nPW=c\nOLD=c\n')
    expect(next.slots.map(({ at }) => at)).toEqual(['19-20', '3-9', '13-14'])
    expect(await connection.write!(place, new Secret('c', 'longer'))).toEqual(next)
  })

  test('a file that changed is CONFLICT, and stays as it is', async () => {
    const world = make()
    world.put('f', 'A=old\n')
    const connection = await world.open({ approved: ['f'] })
    const place = placeOf(connection, 'f', 'A=old\n', slotOf('A=old\n', 'old'))
    world.put('f', 'A=else\n')
    for (const call of [
      () => connection.write!(place, new Secret('new')),
      () => connection.read!(place),
      () => connection.remove!(place),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'CONFLICT' })
    }
    expect(world.get('f')).toBe('A=else\n')
  })

  test('another directory at the same path is CONFLICT', async () => {
    const world = make()
    world.put('f', 'A=old\n')
    const connection = await world.open({ approved: ['f'] })
    const place = placeOf(connection, 'f', 'A=old\n', slotOf('A=old\n', 'old'))
    world.swap()
    for (const call of [
      () => connection.write!(place, new Secret('new')),
      () => connection.remove!(place),
      () => connection.inspect!({ ...place.in, kind: 'file', id: 'f' }),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'CONFLICT' })
    }
    expect(world.get('f')).toBe('A=old\n')
  })

  test('only approved files are written, and no path leads out', async () => {
    const world = make()
    world.put('f', 'A=old\n')
    world.link('link', 'f')
    world.link('up', '..')
    const connection = await world.open({ approved: ['g', 'link', '**/*', '../*', 'up/*'] })
    const place = placeOf(connection, 'f', 'A=old\n', slotOf('A=old\n', 'old'))
    const strict = await world.open({ approved: ['g'] })
    await expect(strict.write!(place, new Secret('new'))).rejects.toMatchObject({
      code: 'DENIED',
      advice: /approved/,
    })
    await expect(strict.remove!(place)).rejects.toMatchObject({ code: 'DENIED' })
    for (const path of ['link', '../tree/f', '/f', 'up/tree/f', './f', 'a//f', '\\x2e\\x2e/f']) {
      await expect(connection.write!({ ...place, path }, new Secret('new')), path).rejects.toMatchObject({
        code: expect.stringMatching(/DENIED|NOT_FOUND/),
      })
    }
    expect(world.get('f')).toBe('A=old\n')
  })

  test('a value that the syntax cannot hold is UNSUPPORTED and changes nothing', async () => {
    const world = make()
    world.put('f', 'A="old"\n')
    const connection = await world.open({ approved: ['f'] })
    const place = placeOf(connection, 'f', 'A="old"\n', slotOf('A="old"\n', 'old'))
    for (const value of ['with"quote', 'with\nline']) {
      const error = await connection.write!(place, new Secret(value)).catch((error: Error) => error)
      expect(error).toMatchObject({ code: 'UNSUPPORTED' })
      expect(String(error)).not.toContain(value)
    }
    expect(world.get('f')).toBe('A="old"\n')
  })

  test('inspect tells what stands there and no secret', async () => {
    const world = make()
    world.put('f', 'A=topsecret\n')
    const connection = await world.open()
    const ref = { system: 'directory', instance: connection.instance, kind: 'file', id: 'f' }
    const state = await connection.inspect!(ref)
    expect(state).toMatchObject({ exists: true, version: sha256('A=topsecret\n'), size: 12 })
    expect(JSON.stringify(state)).not.toContain('topsecret')
    expect(await connection.inspect!({ ...ref, id: 'none' })).toEqual({ exists: false })
  })

  test('removing from a file that is gone is success; writing into it is NOT_FOUND', async () => {
    const world = make()
    world.put('f', 'A=old\n')
    const connection = await world.open({ approved: ['f'] })
    const place = placeOf(connection, 'f', 'A=old\n', slotOf('A=old\n', 'old'))
    world.delete('f')
    await connection.remove!(place)
    await expect(connection.write!(place, new Secret('x'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('on disk only', () => {
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
    for (const repository of ['.git', 'vendor/lib/.git']) {
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
        scope: expect.stringContaining('without the history in .git/objects'),
        complete: true,
      }),
      expect.objectContaining({ scope: expect.stringContaining('vendor/lib/.git/objects'), complete: false }),
    ])
  })

  test('a file that may not be read is stated, and the rest goes on', async ({ skip }) => {
    skip(isRoot, 'permissions do not bind the root user: run the tests as another one')
    const root = emptyFolder()
    for (const name of ['a', 'b']) writeFileSync(join(root, name), name)
    chmodSync(join(root, 'a'), 0)
    const connection = await directory.open({ path: root }, realIo())
    expect([...(await documentsOf(connection)).keys()]).toEqual(['b'])
    expect(await observationsOf(connection)).toContainEqual(
      expect.objectContaining({ see: 'covered', complete: false, scope: expect.stringMatching(/\/a$/) }),
    )
  })

  test('a path with nothing there, and one that is no file', async () => {
    const root = emptyFolder()
    await expect(directory.open({ path: join(root, 'none') }, realIo())).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
    execFileSync('mkfifo', [join(root, 'pipe')])
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
})
