import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Db } from '../../../src/core/store/store.ts'
import { listLeases } from '../../../src/act/broker/lease/lease-view.ts'
import { Connections } from '../../../src/know/connections/registry.ts'
import { exec } from '../../../src/serve/operations/exec.ts'
import { type BrokerStage, brokerStage, ISSUER } from '../../act/broker/broker-stage.ts'
import { testKeys } from '../../know/estate.ts'
import { memoryStore } from '../../memory-store.ts'

const PROGRAM = fileURLToPath(new URL('../../../bin/firebreak.js', import.meta.url))

/** A command that gets its lease of a broker elsewhere: nothing of Firebreak's own is kept where it runs. */
let stage: BrokerStage
let db: Db
let home: string

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'firebreak-exec-broker-'))
  db = await memoryStore()
  const config = `
issuers: [{ issuer: "${ISSUER}", subjects: ['job:*'] }]
leases:
  - { name: api, audience: "https://reports.example", ttl: 60s }
  - { name: short, audience: "https://reports.example", ttl: 8s }
  - { name: renewed, audience: "https://reports.example", ttl: 12s, maxTtl: 14s }
`
  const policies = { 'all.cedar': 'permit(principal, action, resource);' }
  stage = await brokerStage(db, new Connections([], testKeys, realIo()), { config, policies })
})
afterAll(async () => {
  await stage?.close()
  await db?.destroy()
  await rm(home, { recursive: true, force: true })
})

async function firebreak(lease: string, script: string) {
  const parameters = [exec.name, '--broker', stage.url, '--for', lease, '--', 'sh', '-c', script]
  const child: ChildProcess = spawn(process.execPath, [PROGRAM, ...parameters], {
    // What is killed cannot take its files away.
    env: { ...process.env, FIREBREAK_HOME: home, TMPDIR: home, FIREBREAK_ID_TOKEN: await stage.token() },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let stdout = ''
  child.stdout!.on('data', chunk => (stdout += chunk))
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  return { child, ended, stdout: () => stdout }
}

async function lastLease() {
  const [view] = await listLeases(db, true)
  return view!
}

test('a signal goes to the command, whose exit code it ends with, and the lease with it', async () => {
  const script = `trap 'echo heard; kill $!; exit 7' TERM
    sleep 60 >&- & test "$(cat "$FIREBREAK_ACCESS_TOKEN_FILE")" = "$FIREBREAK_ACCESS_TOKEN" && echo "ready$FIREBREAK_ID_TOKEN"; wait`
  const { child, ended, stdout } = await firebreak('api', script)
  await expect.poll(stdout).toBe('ready\n')
  child.kill('SIGTERM')
  expect(await ended).toBe(7)
  expect(stdout()).toBe('ready\nheard\n')
  expect(await lastLease()).toMatchObject({ state: 'ended', endedWhy: 'its holder ended it' })
  expect(await readdir(home)).toEqual([])
})

test('what is killed leaves a lease that the broker ends at its time', async () => {
  const { child, stdout } = await firebreak('short', 'echo $$; exec sleep 60 >&-')
  await expect.poll(stdout).toMatch(/\n/)
  child.kill('SIGKILL')
  process.kill(Number(stdout()), 'SIGKILL')
  const { id } = await lastLease()
  await expect
    .poll(async () => {
      await stage.keeper.sweep()
      return (await lastLease()).state
    })
    .toBe('ended')
  expect(await lastLease()).toMatchObject({ id, endedWhy: 'its time is over' })
})

test('it is renewed while the command runs, and is over at its longest time', async () => {
  const notes: string[] = []
  const [file, over] = [join(home, 'token'), join(home, 'over')]
  await writeFile(file, await stage.token())
  const world = {
    io: realIo(),
    takeSignals: () => () => {},
    progress: (event: { text: string }) => {
      notes.push(event.text)
      writeFileSync(over, '')
    },
  }
  // Until another token has come, and then until it is told that its longest time is over.
  const script = `while test "$(cat "$FIREBREAK_ACCESS_TOKEN_FILE")" = "$FIREBREAK_ACCESS_TOKEN"
    do test -e '${over}' && exit 1; sleep 0.2; done; until test -e '${over}'; do sleep 0.2; done`
  const given = {
    for: 'renewed',
    command: ['sh', '-c', script],
    scope: [],
    broker: stage.url,
    token: `file:${file}`,
  }
  const { exit, failures } = (await exec.run(world as never, given)) as { exit: number; failures: Error[] }
  expect({ exit, failures }).toEqual({ exit: 0, failures: [] })
  const { createdAt, notAfter } = await lastLease()
  expect(Date.parse(notAfter) - Date.parse(createdAt)).toBe(14_000)
  expect(notes).toEqual(['the lease’s time is over: its credential is ended'])
})
