import { describe, expect, test } from 'vitest'
import type { Slot } from '../../../src/core/contract/ref.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { documentsOf, inMemory, observationsOf, onDisk, placeOf, sha256, slotOf } from './tree-world.ts'

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
    world.put('deep/real', 'x')
    world.link('outside', '/etc')
    world.link('past', 'skip/me')
    world.link('deep/up', '../../tree-beside')
    // What these lead to is read by its own name.
    world.link('loop', '.')
    world.link('deep/inside', '../real')
    world.link('folder', 'deep')
    world.pipe('pipe')
    world.put('skip/me', 'y')
    const connection = await world.open({ exclude: ['skip/**'] })
    expect([...(await documentsOf(connection)).keys()].sort()).toEqual(['deep/real', 'real'])
    const covered = (await observationsOf(connection)).filter(({ see }) => see === 'covered')
    expect(covered).toContainEqual({
      see: 'covered',
      scope: expect.stringMatching(/ 2 files$/),
      complete: true,
    })
    for (const [scope, why] of [
      ['/past', 'a symbolic link to skip/me, not followed'],
      ['/deep/up', 'a symbolic link to ../../tree-beside, not followed'],
      ['/outside', 'a symbolic link to /etc, not followed'],
      ['/pipe', 'a named pipe, not a file'],
      ['/skip', 'excluded by skip/**'],
    ]) {
      const stated = {
        see: 'covered',
        scope: expect.stringMatching(new RegExp(`${scope!.replaceAll('*', '\\*')}$`)),
        complete: false,
      }
      expect(covered).toContainEqual({ ...stated, why })
    }
    expect(covered).toHaveLength(6)
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
      expect.objectContaining({ see: 'covered', complete: true, scope: expect.stringMatching(/ 2 files$/) }),
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

  test('an empty place is filled, and the place returned is where the value is', async () => {
    const world = make()
    const encoded = Buffer.from('user::end').toString('base64')
    const content = `A=\nauth = ${encoded}\n`
    world.put('f', content)
    const connection = await world.open({ approved: ['f'] })
    const nested = { ...slotOf(content, encoded), encodings: ['base64', 'text:5-5'] }
    const place = placeOf(connection, 'f', content, { part: 'value', at: '2-2', encodings: [] }, nested)
    const next = await connection.write!(place, new Secret('now'))
    expect(world.get('f')).toBe(`A=now\nauth = ${Buffer.from('user:now:end').toString('base64')}\n`)
    expect((await connection.read!(next)).revealText()).toBe('now')
    await connection.write!(next, new Secret('later'))
    expect(world.get('f')).toBe(`A=later\nauth = ${Buffer.from('user:later:end').toString('base64')}\n`)
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
