import { createHash } from 'node:crypto'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import { Recent } from '../../../src/connectors/git/pack-file.ts'
import { Packs } from '../../../src/connectors/git/packs.ts'
import { commit, commitAll, gitIn, newRepository } from './repository-builder.ts'

const MIB = 1024 * 1024
const DAMAGED_ROUNDS = process.env['SOAK'] ? 1000 : 100
const made: string[] = []
afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
})

/** Forty versions of a file, each of which git keeps as what it differs in from another one. */
function repository(...args: string[]): string {
  const path = newRepository(...args)
  made.push(path)
  const versions = Array.from({ length: 40 }, (_, version) => {
    const lines = Array.from({ length: 300 }, (_, line) => `${line} ${line === version ? 'changed' : ''}`)
    return { files: { long: lines.join('\n'), [`f${version}`]: `${version}`, [`empty${version % 2}`]: '' } }
  })
  commitAll(path, versions)
  return path
}

function idsIn(path: string): string[] {
  const args = ['cat-file', '--batch-all-objects', '--batch-check=%(objectname)', '--unordered']
  return gitIn(path, args).split('\n')
}

function readAll(path: string): Map<string, string | undefined> {
  const ids = idsIn(path)
  const packs = new Packs(join(path, '.git', 'objects'), ids[0]!.length / 2)
  try {
    return new Map(ids.map(id => [id, idOf(packs.read(id, MIB), id.length)]))
  } finally {
    packs.close()
  }
}

function idOf(object: { type: string; bytes: Buffer } | undefined, length: number): string | undefined {
  return (
    object &&
    createHash(length === 40 ? 'sha1' : 'sha256')
      .update(`${object.type} ${object.bytes.length}\0`)
      .update(object.bytes)
      .digest('hex')
  )
}

test.each([
  ['bases told by where they are', [], ['--delta-base-offset']],
  ['bases told by their ids', [], []],
  ['SHA-256', ['--object-format=sha256'], ['--delta-base-offset']],
])('every object has the content that its id tells: %s', (_, init, options) => {
  const path = repository(...init)
  const pack = join(path, '.git', 'objects', 'pack', 'pack')
  gitIn(path, ['pack-objects', '--quiet', '--depth=50', ...options, pack], { input: idsIn(path).join('\n') })
  const chains = gitIn(path, ['verify-pack', '--verbose', ...packsOf(path, '.idx')])
  expect(chains).toMatch(/^chain length = 3/m)
  for (const [id, read] of readAll(path)) expect(read).toBe(id)
})

/** Numbers below a bound, the same ones each time. */
function numbersFrom(seed: string): (bound: number) => number {
  let drawn = 0
  return bound => createHash('sha256').update(`${seed} ${drawn++}`).digest().readUInt32BE(0) % bound
}

function packsOf(path: string, extension: string): string[] {
  const folder = join(path, '.git', 'objects', 'pack')
  return readdirSync(folder).flatMap(name => (name.endsWith(extension) ? [join(folder, name)] : []))
}

test('several packs, and what is in none', () => {
  const path = repository()
  gitIn(path, ['repack', '--quiet', '-d'])
  commit(path, { later: 'later' })
  gitIn(path, ['repack', '--quiet', '-d'])
  expect(packsOf(path, '.pack')).toHaveLength(2)
  const loose = commit(path, { last: 'last' })
  const read = readAll(path)
  expect(read.get(loose)).toBeUndefined()
  expect([...read].filter(([id, found]) => found === id)).toHaveLength(read.size - 3)
})

test('an index of another form, a pack that is a link, and one that is gone: nothing is read', () => {
  const path = repository()
  gitIn(path, ['repack', '--quiet', '-a', '-d', '-f'])
  const [[index], [pack]] = [packsOf(path, '.idx'), packsOf(path, '.pack')] as [[string], [string]]
  const nothing = () => expect(new Set(readAll(path).values())).toEqual(new Set([undefined]))
  renameSync(pack, `${pack}.elsewhere`)
  symlinkSync(`${pack}.elsewhere`, pack)
  nothing()
  rmSync(pack)
  renameSync(`${pack}.elsewhere`, pack)
  rmSync(index)
  gitIn(path, ['index-pack', '--index-version=1', '-o', index, pack])
  nothing()
})

test('no damage to a pack or to its index raises, and what is read of a damaged pack is what was there', () => {
  const path = repository()
  gitIn(path, ['repack', '--quiet', '-a', '-d', '-f', '--depth=50'])
  const ids = idsIn(path)
  const objects = mkdtempSync(join(tmpdir(), 'firebreak-git-test-'))
  made.push(objects)
  const [index, pack] = [readFileSync(packsOf(path, '.idx')[0]!), readFileSync(packsOf(path, '.pack')[0]!)]
  gitIn(objects, ['init', '--quiet', '--bare', '.'])
  const put = (extension: string, bytes: Uint8Array) =>
    writeFileSync(join(objects, 'objects', 'pack', `pack-${'0'.repeat(40)}.${extension}`), bytes)
  const sound = new Packs(join(path, '.git', 'objects'), 20)
  const texts = new Map(ids.map(id => [id, sound.read(id, MIB)!.bytes]))
  sound.close()
  const random = numbersFrom('damaged packs')
  let [lost, other] = [0, 0]
  for (let round = 0; round < DAMAGED_ROUNDS; round++) {
    const isPack = round % 3 > 0
    const damaged = Buffer.from(isPack ? pack : index)
    for (let change = 0; change < 4; change++) damaged[random(damaged.length)] = random(256)
    put('pack', isPack ? damaged : pack)
    put('idx', isPack ? index : round % 2 ? damaged : damaged.subarray(0, random(damaged.length)))
    const packs = new Packs(join(objects, 'objects'), 20)
    for (const id of ids) {
      const object = packs.read(id, MIB)
      if (!object) lost++
      else if (isPack && !object.bytes.equals(texts.get(id)!)) other++
    }
    packs.close()
  }
  expect(other).toBe(0)
  expect(lost).toBeGreaterThan(100)
})

const BLOB = 3
const BY_ID = 7
const id = (number: number) => number.toString(16).padStart(2, '0').repeat(20)

/** A pack of these entries as they are, each of the id with its number. */
function packOf(entries: readonly Buffer[]): Packs {
  const objects = mkdtempSync(join(tmpdir(), 'firebreak-git-test-'))
  made.push(objects)
  gitIn(objects, ['init', '--quiet', '--bare', '.'])
  const offsets: number[] = []
  const head = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1')
  let at = head.length
  for (const entry of entries) {
    offsets.push(at)
    at += entry.length
  }
  const words = (numbers: readonly number[]) => {
    const bytes = Buffer.alloc(numbers.length * 4)
    for (const [index, number] of numbers.entries()) bytes.writeUInt32BE(number, index * 4)
    return bytes
  }
  const fanout = Array.from({ length: 256 }, (_, byte) => Math.min(byte + 1, entries.length))
  const ids = entries.map((_, number) => Buffer.from(id(number), 'hex'))
  const index = [words([0xff744f63, 2, ...fanout]), ...ids, words(entries.map(() => 0)), words(offsets)]
  const file = join(objects, 'objects', 'pack', `pack-${'0'.repeat(40)}`)
  writeFileSync(`${file}.pack`, Buffer.concat([head, ...entries, Buffer.alloc(20)]))
  writeFileSync(`${file}.idx`, Buffer.concat([...index, Buffer.alloc(40)]))
  return new Packs(join(objects, 'objects'), 20)
}

function entry(type: number, size: number, ...parts: Buffer[]): Buffer {
  const head = [((size > 15 ? 1 : 0) << 7) | (type << 4) | (size & 15)]
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128))
    head.push((rest > 127 ? 128 : 0) | (rest & 127))
  return Buffer.concat([Buffer.from(head), ...parts])
}

function varint(number: number): Buffer {
  const bytes: number[] = []
  for (let rest = number; ; rest = Math.floor(rest / 128)) {
    bytes.push((rest > 127 ? 128 : 0) | (rest & 127))
    if (rest <= 127) return Buffer.from(bytes)
  }
}

const TEXT = Buffer.from('a text')
const blob = (bytes: Buffer, size = bytes.length) => entry(BLOB, size, deflateSync(bytes))
const delta = (base: number, ...parts: Buffer[]) => {
  const made = Buffer.concat(parts)
  return entry(BY_ID, made.length, Buffer.from(id(base), 'hex'), deflateSync(made))
}
const COPY_ALL = Buffer.from([0x90, TEXT.length])

test.each<[string, Buffer, string | undefined]>([
  ['an object', blob(TEXT), 'a text'],
  ['what has nothing in it', blob(Buffer.alloc(0)), ''],
  ['more than it says', blob(Buffer.alloc(50 * MIB), 10), undefined],
  ['less than it says', blob(TEXT, 7), undefined],
  ['more than memory has', blob(TEXT, 2 ** 45), undefined],
  ['what is no zlib', entry(BLOB, 6, TEXT), undefined],
  ['a type that there is not', entry(5, 6, deflateSync(TEXT)), undefined],
  ['a copy of its base', delta(0, varint(6), varint(6), COPY_ALL), 'a text'],
  ['its own bytes', delta(0, varint(6), varint(2), Buffer.from('\x02ab')), 'ab'],
  ['a base of another length', delta(0, varint(7), varint(6), COPY_ALL), undefined],
  ['another length than its own', delta(0, varint(6), varint(7), COPY_ALL), undefined],
  ['more than there is of the base', delta(0, varint(6), varint(9), Buffer.from([0x90, 9])), undefined],
  ['what is cut off', delta(0, varint(6), varint(9), Buffer.from([0x09, 0x61])), undefined],
  ['more than anything is read for', delta(0, varint(6), varint(2 ** 40), COPY_ALL), undefined],
  ['itself as its base', delta(1, varint(6), varint(6), COPY_ALL), undefined],
  ['a base that is nowhere', delta(9, varint(6), varint(6), COPY_ALL), undefined],
  ["no more than the beginning of a base's id", entry(BY_ID, 6), undefined],
  ['a base before the file', entry(6, 6, Buffer.from([0xff, 0xff, 0x7f]), deflateSync(TEXT)), undefined],
])('an entry with %s', (_, made, text) => {
  const packs = packOf([blob(TEXT), made])
  expect(packs.read(id(1), MIB)?.bytes.toString()).toBe(text)
  expect(packs.read(id(0), MIB)?.bytes.toString()).toBe('a text')
  packs.close()
})

test('no more than is asked for', () => {
  const packs = packOf([blob(Buffer.alloc(2 * MIB, 'x'))])
  expect(packs.read(id(0), MIB)).toBeUndefined()
  expect(packs.read(id(0), 3 * MIB)?.bytes).toHaveLength(2 * MIB)
  packs.close()
})

test('what is kept of what was read last is what was read', () => {
  const random = numbersFrom('recent')
  const recent = new Recent(4096)
  const kept = new Map<number, Buffer>()
  let [found, other] = [0, 0]
  for (let at = 0; at < 2000; at++) {
    const content = Buffer.alloc(random(10) === 0 ? 0 : random(1200), at % 251)
    recent.keep(at % 2, at, { type: 'blob', bytes: recent.copyOf(content) })
    kept.set(at, content)
    for (const [offset, bytes] of kept) {
      const object = recent.of(offset % 2, offset)
      if (!object) kept.delete(offset)
      else if (!object.bytes.equals(bytes)) other++
      if (object) found++
    }
  }
  expect(other).toBe(0)
  expect(found / 2000).toBeGreaterThan(4)
  const base = recent.copyOf(Buffer.alloc(900, 1))
  for (let round = 0; round < 20; round++) recent.room(900, base).fill(2)
  expect(base.equals(Buffer.alloc(900, 1))).toBe(true)
})

test('what takes more to make than git takes is left to it', () => {
  const block = 0x10000
  const size = 48 * block
  const grown = delta(0, varint(block), varint(size), Buffer.alloc(48, 0x80))
  const copies = Array.from({ length: 60 }, (_, at) =>
    delta(at + 1, varint(size), varint(size), Buffer.from([0xc0, size >> 16])),
  )
  const packs = packOf([blob(Buffer.alloc(block, 'x')), grown, ...copies])
  expect(packs.read(id(61), 8 * MIB)).toBeUndefined()
  packs.close()
  const others = packOf([blob(Buffer.alloc(block, 'x')), grown, ...copies])
  expect(others.read(id(12), 8 * MIB)?.bytes).toHaveLength(size)
  others.close()
})

test('a pack that is read in vain is left to git', () => {
  const packs = packOf([blob(TEXT), blob(TEXT, 16 * MIB)])
  expect(packs.read(id(0), MIB)?.bytes.toString()).toBe('a text')
  for (let tries = 0; tries < 100; tries++) expect(packs.read(id(1), 16 * MIB)).toBeUndefined()
  expect(packs.read(id(0), MIB)).toBeUndefined()
  packs.close()
})
