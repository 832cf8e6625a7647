import { randomBytes } from 'node:crypto'
import { chown, cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/serve/operations/drill/estate.ts'
import {
  availablePostgres,
  type PostgresServer,
  startPostgres,
} from '../../src/serve/operations/drill/postgres-server.ts'
import { requireServer } from '../servers.ts'
import { type Stage, setStage } from '../stage.ts'
import { expectJsonFailure, expectNoInsides, expectPlainFailure } from './plain-failure.ts'

const ROLES = [
  'down',
  'dying',
  'denied',
  'owning',
  'trusted',
  'paged',
  'limited',
  'twice',
  'stopped',
  'watched',
] as const
type RoleName = (typeof ROLES)[number]
const passwords = new Map<RoleName, string>()

let server: PostgresServer
let stage: Stage
/** A home in which everything is connected and observed; each role's containment has a copy. */
let observed: string

const postgres = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')

describe.skipIf(postgres.skip)(`containment where something is wrong ${postgres.reason}`, () => {
  beforeAll(async () => {
    server = await startPostgres({ settings: { log_connections: 'on' } })
    stage = await setStage(server)
    const admin = await connect(server, 'postgres')
    for (const role of ROLES) {
      const password = randomBytes(18).toString('base64url')
      passwords.set(role, password)
      await admin.query(`create role ${role} login password '${password}'`)
      await mkdir(join(servicesOf(role)), { recursive: true })
      const lines = { PGHOST: server.host, PGPORT: server.port, PGUSER: role, PGPASSWORD: password }
      const text = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`)
      await writeFile(join(servicesOf(role), '.env'), text.join(''), { mode: 0o600 })
    }
    await admin.query('create schema owned authorization owning')
    await admin.query('create table owned.thing as select 7 as n')
    await admin.query('alter table owned.thing owner to owning')
    await admin.end()
    observed = join(stage.directory, '..', 'observed')
    for (const line of [
      'firebreak connect postgres --host 127.0.0.1 --port $PGPORT --user $PGUSER --password env:PGPASSWORD',
      "firebreak connect directory --path ../services --approved '**/.env'",
      'firebreak observe',
    ]) {
      const { exit, stderr } = await run(line, observed)
      expect(exit, stderr).toBe(0)
    }
  })
  afterAll(async () => {
    await stage?.remove()
    await server?.stop()
  })

  test('a server that is down: connect, observe and contain say so; when it is back, the same command contains', async () => {
    const home = await homeOf('down')
    const contain = containOf('down')
    await server.kill()
    const password = '--host 127.0.0.1 --port $PGPORT --user $PGUSER --password env:PGPASSWORD'
    expectPlainFailure(await run(`firebreak connect postgres ${password}`, home), ['UNREACHABLE'])
    expectPlainFailure(await run(contain, home), ['UNREACHABLE'])
    expectJsonFailure(await run(`${contain} --json`, home), 'UNREACHABLE')
    const seen = await run('firebreak observe', home)
    expectPlainFailure(seen, ['UNREACHABLE'])
    expect(seen.stdout.replace(/\s+/g, ' ')).toMatch(/Not searched:.*could not be reached/)
    expect((await run('firebreak ls runs', home)).stdout).toContain('Nothing was run yet')
    await server.restart()
    await expectContained('down', await run(contain, home))
  })

  test('a server that dies in the middle: the run is stuck, says how to go on, and goes on', async () => {
    const home = await homeOf('dying')
    const contain = containOf('dying')
    const suspending = await heldAtSuspension('dying')
    const { outcome } = begin(`${contain} --patience 1`, home)
    await suspending.reached(outcome)
    await server.kill()
    const stuck = await outcome
    expect(stepsDone(home)).toBeGreaterThan(0)
    expect(stuck.exit, stuck.stdout).toBe(1)
    expect(stuck.stdout).toContain('NOT contained')
    expect(stuck.stdout).toMatch(/Go on with it: firebreak contain --resume \S+/)
    expectNoInsides(stuck.stdout + stuck.stderr)
    const listed = await run('firebreak ls runs', home)
    expect(listed.stdout).toContain('Stuck: these need somebody.')
    await server.restart()
    const resume = /firebreak contain --resume \S+/.exec(stuck.stdout)?.[0] ?? ''
    await expectContained('dying', await run(resume, home))
  })

  test("a wrong administrator's password: one try each, so that nobody is locked out, and what to do", async () => {
    const home = await homeOf('denied')
    const refusals = async () =>
      (await server.log()).split('password authentication failed for user "postgres"').length
    const lines = [
      'firebreak connect postgres --host 127.0.0.1 --port $PGPORT --user $PGUSER --password env:PGPASSWORD',
      'firebreak observe',
      containOf('denied'),
      `${containOf('denied')} --emergency`,
    ]
    for (const line of lines) {
      const before = await refusals()
      const refused = await run(`export PGPASSWORD=wrong; ${line}`, home)
      expectPlainFailure(refused, ['DENIED'])
      expect(refused.stderr).toContain('password')
      expect((await refusals()) - before, line).toBe(1)
    }
    await expectContained('denied', await run(containOf('denied'), home))
  })

  test.concurrent('a role that owns tables is cut off, and its replacement works with them', async () => {
    await expectContained('owning', await run(containOf('owning'), await homeOf('owning')))
    const { user, password } = await written('owning')
    const client = new pg.Client({
      host: server.host,
      port: server.port,
      user,
      password,
      database: 'postgres',
    })
    await client.connect()
    const { rows } = await client.query('select n from owned.thing')
    await client.query('insert into owned.thing values (8)')
    await client.end()
    expect(rows).toEqual([{ n: 7 }])
  })

  test.concurrent('a server that lets the role in with any password: what was offered proves nothing, only that nobody may log in', async () => {
    const home = await homeOf('trusted')
    await trust('trusted')
    expect(await login('trusted', 'anything')).toBe('let in')
    const planned = await run(`${containOf('trusted')} --dry-run`, home)
    expect(planned.stdout).toMatch(/trusted: unknown/)
    const ended = await run(containOf('trusted'), home)
    await expectContained('trusted', ended)
    expect(ended.stdout).toContain('NOLOGIN')
    expect(await login('trusted', 'anything')).toBe('refused 28000')
  })

  test.concurrent('a database that can grow no more, at any point: said so, and with room again all is done once', async () => {
    const home = await homeOf('paged')
    const db = new DatabaseSync(join(home, 'firebreak.db'), { readOnly: true })
    const pages = Number(db.prepare('pragma page_count').get()?.['page_count'])
    db.close()
    for (const more of [0, 3, 6, 9]) {
      const full = await run(
        `export FIREBREAK_MAX_DATABASE_PAGES=${pages + more}; ${containOf('paged')}`,
        home,
      )
      expectFull(full)
    }
    expect(stepsDone(home), 'it was stopped in the middle').toBeGreaterThan(0)
    await expectContained('paged', await run(containOf('paged'), home))
  })

  test.concurrent('a limit on the size of files, at any point: said so, and without it all is done once', async () => {
    const home = await homeOf('limited')
    const { size } = await stat(join(home, 'firebreak.db'))
    expect(size).toBeGreaterThan(64 * 1024)
    for (const kib of [40, 120, 240, 400]) {
      const full = await run(`ulimit -f ${kib}; ${containOf('limited')}`, home)
      expectFull(full)
    }
    expect(stepsDone(home), 'it was stopped in the middle').toBeGreaterThan(0)
    await expectContained('limited', await run(containOf('limited'), home))
  })

  test.concurrent('two at once for one credential: one contains it, the other says which, and one replacement stands', async () => {
    const home = await homeOf('twice')
    const ended = await Promise.all([run(containOf('twice'), home), run(containOf('twice'), home)])
    const [first, second] = ended.sort((a, b) => Number(a.exit) - Number(b.exit))
    await expectContained('twice', first!)
    // On a busy machine the second may come when the first has ended: then it says what that one came to.
    if (second!.exit === 0) expect(second!.stdout).toContain('Contained')
    else {
      expectPlainFailure(withoutPlan(second!), ['CONFLICT'])
      expect(second!.stderr).toMatch(/wait/)
    }
    const { stdout } = await run('firebreak ls runs --json', home)
    expect((JSON.parse(stdout) as { runs: object[] }).runs).toEqual([
      expect.objectContaining({ state: 'done' }),
    ])
  })

  test('control-C in the middle: it ends at once, and the same command goes on', async () => {
    const home = await homeOf('stopped')
    const suspending = await heldAtSuspension('stopped')
    const { child, outcome } = begin(containOf('stopped'), home)
    await suspending.reached(outcome)
    process.kill(-child.pid!, 'SIGINT')
    const stopped = await outcome
    await suspending.release()
    expect(stepsDone(home)).toBeGreaterThan(0)
    expect(stopped.exit, stopped.stderr).toBe(130)
    expect(stopped.stderr).toMatch(
      /INTERRUPTED {2}Interrupted\n→ what was committed is kept; the same command goes on from there\n$/,
    )
    expectNoInsides(stopped.stdout + stopped.stderr)
    await expectContained('stopped', await run(containOf('stopped'), home))
  })

  test('control-C while it still watches: nothing was begun', async () => {
    const home = await homeOf('watched')
    const { child, outcome } = begin(containOf('watched').replace('--window 0', '--window 30'), home)
    await printed(child, 'Watching who uses it, for 30 s')
    process.kill(-child.pid!, 'SIGINT')
    expect((await outcome).exit).toBe(130)
    expect((await run('firebreak ls runs', home)).stdout).toContain('Nothing was run yet')
    expect(await login('watched', passwords.get('watched') ?? '')).toBe('let in')
  })
})

function servicesOf(role: RoleName): string {
  return join(stage.directory, '..', 'services', role)
}

async function homeOf(role: RoleName): Promise<string> {
  const home = join(stage.directory, '..', `home-${role}`)
  await cp(observed, home, { recursive: true })
  return home
}

function run(line: string, home: string) {
  return stage.run(line, { environment: { FIREBREAK_HOME: home } })
}

function begin(line: string, home: string) {
  return stage.start(`export FIREBREAK_HOME='${home}'; ${line}`)
}

/** The leaked secret is pasted: nothing else tells whose it is. */
function containOf(role: RoleName): string {
  return `printf %s '${passwords.get(role)}' | firebreak contain - --window 0`
}

function printed(child: { stderr: NodeJS.ReadableStream | null }, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = ''
    child.stderr?.on('data', chunk => {
      seen += String(chunk)
      if (seen.includes(text)) resolve()
    })
    child.stderr?.once('end', () => reject(new Error(`it ended without ${text}: ${seen}`)))
  })
}

type Ended = Awaited<ReturnType<typeof run>>

/** What it printed first, before anything was done, is no failure. */
function withoutPlan({ exit, stdout, stderr }: Ended): Ended {
  return { exit, stdout, stderr: stderr.slice(Math.max(0, stderr.search(/^[A-Z_]{4,} {2}/m))) }
}

function expectFull(full: Ended): void {
  const { stderr } = withoutPlan(full)
  expect(stderr).toMatch(/^STORE_FULL {2}The database cannot grow: .*\n→ make room/)
  expect(full.exit, stderr).toBe(2)
  expectNoInsides(full.stdout + full.stderr)
}

/** Proven by the server, and by the file that its user reads. */
async function expectContained(role: RoleName, ended: Ended): Promise<void> {
  expect(ended.exit, ended.stdout + ended.stderr).toBe(0)
  expect(ended.stdout).toContain('Contained')
  expectNoInsides(ended.stdout + ended.stderr)
  expect(await login(role, passwords.get(role) ?? '')).toMatch(/^refused/)
  const { user, password } = await written(role)
  expect(user).not.toBe(role)
  expect(await login(user, password)).toBe('let in')
  const admin = await connect(server, 'postgres')
  const { rows } = await admin.query(
    `select m.rolname from pg_auth_members a join pg_roles r on r.oid = a.roleid join pg_roles m on m.oid = a.member
     where r.rolname = $1 and m.rolname <> $2`,
    [role, server.adminUser],
  )
  await admin.end()
  expect(rows, 'one replacement, and none that was forgotten').toEqual([{ rolname: user }])
}

async function written(role: RoleName): Promise<{ user: string; password: string }> {
  const text = await readFile(join(servicesOf(role), '.env'), 'utf8')
  const read = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? ''
  return { user: read('PGUSER'), password: read('PGPASSWORD') }
}

async function login(user: string, password: string): Promise<string> {
  const client = new pg.Client({ host: server.host, port: server.port, user, password, database: 'postgres' })
  client.on('error', () => {})
  try {
    await client.connect()
    return 'let in'
  } catch (error) {
    return `refused ${error instanceof Error && 'code' in error ? String(error.code) : ''}`
  } finally {
    await client.end().catch(() => {})
  }
}

/** How many steps of its run are done. */
function stepsDone(home: string): number {
  const db = new DatabaseSync(join(home, 'firebreak.db'))
  const row = db.prepare("select count(*) as n from step where state = 'verified'").get()
  db.close()
  return Number(row?.['n'])
}

/** From now on whoever suspends the role waits there, until the server has gone or this lets go of it. */
async function heldAtSuspension(
  role: RoleName,
): Promise<{ reached(outcome: Promise<Ended>): Promise<void>; release(): Promise<void> }> {
  const holder = await connect(server, 'postgres')
  await holder.query('begin')
  await holder.query(`alter role ${role} connection limit -1`)
  return {
    async reached(outcome) {
      const early = outcome.then(({ stdout, stderr }) => {
        throw new Error(`it ended without having suspended ${role}: ${stdout}${stderr}`)
      })
      const admin = await connect(server, 'postgres')
      const waits = async () =>
        (await admin.query("select 1 from pg_stat_activity where wait_event_type = 'Lock'")).rows.length
      await Promise.race([expect.poll(waits).toBeGreaterThan(0), early])
      early.catch(() => {})
      await admin.end()
    },
    async release() {
      await holder.query('rollback')
      await holder.end()
    },
  }
}

/** From now on the server lets the role in with any password. */
async function trust(role: RoleName): Promise<void> {
  const admin = await connect(server, 'postgres')
  const { rows } = await admin.query<{ hba_file: string }>('show hba_file')
  const path = rows[0]?.hba_file ?? ''
  const { uid, gid } = await stat(path)
  await writeFile(path, `host all ${role} 127.0.0.1/32 trust\n${await readFile(path, 'utf8')}`)
  await chown(path, uid, gid)
  await admin.query('select pg_reload_conf()')
  await admin.end()
}
