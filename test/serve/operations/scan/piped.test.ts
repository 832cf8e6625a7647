import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scan } from '../../../../src/serve/operations/scan.ts'
import { type Stage, setStage } from '../../../stage.ts'
import { openWorld } from '../open-world.ts'
import { sarifSchema } from './sarif-schema.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.remove())

const secret = randomBytes(20).toString('hex')
const text = `up\nDATABASE_URL=postgres://app:${secret}@db.example:5432/app\n`

test('what is piped in is searched, by line, and nothing of it is kept', async () => {
  await rm(stage.home, { recursive: true })
  const { exit, stdout, stderr } = await stage.run('firebreak scan - --sarif found.sarif', { stdin: text })
  expect(exit, stdout + stderr).toBe(1)
  expect(stdout).toContain('(standard input):2')
  expect(stdout).toContain(`(standard input) of ${Buffer.byteLength(text)} bytes, 1 document`)
  expect(stdout).not.toContain(secret)
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  expect(existsSync(join(stage.home, 'firebreak.db'))).toBe(false)
  const [run] = sarifSchema.parse(
    JSON.parse(await readFile(join(stage.directory, 'found.sarif'), 'utf8')),
  ).runs
  const [result] = run!.results
  expect(result!.locations[0]!.physicalLocation!.artifactLocation.uri).toBe('(standard%20input)')
})

test('an archive is unpacked as it comes', async () => {
  await writeFile(join(stage.directory, 'app.env'), text)
  const { exit, stdout } = await stage.run('tar -czf - app.env | firebreak scan - --json')
  expect(exit, stdout).toBe(1)
  const { credentials } = JSON.parse(stdout) as { credentials: { copies: object[] }[] }
  expect(credentials.map(({ copies }) => copies)).toEqual([
    [expect.objectContaining({ path: '(standard input)', member: 'app.env', line: 2 })],
  ])
})

test('nothing that came is told, and what is no stream of bytes is refused', async () => {
  const nothing = await stage.run('firebreak scan - </dev/null')
  expect(nothing.exit).toBe(0)
  expect(nothing.stdout).toContain('(standard input) of 0 bytes')
  const folder = await stage.run('firebreak scan - <.')
  expect(folder.exit).toBe(2)
  expect(folder.stderr).toContain('standard input is a folder')
})

test('control-C ends it while it waits for more', async () => {
  const { child, outcome } = stage.start(`(echo up; exec sleep 600) | firebreak scan -`)
  const waits = `pgrep -g ${child.pid} -f 'firebreak.js scan -$'`
  await expect.poll(async () => (await stage.run(waits)).exit).toBe(0)
  // As long as it starts, the signal ends it anyway.
  await stage.run(`sleep 1; kill -INT $(${waits})`)
  await expect.poll(async () => (await stage.run(waits)).exit).toBe(1)
  process.kill(-child.pid!, 'SIGKILL')
  await outcome
})

test.each([
  { paths: ['-', '.'] },
  { paths: ['-'], staged: true },
  { paths: ['-'], since: 'HEAD' },
  { paths: ['-'], verify: true },
  { paths: ['-'], baseline: 'known.json' },
  { paths: ['-'], writeBaseline: 'known.json' },
])('what is of files, repositories or the store cannot be asked of it: %j', given => {
  expect(scan.input.safeParse(given).success).toBe(false)
})

describe('where it breaks off, what came is searched, and what is missing told', () => {
  // Longer than what is held in memory, so that it is read as it comes.
  const rest = randomBytes(9 * 1024 * 1024)

  test.each([
    ['a text', async () => Buffer.concat([Buffer.from(text), rest])],
    [
      'an archive',
      async () => {
        await writeFile(join(stage.directory, 'a.env'), text)
        await writeFile(join(stage.directory, 'rest'), rest)
        const whole = execFileSync('tar', ['-cf', '-', 'a.env', 'rest'], {
          cwd: stage.directory,
          maxBuffer: 2 * rest.length,
        })
        return whole.subarray(0, rest.length)
      },
    ],
  ])('%s', async (_, made) => {
    const begun = await made()
    async function* broken(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < begun.length; at += 65_536) yield begun.subarray(at, at + 65_536)
      throw Object.assign(new Error('read EIO'), { code: 'EIO' })
    }
    const { world, close } = await openWorld([], ['url-userinfo', 'postgres-url'], { readInput: broken })
    try {
      const { coverage, credentials, failures } = await scan.run(world, scan.input.parse({ paths: ['-'] }))
      const told = { what: '(standard input)', why: 'it cannot be read on: the disk gave an error' }
      expect(coverage.skipped).toContainEqual(told)
      expect(credentials).toHaveLength(1)
      expect(failures).toHaveLength(1)
    } finally {
      await close()
    }
  })
})
