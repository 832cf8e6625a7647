import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { ByteReader } from '../../../src/connectors/git/byte-reader.ts'

const STALL_MS = 5000

/** The bytes in chunks of that size, each in memory of its own. */
function inChunks(bytes: Buffer, size: number): Readable {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(Buffer.from(bytes.subarray(at, at + size)))
  return Readable.from(chunks, { objectMode: false })
}

describe('records and counted stretches of a stream', () => {
  const records = Array.from({ length: 200 }, (_, i) => `record ${i} ${'x'.repeat((i * i) % 97)}`)

  it.each([1, 3, 64, 4096, 1e6])('are the same in chunks of %i bytes', async size => {
    const body = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 256))
    const all = Buffer.concat([Buffer.from(`${records.join('\n')}\n`), body, Buffer.from('a\0b\0rest')])
    const reader = new ByteReader(inChunks(all, size), STALL_MS)
    const read: (string | undefined)[] = []
    for (const _ of records) read.push((reader.buffered(10) ?? (await reader.record(10)))?.toString('latin1'))
    expect(read).toEqual(records)
    const stretch = reader.here(body.length) ?? (await reader.take(body.length))
    expect(stretch?.equals(body)).toBe(true)
    expect(String(await reader.record(0))).toBe('a')
    expect(String(await reader.record(0))).toBe('b')
    expect(await reader.record(0)).toBeUndefined()
    const rest: Buffer[] = []
    for (let part = await reader.some(3); part; part = await reader.some(3)) rest.push(part)
    expect(rest.every(({ length }) => length <= 3)).toBe(true)
    expect(String(Buffer.concat(rest))).toBe('rest')
  })

  it('are nothing where the stream ends before', async () => {
    const reader = new ByteReader(inChunks(Buffer.from('12345'), 2), STALL_MS)
    expect(reader.here(6)).toBeUndefined()
    expect(await reader.take(6)).toBeUndefined()
    expect(await reader.record(10)).toBeUndefined()
    expect(String(await reader.take(5))).toBe('12345')
    expect(await reader.some(1)).toBeUndefined()
  })

  it('take in no more than a little ahead', async () => {
    let given = 0
    const endless = new Readable({
      read() {
        given += 65_536
        this.push(Buffer.alloc(65_536, 'x'))
      },
    })
    const reader = new ByteReader(endless, STALL_MS)
    await reader.some(1)
    for (let i = 0; i < 100; i++) await new Promise(resolve => setImmediate(resolve))
    expect(given).toBeLessThan(3 * 1024 * 1024)
    // And go on when it is used up, also with more at once than is taken in ahead.
    expect((await reader.take(5_000_000))?.length).toBe(5_000_000)
    endless.destroy()
  })

  it('refuse a record without an end', async () => {
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(65_536, 'x'))
      },
    })
    await expect(new ByteReader(endless, STALL_MS).record(10)).rejects.toThrow('longer than 16 MiB')
    endless.destroy()
  })

  it('give up on a stream that is silent', async () => {
    const silent = new PassThrough()
    silent.write('begun')
    await expect(new ByteReader(silent, 20).record(10)).rejects.toThrow('silent')
    silent.destroy()
  })

  it('raise what the stream raises, and end where it is destroyed', async () => {
    const broken = new PassThrough()
    const reading = new ByteReader(broken, STALL_MS).record(10)
    broken.destroy(new Error('broken pipe'))
    await expect(reading).rejects.toThrow('broken pipe')
    const gone = new PassThrough()
    const waiting = new ByteReader(gone, STALL_MS).record(10)
    gone.destroy()
    expect(await waiting).toBeUndefined()
  })
})
