import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { reload } from '../../../src/connectors/x509/reload.ts'
import { realIo } from '../../../src/core/contract/io.ts'

const made: string[] = []
const started: ChildProcess[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
})

/** A process with that title, which says when it is there, and ends when it gets SIGHUP. */
async function processCalled(title: string): Promise<ChildProcess & { pid: number }> {
  const program = `process.title = ${JSON.stringify(title)}
    process.on('SIGHUP', () => process.exit(7))
    setInterval(() => {}, 1000)
    console.log('there')`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  started.push(child)
  await once(child.stdout!, 'data')
  return child as ChildProcess & { pid: number }
}

function pidFile(pid: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-reload-test-'))
  made.push(folder)
  writeFileSync(join(folder, 'pid'), `${pid}\n`)
  return join(folder, 'pid')
}

const io = { ...realIo(), sleep: async () => {} }

test('an nginx whose workers cannot be seen is told all the same, and it is said that nothing is known', async () => {
  const child = await processCalled('nginx: master process')
  const ended = once(child, 'exit')
  await expect(reload(pidFile(child.pid), io)).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: expect.stringContaining('was told of the new list'),
  })
  expect(await ended).toEqual([7, null])
})

test('another server is told, and not waited for', async () => {
  const child = await processCalled('other')
  const ended = once(child, 'exit')
  await reload(pidFile(child.pid), io)
  expect(await ended).toEqual([7, null])
})
