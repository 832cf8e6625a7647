import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ByteReader } from '../../../src/connectors/git/byte-reader.ts'
import { Outlet } from '../../../src/connectors/git/outlet.ts'

const LINES = 120_000
const LONGEST = 100

function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-outlet-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function line(index: number): string {
  return `${index} ${'x'.repeat((index * 7) % LONGEST)}`
}

test('what a process writes comes whole, in memory that is used again once it was let go', async () => {
  const folder = ownFolder()
  const outlet = (await Outlet.open(folder))!
  expect(readdirSync(folder)).toEqual([])
  const program = `for (let i = 0; i < ${LINES}; i++) console.log(i + ' ' + 'x'.repeat((i * 7) % ${LONGEST}))`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', outlet.theirs, 'inherit'] })
  onTestFinished(() => {
    child.kill()
    outlet.destroy()
  })
  outlet.theirs.destroy()
  const reader = new ByteReader(outlet, 60_000)
  const memory = new Set<ArrayBufferLike>()
  let wrong = 0
  let bytes = 0
  for (let index = 0; index < LINES; index++) {
    const record = reader.buffered(10) ?? (await reader.record(10))
    if (record?.toString('latin1') !== line(index)) wrong++
    // Small pieces that lay over two slabs are in memory of their own.
    if (record && record.buffer.byteLength >= 1024 * 1024) memory.add(record.buffer)
    bytes += record?.length ?? 0
    reader.release()
  }
  expect(wrong).toBe(0)
  expect(await reader.record(10)).toBeUndefined()
  expect(bytes).toBeGreaterThan(6 * 1024 * 1024)
  expect(memory.size).toBeLessThanOrEqual(4)
})

test('what is not let go stays as it is', async () => {
  const outlet = (await Outlet.open(ownFolder()))!
  const program = `for (let i = 0; i < 3000; i++) process.stdout.write(String(i % 10).repeat(999) + '\\n')`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', outlet.theirs, 'inherit'] })
  onTestFinished(() => {
    child.kill()
    outlet.destroy()
  })
  outlet.theirs.destroy()
  const reader = new ByteReader(outlet, 60_000)
  const kept: Buffer[] = []
  for (let record = await reader.record(10); record; record = await reader.record(10)) kept.push(record)
  expect(kept.map(String)).toEqual(Array.from({ length: 3000 }, (_, i) => String(i % 10).repeat(999)))
})

test('a folder whose path is too long for a socket has none', async () => {
  expect(await Outlet.open(join(ownFolder(), 'x'.repeat(200)))).toBeUndefined()
})
