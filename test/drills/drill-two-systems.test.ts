import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { realIo } from '../../src/core/contract/io.ts'
import {
  connect,
  DUMP,
  type Estate,
  LEAKED_ROLE,
  LEAKED_USER,
  stageEstate,
} from '../../src/serve/operations/drill/estate.ts'
import { availablePostgres } from '../../src/serve/operations/drill/postgres-server.ts'
import { availableRedis, INSTALL_REDIS } from '../../src/serve/operations/drill/redis-server.ts'
import { type Check, rehearse } from '../../src/serve/operations/drill/run.ts'
import { requireServer } from '../servers.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/firebreak.js', import.meta.url))
const postgres = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')
const redis = requireServer('Redis', availableRedis() !== undefined, INSTALL_REDIS)

describe.skipIf(postgres.skip || redis.skip)(
  `the drill with PostgreSQL and Redis leaked from one dump ${postgres.reason || redis.reason}`,
  () => {
    let directory: string
    let estate: Estate
    let checks: Check[]
    let output = ''
    const kept = () => join(directory, 'kept')
    const firebreak = (...args: string[]) =>
      spawnSync(process.execPath, [PROGRAM, ...args], {
        env: {
          ...process.env,
          FIREBREAK_HOME: join(directory, 'home'),
          DRILL_ADMIN_PASSWORD: estate.server.adminPassword.revealText(),
          DRILL_REDIS_PASSWORD: cacheOf(estate).server.adminPassword.revealText(),
        },
        encoding: 'utf8',
      })

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'firebreak-drill-two-test-'))
      estate = await stageEstate(new AbortController().signal, { redis: true })
      checks = await rehearse(estate, {
        io: realIo(),
        mode: 'graceful',
        program: PROGRAM,
        home: join(directory, 'home'),
        kept: kept(),
        onOutput: text => {
          output += text
        },
      })
    })
    afterAll(async () => {
      await estate?.stop()
      await rm(directory, { recursive: true, force: true })
    })

    test('passes its own checks, those at both servers among them', () => {
      expect(
        checks.filter(check => !check.ok),
        output,
      ).toEqual([])
      expect(checks.map(check => check.what)).toEqual(
        expect.arrayContaining(['the leaked password at PostgreSQL', 'the leaked password at Redis']),
      )
    })

    test('PostgreSQL refuses the old password, and has no session of its role', async () => {
      const { host, port } = estate.server
      const password = estate.leaked.revealText()
      const client = new pg.Client({ host, port, user: LEAKED_ROLE, password, database: estate.database })
      await expect(client.connect()).rejects.toMatchObject({ code: expect.stringMatching(/^28/) })
      const admin = await connect(estate.server, 'postgres')
      const { rows } = await admin.query('select 1 from pg_stat_activity where usename = $1', [LEAKED_ROLE])
      await admin.end()
      expect(rows).toEqual([])
    })

    test('Redis refuses the old password, has no session of its user, and takes what the file holds', async () => {
      const { server, leaked } = cacheOf(estate)
      await expect(logIn(server, LEAKED_USER, leaked.revealText())).rejects.toThrow(/^WRONGPASS/)
      const admin = await logIn(server, server.adminUser, server.adminPassword.revealText())
      expect(String(await admin.client.call('CLIENT', 'LIST'))).not.toContain(` user=${LEAKED_USER} `)
      admin.client.disconnect()
      const url = new URL(
        /^REDIS_URL=(.*)$/m.exec(await readFile(join(estate.services, 'cart-service/.env'), 'utf8'))?.[1] ??
          '',
      )
      const now = await logIn(server, url.username, decodeURIComponent(url.password))
      expect(now.answer).toBe('OK')
      now.client.disconnect()
    })

    test('no request of any service failed, and each works on with its new credential', async () => {
      const before = await Promise.all(estate.workers.map(worker => worker.requests()))
      const requests = () => Promise.all(estate.workers.map(worker => worker.requests()))
      const goesOn = async () => (await requests()).every(({ ok }, index) => ok > (before[index]?.ok ?? 0))
      await expect.poll(goesOn).toBe(true)
      const after = await requests()
      expect(estate.workers.map(worker => worker.name)).toEqual([
        'orders-api',
        'orders-worker',
        'cart-service',
      ])
      for (const [index, { ok, failed, users, errors }] of after.entries()) {
        expect(errors).toEqual([])
        expect(failed).toBe(0)
        expect(ok).toBeGreaterThan(before[index]?.ok ?? 0)
        expect(users).toHaveLength(2)
        expect(users[0]).toBe(estate.workers[index]?.as)
      }
      const [api, worker, cart] = after.map(({ users }) => users.at(-1))
      expect(api).toBe(worker)
      expect(cart).not.toBe(api)
    })

    test('it was one run with a proof for each, asked for by the name of the dump', () => {
      expect(output).toContain(`firebreak contain --leaked-in ${DUMP}`)
      const again = firebreak('contain', '--leaked-in', DUMP, '--json')
      expect(again.status, again.stdout + again.stderr).toBe(0)
      const report = JSON.parse(again.stdout) as {
        contained: boolean
        credentials: { label: string; state: string; sessions: number }[]
      }
      expect(report.contained).toBe(true)
      expect(
        report.credentials.map(({ label, state, sessions }) => `${label} ${state} ${sessions}`).sort(),
      ).toEqual([`${LEAKED_ROLE} dead 0`, `${LEAKED_USER} dead 0`])
      const runs = JSON.parse(firebreak('ls', 'runs', '--json').stdout) as { runs: unknown[] }
      expect(runs.runs).toHaveLength(1)
    })

    test('the evidence verifies, fits the anchor, and holds neither password', async () => {
      const file = join(kept(), 'evidence.jsonl')
      const verdict = firebreak('evidence', 'verify', '--file', file, '--anchor', join(kept(), 'anchor.json'))
      expect(verdict.status, verdict.stderr).toBe(0)
      const text = await readFile(file, 'utf8')
      for (const secret of [estate.leaked, cacheOf(estate).leaked])
        for (const form of [secret.revealText(), encodeURIComponent(secret.revealText())]) {
          expect(text).not.toContain(form)
          expect(output).not.toContain(form)
        }
      expect(text).toContain(`prove:${LEAKED_ROLE}`)
      expect(text).toContain(`prove:${LEAKED_USER}`)
    })

    test('after a restart Redis refuses the old password still: what was cut was saved', async () => {
      const { server, leaked } = cacheOf(estate)
      await server.restart()
      await expect(logIn(server, LEAKED_USER, leaked.revealText())).rejects.toThrow(/^WRONGPASS/)
    })

    test('fits a terminal of 80 columns, but for the commands', () => {
      const long = output.split('\n').filter(line => line.length > 80 && !line.startsWith('$ '))
      expect(long.filter(line => !/\/(tmp|var|private)\//.test(line))).toEqual([])
    })
  },
)

function cacheOf(estate: Estate): NonNullable<Estate['cache']> {
  if (!estate.cache) throw new Error('no Redis was staged')
  return estate.cache
}

async function logIn(
  { host, port }: { host: string; port: number },
  user: string,
  password: string,
): Promise<{ answer: unknown; client: Redis }> {
  const client = new Redis({
    host,
    port,
    protocol: 2,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
  })
  client.on('error', () => {})
  await client.connect()
  try {
    return { answer: await client.call('AUTH', user, password), client }
  } catch (error) {
    client.disconnect()
    throw error
  }
}
