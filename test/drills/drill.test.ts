import { spawn, spawnSync } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { realIo } from '../../src/core/contract/io.ts'
import { readExport } from '../../src/core/evidence/export.ts'
import { connect, type Estate, LEAKED_ROLE, stageEstate } from '../../src/serve/operations/drill/estate.ts'
import { availablePostgres } from '../../src/serve/operations/drill/postgres-server.ts'
import { type Check, rehearse } from '../../src/serve/operations/drill/run.ts'
import { requireServer } from '../servers.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/firebreak.js', import.meta.url))
const postgres = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')

/** The drill of two systems is graceful; the long campaigns try both modes here. */
const MODES: readonly ('graceful' | 'emergency')[] = process.env['SOAK']
  ? ['graceful', 'emergency']
  : ['emergency']

describe.skipIf(postgres.skip)(`the drill ${postgres.reason}`, () => {
  describe.each(MODES)('%s', mode => {
    let directory: string
    let estate: Estate
    let checks: Check[]
    let output = ''
    const kept = () => join(directory, 'kept')
    const home = () => join(directory, 'home')

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'firebreak-drill-test-'))
      estate = await stageEstate(new AbortController().signal)
      checks = await rehearse(estate, {
        io: realIo(),
        mode,
        program: PROGRAM,
        home: home(),
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

    test('passes its own checks', () => {
      expect(
        checks.filter(check => !check.ok),
        output,
      ).toEqual([])
    })

    test('the old password fails at the server, and its role has no session left', async () => {
      const { host, port } = estate.server
      const password = estate.leaked.revealText()
      const client = new pg.Client({ host, port, user: LEAKED_ROLE, password, database: estate.database })
      await expect(client.connect()).rejects.toMatchObject({ code: expect.stringMatching(/^28/) })
      const admin = await connect(estate.server, 'postgres')
      const { rows } = await admin.query('select 1 from pg_stat_activity where usename = $1', [LEAKED_ROLE])
      await admin.end()
      expect(rows).toEqual([])
    })

    test('the services work on, with one new credential between them', async () => {
      const before = await Promise.all(estate.workers.map(worker => worker.requests()))
      const requests = () => Promise.all(estate.workers.map(worker => worker.requests()))
      const goesOn = async () => (await requests()).every(({ ok }, index) => ok > (before[index]?.ok ?? 0))
      await expect.poll(goesOn).toBe(true)
      const after = await requests()
      for (const [index, { ok, failed, users }] of after.entries()) {
        expect(ok).toBeGreaterThan(before[index]?.ok ?? 0)
        expect(failed).toBe(before[index]?.failed)
        if (mode === 'graceful') expect(failed).toBe(0)
        expect(users).toHaveLength(2)
      }
      expect(new Set(after.map(({ users }) => users.at(-1))).size).toBe(1)
    })

    // Not told by the services: one that reads its file again just after it was written never felt the cut.
    test('the order of the record is the order of the mode', async () => {
      const { entries } = await readExport(join(kept(), 'evidence.jsonl'))
      const at = (kind: string, verb: string) =>
        entries
          .filter(entry => entry.kind === kind && entry.body.includes(`"verb":"${verb}"`))
          .map(({ seq }) => seq)
      const [first, then] =
        mode === 'emergency'
          ? [at('step.verified', 'end-sessions'), at('step.intent', 'write')]
          : [at('step.verified', 'write'), at('step.intent', 'revoke')]
      expect([first.length, then.length].sort()).toEqual([1, 2])
      expect(Math.min(...then)).toBeGreaterThan(Math.max(...first))
    })

    test('shows copies in all their forms, owner, users, reach, plan and proof', () => {
      const scanned = /firebreak scan [^\n]*\n(?<text>[\s\S]*?)\n3\. /.exec(output)?.groups?.['text'] ?? ''
      for (const path of ['.env', 'migrate.yml', 'Dockerfile', 'secret.yaml', 'database.js', 'database.yml'])
        expect(scanned.replaceAll(/\s/g, '')).toContain(path)
      expect(output).toContain('team-orders')
      // In an emergency there is one look only, which may come between two requests.
      for (const { name } of estate.workers)
        expect(output).toMatch(
          new RegExp(mode === 'graceful' ? `${name}@127\\.0\\.0\\.1: has\\s+sessions` : name),
        )
      expect(output).toContain('orders.customer')
      expect(output).toMatch(/Plan \((graceful|emergency)\)/)
      expect(output).toContain('Contained: tried at the server, and refused.')
    })

    test('fits a terminal of 80 columns, but for the commands', () => {
      const long = output.split('\n').filter(line => line.length > 80 && !line.startsWith('$ '))
      expect(long.filter(line => !/\/(tmp|var|private)\//.test(line))).toEqual([])
    })

    describe('evidence verify', () => {
      const verify = (tampered: string, ...args: string[]) =>
        spawnSync(process.execPath, [PROGRAM, 'evidence', 'verify', ...args, '--json'], {
          env: { ...process.env, FIREBREAK_HOME: tampered },
          encoding: 'utf8',
        })
      const tamper = async (statements: string) => {
        const copy = await mkdtemp(join(directory, 'tampered-'))
        await cp(home(), copy, { recursive: true })
        const db = new DatabaseSync(join(copy, 'firebreak.db'))
        db.exec(statements)
        db.close()
        return copy
      }
      const anchor = () => join(kept(), 'anchor.json')

      test('holds as it is; without an anchor the tail is unproven', async () => {
        const plain = verify(await tamper(''))
        expect(plain.status, plain.stderr).toBe(0)
        expect(plain.stdout).toContain('unproven')
        const anchored = verify(await tamper(''), '--anchor', anchor())
        expect(anchored.status, anchored.stderr).toBe(0)
        expect(anchored.stdout).not.toContain('unproven')
      })

      test('fails after one byte is changed', async () => {
        const changed = await tamper(
          `update evidence set body = replace(body, 'revoke', 'rewoke') where seq = (select min(seq) from evidence where body like '%"verb":"revoke"%')`,
        )
        const verdict = verify(changed)
        expect(verdict.status).toBe(1)
        expect(verdict.stdout + verdict.stderr).toMatch(/is not what was sealed/)
      })

      test('fails after one entry is dropped', async () => {
        const verdict = verify(await tamper('delete from evidence where seq = 7'))
        expect(verdict.status).toBe(1)
        expect(verdict.stdout + verdict.stderr).toMatch(/entry 7 is missing/)
      })

      test('a tail cut together with its checkpoint shows against the anchor', async () => {
        const cut = await tamper(`
          delete from checkpoint where seq > (select seq from checkpoint order by seq limit 1 offset 2);
          delete from evidence where seq > (select max(seq) from checkpoint) or seq is null`)
        const blind = verify(cut)
        expect(blind.status).toBe(0)
        expect(blind.stdout).toContain('unproven')
        const verdict = verify(cut, '--anchor', anchor())
        expect(verdict.status).toBe(1)
        expect(verdict.stdout + verdict.stderr).toMatch(/tail was cut/)
      })

      test('the export that was kept verifies by itself, and fails with one byte changed', async () => {
        const file = join(kept(), 'evidence.jsonl')
        const verdict = verify(home(), '--file', file, '--anchor', anchor())
        expect(verdict.status, verdict.stderr).toBe(0)
        const text = await readFile(file, 'utf8')
        const changed = join(directory, 'changed.jsonl')
        await writeFile(changed, text.replace('run.opened', 'run.closed'))
        expect(verify(home(), '--file', changed).status).toBe(1)
      })
    })
  })

  test('Ctrl-C halfway leaves no process and no file', async () => {
    const home = await mkdtemp(join(tmpdir(), 'firebreak-drill-int-'))
    const temporary = join(home, 'tmp')
    await mkdir(temporary)
    // PostgreSQL's own account has to get to its files.
    await Promise.all([chmod(home, 0o755), chmod(temporary, 0o755)])
    const child = spawn(process.execPath, [PROGRAM, 'drill'], {
      env: { ...process.env, FIREBREAK_HOME: join(home, 'home'), TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const ended = new Promise<number | null>(resolve => child.once('close', resolve))
    await new Promise<void>(resolve => {
      let text = ''
      child.stderr.on('data', bytes => {
        text += String(bytes)
        if (text.includes('5. Do it')) resolve()
      })
      void ended.then(() => resolve())
    })
    // As a terminal does it: the whole foreground group gets the signal.
    process.kill(-(child.pid ?? 0), 'SIGINT')
    expect(await ended).not.toBe(0)
    const left = spawnSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).stdout
    expect(left.split('\n').filter(line => line.includes(temporary))).toEqual([])
    expect((await readdir(temporary)).filter(name => name.startsWith('firebreak-'))).toEqual([])
    await rm(home, { recursive: true, force: true })
  })
})
