import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BOUNDARIES } from '../../src/act/actions/step.ts'
import type { ContainReport } from '../../src/act/incident/report.ts'
import { connectors } from '../../src/connectors/all.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { countUnsealed, readCheckpoints, sealedEntries } from '../../src/core/evidence/export.ts'
import { sealEvidence } from '../../src/core/evidence/sealer.ts'
import { verifyEvidence } from '../../src/core/evidence/verify.ts'
import { deriveKeys } from '../../src/core/keys/keys.ts'
import { loadRootKey } from '../../src/core/keys/root-key.ts'
import { openStore } from '../../src/core/store/store.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { observe } from '../../src/know/observe/observe.ts'
import {
  availablePostgres,
  type PostgresServer,
  startPostgres,
} from '../../src/serve/operations/drill/postgres-server.ts'
import { BUILT_IN_RULES } from '../built-in-rules.ts'
import { builtProgram } from '../built-program.ts'
import { requireServer } from '../servers.ts'

const VERBS = [
  'freeze',
  'issue',
  'write',
  'moved',
  'suspend',
  'end-sessions',
  'revoke',
  'prove',
  'thaw',
  'observe',
]
/** Each kill takes two whole runs: here each verb once, the boundaries in turn; all of them in the long campaigns. */
const KILLED_AT = VERBS.flatMap((verb, index) =>
  BOUNDARIES.filter((_, number) => process.env['SOAK'] || number === (index + 1) % BOUNDARIES.length).map(
    boundary => `${verb}:${boundary}`,
  ),
)
const RANDOM_KILLS = process.env['SOAK'] ? 50 : 2
const AT_ONCE = 4
/** Few at a time, since every run looks at the whole server. */
const GROUP = 17
const SEED = 20_260_301
const DATABASE = 'shop'

interface Case {
  readonly role: string
  readonly password: string
  readonly mode: 'graceful' | 'emergency'
  /** Uses the credential from its file all the while, so that the plan waits for it. */
  readonly consumer: boolean
  readonly kill: { at: string } | { afterShare: number }
}

const cases = planCases()
let directory: string
let program: Awaited<ReturnType<typeof builtProgram>>
let server: PostgresServer
let admin: pg.Client

const postgres = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')

describe.skipIf(postgres.skip)(`containment on a real server, killed ${postgres.reason}`, () => {
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'firebreak-kill-'))
    program = await builtProgram(fileURLToPath(new URL('contain-program.ts', import.meta.url)))
    server = await startPostgres()
    admin = client(server.adminUser, server.adminPassword.revealText(), 'postgres')
    await admin.connect()
    await admin.query(`create database ${DATABASE}`)
    const shop = client(server.adminUser, server.adminPassword.revealText(), DATABASE)
    await shop.connect()
    await shop.query('create table item (id int)')
    await shop.end()
  })
  afterAll(async () => {
    await admin?.end()
    await server?.stop()
    await program?.remove()
    await rm(directory, { recursive: true, force: true })
  })

  test('at boundaries of each step and at seeded moments: run again, it ends right at the server', async () => {
    const landed = new Map<string, number>()
    const wrong: string[] = []
    for (let from = 0; from < cases.length; from += GROUP) {
      const group = [timedCase(from), ...cases.slice(from, from + GROUP)]
      await stage(group)
      const queue = group.slice(1)
      const whole = await durationOf(group[0]!)
      const work = async () => {
        for (let next = queue.shift(); next; next = queue.shift())
          try {
            const where = await killAndRunAgain(next, whole)
            landed.set(where, (landed.get(where) ?? 0) + 1)
          } catch (error) {
            wrong.push(`${next.role} ${JSON.stringify(next.kill)} ${next.mode}: ${String(error)}`)
          }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, work))
      await clear()
    }
    const table = [...landed].sort().map(([where, count]) => `  ${String(count).padStart(3)}  ${where}`)
    const total = [...landed.values()].reduce((sum, count) => sum + count, 0)
    console.log(`kills: ${total}, by the last boundary passed (seed ${SEED}):\n${table.join('\n')}`)
    expect(wrong).toEqual([])
    for (const at of KILLED_AT) expect(landed.get(at), at).toBeGreaterThan(0)
    expect(total).toBe(KILLED_AT.length + RANDOM_KILLS)
  }, 3_600_000)
})

/** The boundaries, both modes in turn; then seeded moments. */
function planCases(): Case[] {
  const kills: { kill: Case['kill']; consumer: boolean }[] = []
  for (const at of KILLED_AT) kills.push({ kill: { at }, consumer: at.startsWith('moved:') })
  let state = SEED
  const random = () => {
    // Park and Miller's generator: any would do, as long as it is the same each time.
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  for (let index = 0; index < RANDOM_KILLS; index++)
    kills.push({ kill: { afterShare: random() }, consumer: index % 10 === 0 })
  return kills.map((one, index) => ({
    ...one,
    role: `app_${String(index).padStart(3, '0')}`,
    password: Buffer.from(`${index}:${SEED}:kill`).toString('base64').padEnd(24, 'q'),
    mode: one.consumer || index % 2 === 0 ? 'graceful' : 'emergency',
  }))
}

/** One that is not killed: random moments are shares of how long it takes. */
function timedCase(number: number): Case {
  const password = Buffer.from(`timed:${number}:${SEED}`).toString('base64').padEnd(24, 'q')
  return { role: `app_timed_${number}`, password, mode: 'graceful', consumer: false, kill: { at: 'none' } }
}

/** Every case's role and file, observed once into a home that each case copies. */
async function stage(group: readonly Case[]): Promise<void> {
  const shop = client(server.adminUser, server.adminPassword.revealText(), DATABASE)
  await shop.connect()
  for (const { role, password } of group) {
    await shop.query(`create role ${role} login createrole password ${shop.escapeLiteral(password)}`)
    await shop.query(`grant select on item to ${role}`)
    await mkdir(join(directory, 'services', role), { recursive: true })
    const lines = [`PGHOST=127.0.0.1`, `PGPORT=${server.port}`, `PGUSER=${role}`, `PGPASSWORD=${password}`]
    await writeFile(envFile(role), `${lines.join('\n')}\n`, { mode: 0o600 })
  }
  await shop.end()
  const io = realIo()
  const home = join(directory, 'home')
  const keys = deriveKeys(await loadRootKey(join(home, 'key'), io))
  const db = await openStore(join(home, 'firebreak.db'))
  const connections = new Connections(connectors, keys, io)
  const { host, port, adminUser, adminPassword } = server
  const sources = [
    await connections.add(db, 'postgres', { host, port, user: adminUser, password: adminPassword }),
    await connections.add(db, 'directory', { path: join(directory, 'services'), approved: ['**/.env'] }),
  ]
  for (const source of sources)
    await observe(db, source, await connections.open(db, source.id), {
      keys,
      io,
      ...BUILT_IN_RULES,
    })
  await connections.close()
  // Once here, instead of in every copy.
  await sealEvidence(db, keys.signer, io)
  await db.destroy()
}

/** Nothing of a group stays for the next one to look at. */
async function clear(): Promise<void> {
  const shop = client(server.adminUser, server.adminPassword.revealText(), DATABASE)
  await shop.connect()
  const { rows } = await shop.query<{ name: string }>(
    `select rolname as name from pg_roles where rolname like 'app\\_%' or rolname like 'fb\\_%'`,
  )
  for (const { name } of rows) await shop.query(`drop owned by "${name}"; drop role "${name}"`)
  await shop.end()
  await rm(join(directory, 'services'), { recursive: true })
  await rm(join(directory, 'home'), { recursive: true })
}

function envFile(role: string): string {
  return join(directory, 'services', role, '.env')
}

function client(user: string, password: string, database: string, name = 'test'): pg.Client {
  const made = new pg.Client({
    host: '127.0.0.1',
    port: server.port,
    user,
    password,
    database,
    application_name: name,
  })
  made.on('error', () => {})
  return made
}

/** How long a run takes from its first boundary to its end: what random moments are a share of. */
async function durationOf(timed: Case): Promise<number> {
  const home = await homeOf(timed)
  let first = 0
  const run = await runProgram(timed, home, undefined, () => {
    first ||= performance.now()
    return undefined
  })
  expect(run.signal).toBeNull()
  await checkEnding(timed, home, run.output)
  return performance.now() - first
}

async function homeOf({ role }: Case): Promise<string> {
  const home = join(directory, `home-${role}`)
  await cp(join(directory, 'home'), home, { recursive: true })
  return home
}

/** Kills once, runs again, checks the ending. Gives the last boundary that was passed before the kill. */
async function killAndRunAgain(one: Case, wholeMs: number): Promise<string> {
  const home = await homeOf(one)
  const consumer = one.consumer ? await startConsumer(one.role) : undefined
  try {
    const at = 'at' in one.kill ? one.kill.at : undefined
    const share = 'afterShare' in one.kill ? one.kill.afterShare : undefined
    const killed = await runProgram(one, home, at, () => (share === undefined ? undefined : share * wholeMs))
    // A random moment may come after the end; an ending is then right already.
    if (share === undefined) expect(killed.signal, `${killed.output}${killed.errors}`).toBe('SIGKILL')
    const again = await runProgram(one, home, undefined, () => undefined)
    expect(again.signal, again.errors).toBeNull()
    await checkEnding(one, home, again.output, again.errors)
    const last = killed.boundaries.at(-1) ?? 'before the first'
    return killed.signal === null ? 'after the end' : (last.split(' ')[0] ?? last)
  } finally {
    await consumer?.stop()
  }
}

interface Ran {
  readonly signal: NodeJS.Signals | null
  readonly boundaries: string[]
  readonly output: string
  readonly errors: string
}

function runProgram(
  { role, mode, consumer }: Case,
  home: string,
  killAt: string | undefined,
  killAfterMs: () => number | undefined,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const window = consumer ? '3' : '0'
    const args = [program.file, home, role, mode, window, ...(killAt ? [killAt] : [])]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
    const texts = ['', '', '']
    let timer: NodeJS.Timeout | undefined
    for (const [index, stream] of [child.stdout, child.stderr, child.stdio[3]].entries())
      stream?.on('data', (bytes: Buffer) => {
        texts[index] += bytes.toString()
        if (index !== 2 || timer) return
        const delay = killAfterMs()
        if (delay !== undefined) timer = setTimeout(() => child.kill('SIGKILL'), delay)
      })
    child.once('error', reject)
    child.once('close', (_, signal) => {
      clearTimeout(timer)
      const [output = '', errors = '', boundaries = ''] = texts
      resolve({ signal, output, errors, boundaries: boundaries.split('\n').filter(Boolean) })
    })
  })
}

/** What must be so whatever was killed: asked of the server itself, then of the journal and the evidence. */
async function checkEnding(
  { role, password }: Case,
  home: string,
  output: string,
  errors = '',
): Promise<void> {
  expect(output, errors).not.toBe('')
  const report = JSON.parse(output) as ContainReport
  expect(report, JSON.stringify(report, null, 1)).toMatchObject({ contained: true, state: 'done' })

  await expect(login(role, password)).rejects.toMatchObject({ code: expect.stringMatching(/^28/) })
  const { rows: siblings } = await admin.query<{ name: string }>(
    `select m.rolname as name from pg_auth_members a join pg_roles r on r.oid = a.roleid join pg_roles m on m.oid = a.member
     where r.rolname = $1 and m.rolname <> $2`,
    [role, server.adminUser],
  )
  expect(siblings, 'exactly one credential that was issued stands').toHaveLength(1)
  const text = await readFile(envFile(role), 'utf8')
  const written = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1] ?? ''
  expect(written('PGUSER')).toBe(siblings[0]?.name)
  expect(await login(written('PGUSER'), written('PGPASSWORD'))).toBe(role)
  const { rows: sessions } = await admin.query('select 1 from pg_stat_activity where usename = $1', [role])
  expect(sessions).toHaveLength(0)
  const { rows: frozen } = await admin.query('select rolcreaterole as may from pg_roles where rolname = $1', [
    role,
  ])
  expect(frozen[0], 'what freezing took is given back').toEqual({ may: true })

  const io = realIo()
  const keys = deriveKeys(await loadRootKey(join(home, 'key'), io))
  const db = await openStore(join(home, 'firebreak.db'))
  try {
    const runs = await db.selectFrom('run').selectAll().execute()
    expect(runs.map(run => [run.state, run.run_key, run.sealed_secret])).toEqual([['done', null, null]])
    const steps = await db.selectFrom('step').select(['key', 'state', 'sealed_secret']).execute()
    for (const step of steps)
      expect(step).toMatchObject({ state: expect.stringMatching(/verified|skipped/), sealed_secret: null })
    const verdict = await verifyEvidence(sealedEntries(db), await readCheckpoints(db), {
      publicKey: keys.signer.publicKey,
      unsealed: await countUnsealed(db),
    })
    expect(verdict).toMatchObject({ ok: true, unsealed: 0, problems: [] })
  } finally {
    await db.destroy()
  }
}

/** Who the server says we are. */
async function login(user: string, password: string): Promise<string> {
  const session = client(user, password, DATABASE)
  try {
    await session.connect()
    const { rows } = await session.query<{ me: string }>('select current_user::text as me from item limit 1')
    return (
      rows[0]?.me ??
      (await session.query<{ me: string }>('select current_user::text as me')).rows[0]?.me ??
      ''
    )
  } finally {
    await session.end().catch(() => {})
  }
}

/** Reads its credential anew for every request, and keeps each connection until the next one is there: whoever looks sees it. */
async function startConsumer(role: string): Promise<{ stop(): Promise<void> }> {
  let stopping = false
  const connected = async () => {
    const text = await readFile(envFile(role), 'utf8')
    const read = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1] ?? ''
    const session = client(read('PGUSER'), read('PGPASSWORD'), DATABASE, `api-${role}`)
    await session.connect().catch(() => {})
    return session
  }
  let session = await connected()
  const loop = (async () => {
    while (!stopping) {
      await session.query('select pg_sleep(0.4)').catch(() => {})
      const before = session
      session = await connected()
      await before.end().catch(() => {})
    }
    await session.end().catch(() => {})
  })()
  return {
    async stop() {
      stopping = true
      await loop
    },
  }
}
