import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import pc from 'picocolors'
import { FirebreakError } from '../../../core/contract/errors.ts'
import { sleep } from '../../../core/contract/io.ts'
import type { Secret } from '../../../core/contract/secret.ts'
import type { World } from '../operation.ts'
import { type Estate, LEAKED_ROLE, stageEstate } from './estate.ts'

export interface DrillReport {
  readonly mode: 'graceful' | 'emergency'
  readonly passed: boolean
  readonly seconds: number
  readonly checks: readonly Check[]
  /** The folder that stays. */
  readonly kept: string
  readonly files: readonly string[]
}

interface Check {
  readonly what: string
  readonly ok: boolean
  readonly saw: string
}

const WARM_UP_MS = 2000
const AFTER_MS = 3000

/**
 * Stages the estate, then does the main job with the same commands that a user types, each printed before it runs, and
 * checks the outcome without Firebreak: at the server, and in the services' own logs.
 */
export async function runDrill(
  world: Pick<World, 'home' | 'io'>,
  mode: DrillReport['mode'],
): Promise<DrillReport> {
  const { io } = world
  const began = performance.now()
  say('Staging an estate on this machine: PostgreSQL, a repository with history, two services')
  const estate = await stageEstate(io.signal)
  try {
    const run = commands(estate, io.signal)
    await sleep(WARM_UP_MS, io.signal)

    say('1. Connect what there is')
    await run([
      'connect',
      'postgres',
      '--host',
      '127.0.0.1',
      '--port',
      String(estate.server.port),
      '--user',
      estate.server.adminUser,
      '--password',
      'env:DRILL_ADMIN_PASSWORD',
    ])
    await run([
      'connect',
      'directory',
      '--path',
      estate.services,
      '--approved',
      '**/.env',
      '**/*.json',
      '--workloads',
      'orders-api=orders-api/.env',
      'orders-worker=orders-worker/database.json',
    ])
    await run(['observe'])

    say('2. Find the copies')
    await run(['scan', estate.repository], { codes: [1] })

    say(`3. ${LEAKED_ROLE}'s password has leaked. Where does it stand, whose is it, what does it reach?`)
    await run(['trace', '-'], { stdin: estate.leaked })
    await run(['show', LEAKED_ROLE])
    await run(['reach', LEAKED_ROLE])

    say('4. The plan')
    const flags = mode === 'emergency' ? ['--emergency'] : []
    await run(['contain', '-', '--dry-run', ...flags], { stdin: estate.leaked })

    say('5. Do it')
    const contained = await run(['contain', '-', ...flags], { stdin: estate.leaked, codes: [0, 1] })
    await sleep(AFTER_MS, io.signal)

    say('6. The evidence')
    const kept = join(world.home, 'drills', io.now().toISOString().replaceAll(':', '-'))
    await mkdir(kept, { recursive: true, mode: 0o700 })
    await run(['evidence', 'export', '--out', join(kept, 'evidence.jsonl')])
    await run(['evidence', 'anchor', '--out', join(kept, 'anchor.json')])
    const verified = await run(['evidence', 'verify', '--anchor', join(kept, 'anchor.json')], {
      codes: [0, 1],
    })

    const checks = [
      { what: 'contain reports it contained', ok: contained === 0, saw: `exit code ${contained}` },
      await oldPassword(estate),
      ...(await services(estate, mode)),
      { what: 'evidence verify, with the anchor', ok: verified === 0, saw: `exit code ${verified}` },
    ]
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

function say(text: string): void {
  process.stderr.write(`\n${pc.bold(pc.cyan(text))}\n`)
}

/** Runs the same program again, as a user would, in the drill's own home. Gives the exit code; another than `codes` raises. */
function commands(estate: Estate, signal: AbortSignal) {
  const environment = {
    ...process.env,
    FIREBREAK_HOME: join(estate.directory, 'home'),
    DRILL_ADMIN_PASSWORD: estate.server.adminPassword.revealText(),
  }
  const program = process.argv[1] ?? ''
  return async (args: string[], options: { stdin?: Secret; codes?: number[] } = {}): Promise<number> => {
    process.stderr.write(
      pc.dim(`$ ${options.stdin ? 'printf %s "$LEAKED" | ' : ''}firebreak ${args.join(' ')}\n`),
    )
    // Its output is for whoever watches, as progress is: standard output stays for the drill's own report.
    const child = spawn(process.execPath, [program, ...args], {
      env: environment,
      stdio: [options.stdin ? 'pipe' : 'ignore', 2, 2],
    })
    const stop = () => child.kill('SIGTERM')
    signal.addEventListener('abort', stop, { once: true })
    child.stdin?.on('error', () => {})
    child.stdin?.end(options.stdin?.reveal())
    const code = await exitCode(child)
    signal.removeEventListener('abort', stop)
    signal.throwIfAborted()
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
  const what = 'the leaked password at the server'
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
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    return { what, ok: code === '28P01' || code === '28000', saw: `refused (${code})` }
  } finally {
    await client.end().catch(() => {})
  }
}

async function services(estate: Estate, mode: DrillReport['mode']): Promise<Check[]> {
  const checks: Check[] = []
  for (const worker of estate.workers) {
    const { ok, failed, users, errors } = await worker.requests()
    const last = users.at(-1)
    checks.push({
      what: mode === 'graceful' ? `${worker.name} never failed` : `${worker.name} works again`,
      ok: ok > 0 && (mode === 'emergency' || failed === 0) && last !== LEAKED_ROLE,
      saw: `${ok} requests served, ${failed} failed${errors[0] ? ` (${errors[0]})` : ''}; now as ${last ?? 'nobody'}`,
    })
  }
  return checks
}
