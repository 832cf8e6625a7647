import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import pc from 'picocolors'
import { codeOf, FirebreakError } from '../../../core/contract/errors.ts'
import { type Io, sleep } from '../../../core/contract/io.ts'
import type { Secret } from '../../../core/contract/secret.ts'
import type { World } from '../operation.ts'
import { type Cache, DUMP, type Estate, LEAKED_ROLE, LEAKED_USER, stageEstate } from './estate.ts'
import { availableRedis, INSTALL_REDIS } from './redis-server.ts'

export interface DrillReport {
  readonly mode: 'graceful' | 'emergency'
  readonly passed: boolean
  readonly seconds: number
  readonly checks: readonly Check[]
  /** The folder that stays. */
  readonly kept: string
  readonly files: readonly string[]
}

export interface Check {
  readonly what: string
  readonly ok: boolean
  readonly saw: string
}

const WARM_UP_MS = 2000
const AFTER_MS = 3000
/** How long a service may take to read its file again, on a machine that is busy, or several times slower. */
const MOVE_MS = 60_000

export interface Stage {
  readonly io: Io
  readonly mode: DrillReport['mode']
  /** The command line's own program, which is run again for each command. */
  readonly program: string
  /** The FIREBREAK_HOME of the rehearsal. */
  readonly home: string
  /** Where evidence, anchor and report are put to stay. */
  readonly kept: string
  /** What the commands print; without it, it goes to standard error as it comes. */
  readonly onOutput?: (text: string) => void
}

/** Stages an estate, rehearses, and leaves nothing but the evidence. */
export async function runDrill(
  world: Pick<World, 'home' | 'io'>,
  mode: DrillReport['mode'],
): Promise<DrillReport> {
  const { io } = world
  const began = performance.now()
  const redis = availableRedis() !== undefined
  say(
    redis
      ? 'Staging an estate here: PostgreSQL, Redis, a repository, three services'
      : `Staging an estate here: PostgreSQL, a repository, two services\nRedis is left out, since it is not installed here (${INSTALL_REDIS})`,
  )
  const estate = await stageEstate(io.signal, { redis })
  try {
    const kept = join(world.home, 'drills', io.now().toISOString().replaceAll(':', '-'))
    const home = join(estate.directory, 'home')
    const checks = await rehearse(estate, { io, mode, home, kept, program: process.argv[1] ?? '' })
    const report = {
      mode,
      passed: checks.every(check => check.ok),
      seconds: Math.round((performance.now() - began) / 1000),
      checks,
      kept,
      files: ['evidence.jsonl', 'anchor.json', 'report.json'],
    }
    await writeFile(join(kept, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
    return report
  } finally {
    await estate.stop()
  }
}

/**
 * The main job, with the same commands that a user types, each printed before it runs. The outcome is checked without
 * Firebreak: at the server, and in the services' own logs.
 */
export async function rehearse(estate: Estate, stage: Stage): Promise<Check[]> {
  const { io, mode, kept } = stage
  const run = commands(estate, stage)
  const tell = (text: string) => say(text, stage.onOutput)
  await sleep(WARM_UP_MS, io.signal)

  tell('1. Connect what there is')
  const { host, port, adminUser } = estate.server
  const server = ['--host', host, '--port', String(port), '--user', adminUser]
  await run(['connect', 'postgres', ...server, '--password', 'env:DRILL_ADMIN_PASSWORD'])
  const { cache } = estate
  if (cache) {
    const where = ['--host', cache.server.host, '--port', String(cache.server.port)]
    await run(['connect', 'redis', ...where, '--password', 'env:DRILL_REDIS_PASSWORD'])
  }
  const approved = ['--approved', '**/.env', '**/*.json']
  const readers = estate.workers.map(worker => `name=${worker.name},reads=${worker.reads}`)
  await run(['connect', 'directory', '--path', estate.services, ...approved, '--workloads', ...readers])
  await run(['observe'])

  tell('2. Find the copies')
  await run(['scan', estate.repository], { codes: [1] })

  const names = cache ? [LEAKED_ROLE, LEAKED_USER] : [LEAKED_ROLE]
  tell(
    cache
      ? `3. ${DUMP} has leaked: what does it open?`
      : `3. ${LEAKED_ROLE} has leaked: where does it stand, what does it reach?`,
  )
  await run(['trace', '-'], { stdin: estate.leaked })
  for (const name of names) {
    await run(['show', name])
    await run(['reach', name])
  }

  tell('4. The plan')
  const flags = mode === 'emergency' ? ['--emergency'] : []
  // One value is pasted; what leaked from one document is named by the document.
  const what = cache ? ['--leaked-in', DUMP] : ['-']
  const pasted = cache ? {} : { stdin: estate.leaked }
  await run(['contain', ...what, '--dry-run', ...flags], pasted)

  tell('5. Do it')
  const contained = await run(['contain', ...what, ...flags], { ...pasted, codes: [0, 1] })
  await sleep(AFTER_MS, io.signal)

  tell('6. The evidence')
  await mkdir(kept, { recursive: true, mode: 0o700 })
  const anchor = join(kept, 'anchor.json')
  await run(['evidence', 'export', '--out', join(kept, 'evidence.jsonl')])
  await run(['evidence', 'anchor', '--out', anchor])
  const verified = await run(['evidence', 'verify', '--anchor', anchor], { codes: [0, 1] })

  return [
    { what: 'contain reports it contained', ok: contained === 0, saw: `exit code ${contained}` },
    await oldPassword(estate),
    ...(cache ? [await oldPasswordOfRedis(cache)] : []),
    ...(await services(estate, stage)),
    { what: 'evidence verify, with the anchor', ok: verified === 0, saw: `exit code ${verified}` },
  ]
}

function say(text: string, onOutput?: (text: string) => void): void {
  const line = `\n${pc.bold(pc.cyan(text))}\n`
  if (onOutput) onOutput(line)
  else process.stderr.write(line)
}

/** Runs the same program again, as a user would, in the drill's own home. Gives the exit code; another than `codes` raises. */
function commands(estate: Estate, stage: Stage) {
  const { io, onOutput } = stage
  const environment = {
    ...process.env,
    // The rehearsal has a home and a database of its own, whatever this machine works on.
    DATABASE_URL: '',
    FIREBREAK_KEY_FILE: '',
    FIREBREAK_HOME: stage.home,
    DRILL_ADMIN_PASSWORD: estate.server.adminPassword.revealText(),
    ...(estate.cache && { DRILL_REDIS_PASSWORD: estate.cache.server.adminPassword.revealText() }),
  }
  return async (args: string[], options: { stdin?: Secret; codes?: number[] } = {}): Promise<number> => {
    const line = `$ ${options.stdin ? 'printf %s "$LEAKED" | ' : ''}firebreak ${args.join(' ')}\n`
    if (onOutput) onOutput(line)
    else process.stderr.write(pc.dim(line))
    // Its output is for whoever watches, as progress is: standard output stays for the drill's own report.
    const out = onOutput ? 'pipe' : 2
    const child = spawn(process.execPath, [stage.program, ...args], {
      env: environment,
      stdio: [options.stdin ? 'pipe' : 'ignore', out, out],
    })
    child.stdout?.on('data', bytes => onOutput?.(String(bytes)))
    child.stderr?.on('data', bytes => onOutput?.(String(bytes)))
    const stop = () => child.kill('SIGTERM')
    io.signal.addEventListener('abort', stop, { once: true })
    child.stdin?.on('error', () => {})
    child.stdin?.end(options.stdin?.reveal())
    const code = await exitCode(child)
    io.signal.removeEventListener('abort', stop)
    io.signal.throwIfAborted()
    if (!(options.codes ?? [0]).includes(code))
      throw new FirebreakError(
        'STUCK',
        `firebreak ${args[0]} ended with exit code ${code}`,
        'see what it printed above',
      )
    return code
  }
}

function exitCode(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve(code ?? 128))
  })
}

/** The drill's own attempt: as anyone would who found the password. */
async function oldPassword(estate: Estate): Promise<Check> {
  const what = 'the leaked password at PostgreSQL'
  const client = new pg.Client({
    host: estate.server.host,
    port: estate.server.port,
    user: LEAKED_ROLE,
    password: estate.leaked.revealText(),
    database: estate.database,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    return { what, ok: false, saw: 'it was let in' }
  } catch (error) {
    const code = codeOf(error) ?? ''
    return { what, ok: code === '28P01' || code === '28000', saw: `refused (${code})` }
  } finally {
    await client.end().catch(() => {})
  }
}

async function oldPasswordOfRedis({ server, leaked }: Cache): Promise<Check> {
  const what = 'the leaked password at Redis'
  const client = new Redis({
    host: server.host,
    port: server.port,
    protocol: 2,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.call('AUTH', LEAKED_USER, leaked.revealText())
    return { what, ok: false, saw: 'it was let in' }
  } catch (error) {
    const said = error instanceof Error ? (error.message.split(' ')[0] ?? '') : ''
    return { what, ok: said === 'WRONGPASS', saw: `refused (${said})` }
  } finally {
    client.disconnect()
  }
}

async function services(estate: Estate, { io, mode }: Stage): Promise<Check[]> {
  const checks: Check[] = []
  const deadline = performance.now() + MOVE_MS
  for (const worker of estate.workers) {
    let requests = await worker.requests()
    for (; requests.users.at(-1) === worker.as && performance.now() < deadline; await sleep(100, io.signal))
      requests = await worker.requests()
    const { ok, failed, users, errors } = requests
    const last = users.at(-1)
    checks.push({
      what: mode === 'graceful' ? `${worker.name} never failed` : `${worker.name} works again`,
      ok: ok > 0 && (mode === 'emergency' || failed === 0) && last !== worker.as,
      saw: `${ok} requests served, ${failed} failed${errors[0] ? ` (${errors[0]})` : ''}; now as ${last ?? 'nobody'}`,
    })
  }
  return checks
}
