import { spawn } from 'node:child_process'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  availablePostgres,
  type PostgresServer,
  startPostgres,
} from '../../src/serve/operations/drill/postgres-server.ts'
import { requireServer } from '../servers.ts'
import { type Stage, setStage } from '../stage.ts'

const PROGRAM = fileURLToPath(new URL('contain-program.ts', import.meta.url))
const postgres = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')

/** The whole program with its store on PostgreSQL, containing a role of the same server. */
describe.skipIf(postgres.skip)(`with DATABASE_URL ${postgres.reason}`, () => {
  let server: PostgresServer
  let stage: Stage
  let admin: pg.Client
  let environment: NodeJS.ProcessEnv

  beforeAll(async () => {
    server = await startPostgres()
    stage = await setStage(server)
    admin = await connected(server.adminUser, server.adminPassword.revealText(), 'postgres')
    // The password comes from PGPASSWORD, as with any program of PostgreSQL's.
    environment = { DATABASE_URL: `postgres://${server.adminUser}@127.0.0.1:${server.port}/firebreak` }
  })
  afterAll(async () => {
    await admin?.end()
    await stage?.remove()
    await server?.stop()
  })

  const connected = async (user: string, password: string, database: string) => {
    const client = new pg.Client({ host: server.host, port: server.port, user, password, database })
    await client.connect()
    return client
  }
  const inFile = async (line: string, exit = 0) => {
    const outcome = await stage.run(`firebreak ${line}`)
    expect(outcome.exit, outcome.stdout + outcome.stderr).toBe(exit)
    return outcome.stdout
  }
  const firebreak = (line: string, more: NodeJS.ProcessEnv = {}) =>
    stage.run(`firebreak ${line}`, { environment: { ...environment, ...more } })
  const ok = async (line: string, exit = 0) => {
    const outcome = await firebreak(line)
    expect(outcome.exit, outcome.stdout + outcome.stderr).toBe(exit)
    return outcome.stdout
  }

  test('what was scanned and contained with a file moves there whole, and the file is left', async () => {
    expect(await inFile('scan . --workers 1', 1)).toContain('deploy/.env')
    const login = `--host 127.0.0.1 --port ${server.port} --user ${server.adminUser} --password env:PGPASSWORD`
    await inFile(`connect postgres ${login}`)
    await inFile('connect directory --path deploy --approved .env')
    await admin.query(`create role app_early login password 'secret-of-app-early-1122334455'`)
    await inFile('observe')
    // Its value is known to nobody here: the server's word is taken, and that it is no more than that is said.
    const early = await inFile('contain app_early --window 0')
    expect(early).toContain('Contained: the system says that nobody gets in; no value was at hand to try.')
    const url = environment['DATABASE_URL']
    const leaking = await stage.run(`firebreak migrate --to ${url!.replace('@', ':hunter2@')}`)
    expect(leaking).toMatchObject({ exit: 2, stderr: expect.stringContaining('--password') })
    expect(leaking.stderr).not.toContain('hunter2')
    const before = await Promise.all(
      ['ls', 'ls identities', 'ls sources', 'ls runs'].map(line => inFile(line)),
    )
    expect(await inFile(`migrate --to ${url} --password env:PGPASSWORD`)).toContain('the same digests')
    for (const line of ['ls', 'scan .', 'evidence verify']) {
      const refused = await stage.run(`firebreak ${line}`)
      expect(refused).toMatchObject({
        exit: 2,
        stderr: expect.stringContaining('firebreak migrate --reopen'),
      })
    }
    expect(await Promise.all(['ls', 'ls identities', 'ls sources', 'ls runs'].map(line => ok(line)))).toEqual(
      before,
    )
  })

  test('scan, trace and observe go on there', async () => {
    expect(await ok('scan . --workers 1', 1)).toContain('deploy/.env')
    expect(await ok('trace - --json')).toContain('deploy/old.env')
    await ok('observe')
    expect(await ok('ls identities')).toContain('app_orders')
  })

  test('a replica needs the key of the others, and makes none of its own', async () => {
    const other = { FIREBREAK_HOME: join(stage.home, '..', 'keyless') }
    const refused = await firebreak('ls', other)
    expect(refused).toMatchObject({ exit: 2, stderr: expect.stringContaining('KEY_UNUSABLE') })
    await expect(readdir(other.FIREBREAK_HOME)).rejects.toThrow()
    // With a key that it has, but that is another one, it is refused as well.
    expect((await stage.run('firebreak ls', { environment: other })).exit).toBe(0)
    expect(await firebreak('ls', other)).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('KEY_UNUSABLE'),
    })
  })

  test.each(['issue:call'])(
    'a containment that is killed at %s is gone on with by another replica',
    async killAt => {
      const role = `app_${killAt.replace(':', '_')}`
      const password = `secret-of-${role}-1122334455`
      await admin.query(`create role ${role} login password '${password}'`)
      const place = join(stage.directory, role)
      await mkdir(place)
      const login = `postgres://${role}:${password}@127.0.0.1:${server.port}/postgres`
      await writeFile(join(place, '.env'), `DATABASE_URL=${login}\n`)
      await ok(`connect directory --path ${role} --approved .env`)
      await ok('observe')
      const killed = spawn(process.execPath, [PROGRAM, stage.home, role, 'graceful', '0', killAt], {
        env: { ...process.env, ...environment, PGPASSWORD: server.adminPassword.revealText() },
        stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
      })
      killed.stdio[3]?.on('data', () => {})
      expect(await new Promise(resolve => killed.once('exit', (_, signal) => resolve(signal)))).toBe(
        'SIGKILL',
      )
      const home = join(stage.home, '..', `replica-${role}`)
      await mkdir(home)
      await cp(join(stage.home, 'key'), join(home, 'key'))
      const again = await firebreak(`contain ${role} --window 0 --json`, { FIREBREAK_HOME: home })
      const report = JSON.parse(again.stdout) as { state: string; steps: { state: string }[] }
      expect(report.state, again.stdout + again.stderr).toBe('done')
      const { rows } = await admin.query(
        'select rolname, rolcanlogin from pg_roles where rolname like $1 order by 1',
        [`%${role}%`],
      )
      expect(rows.filter(row => row.rolcanlogin && row.rolname === role)).toEqual([])
      // What the one that was killed had issued, the other one could read and write.
      expect(await readFile(join(place, '.env'), 'utf8')).not.toContain(password)
    },
  )

  test('two replicas that contain one credential at once do it once, and both say what came of it', async () => {
    const outcomes = await Promise.all([
      firebreak('contain app_orders --window 0 --emergency --json'),
      firebreak('contain app_orders --window 0 --emergency --json'),
    ])
    expect(outcomes.filter(({ exit }) => exit === 0).length).toBeGreaterThan(0)
    for (const { exit, stderr } of outcomes) if (exit !== 0) expect(stderr).toContain('CONFLICT')
    const runs = JSON.parse(await ok('ls runs --json')) as { runs: { state: string }[] }
    expect(runs.runs.map(run => run.state)).toEqual(['done', 'done', 'done'])
    await expect(connected('app_orders', stage.secret, 'postgres')).rejects.toMatchObject({
      code: expect.stringMatching(/^28/),
    })
    const evidence = JSON.parse(await ok('evidence verify --json')) as { ok: boolean; unsealed: number }
    expect(evidence).toMatchObject({ ok: true, unsealed: 0 })
  })

  test('all of it moves back into a file', async () => {
    await ok('migrate --to back/firebreak.db')
    expect((await stage.run('cp "$FIREBREAK_HOME/key" back/key')).exit).toBe(0)
    const home = { FIREBREAK_HOME: join(stage.directory, 'back') }
    const runs = await stage.run('firebreak ls runs', { environment: home })
    expect(runs.stdout.match(/done/g)).toHaveLength(3)
    expect((await stage.run('firebreak evidence verify', { environment: home })).exit).toBe(0)
    expect(await firebreak('ls')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('back/firebreak.db'),
    })
  })

  test('no plaintext and no password is in the database', async () => {
    const client = await connected(server.adminUser, server.adminPassword.revealText(), 'firebreak')
    const { rows: tables } = await client.query<{ name: string }>(
      'select tablename as name from pg_tables where schemaname = current_schema()',
    )
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`select t::text as row from "${name}" t`)
      for (const { row } of rows)
        for (const secret of [stage.secret, server.adminPassword.revealText()])
          expect(row).not.toContain(secret)
    }
    await client.end()
  })
})
