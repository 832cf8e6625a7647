import { randomBytes } from 'node:crypto'
import { chmod, cp, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Stage, setStage } from '../stage.ts'
import { expectJsonFailure, expectNoInsides, expectPlainFailure } from './plain-failure.ts'

let stage: Stage
/** What was found, where no run opens it: SQLite's own files beside a database come and go while it is open. */
let found: string
let copies = 0
/** It takes the program's whole patience, which the other tests do not have to wait for. */
let held: Promise<{ home: string; refused: Awaited<ReturnType<Stage['run']>> }>

beforeAll(async () => {
  stage = await setStage()
  expect((await stage.run('firebreak scan .')).exit).toBe(1)
  found = `${stage.home}-found`
  await cp(stage.home, found, { recursive: true })
  held = whileHeld()
})
afterAll(() => stage.remove())

/** A copy of the home with all that was found, to be spoilt. */
async function copyOfHome(): Promise<string> {
  const copy = `${stage.home}-${copies++}`
  await cp(found, copy, { recursive: true })
  return copy
}

const inHome = (home: string) => ({ environment: { FIREBREAK_HOME: home } })

describe.concurrent('the root key', () => {
  const firebreak = ['firebreak trace -', 'firebreak scan .', 'firebreak evidence verify']
  const spoilt: [what: string, spoil: (key: string) => Promise<void>, advice: RegExp][] = [
    ['that others may read', key => chmod(key, 0o644), /chmod 600/],
    ['that is empty', key => writeFile(key, ''), /backup/],
    ['that is cut short', key => truncate(key, 20), /backup/],
    ['of another database', key => writeFile(key, `${randomBytes(32).toString('base64')}\n`), /backup/],
    ['that is lost', key => rm(key), /backup/],
    [
      'that is a directory',
      key =>
        rm(key)
          .then(() => mkdir(key, { mode: 0o700 }))
          .then(() => {}),
      /FIREBREAK_KEY_FILE/,
    ],
  ]
  for (const [index, [what, spoil, advice]] of spoilt.entries())
    test(`${what} is refused, and put back it fits again`, async () => {
      const home = await copyOfHome()
      const key = join(home, 'key')
      const before = await readFile(key)
      await spoil(key)
      // Above all, a leaked secret is not said to stand nowhere. Of the others one each: all come by one way to the key.
      for (const line of [firebreak[0]!, firebreak[1 + (index % 2)]!]) {
        const refused = await stage.run(line, inHome(home))
        expectPlainFailure(refused, ['KEY_UNUSABLE'])
        expect(refused.stderr).toMatch(advice)
        expect(refused.stdout).toBe('')
      }
      await rm(key, { recursive: true, force: true })
      await writeFile(key, before, { mode: 0o600 })
      expect((await stage.run('firebreak trace -', inHome(home))).stdout).toContain('deploy/.env:2')
      expect((await stage.run('firebreak evidence verify', inHome(home))).exit).toBe(0)
    })
})

describe.concurrent('the database file', () => {
  const spoilt: [what: string, spoil: (path: string) => Promise<void>][] = [
    [
      'that is none',
      path => writeFile(path, 'this was never a database, whatever it is called\n'.repeat(100)),
    ],
    ['that is cut short', path => truncate(path, 20_000)],
    ['with random bytes in its middle', overwritten],
  ]
  for (const [what, spoil] of spoilt)
    test(`${what} is told so, and is not made anew`, async () => {
      const home = await copyOfHome()
      const path = join(home, 'firebreak.db')
      await spoil(path)
      const before = (await readFile(path)).length
      for (const line of [
        'firebreak ls',
        'firebreak scan .',
        'firebreak show app_orders',
        'firebreak evidence verify',
      ]) {
        const refused = await stage.run(line, inHome(home))
        expect(refused.stderr).toMatch(/^STORE_BROKEN {2}The database cannot be used: .*\n→ .*backup/)
        expect(refused.exit).toBe(2)
        expectNoInsides(refused.stdout + refused.stderr)
      }
      expectJsonFailure(await stage.run('firebreak ls --json', inHome(home)), 'STORE_BROKEN')
      expect((await readFile(path)).length).toBeGreaterThanOrEqual(before)
    })

  test('that is a directory is told so', async () => {
    const home = `${stage.home}-directory`
    await mkdir(join(home, 'firebreak.db'), { recursive: true })
    await cp(join(found, 'key'), join(home, 'key'))
    expectPlainFailure(await stage.run('firebreak ls', inHome(home)), ['STORE_BROKEN'])
  })
})

/** A scan of a home whose database another connection holds for as long as it takes. */
async function whileHeld() {
  const home = await copyOfHome()
  const db = new DatabaseSync(join(home, 'firebreak.db'))
  db.exec('begin immediate')
  const refused = await stage.run('firebreak scan .', inHome(home))
  db.exec('rollback')
  db.close()
  return { home, refused }
}

/** Pages of the tables themselves, so that it opens, and breaks when it is read. */
async function overwritten(path: string): Promise<void> {
  const db = new DatabaseSync(path)
  db.exec('pragma wal_checkpoint(truncate)')
  const roots = db
    .prepare(
      "select rootpage from sqlite_master where name in ('credential', 'entity', 'copy', 'source', 'checkpoint')",
    )
    .all()
  db.close()
  const bytes = await readFile(path)
  for (const { rootpage } of roots) randomBytes(4096).copy(bytes, (Number(rootpage) - 1) * 4096)
  await writeFile(path, bytes)
}

describe.concurrent('FIREBREAK_HOME', () => {
  test('that is a file, or below one, is refused', async () => {
    await writeFile(`${stage.home}-file`, '')
    for (const home of [`${stage.home}-file`, `${stage.home}-file/below`]) {
      expectPlainFailure(await stage.run('firebreak ls', inHome(home)), ['KEY_UNUSABLE'])
      expectPlainFailure(await stage.run('firebreak scan .', inHome(home)), ['KEY_UNUSABLE'])
    }
  })

  test('that may not be written is refused', async () => {
    // Permissions do not bind root; a folder of the kernel's own does.
    const home = process.getuid?.() === 0 ? '/sys/firebreak' : `${stage.home}-locked`
    if (process.getuid?.() !== 0) await mkdir(home, { mode: 0o500 })
    expectPlainFailure(await stage.run('firebreak scan .', inHome(home)), ['KEY_UNUSABLE'])
  })
})

describe.concurrent('a secret on standard input', () => {
  for (const command of ['trace', 'contain'])
    test(`${command} - says what is wrong with it, and never what it is`, async () => {
      expectPlainFailure(await stage.run(`firebreak ${command} -`, { stdin: '' }), ['INVALID_INPUT'])
      expectPlainFailure(await stage.run(`firebreak ${command} -`, { stdin: '\n' }), ['INVALID_INPUT'])
      expectPlainFailure(await stage.run(`firebreak ${command} - <&-`), ['INVALID_INPUT'])
      const long = await stage.run(`firebreak ${command} -`, { stdin: stage.secret.repeat(2000) })
      expectPlainFailure(long, ['INVALID_INPUT'])
      expect(long.stderr).toContain('64 KiB')
      expectJsonFailure(await stage.run(`firebreak ${command} - --json`, { stdin: '' }), 'INVALID_INPUT')
      const binary = await stage.run(`firebreak ${command} - < /dev/urandom`)
      expectPlainFailure(binary, ['INVALID_INPUT'])
      expect(long.stderr + binary.stderr).not.toContain(stage.secret)
    })

  test('a leaked secret of no connected system: where it stands is said, and what to connect', async () => {
    const refused = await stage.run('firebreak contain -')
    expectPlainFailure(refused, ['UNSUPPORTED'])
    expect(refused.stderr).toMatch(/3 copies are known/)
    expect(refused.stderr).toContain('firebreak connect postgres')
  })
})

describe.concurrent('a command line that cannot be understood', () => {
  const lines = [
    'firebreak scna .',
    'firebreak ls nonsense',
    'firebreak contain app_orders --nonsense',
    'firebreak contain app_orders --window soon',
    'firebreak contain app_orders --window -5',
    'firebreak contain',
    'firebreak contain app_orders --resume',
    'firebreak scan',
    'firebreak scan . --workers 0',
    'firebreak scan . --min-confidence 2',
    'firebreak show',
    'firebreak connect nowhere',
    'firebreak connect postgres --port 5432',
    'firebreak connect postgres --host h --user u --password env:NOT_SET',
    'firebreak connect postgres --host h --user u --password file:/nonexistent/password',
    'firebreak connect directory --path . --workloads name',
    'firebreak connect git --path /nonexistent',
    'firebreak evidence nonsense',
    'firebreak evidence verify --anchor /nonexistent/anchor.json',
    'firebreak evidence verify --file deploy/.env',
    'firebreak evidence export --out /nonexistent/out.jsonl',
    'firebreak observe nowhere',
    'firebreak contain --resume 01a00000-0000-7000-8000-000000000000',
    'firebreak reach nobody',
  ]
  test.each(lines)('%s', async line => {
    const [text, json] = await Promise.all([stage.run(line), stage.run(`${line} --json`)])
    expect(text.exit, text.stderr).toBe(2)
    expect(text.stdout).toBe('')
    // Commander's own sentence, or ours; then what to do.
    expect(text.stderr).toMatch(/^(error: |[A-Z_]+ {2})\S.*\n(\(Did you mean .*\n)?→ \S.*\n$/)
    expectNoInsides(text.stderr)
    const { error } = JSON.parse(json.stderr) as { error: object }
    expect(error).toEqual({
      code: expect.stringMatching(/^[A-Z_]+$/),
      message: expect.stringMatching(/^[^]{8,}$/),
      advice: expect.stringMatching(/\S/),
    })
    expect(json.exit).toBe(2)
    expect(json.stdout).toBe('')
  })
})

describe.concurrent('a reader that goes away', () => {
  test.each(['ls', 'show app_orders', 'scan . --json', 'evidence export', '--help'])(
    'firebreak %s | head -1',
    async line => {
      const piped = await stage.run(`firebreak ${line} | head -1; echo "\${PIPESTATUS[0]}"`)
      expect(piped.stderr).toBe('')
      expect(piped.stdout.trim().split('\n').at(-1)).toBe(line.startsWith('scan') ? '1' : '0')
    },
  )

  test('standard output that is closed is no reason to fail', async () => {
    const { exit, stderr } = await stage.run('firebreak ls >&-')
    expectNoInsides(stderr)
    expect(exit).toBe(0)
  })

  test('standard output that takes nothing is told, and is no success', async () => {
    const { exit, stderr } = await stage.run('firebreak ls > /dev/full')
    expectNoInsides(stderr)
    expect(exit).toBe(2)
  })
})

test('a database that another process holds for long is waited for, then told so, and nothing is lost', async () => {
  const { home, refused } = await held
  expect(refused.stderr).toMatch(/^STORE_BUSY .*\n→ wait/)
  expect(refused.exit).toBe(2)
  expectNoInsides(refused.stdout + refused.stderr)
  expect((await stage.run('firebreak scan .', inHome(home))).exit).toBe(1)
})
