import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { countText } from '../../src/core/contract/count-text.ts'
import { rules } from '../know/readers/secrets/rules/rule-directory.ts'
import { ROOT } from '../tidy/sources.ts'

const MOST_MEMORY_MIB = 600
const token = rules.find(rule => rule.id === 'github-token')!.examples.positive[0]!.value
const CHUNK = 256 * 1024
/** `MIB=n` and `FILES=n` make them smaller, to see that the test itself works. */
const LARGE_MIB = Number(process.env['MIB'] ?? 2048)
const FILES = Number(process.env['FILES'] ?? 1_000_000)

function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-large-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

interface Scanned {
  readonly exit: number | null
  readonly copies: { path: string; line: number }[]
  readonly searched: string[]
  readonly peakMib: number
  readonly seconds: number
}

/** The program as a user runs it, and the most memory that it had. */
async function scan(path: string, home: string): Promise<Scanned> {
  const started = performance.now()
  const program = join(ROOT, 'bin/firebreak.js')
  const child = spawn(process.execPath, [program, 'scan', path, '--json'], {
    env: { PATH: process.env['PATH'], HOME: home, FIREBREAK_HOME: join(home, 'state') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let stdout = ''
  let peakMib = 0
  child.stdout.on('data', chunk => (stdout += chunk))
  const watching = setInterval(() => {
    try {
      const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))
      peakMib = Math.max(peakMib, Number(peak?.[1] ?? 0) / 1024)
    } catch {
      // It has just ended.
    }
  }, 50)
  const exit = await new Promise<number | null>(resolve => child.on('close', resolve))
  clearInterval(watching)
  const { credentials, coverage } = JSON.parse(stdout) as {
    credentials: { copies: { path: string; line: number }[] }[]
    coverage: { searched: string[] }
  }
  const copies = credentials.flatMap(({ copies }) => copies)
  const seconds = (performance.now() - started) / 1000
  console.log(`${Math.round(seconds)} s, at most ${Math.round(peakMib)} MiB`)
  return { exit, copies, searched: coverage.searched, peakMib, seconds }
}

test(`a file of ${LARGE_MIB} MiB with a secret over the boundary of two chunks`, async () => {
  const folder = ownFolder()
  mkdirSync(join(folder, 'tree'))
  const file = await open(join(folder, 'tree', 'dump.txt'), 'w')
  // Words of no meaning, another beginning in each chunk, so that no disk stores less than it all.
  const words = Buffer.from(
    randomBytes(3 * 1024 * 1024)
      .toString('base64')
      .replace(/(.{6}).{90}/g, '$1 word and another of them\n'),
  )
  const boundaries = [1, LARGE_MIB * 2, LARGE_MIB * 4 - 1].map(chunk => chunk * CHUNK)
  let size = 0
  let lines = 0
  const expected: number[] = []
  for (let chunk = 0; size < LARGE_MIB * 1024 * 1024; chunk++) {
    const from = (chunk * 7919) % (words.length - CHUNK)
    const bytes = Buffer.from(words.subarray(from, from + CHUNK))
    for (const boundary of boundaries) {
      const text = Buffer.from(` ${token} `)
      const at = boundary - 20 - size
      for (let i = 0; i < text.length; i++) if (at + i >= 0 && at + i < CHUNK) bytes[at + i] = text[i]!
      if (at >= 0 && at < CHUNK)
        expected.push(lines + 1 + bytes.subarray(0, at).reduce((sum, byte) => sum + Number(byte === 10), 0))
    }
    for (const byte of bytes) if (byte === 10) lines++
    await file.write(bytes)
    size += CHUNK
  }
  const { blocks } = await file.stat()
  await file.close()
  expect(blocks * 512).toBeGreaterThanOrEqual(size)
  const { exit, copies, peakMib } = await scan(join(folder, 'tree'), folder)
  expect(exit).toBe(1)
  expect(copies.map(({ line }) => line).sort((a, b) => a - b)).toEqual(expected)
  expect(peakMib).toBeLessThan(MOST_MEMORY_MIB)
}, 3_600_000)

test(`${FILES} small files`, async () => {
  const folder = ownFolder()
  for (let index = 0; index < FILES; index++) {
    const name = join(folder, 'tree', String(Math.floor(index / 1000)))
    if (index % 1000 === 0) mkdirSync(name, { recursive: true })
    const secret = index % 100_000 === 99 ? `TOKEN=${token}\n` : ''
    writeFileSync(join(name, `${index}.txt`), `file ${index}\n${secret}`)
  }
  const { exit, copies, searched, peakMib } = await scan(join(folder, 'tree'), folder)
  expect(exit).toBe(1)
  expect(copies).toHaveLength(Math.ceil((FILES - 99) / 100_000))
  expect(searched).toEqual([expect.stringContaining(` ${countText(FILES, 'file')}`)])
  expect(peakMib).toBeLessThan(MOST_MEMORY_MIB)
}, 3_600_000)
