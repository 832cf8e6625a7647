import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { realIo } from '../../src/core/contract/io.ts'
import { connect, type Estate, LEAKED_ROLE, stageEstate } from '../../src/serve/operations/drill/estate.ts'
import { availablePostgres } from '../../src/serve/operations/drill/postgres-server.ts'
import { rehearse } from '../../src/serve/operations/drill/run.ts'
import { requireServer } from '../servers.ts'
import { type Canary, formsOf, SeenBytes } from './canary-search.ts'
import { recordingGit, watchProcesses } from './process-watch.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/firebreak.js', import.meta.url))
type Mode = 'graceful' | 'emergency'
/** One mode here, whose job is the longer one; both in the long campaigns. */
const MODES: readonly Mode[] = process.env['SOAK'] ? ['graceful', 'emergency'] : ['graceful']
/** Every file that a running command has is read so often. */
const SAMPLE_MS = 200

const seen = {
  home: new SeenBytes(),
  kept: new SeenBytes(),
  temporary: new SeenBytes(),
  output: new SeenBytes(),
  arguments: new SeenBytes(),
  environments: new SeenBytes(),
  serverLog: new SeenBytes(),
}
const canaries: Canary[] = []
const rootKeys: Canary[] = []
const estates: Estate[] = []
const endings: string[] = []
const wrongPassword = randomBytes(24).toString('base64url')
let directory: string

const postgres = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')
const hasProc = existsSync('/proc/self/environ')

describe.skipIf(postgres.skip || !hasProc)(`secrets stay out of sight ${postgres.reason}`, () => {
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'firebreak-canary-'))
    estates.push(...(await Promise.all(MODES.map(() => stageEstate(new AbortController().signal)))))
    for (const estate of estates) await logEverything(estate)
    const git = await recordingGit(directory)
    const temporary = join(directory, 'tmp')
    await mkdir(temporary)
    // What is compiled is kept outside of what is searched: it is code, and a cold start for each command otherwise.
    process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'node-compile-cache')
    process.env['TMPDIR'] = temporary
    process.env['FIREBREAK_DEBUG'] = '1'
    process.env['PATH'] = `${git.path}${delimiter}${process.env['PATH']}`
    const stopWatching = watchProcesses(seen, PROGRAM, ['DRILL_ADMIN_PASSWORD', 'WRONG_PASSWORD'])
    const stopSampling = sample(temporary)
    try {
      await Promise.all(estates.map((estate, index) => wholeJob(estate, MODES[index]!)))
    } finally {
      stopWatching()
      await stopSampling()
    }
    const { arguments: argv, environments } = await git.records()
    seen.arguments.add('git argv', argv)
    seen.environments.add('git environ', environments)
    for (const [index, estate] of estates.entries()) await collect(estate, MODES[index]!)
  }, 1_200_000)
  afterAll(async () => {
    await Promise.all(estates.map(estate => estate.stop()))
    await rm(directory, { recursive: true, force: true })
  })

  test('the job was done, so that there was something to see', () => {
    expect(endings.sort()).toEqual(MODES.toSorted().map(mode => `${mode}: []`))
    expect(canaries.map(({ name }) => name).filter(name => name.includes('issued'))).toHaveLength(
      2 * MODES.length,
    )
    for (const bytes of Object.values(seen)) expect(bytes.total).toBeGreaterThan(1000)
  })

  test('every file in FIREBREAK_HOME, at the end and all the while', () => {
    expect(seen.home.contains(LEAKED_ROLE)).toBe(true)
    expect(seen.home.contains('SQLite format 3')).toBe(true)
    expect(seen.home.leaks([...canaries, ...rootKeys])).toEqual([])
  })

  test('the evidence that is kept', () => {
    expect(seen.kept.contains('"kind":"step.verified"')).toBe(true)
    expect(seen.kept.leaks([...canaries, ...rootKeys])).toEqual([])
  })

  test('temporary files, of which none is left', async () => {
    expect(seen.temporary.leaks([...canaries, ...rootKeys])).toEqual([])
    expect(await readdir(join(directory, 'tmp'))).toEqual([])
    for (const { services } of estates)
      expect((await filesBelow(services)).map(path => relative(services, path)).sort()).toEqual([
        'orders-api/.env',
        'orders-worker/database.json',
      ])
  })

  test('everything that is printed, also as JSON, on errors and for debugging', () => {
    for (const text of ['"fingerprint"', 'DENIED', 'UNREACHABLE', 'contained', 'at the server'])
      expect(seen.output.contains(text), text).toBe(true)
    expect(seen.output.leaks([...canaries, ...rootKeys])).toEqual([])
  })

  test('the arguments of every process, ours and those that we start', () => {
    expect(seen.arguments.contains('cat-file')).toBe(true)
    expect(seen.arguments.contains('DRILL_ADMIN_PASSWORD')).toBe(true)
    expect(seen.arguments.leaks([...canaries, ...rootKeys])).toEqual([])
  })

  test('their environments, but for what the user himself has put there; git gets not even that', () => {
    expect(seen.environments.contains('GIT_OBJECT_DIRECTORY')).toBe(true)
    expect(seen.environments.contains('FIREBREAK_HOME')).toBe(true)
    expect(seen.environments.leaks([...canaries, ...rootKeys])).toEqual([])
  })

  test("the server's log of all statements", () => {
    expect(seen.serverLog.contains('pg_terminate_backend')).toBe(true)
    expect(seen.serverLog.contains('statement: ')).toBe(true)
    expect(seen.serverLog.leaks([...canaries, ...rootKeys])).toEqual([])
  })
})

describe('the search itself', () => {
  const planted = { name: 'planted', value: Buffer.from(`aB3/${randomBytes(12).toString('base64')}`) }

  test('finds each form, also across chunks and cut to twelve bytes', () => {
    for (const [form, bytes] of formsOf(planted.value)) {
      const haystack = new SeenBytes()
      haystack.add('file', Buffer.concat([randomBytes(4090), bytes, randomBytes(9000)]))
      expect(
        haystack.leaks([planted]).map(leak => leak.form),
        form,
      ).toContain(form)
    }
    const forms = new Set(formsOf(planted.value).map(([form]) => form))
    expect(forms.size).toBe(16)
  })

  test('finds base64 of a text that the secret stands in, wherever it begins', () => {
    for (const before of ['', 'x', 'xx', 'xxx']) {
      const haystack = new SeenBytes()
      haystack.add('file', Buffer.from(Buffer.from(`${before}${planted.value}!`).toString('base64')))
      expect(haystack.leaks([planted])).not.toEqual([])
    }
  })

  test('finds nothing in what is random', () => {
    const haystack = new SeenBytes()
    haystack.add('file', randomBytes(1 << 20))
    expect(haystack.leaks([planted])).toEqual([])
  })

  test.skipIf(!hasProc)('sees the arguments and the environment of a process that is started', async () => {
    const watched = { arguments: new SeenBytes(), environments: new SeenBytes() }
    const stop = watchProcesses(watched, PROGRAM, [])
    const environment = { ...process.env, PLANTED: String(planted.value) }
    const child = spawn('/bin/sh', ['-c', 'read -r _', String(planted.value)], { env: environment })
    const closed = new Promise(resolve => child.once('close', resolve))
    await expect.poll(() => watched.arguments.leaks([planted])).not.toEqual([])
    await expect.poll(() => watched.environments.leaks([planted])).not.toEqual([])
    child.stdin.end()
    await closed
    stop()
  })
})

/** From now on: what staged the estate has made its roles in clear. */
async function logEverything({ server }: Estate): Promise<void> {
  const admin = await connect(server, 'postgres')
  await admin.query("alter system set log_statement = 'all'")
  await admin.query('alter system set log_min_duration_statement = 0')
  await admin.query('select pg_reload_conf()')
  await admin.end()
}

function homeOf(mode: string): string {
  return join(directory, `home-${mode}`)
}

/** What a user does in an incident; then all that can be printed, and all that fails. */
async function wholeJob(estate: Estate, mode: Mode): Promise<void> {
  const home = homeOf(mode)
  const kept = join(directory, `kept-${mode}`)
  const onOutput = (text: string) => seen.output.add('output', Buffer.from(text))
  const checks = await rehearse(estate, { io: realIo(), mode, program: PROGRAM, home, kept, onOutput })
  endings.push(`${mode}: ${JSON.stringify(checks.filter(check => !check.ok))}`)
  const run = (args: string[], stdin?: string) => runProgram(args, home, estate, stdin)
  await everythingAsJson(estate, run)
  await everythingThatFails(estate, run)
}

type Run = (args: string[], stdin?: string) => Promise<void>

async function everythingAsJson(estate: Estate, run: Run): Promise<void> {
  for (const args of [
    ['ls', 'credentials'],
    ['ls', 'identities'],
    ['ls', 'sources'],
    ['ls', 'runs'],
    ['show', LEAKED_ROLE],
    ['reach', LEAKED_ROLE],
    ['scan', estate.repository, estate.services],
    ['observe', '--full'],
    ['evidence', 'verify'],
    ['evidence', 'export'],
    ['evidence', 'anchor'],
  ])
    await run([...args, '--json'])
  const leaked = estate.leaked.revealText()
  await run(['trace', '-', '--json'], leaked)
  await run(['contain', '-', '--dry-run', '--window', '0', '--json'], leaked)
}

async function everythingThatFails({ server, leaked }: Estate, run: Run): Promise<void> {
  const at = ['--host', server.host, '--port', String(server.port), '--user', server.adminUser]
  const wrong = join(directory, 'wrong')
  await writeFile(wrong, wrongPassword, { mode: 0o600 })
  await run(['connect', 'postgres', ...at, '--password', 'env:WRONG_PASSWORD'])
  await run(['connect', 'postgres', ...at, '--password', `file:${wrong}`])
  await run(['connect', 'postgres', ...at, '--password', '-', '--json'], wrongPassword)
  // Typed instead of referred to: from here on it stands sealed in the database.
  const typed = ['connect', 'postgres', ...at, '--password', '-', '--label', 'typed']
  await run(typed, server.adminPassword.revealText())
  await run(['observe', 'typed'])
  await run(['contain', '-', '--json'], `${leaked.revealText()}x`)
  await run(['trace', '-'], `${leaked.revealText()}\n`.repeat(3000))
  await server.kill()
  await run(['observe', '--json'])
  await run(['observe'])
  await run(['contain', LEAKED_ROLE, '--window', '0', '--patience', '1'])
}

async function runProgram(args: string[], home: string, estate: Estate, stdin = ''): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: {
      ...process.env,
      FIREBREAK_HOME: home,
      DRILL_ADMIN_PASSWORD: estate.server.adminPassword.revealText(),
      WRONG_PASSWORD: wrongPassword,
    },
  })
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', bytes => seen.output.add('output', bytes))
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  await new Promise(resolve => child.once('close', resolve))
}

/** Reads all that the program has on the disk, over and over. */
function sample(temporary: string): () => Promise<void> {
  let stopping = false
  const loop = (async () => {
    while (!stopping) {
      for (const mode of MODES) await addFiles(seen.home, homeOf(mode))
      await addFiles(seen.temporary, temporary)
      await new Promise(resolve => setTimeout(resolve, SAMPLE_MS))
    }
  })()
  return async () => {
    stopping = true
    await loop
  }
}

/** The root key is in its own file, which is made under another name and then put in place. */
async function addFiles(bytes: SeenBytes, folder: string): Promise<void> {
  for (const path of await filesBelow(folder)) {
    const name = relative(folder, path)
    if (!/^key(\.[0-9a-f]+)?$/.test(name)) bytes.add(name, await readFile(path).catch(() => Buffer.alloc(0)))
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

/** What is known only afterwards, and what stays. */
async function collect(estate: Estate, mode: (typeof MODES)[number]): Promise<void> {
  await addFiles(seen.home, homeOf(mode))
  await addFiles(seen.kept, join(directory, `kept-${mode}`))
  seen.serverLog.add('server log', Buffer.from(await estate.server.log()))
  const env = await readFile(join(estate.services, 'orders-api', '.env'), 'utf8')
  const json = JSON.parse(
    await readFile(join(estate.services, 'orders-worker', 'database.json'), 'utf8'),
  ) as {
    password: string
  }
  const key = (await readFile(join(homeOf(mode), 'key'), 'utf8')).trim()
  const named = (name: string, value: string | Uint8Array) => ({
    name: `${name} (${mode})`,
    value: typeof value === 'string' ? Buffer.from(value) : value,
  })
  canaries.push(
    named('the leaked password', estate.leaked.reveal()),
    named('the issued password, .env', /^PGPASSWORD=(.*)$/m.exec(env)?.[1] ?? ''),
    named('the issued password, .json', json.password),
    named("the administrator's password", estate.server.adminPassword.reveal()),
    named('a wrong password', wrongPassword),
  )
  rootKeys.push(named('the root key', Buffer.from(key, 'base64')))
  const isOld = canaries
    .filter(({ name }) => name.includes('issued'))
    .some(({ value }) => estate.leaked.revealText() === String(value))
  if (isOld) throw new Error('the leaked password still stands where it was to be replaced')
}
