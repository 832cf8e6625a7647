import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Stage, setStage } from '../stage.ts'
import { expectJsonFailure, expectNoInsides, expectPlainFailure } from './plain-failure.ts'

let stage: Stage
/** Beside the good repository, which is `app`. */
let root: string
let homes = 0

beforeAll(async () => {
  stage = await setStage()
  root = join(stage.directory, '..')
})
afterAll(() => stage.remove())

/** Runs in the folder above the good repository, in a home of its own. */
function run(line: string, home = `home-${homes++}`) {
  return stage.run(`cd .. && ${line}`, { environment: { FIREBREAK_HOME: join(root, home) } })
}

interface Found {
  credentials: { identity: string | null; copies: { path: string; place: string }[] }[]
  coverage: { searched: string[]; skipped: { what: string; why: string }[] }
}

function pathsIn(stdout: string, place: string): string[] {
  const { credentials } = JSON.parse(stdout) as Found
  const copies = credentials.flatMap(credential => credential.copies)
  return copies.filter(copy => copy.place === place).map(copy => copy.path)
}

const COMMIT = 'git -c user.name=Ann -c user.email=ann@example.com commit -q'

describe.concurrent('a path that cannot be read, beside one that can', () => {
  const broken: [what: string, shell: string, code: string, left: string[]][] = [
    ['is missing', 'true', 'NOT_FOUND', []],
    ['is a link to itself', 'ln -s $BAD $BAD', 'DENIED', []],
    [
      'has a damaged object',
      'cp -r app $BAD && cd $BAD && f=$(git rev-parse HEAD:deploy/.env) && o=.git/objects/${f:0:2}/${f:2} && chmod +w $o && echo junk > $o',
      'CONFLICT',
      ['deploy/.env'],
    ],
    [
      'has a damaged pack',
      "cp -r app $BAD && cd $BAD && git repack -qad && p=$(ls .git/objects/pack/*.pack) && chmod +w $p && printf '%040d' 0 | dd of=$p bs=1 seek=12 conv=notrunc status=none",
      'CONFLICT',
      ['deploy/.env'],
    ],
    [
      'has a HEAD of nonsense',
      'cp -r app $BAD && echo nonsense > $BAD/.git/HEAD',
      'CONFLICT',
      ['deploy/.env'],
    ],
    [
      'has a .git that is none',
      'mkdir -p $BAD/.git && cp -r app/deploy $BAD',
      'INVALID_CONFIG',
      ['deploy/.env'],
    ],
  ]
  for (const [index, [what, shell, code, left]] of broken.entries())
    test(what, async () => {
      const bad = `bad${index}`
      await run(`BAD=${bad}; ${shell}`)
      const scanned = await run(`firebreak scan ${bad} app --json`)
      expectJsonFailure(scanned, code)
      const { stdout } = scanned
      expect((JSON.parse(stdout) as Found).coverage.skipped.map(({ what }) => what).join()).toContain(bad)
      expect(pathsIn(stdout, `git:${stage.directory}`)).toContain('deploy/old.env')
      // What of it can be read is searched all the same.
      expect(pathsIn(stdout, `directory:${join(root, bad)}`)).toEqual(expect.arrayContaining(left))
    })

  test('once it is repaired, the same command finds all of it and is content', async () => {
    const object =
      'f=$(git rev-parse HEAD~1:deploy/old.env); o=.git/objects/${f:0:2}/${f:2}; chmod +w .git/objects/*/*'
    await run(`cp -r app mended && cd mended && ${object} && cp $o ../object && echo junk > $o`)
    const damaged = await run('firebreak scan mended', 'home-mended')
    expectPlainFailure(damaged, ['CONFLICT'])
    expect(damaged.stdout).not.toMatch(/deploy\/old\.env:\d/)
    expect(damaged.stdout.replace(/\s+/g, ' ')).toContain('missing or damaged (deploy/old.env)')
    await run(`cd mended && ${object} && cp ../object $o`)
    const { exit, stdout, stderr } = await run('firebreak scan mended --json', 'home-mended')
    expect(exit, stderr).toBe(1)
    expect(pathsIn(stdout, `git:${join(root, 'mended')}`)).toContain('deploy/old.env')
    expect(stdout).not.toContain('damaged')
  })
})

describe('a path that is unusual', () => {
  test('a file instead of a directory is read', async () => {
    const { exit, stdout } = await run('firebreak scan app/deploy/.env')
    expect(exit).toBe(1)
    expect(stdout).toContain('.env:2')
  })

  test('a file that makes no sense to another reader was searched: it is listed, and no error', async () => {
    const broken =
      '{ "Policies": [{ "Arn": "arn:aws:organizations::1:policy/x", "Type": "SERVICE_CONTROL_POLICY", '
    await run(`mkdir export && echo '${broken}' > export/policies.json && cp app/deploy/.env export/app.env`)
    const { exit, stdout, stderr } = await run('firebreak scan export')
    expect(exit, stderr).toBe(1)
    expect(stderr).toBe('')
    expect(stdout.replace(/\s+/g, ' ')).toMatch(/Not searched:.*policies\.json.*no whole JSON/)
    // Where accounts and rights are read it is one.
    expect((await run('firebreak observe export')).exit).toBe(2)
  })

  test('a shallow clone is searched, and the history that is elsewhere is stated', async () => {
    await run(`git clone -q --depth 1 "file://$PWD/app" shallow`)
    const { exit, stdout, stderr } = await run('firebreak scan shallow')
    expect(exit, stderr).toBe(1)
    expect(stderr).toBe('')
    expect(stdout).toContain('deploy/.env:2')
    expect(stdout.replace(/\s+/g, ' ')).toMatch(/Not searched:.*the clone is shallow/)
  })

  test('a repository whose settings and hooks run programs gets none of them run', async () => {
    const marker = join(root, 'marker')
    await mkdir(join(root, 'evil'))
    const program = join(root, 'evil', 'program')
    await writeFile(program, `#!/bin/sh\ntouch '${marker}'\ncat\n`, { mode: 0o755 })
    const settings = [
      'core.fsmonitor',
      'core.pager',
      'core.sshCommand',
      'core.alternateRefsCommand',
      'core.gitProxy',
      'diff.external',
      'diff.evil.textconv',
      'diff.evil.command',
      'filter.evil.clean',
      'filter.evil.smudge',
      'filter.evil.process',
      'pager.log',
      'pager.cat-file',
      'gpg.program',
      'uploadpack.packObjectsHook',
    ]
    const hooks = [
      'post-checkout',
      'post-index-change',
      'reference-transaction',
      'pre-auto-gc',
      'fsmonitor-watchman',
    ]
    const made = await run(
      `cp -r app/. evil && cd evil && echo '* filter=evil diff=evil' > .gitattributes && git add . && ${COMMIT} -m evil &&
       for name in ${hooks.join(' ')}; do cp program .git/hooks/$name; done &&
       for name in ${settings.join(' ')}; do git config $name '${program}'; done &&
       git config log.showSignature true && git config alias.cat-file '!${program}' && git config core.worktree /`,
    )
    expect(made.exit, made.stderr).toBe(0)
    await run('rm -f marker')
    const { exit, stdout, stderr } = await run('firebreak scan evil')
    expect(exit, stderr).toBe(1)
    expect(stdout).toContain('deploy/old.env:1')
    expect(existsSync(marker)).toBe(false)
    // The trap works: git itself falls into it.
    await run('cd evil && git status')
    expect(existsSync(marker)).toBe(true)
  })

  test('names and contents that are no text, loops, pipes and lines without end: all is found, printed safely, and ends', async () => {
    const odd = join(root, 'odd')
    await mkdir(odd)
    const url = (user: string) => `postgres://${user}:${randomBytes(20).toString('hex')}@db.example:5432/shop`
    const bytes = (...parts: (string | Buffer)[]) =>
      Buffer.concat(parts.map(part => Buffer.from(part as string)))
    const into = (name: Buffer | string) =>
      Buffer.concat([Buffer.from(`${odd}/`), Buffer.from(name as string)])
    await writeFile(
      into(Buffer.from([0x62, 0xff, 0xfe, 0x2e, 0x65, 0x6e, 0x76])),
      `DATABASE_URL=${url('in_name')}\n`,
    )
    await writeFile(into('\u001b[2Jname.env'), `DATABASE_URL=${url('in_escape')}\n`)
    await writeFile(
      into('bytes.env'),
      bytes(Buffer.from([0xff, 0xc3, 0x28]), ` DATABASE_URL=${url('in_bytes')}\n`),
    )
    await writeFile(
      into('line.txt'),
      bytes(Buffer.alloc(20_000_000, 'a'), ` ${url('in_line')} `, Buffer.alloc(5_000_000, 'b')),
    )
    await writeFile(into('binary'), bytes(randomBytes(300_000), `\0${url('in_binary')}\0`, randomBytes(1000)))
    await writeFile(into('nul.env'), bytes(`A=1\0\0\nDATABASE_URL=${url('in_nul')}\n`))
    await run('cd odd && ln -s . loop && ln -s ../odd up && ln -s nowhere dangling && mkfifo pipe')
    const { exit, stdout, stderr } = await run('firebreak scan odd')
    expect(exit, stderr).toBe(1)
    for (const user of ['in_name', 'in_escape', 'in_bytes', 'in_line', 'in_binary', 'in_nul'])
      expect(stdout).toContain(`password ${user}`)
    expect(stdout).toContain('b\\xFF\\xFE.env:1')
    expect(stdout).not.toContain('\u001b')
    const told = stdout.replace(/\s+/g, ' ')
    expect(told).toContain('a named pipe')
    expect(told).toContain('not followed')
    expectNoInsides(stdout + stderr)
  })

  test('two scans at once both end with all finds', async () => {
    const [one, other] = await Promise.all([1, 2].map(() => run('firebreak scan app odd --json', 'home-two')))
    expect([one!.exit, other!.exit], one!.stderr + other!.stderr).toEqual([1, 1])
    expect(JSON.parse(one!.stdout).credentials).toHaveLength(JSON.parse(other!.stdout).credentials.length)
    expect(pathsIn(one!.stdout, `git:${stage.directory}`)).toEqual(
      pathsIn(other!.stdout, `git:${stage.directory}`),
    )
    expect((await run('firebreak evidence verify', 'home-two')).exit).toBe(0)
  })
})

describe.concurrent('no room for the database', () => {
  const MANY = 700
  const users = (stdout: string) => (JSON.parse(stdout) as Found).credentials.length

  beforeAll(async () => {
    await mkdir(join(root, 'many'))
    const names = Array.from({ length: MANY }, (_, number) => `user_${number}`)
    for (const name of names)
      await writeFile(
        join(root, 'many', `${name}.env`),
        `DATABASE_URL=postgres://${name}:${randomBytes(18).toString('hex')}@db.example:5432/shop\n`,
      )
  })

  for (const [what, limit] of [
    ['a limit on its pages', 'export FIREBREAK_MAX_DATABASE_PAGES=300'],
    ['a limit on the size of files', 'ulimit -f 1500'],
  ] as const)
    test(`${what}: what was found is printed and kept, and with room again nothing is missing`, async () => {
      const home = what.replaceAll(' ', '-')
      const full = await run(`${limit}; firebreak scan many app --json --workers 1`, home)
      expect(full.exit, full.stderr).toBe(2)
      const [error] = full.stderr.split('\n')
      expect(JSON.parse(error!)).toMatchObject({ error: { code: 'STORE_FULL', advice: expect.any(String) } })
      expectNoInsides(full.stderr)
      const printed = users(full.stdout)
      expect(printed).toBeGreaterThan(0)
      expect(printed).toBeLessThan(MANY)
      const { coverage } = JSON.parse(full.stdout) as Found
      expect(coverage.skipped.map(({ what }) => what)).toContain(join(root, 'many'))
      const listed = JSON.parse((await run('firebreak ls --json', home)).stdout) as Found
      expect(listed.credentials.length).toBe(printed)

      const observed = await run(`${limit}; firebreak observe`, home)
      expect(observed.exit).toBe(2)
      expect(observed.stderr).toContain('STORE_FULL')
      expectNoInsides(observed.stdout + observed.stderr)

      const whole = await run('firebreak scan many app --json', home)
      expect(whole.exit, whole.stderr).toBe(1)
      expect(pathsIn(whole.stdout, `directory:${join(root, 'many')}`)).toHaveLength(MANY)
      expect((await run('firebreak evidence verify', home)).exit).toBe(0)
    })

  test('not even for the first table: one sentence, nothing made that hinders the next command', async () => {
    const full = await run('ulimit -f 20; firebreak scan app', 'home-tiny')
    expectPlainFailure(full, ['STORE_FULL'])
    expect((await run('firebreak scan app', 'home-tiny')).exit).toBe(1)
  })

  test('a limit that is no number is refused', async () => {
    expectPlainFailure(await run('FIREBREAK_MAX_DATABASE_PAGES=many firebreak ls'), ['INVALID_CONFIG'])
  })
})
