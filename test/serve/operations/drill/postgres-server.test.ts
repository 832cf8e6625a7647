import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Secret } from '../../../../src/core/contract/secret.ts'
import {
  availablePostgres,
  type PostgresServer,
  type PostgresServerOptions,
  startPostgres,
} from '../../../../src/serve/operations/drill/postgres-server.ts'
import { absentPostgres } from '../../../laws/postgres-world.ts'

const absent = absentPostgres()

describe.skipIf(absent)(`a PostgreSQL of our own${absent ? ` (${absent})` : ''}`, () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'firebreak-test-'))
    // The server runs as another account than root, which must be able to pass through.
    await chmod(directory, 0o755)
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  const query = async (server: PostgresServer, password: Secret, sql: string) => {
    const { host, port, adminUser, database } = server
    const client = new pg.Client({ host, port, user: adminUser, database, password: password.revealText() })
    client.on('error', () => {})
    await client.connect()
    const { rows } = await client.query<Record<string, unknown>>(sql)
    await client.end()
    return rows
  }

  /** What fails leaves no server for others to wait for. */
  const started = async (options: PostgresServerOptions = {}) => {
    const server = await startPostgres({ ...options, directory })
    onTestFinished(server.stop)
    return server
  }

  test('lets in who has the password, on the loopback only, and leaves nothing', async () => {
    const server = await started()
    expect(server.version).toBe(availablePostgres()?.version)
    const shown = await query(
      server,
      server.adminPassword,
      'select current_setting($$listen_addresses$$) as at',
    )
    expect(shown).toEqual([{ at: '127.0.0.1' }])
    await expect(query(server, new Secret('wrong'), 'select 1')).rejects.toMatchObject({ code: '28P01' })
    expect(await server.log()).not.toContain(server.adminPassword.revealText())
    await server.stop()
    await server.stop()
    expect(await readdir(directory)).toEqual([])
    expect(await answers(server.port)).toBe(false)
  })

  test('asks for no password where it is told to trust', async () => {
    const server = await started({ auth: 'trust' })
    expect(await query(server, new Secret('anything'), 'select 1 as one')).toEqual([{ one: 1 }])
    await server.stop()
  })

  test('keeps its data, port and password over a kill and a restart', async () => {
    const server = await started()
    await query(server, server.adminPassword, 'create table kept as select 7 as id')
    await server.kill()
    expect(await answers(server.port)).toBe(false)
    await server.restart()
    await server.restart()
    expect(await query(server, server.adminPassword, 'select id from kept')).toEqual([{ id: 7 }])
    await server.stop()
  })

  test('is another instance each time, on the port and with the password that it is given', async () => {
    const sysid = 'select system_identifier::text as id from pg_control_system()'
    const first = await started()
    const [one] = await query(first, first.adminPassword, sysid)
    await first.stop()
    const second = await started({ port: first.port, adminPassword: first.adminPassword })
    const [two] = await query(second, first.adminPassword, sysid)
    expect(second.port).toBe(first.port)
    expect(one).not.toEqual(two)
    await second.stop()
  })

  test('stops when its signal is aborted', async () => {
    const controller = new AbortController()
    const server = await started({ signal: controller.signal })
    controller.abort()
    await eventually(async () => !(await answers(server.port)) && (await readdir(directory)).length === 0)
  })

  test.each(['ends', 'is killed'])('goes when the process that started it %s', async how => {
    const module = new URL('../../../../src/serve/operations/drill/postgres-server.ts', import.meta.url)
    const end = how === 'ends' ? 'process.exit(0)' : `process.kill(process.pid, 'SIGKILL')`
    const script = `import { startPostgres } from ${JSON.stringify(module.href)}
      const server = await startPostgres({ directory: ${JSON.stringify(directory)} })
      process.stdout.write(String(server.port), () => ${end})`
    const child = spawn('node', ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let port = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (port += text))
    await new Promise(resolve => child.once('close', resolve))
    expect(Number(port)).toBeGreaterThan(0)
    await eventually(async () => !(await answers(Number(port))) && (await readdir(directory)).length === 0)
  })

  test('says how to install what is not there', () => {
    const bin = availablePostgres()?.bin ?? ''
    expect(existsSync(join(bin, 'initdb'))).toBe(true)
    expect(absentPostgres('system') ?? 'apt-get install postgresql').toContain('apt-get install postgresql')
  })
})

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it did not come to be in time')
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
