import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exec } from '../../../src/serve/operations/exec.ts'

const PROGRAM = fileURLToPath(new URL('../../../bin/firebreak.js', import.meta.url))
let home: string

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'firebreak-exec-'))
  await mkdir(join(home, 'policies'))
  await writeFile(join(home, 'policies', 'all.cedar'), 'permit(principal, action, resource);')
  await writeFile(
    join(home, 'broker.yaml'),
    "issuer: https://broker.example\nleases: [{ name: 'api:reports', audience: 'https://reports.example' }]\n",
  )
})
afterAll(() => rm(home, { recursive: true, force: true }))

function firebreak(...parameters: string[]): {
  child: ChildProcess
  said(text: string): Promise<void>
  stdout(): string
  ended: Promise<{ exit: number | null; stdout: string }>
} {
  const child = spawn(process.execPath, [PROGRAM, ...parameters], {
    // What is killed cannot take its files away.
    env: { ...process.env, FIREBREAK_HOME: home, TMPDIR: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let stdout = ''
  child.stdout.on('data', chunk => (stdout += chunk))
  const ended = new Promise<{ exit: number | null; stdout: string }>(resolve =>
    child.on('close', exit => resolve({ exit, stdout })),
  )
  return {
    child,
    ended,
    stdout: () => stdout,
    said: async text => {
      await expect.poll(() => stdout).toContain(text)
    },
  }
}

async function leases(): Promise<{ state: string; endedWhy: string | null }[]> {
  const { stdout } = await firebreak('lease', 'list', '--ended', '--json').ended
  return JSON.parse(stdout) as { state: string; endedWhy: string | null }[]
}

test('a signal goes to the command, whose exit code it ends with, and the lease with it', async () => {
  const trap = "trap 'echo heard; kill $!; exit 7' TERM"
  const script = `${trap}; sleep 60 >&- & test -n "$FIREBREAK_ACCESS_TOKEN" && echo ready; wait`
  const { child, said, ended } = firebreak(exec.name, '--for', 'api:reports', '--', 'sh', '-c', script)
  await said('ready')
  child.kill('SIGTERM')
  const { exit, stdout } = await ended
  expect(stdout).toBe('ready\nheard\n')
  expect(exit).toBe(7)
  expect(await leases()).toMatchObject([{ state: 'ended', endedWhy: 'its command has ended' }])
})

test('what a killed one leaves ends with the next', async () => {
  const { child, said, stdout } = firebreak(
    exec.name,
    '--for',
    'api:reports',
    '--',
    'sh',
    '-c',
    'echo $$; exec sleep 60',
  )
  await said('\n')
  const command = Number(stdout())
  child.kill('SIGKILL')
  await new Promise(resolve => child.once('exit', resolve))
  // The command outlives whoever ran it; its credential does not.
  process.kill(command, 'SIGKILL')
  expect((await leases())[0]).toMatchObject({ state: 'active' })
  await firebreak(exec.name, '--for', 'api:reports', '--', 'true').ended
  expect((await leases()).map(({ endedWhy }) => endedWhy)).toEqual([
    'its command has ended',
    'the process that it was for is gone',
    'its command has ended',
  ])
})
