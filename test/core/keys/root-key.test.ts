import { spawn } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { loadRootKey, RootKey } from '../../../src/core/keys/root-key.ts'
import { ownDirectory } from '../../know/estate.ts'

const told = (key: RootKey) => Buffer.from(key.derive('fingerprint').reveal()).toString('hex')
const module = (path: string) => fileURLToPath(new URL(`../../../src/core/${path}`, import.meta.url))

describe('the root key', () => {
  test('is made once, for its owner alone, and is the same ever after', async () => {
    const path = join(await ownDirectory(), 'home', 'key')
    const key = await loadRootKey(path, realIo())
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700)
    expect(told(await loadRootKey(path, realIo()))).toBe(told(key))
    expect(await readdir(join(path, '..'))).toEqual(['key'])
  })

  test('is one, when many ask for it at once', async () => {
    const path = join(await ownDirectory(), 'key')
    const keys = await Promise.all(Array.from({ length: 20 }, () => loadRootKey(path, realIo())))
    expect(new Set(keys.map(told)).size).toBe(1)
  })

  test('is one, when several processes start at once', async () => {
    const directory = await ownDirectory()
    const program = `
      import { setTimeout as wait } from 'node:timers/promises'
      import { loadRootKey } from ${JSON.stringify(module('keys/root-key.ts'))}
      import { realIo } from ${JSON.stringify(module('contract/io.ts'))}
      await wait(Math.max(0, Number(process.argv[2]) - Date.now()))
      const key = await loadRootKey(process.argv[1], realIo())
      process.stdout.write(Buffer.from(key.derive('fingerprint').reveal()).toString('hex'))`
    const start = Date.now() + 1500
    const path = join(directory, 'key')
    const told = await Promise.all(Array.from({ length: 4 }, () => run(program, path, String(start))))
    expect(told[0]).toMatch(/^[0-9a-f]{64}$/)
    expect(new Set(told).size).toBe(1)
    expect(await readdir(directory)).toEqual(['key'])
  })

  test.each([0o644, 0o640, 0o604, 0o660])('that others may read (%o) is refused', async mode => {
    const path = join(await ownDirectory(), 'key')
    await loadRootKey(path, realIo())
    await chmod(path, mode)
    await expect(loadRootKey(path, realIo())).rejects.toMatchObject({
      code: 'KEY_UNUSABLE',
      advice: `chmod 600 ${path}`,
    })
  })

  test.each([
    ['too short', Buffer.alloc(31, 1).toString('base64')],
    ['too long', Buffer.alloc(33, 1).toString('base64')],
    ['no base64', '*'.repeat(44)],
    ['empty', ''],
  ])('that is %s is refused, and left as it is', async (_, text) => {
    const path = join(await ownDirectory(), 'key')
    await writeFile(path, text, { mode: 0o600 })
    await expect(loadRootKey(path, realIo())).rejects.toMatchObject({ code: 'KEY_UNUSABLE' })
    expect(await readFile(path, 'utf8')).toBe(text)
  })

  test('that is a folder is refused', async () => {
    const path = join(await ownDirectory(), 'key')
    await mkdir(path, { mode: 0o700 })
    await expect(loadRootKey(path, realIo())).rejects.toMatchObject({ code: 'KEY_UNUSABLE' })
  })

  test('that cannot be put where it is wanted says so', async () => {
    const file = join(await ownDirectory(), 'file')
    await writeFile(file, '')
    await expect(loadRootKey(join(file, 'key'), realIo())).rejects.toMatchObject({ code: 'KEY_UNUSABLE' })
  })

  test('gives another key for each purpose', () => {
    const key = new RootKey(new Secret(new Uint8Array(32).fill(1)))
    const derived = (['fingerprint', 'public-fingerprint', 'seal', 'sign'] as const).map(purpose =>
      Buffer.from(key.derive(purpose).reveal()).toString('hex'),
    )
    expect(new Set(derived).size).toBe(4)
    expect(() => new RootKey(new Secret('short'))).toThrow(/32/)
  })
})

async function run(program: string, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  for await (const chunk of child.stdout) output += String(chunk)
  return output
}
