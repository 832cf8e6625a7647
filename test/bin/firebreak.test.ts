import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, cp, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { deserialize } from 'node:v8'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { BUILT, BUILT_DICTIONARY, type Built } from '../../src/know/readers/built.ts'
import { compileRule } from '../../src/know/readers/secrets/rules/compiled-rule.ts'
import { dictionaryOf } from '../../src/know/readers/secrets/prefilter/literals.ts'
import { codeDigest, rulesDigest } from '../../src/know/readers/version.ts'
import { heldStore } from '../held-store.ts'
import { type Stage, setStage } from '../stage.ts'
import { readSource, ROOT } from '../tidy/sources.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.remove())

interface ScanJson {
  credentials: {
    fingerprint: string
    kind: string
    preview: string | null
    identity: string | null
    confidence: number
    facts: unknown[]
    copies: {
      place: string
      path: string
      line: number
      commit: string | null
      author: string | null
      date: string
      atHead: boolean
    }[]
  }[]
  identities: { ref: string; names: string[] }[]
  coverage: { searched: string[]; skipped: { what: string; why: string }[] }
}

describe('the program', () => {
  test('teaches by example, in 80 columns, with nothing loaded that it does not need', async () => {
    const { exit, stdout } = await stage.run('firebreak --help')
    expect(exit).toBe(0)
    expect(stdout).toContain('firebreak scan .')
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    for (const command of ['scan', 'contain', 'connect postgres', 'evidence']) {
      const help = await stage.run(`firebreak ${command} --help`)
      expect(help.exit, help.stderr).toBe(0)
      for (const line of help.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    }
    expect(await stage.run('firebreak help scan')).toEqual(await stage.run('firebreak scan --help'))
  })

  test('takes no file for the database that DATABASE_URL is to name', async () => {
    for (const place of ['firebreak', 'jdbc:postgresql://db/firebreak', 'mysql://db/app']) {
      const { exit, stdout, stderr } = await stage.run(`DATABASE_URL=${place} firebreak ls`)
      expect(exit, stdout).toBe(2)
      expect(stderr).toContain('INVALID_CONFIG')
      expect(stderr).toContain('postgres://')
    }
    expect((await stage.run('git status --porcelain')).stdout).not.toMatch(/firebreak|jdbc/)
  })

  test('suggests the command that was meant, and says of a usage error that it is one', async () => {
    const { exit, stderr } = await stage.run('firebreak scna .')
    expect(exit).toBe(2)
    expect(stderr).toContain('scan')
    const json = await stage.run('firebreak scan --workers many . --json')
    expect(json.exit).toBe(2)
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'INVALID_INPUT' } })
    expect((await stage.run('firebreak scan')).exit).toBe(2)
    const { stderr: ofUrl } = await stage.run('firebreak scan git@example.com:acme/shop.git')
    expect(ofUrl).toContain('a URL is not read')
    const { stderr: ofTwo } = await stage.run('firebreak connect directory --approve x')
    expect(ofTwo).toContain('see firebreak connect directory --help')
  })

  test.skipIf(!olderNode())('started by an older Node goes on with the one that npm ci installed', () => {
    const started = spawnSync(olderNode()!, [join(ROOT, 'bin', 'firebreak.js'), 'scna'], { encoding: 'utf8' })
    expect(started.status).toBe(2)
    expect(started.stderr).toContain('unknown command')
  })

  test.skipIf(!olderNode())(
    'started by an older Node ends with what started it, however that ends',
    async () => {
      const program = join(ROOT, 'bin', 'firebreak.js')
      const env = { ...process.env, FIREBREAK_HOME: join(stage.directory, '..', 'watched') }
      expect(spawnSync(process.execPath, [program, 'scan', join(ROOT, 'bin')], { env }).status).toBe(0)
      const launcher = spawn(olderNode()!, [program, 'watch'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
      await once(launcher.stdout, 'data', { signal: AbortSignal.timeout(30_000) })
      const children = await readFile(`/proc/${launcher.pid}/task/${launcher.pid}/children`, 'utf8')
      expect(children.trim()).toMatch(/^\d+$/)
      launcher.kill('SIGKILL')
      try {
        await vi.waitFor(() => expect(existsSync(`/proc/${children.trim()}`)).toBe(false), 20_000)
      } catch (error) {
        process.kill(Number(children))
        throw error
      }
    },
  )
})

describe('in a checkout', () => {
  test('what was built runs, unless it is older than a source', async () => {
    const root = join(stage.directory, '..', 'checkout')
    const files = {
      'bin/firebreak.js': await readFile(join(ROOT, 'bin', 'firebreak.js'), 'utf8'),
      'bin/built.js': await readFile(join(ROOT, 'bin', 'built.js'), 'utf8'),
      'package.json': '{"type":"module"}',
      'package-lock.json': '{}',
      'tsdown.config.ts': '',
      'src/main.ts': 'console.log("sources")',
      'src/core/deep.ts': '',
      'src/core/taken-away.ts': '',
      'dist/main.js': 'console.log("built")',
    }
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(root, name, '..'), { recursive: true })
      await writeFile(join(root, name), text)
    }
    const runs = () =>
      spawnSync(process.execPath, [join(root, 'bin/firebreak.js')], { encoding: 'utf8' }).stdout.trim()
    // A build that was broken off has not written its last file.
    expect(runs()).toBe('sources')
    // Long ago, so that whatever changes from here on is newer.
    const builtAt = Date.now() / 1000 - 60
    await writeFile(join(root, 'dist/built.json'), '{}')
    for (const name of [...Object.keys(files), 'dist/built.json', 'src', 'src/core'])
      await utimes(join(root, name), builtAt, builtAt)
    expect(runs()).toBe('built')
    for (const name of ['src/core/deep.ts', 'package-lock.json']) {
      await utimes(join(root, name), builtAt, builtAt + 1)
      expect(runs(), name).toBe('sources')
      await utimes(join(root, name), builtAt, builtAt)
    }
    expect(runs()).toBe('built')
    await rm(join(root, 'src/core/taken-away.ts'))
    expect(runs()).toBe('sources')
  })
})

test('what a build makes ahead is what is made of the rules', async context => {
  const dist = (name: string) => readFile(join(ROOT, 'dist', name))
  const { code, digest, rules } = JSON.parse((await dist(BUILT)).toString('utf8')) as Built
  if (code !== codeDigest() || digest !== rulesDigest(join(ROOT, 'rules')))
    context.skip('what is in dist/ was built of other sources')
  // To compare them value by value, for a difference to show, would take a minute.
  const made = dictionaryOf(rules.rules.map(compileRule))
  expect(isDeepStrictEqual(deserialize(await dist(BUILT_DICTIONARY)), made)).toBe(true)
})

describe("rules of one's own", () => {
  const token = ['acme_', 'kTq7WmZr2XvBn9', 'PyLd4FgHs8JcKb61nQ'].join('')
  const rules = () => join(stage.directory, '..', 'own-rules')
  const kinds = (stdout: string) =>
    (JSON.parse(stdout) as ScanJson).credentials.map(credential => credential.kind)
  const acme = `the deploy note says ${token}\n`

  test('find what the built-in ones do not, and where one is broken its line and column are said', async () => {
    const tree = join(stage.directory, '..', 'own')
    await mkdir(tree)
    await writeFile(join(tree, 'notes.txt'), acme)
    await cp(join(stage.directory, '..', 'rules'), rules(), { recursive: true })
    await writeFile(join(rules(), 'broken.yaml'), 'id: broken\nname: Broken\nkeywords: 7\n')
    const before = await stage.run(`firebreak scan '${tree}' --json`)
    expect(kinds(before.stdout)).not.toContain('acme-token')
    const { exit, stdout } = await stage.run(`firebreak scan '${tree}' deploy --rules ../own-rules --json`)
    expect(exit).toBe(1)
    expect(kinds(stdout)).toContain('acme-token')
    const { skipped } = (JSON.parse(stdout) as ScanJson).coverage
    expect(skipped.map(({ what, why }) => `${what}: ${why}`).join('\n')).toMatch(
      /^rule broken\.yaml: line 3, column 1: keywords/m,
    )
    expect(new Set(skipped.map(gap => JSON.stringify(gap))).size).toBe(skipped.length)
    // Set for every command, they are the same rules: nothing is read again.
    const observed = await stage.run(`firebreak observe '${tree}' --json`, {
      environment: { FIREBREAK_RULES: rules() },
    })
    expect(JSON.parse(observed.stdout)).toMatchObject({ sources: [{ documents: 1, skippedAsRead: 1 }] })
  })

  test('say how what they find is tried, too', async () => {
    const rule = await readFile(join(rules(), 'acme-token.yaml'), 'utf8')
    // Nobody listens there.
    const call = 'method: GET, url: https://127.0.0.1/me, headers: { Authorization: "Bearer {{value}}" }'
    const step = `verify: { http: { ${call}, live: { status: [200] }, dead: { status: [401] } } }`
    await writeFile(join(rules(), 'acme-token.yaml'), rule.replace(/^verify:.*$/m, step))
    const { stdout, stderr } = await stage.run('firebreak scan ../own --rules ../own-rules --verify --json')
    const found = (JSON.parse(stdout) as ScanJson).credentials.find(({ kind }) => kind === 'acme-token')
    expect(found, stderr).toMatchObject({
      verified: { state: 'unknown', why: expect.stringContaining('127.0.0.1 could not be reached') },
    })
  })

  test('are refused where one has the id of a built-in rule, and where there is none', async () => {
    const source = await readFile(join(ROOT, 'rules', 'secrets', 'npm-token.yaml'), 'utf8')
    await writeFile(join(rules(), 'npm-token.yaml'), source)
    for (const directory of ['../own-rules', '../nowhere']) {
      const { exit, stderr } = await stage.run(`firebreak scan ../own --rules ${directory} --json`)
      expect([exit, stderr]).toEqual([2, expect.stringContaining('INVALID_INPUT')])
    }
  })
})

/** A Node before 24 on this machine's path, which the program is not run by. */
function olderNode(): string | undefined {
  return ['/usr/bin/node', '/usr/local/bin/node']
    .filter(path => existsSync(path))
    .find(path => Number(/^v(\d+)/.exec(spawnSync(path, ['-v'], { encoding: 'utf8' }).stdout)?.[1]) < 24)
}

describe('scan', () => {
  test('finds every copy, with path, line, commit, author and date', async () => {
    const { exit, stdout, stderr } = await stage.run('firebreak scan . --json')
    expect(exit, stderr).toBe(1)
    const found = JSON.parse(stdout) as ScanJson
    const orders = found.credentials.find(credential => credential.identity === 'app_orders')!
    const shown = JSON.parse(/```json\n([^`]*)```/.exec(readSource('docs/scan.md'))![1]!) as ScanJson
    const keysOf = ({ credentials: [credential], ...all }: ScanJson) =>
      [all, credential, credential!.copies[0]].map(one => Object.keys(one!))
    expect(keysOf({ ...found, credentials: [orders] })).toEqual(keysOf(shown))
    expect(orders.fingerprint).toMatch(/^fp_/)
    expect(orders.preview).toBeNull()
    const { stdout: log } = await stage.run('git log --format=%H')
    const [second, first] = log.trim().split('\n')
    expect(second).not.toBe(first)
    const inHistory = {
      commit: first,
      author: 'Ann <ann@example.com>',
      place: `git:${stage.directory}`,
      member: null,
      reasons: ['in a URL with its user'],
      accepted: null,
    }
    expect(orders.copies).toEqual(
      expect.arrayContaining([
        { ...inHistory, path: 'deploy/.env', line: 2, atHead: true, date: expect.stringMatching(/Z$/) },
        { ...inHistory, path: 'deploy/old.env', line: 1, atHead: false, date: expect.stringMatching(/Z$/) },
        expect.objectContaining({
          place: `directory:${stage.directory}`,
          path: 'deploy/.env',
          line: 2,
          commit: null,
        }),
      ]),
    )
    expect(orders.copies).toHaveLength(3)
    expect(found.coverage.searched).toHaveLength(2)
    expect(stdout + stderr).not.toContain(stage.secret)
  })

  test('finds the same again when nothing is new', async () => {
    const again = await stage.run('firebreak scan . --json')
    const oneMore = await stage.run('firebreak scan . --json')
    expect(again.exit).toBe(1)
    expect(JSON.parse(oneMore.stdout)).toEqual(JSON.parse(again.stdout))
  })

  test('tells what a token says of itself, and that it has ended', async () => {
    const directory = join(stage.home, 'ended')
    const home = { environment: { FIREBREAK_HOME: join(stage.home, 'ended-home') } }
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = { iss: 'https://issuer.test', sub: 'ci', exp: 1_700_000_000 }
    await mkdir(directory)
    await writeFile(
      join(directory, 'a.txt'),
      `${part({ alg: 'RS256' })}.${part(claims)}.${randomBytes(64).toString('base64url')}\n`,
    )
    const scanned = await stage.run(`firebreak scan ${directory} --json`, home)
    const said = [
      { name: 'algorithm', value: 'RS256', past: false },
      { name: 'expires', value: '2023-11-14T22:13:20.000Z', past: true },
      { name: 'issuer', value: 'https://issuer.test', past: false },
      { name: 'subject', value: 'ci', past: false },
    ].map(fact => expect.objectContaining({ ...fact, source: `directory:${directory} a.txt` }))
    const [found] = (JSON.parse(scanned.stdout) as ScanJson).credentials
    expect(found!.facts).toEqual(said)
    expect((await stage.run(`firebreak scan ${directory}`, home)).stdout).toContain('expired')
    for (const command of ['show', 'trace']) {
      const { stdout } = await stage.run(`firebreak ${command} ${found!.fingerprint} --json`, home)
      expect((JSON.parse(stdout) as ScanJson).credentials[0]!.facts).toEqual(said)
      const { stdout: text } = await stage.run(`firebreak ${command} ${found!.fingerprint}`, home)
      expect(text.replace(/\s+/g, ' ')).toContain('expires 2023-11-14T22:13:20.000Z (past)')
    }
  })

  test('shows a table that fits, and what was searched', async () => {
    const { stdout, stderr } = await stage.run('firebreak scan .')
    expect(stderr).toBe('')
    expect(stdout).toContain('deploy/.env:2')
    expect(stdout).toContain('history')
    expect(stdout).toContain('Searched:')
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  test('--no-history leaves out what stands in the history only', async () => {
    const { stdout } = await stage.run('firebreak scan . --no-history', {
      environment: { FIREBREAK_HOME: join(stage.home, 'now') },
    })
    expect(stdout).toContain('deploy/.env:2')
    expect(stdout).not.toContain('old.env')
  })

  test('goes on where one path fails, prints both, and exits with 2', async () => {
    const { exit, stdout, stderr } = await stage.run('firebreak scan ./absent . --json')
    expect(exit).toBe(2)
    const found = JSON.parse(stdout) as ScanJson
    expect(found.credentials.length).toBeGreaterThan(0)
    expect(found.coverage.skipped).toEqual([
      { what: join(stage.directory, 'absent'), why: expect.any(String) },
    ])
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'NOT_FOUND' } })
  })

  test('says of a source that is gone only that it was not searched now', async () => {
    const environment = { FIREBREAK_HOME: join(stage.home, 'gone') }
    const observed = await stage.run(
      'mkdir -p ../gone ../stays && echo hello > ../gone/readme && echo hello > ../stays/readme && ' +
        'firebreak scan ../gone ../stays > /dev/null && rm -r ../gone && firebreak observe --json',
      { environment },
    )
    expect(observed.exit).toBe(2)
    const { coverage } = JSON.parse(observed.stdout) as ScanJson
    expect(coverage.searched.join()).toContain('stays')
    expect(coverage.searched.join()).not.toContain('gone')
    expect(coverage.skipped.map(({ what }) => what).join()).toContain('gone')
  })

  test('exits with 0 where nothing was found, and says what was searched', async () => {
    const { exit, stdout } = await stage.run(
      'mkdir -p ../clean && echo hello > ../clean/readme && firebreak scan ../clean',
    )
    expect(exit).toBe(0)
    expect(stdout).toContain('No credentials found')
    expect(stdout).toContain('Searched:')
  })

  test('prints what it found when the database can grow no more', async () => {
    // Files may have 700 blocks of 1 KiB: the empty database and the first batches fit, all finds do not.
    const many = join(stage.directory, '..', 'many')
    await mkdir(many)
    for (let n = 1; n <= 900; n++) {
      const password = randomBytes(18).toString('hex')
      await writeFile(join(many, `${n}.env`), `URL=postgres://user${n}:${password}@db${n}:5432/x\n`)
    }
    const { exit, stdout, stderr } = await stage.run('ulimit -f 700; firebreak scan ../many --workers 1', {
      environment: { FIREBREAK_HOME: join(stage.home, 'full') },
    })
    expect(stderr).toContain('STORE_FULL')
    expect(exit).toBe(2)
    expect(stdout).toContain('Not searched:')
  })

  test('is interrupted by SIGINT, and exits with 130', async () => {
    const { child, outcome } = stage.start('FIREBREAK_HOME=../stopped exec firebreak scan ../many')
    const { letGo } = await heldStore(
      join(stage.directory, '..', 'stopped'),
      'select count(*) from source where observed_at is null',
      0,
    )
    process.kill(-child.pid!, 'SIGINT')
    letGo()
    expect((await outcome).exit).toBe(130)
  })

  test('does not mind a reader that goes away', async () => {
    const { exit, stderr } = await stage.run('set -o pipefail; firebreak scan . | head -n 1 >/dev/null')
    expect(stderr).toBe('')
    expect(exit).toBe(1)
  })
})

describe('what was found', () => {
  test('is listed, shown and traced, by name, by the beginning of a fingerprint, and by the secret', async () => {
    const { stdout } = await stage.run('firebreak ls --json')
    const listed = (JSON.parse(stdout) as { credentials: { fingerprint: string; identity: string }[] })
      .credentials
    const { fingerprint } = listed.find(credential => credential.identity === 'app_orders')!
    for (const line of [
      'show app_orders',
      `show ${fingerprint.slice(0, 11)}`,
      'trace app_orders',
      'trace -',
      'trace - < ../leaked.txt',
    ]) {
      const shown = await stage.run(`firebreak ${line}`)
      expect(shown.exit, shown.stderr).toBe(0)
      expect(shown.stdout).toContain('deploy/.env:2')
      expect(shown.stdout).toContain('deploy/old.env:1')
      expect(shown.stdout + shown.stderr).not.toContain(stage.secret)
    }
    expect((await stage.run('firebreak reach app_orders')).exit).toBe(0)
  })

  test('does not include what stands nowhere', async () => {
    const { exit, stdout } = await stage.run('firebreak trace -', { stdin: 'never-seen-anywhere\n' })
    expect(exit).toBe(0)
    expect(stdout).toContain('stands nowhere that was searched')
    expect(stdout).toContain('Searched:')
  })

  test('a secret given as an argument is not repeated', async () => {
    const { exit, stdout, stderr } = await stage.run(`firebreak show ${stage.secret}`)
    expect(exit).toBe(2)
    expect(stdout + stderr).not.toContain(stage.secret)
    expect(stderr).toContain('standard input')
  })

  test('the database and its surroundings hold no secret', async () => {
    for (const name of ['firebreak.db', 'firebreak.db-wal', 'key']) {
      const path = join(stage.home, name)
      if (existsSync(path)) expect((await readFile(path)).includes(stage.secret), name).toBe(false)
    }
  })
})

describe('connect', () => {
  test('refuses a secret among the arguments', async () => {
    const { exit, stderr } = await stage.run(
      `firebreak connect postgres --host h --user u --password ${stage.secret}`,
    )
    expect(exit).toBe(2)
    expect(stderr).toContain('env:NAME')
    expect(stderr).not.toContain(stage.secret)
  })

  test('says what can be done there, and a later scan keeps what was approved', async () => {
    const { exit, stdout } = await stage.run(
      'firebreak connect directory --path deploy --approved .env --json',
    )
    expect(exit).toBe(0)
    const connected = JSON.parse(stdout) as { label: string; can: string[]; cannot: string[] }
    expect(connected.label).toBe(join(stage.directory, 'deploy'))
    expect(connected.can).toContain('write')
    expect(connected.cannot).toContain('revoke')
    await stage.run('firebreak scan deploy')
    const db = new DatabaseSync(join(stage.home, 'firebreak.db'), { readOnly: true })
    const rows = db.prepare('select config from source where label = ?').all(connected.label)
    db.close()
    expect(rows.map(row => JSON.parse(String(row['config'])))).toEqual([
      { path: connected.label, approved: ['.env'] },
    ])
  })
})

describe('evidence', () => {
  test('holds, is proven by an anchor, and does not hold when it was changed', async () => {
    expect((await stage.run('firebreak evidence anchor --out ../anchor.json')).exit).toBe(0)
    const proven = await stage.run('firebreak evidence verify --anchor ../anchor.json')
    expect(proven).toMatchObject({ exit: 0, stdout: expect.stringContaining('tail: proven') })
    expect(await stage.run('firebreak evidence verify')).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining('tail: unproven'),
    })
    await stage.run('firebreak evidence export --out ../evidence.jsonl')
    const path = join(stage.directory, '..', 'evidence.jsonl')
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace('"kind":"', '"kind":"un'))
    expect(await stage.run('firebreak evidence verify --file ../evidence.jsonl')).toMatchObject({ exit: 1 })
    const cut = text
      .split('\n')
      .filter(line => line.startsWith('{"entry"'))
      .slice(0, -1)
    await writeFile(path, cut.join('\n'))
    expect(
      await stage.run('firebreak evidence verify --file ../evidence.jsonl --anchor ../anchor.json'),
    ).toMatchObject({
      exit: 1,
      stdout: expect.not.stringContaining('without --anchor'),
    })
    expect(await stage.run('firebreak evidence export --out ../absent/evidence.jsonl')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('cannot be written: there is no such file or folder'),
    })
  })
})

describe('the root key', () => {
  test('is refused when others may read it, with advice', async () => {
    await chmod(join(stage.home, 'key'), 0o644)
    const { exit, stderr } = await stage.run('firebreak ls')
    await chmod(join(stage.home, 'key'), 0o600)
    expect(exit).toBe(2)
    expect(stderr).toContain('chmod 600')
  })
})
