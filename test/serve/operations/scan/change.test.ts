import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { scanChange } from '../../../../src/serve/operations/scan/change.ts'
import { type Stage, setStage } from '../../../stage.ts'

const COMMIT = 'git -c user.name=Ann -c user.email=ann@example.com commit -qm'

interface Json {
  credentials: Found[]
  accepted: Found[]
  coverage: Awaited<ReturnType<typeof scanChange>>['coverage']
}
interface Found {
  fingerprint: string | null
  kind: string
  copies: { path: string; line: number; commit: string | null; accepted: string | null; reason?: string }[]
}

async function stageForTest(): Promise<Stage> {
  const stage = await setStage()
  onTestFinished(() => stage.remove())
  return stage
}

function url(): string {
  return `postgres://app:${randomBytes(20).toString('hex')}@db.example:5432/app`
}

async function put(stage: Stage, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(stage.directory, path)), { recursive: true })
  await writeFile(join(stage.directory, path), text)
}

async function looked(stage: Stage, line: string, exit: number): Promise<Json> {
  const outcome = await stage.run(`${line} --json`)
  expect(outcome.exit, outcome.stdout + outcome.stderr).toBe(exit)
  return JSON.parse(outcome.stdout) as Json
}

const places = ({ credentials }: Json) =>
  credentials.flatMap(({ copies }) => copies.map(({ path, line }) => `${path}:${line}`)).sort()

describe('scan --staged', () => {
  test('tells only what the next commit adds, and keeps nothing', async () => {
    const stage = await stageForTest()
    const secret = url()
    await put(stage, 'new.env', `A=1\nURL=${secret}\n`)
    await put(stage, 'unstaged.env', `URL=${url()}\n`)
    await stage.run('git add new.env')
    const found = await looked(stage, 'firebreak scan --staged', 1)
    expect(places(found)).toEqual(['new.env:2'])
    expect(found.coverage).toEqual({
      searched: [`git:${stage.directory} what is staged, 1 document`],
      skipped: [],
    })
    const told = await stage.run('firebreak scan --staged')
    expect(told.stdout).toContain('new.env:2')
    expect(told.stdout + told.stderr).not.toContain(secret.slice(15, 55))
    for (const line of told.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    expect(readdirSync(stage.home).filter(name => !/^rules-[0-9a-f]{32}\.json$/.test(name))).toEqual([])
  })

  test('of a folder, or of files, tells only what lies there, of each repository once', async () => {
    const stage = await stageForTest()
    for (const path of ['app/a.env', 'app/deep/b.env', 'application/c.env', 'd.env'])
      await put(stage, path, `URL=${url()}\n`)
    await stage.run('git add .')
    const app = await looked(stage, 'firebreak scan --staged app', 1)
    expect(places(app)).toEqual(['app/a.env:1', 'app/deep/b.env:1'])
    expect(app.coverage.searched).toEqual([`git:${stage.directory} what is staged in app, 2 documents`])
    const two = await looked(stage, 'firebreak scan --staged d.env app/deep', 1)
    expect(places(two)).toEqual(['app/deep/b.env:1', 'd.env:1'])
    expect(places(await looked(stage, 'firebreak scan --staged app .', 1))).toHaveLength(4)
    expect(places(await looked(stage, 'firebreak scan --staged other', 0))).toEqual([])
    await put(stage, 'g\nh é.env', `URL=${url()}\n`)
    const odd = "git add . && firebreak scan --staged 'g\nh é.env' --sarif ../odd.sarif"
    expect(places(await looked(stage, odd, 1))).toEqual(['g\\x0Ah é.env:1'])
    const sarif = await readFile(join(stage.directory, '../odd.sarif'), 'utf8')
    expect(sarif).toContain('"uri": "g%0Ah%20%C3%A9.env"')

    await stage.run(`${COMMIT} first`)
    await put(stage, 'app/e.env', `URL=${url()}\n`)
    await put(stage, 'f.env', `URL=${url()}\n`)
    await stage.run(`git add app f.env`)
    await stage.run(`${COMMIT} ${url()}`)
    const since = await looked(stage, 'firebreak scan --since HEAD~1 app', 1)
    expect(places(since)).toEqual(['app/e.env:1'])
    const { coverage } = await looked(stage, 'firebreak scan --since HEAD~1 apq', 0)
    expect(coverage.skipped).toEqual([{ what: 'apq', why: 'nothing stands there now' }])
  })

  test('leaves alone what stood in the file before, however often it moves or the file is renamed', async () => {
    const stage = await stageForTest()
    const line = `DATABASE_URL=${url()}`
    const filler = Array.from({ length: 30 }, (_, index) => `# line ${index}`).join('\n')
    await put(stage, 'a.env', `${filler}\n${line}\n`)
    await stage.run(`git add . && ${COMMIT} third`)
    await put(stage, 'a.env', `${line}\n${filler}\nMORE=1\n`)
    await stage.run('git add . && git mv a.env moved.env')
    expect(places(await looked(stage, 'firebreak scan --staged', 0))).toEqual([])
    // A second copy of it in the same file is new; so is one in another file.
    await put(stage, 'moved.env', `${line}\n${filler}\nMORE=1\n${line}\n`)
    await put(stage, 'other.env', `${line}\n`)
    await stage.run('git add .')
    expect(places(await looked(stage, 'firebreak scan --staged', 1))).toEqual(['moved.env:33', 'other.env:1'])
  })

  test('looks at a repository without a commit, in a folder of it, in a linked worktree, and with a split index', async () => {
    const stage = await stageForTest()
    const line = `URL=${url()}\n`
    await put(stage, '../fresh/deep/er/a.env', line)
    const fresh = 'cd ../fresh && git init -q && git add . && cd deep/er && firebreak scan --staged'
    expect(places(await looked(stage, fresh, 1))).toEqual(['deep/er/a.env:1'])
    await stage.run('git worktree add -q ../linked && git -C ../linked rm -q deploy/.env')
    await put(stage, '../linked/b.env', line)
    expect(
      places(await looked(stage, 'cd ../linked && git add b.env && firebreak scan --staged', 1)),
    ).toEqual(['b.env:1'])
    expect(places(await looked(stage, 'firebreak scan --staged', 0))).toEqual([])
    await put(stage, 'c.env', line)
    const split = 'git update-index --split-index && git add c.env && firebreak scan --staged'
    expect(places(await looked(stage, split, 1))).toEqual(['c.env:1'])
  })

  test('knows what was committed on a branch of any name, or of two, and in a folder of any name', async () => {
    const stage = await stageForTest()
    const line = `URL=${url()}\n`
    await put(stage, 'old.env', line)
    await stage.run(`git checkout -qb größe && git add . && ${COMMIT} third`)
    await put(stage, 'old.env', `${line}A=1\n`)
    await put(stage, 'new.env', `URL=${url()}\n`)
    await stage.run('git add .')
    expect(places(await looked(stage, 'firebreak scan --staged', 1))).toEqual(['new.env:1'])
    await stage.run(`${COMMIT} fourth`)
    await stage.run('git symbolic-ref refs/heads/alias refs/heads/größe')
    await stage.run('git symbolic-ref HEAD refs/heads/alias')
    expect(places(await looked(stage, 'firebreak scan --since größe~1', 1))).toEqual(['new.env:1'])
    await stage.run('git clone -q . ../müller && cd ../müller && git worktree add -q ../linked')
    await put(stage, '../linked/b.env', line)
    const linked = 'cd ../linked && git add b.env && firebreak scan --staged'
    expect(places(await looked(stage, linked, 1))).toEqual(['b.env:1'])
  })

  test('says where it is not known what was committed, and takes neither all for new nor nothing', async () => {
    const stage = await stageForTest()
    // As git 2.45 and later keep refs if they are told to; an older one knows nothing of it.
    const commit = (await stage.run('git rev-parse HEAD')).stdout.trim()
    await put(stage, '.git/reftable/tables.list', '')
    await put(stage, '.git/HEAD', 'ref: refs/heads/.invalid\n')
    await stage.run('rm -rf .git/refs/heads/* .git/packed-refs')
    const outcome = await stage.run(`firebreak scan --since ${commit}`)
    expect(outcome.exit).toBe(2)
    expect(outcome.stderr.replace(/\s+/g, ' ')).toContain('kept in the reftable format')
  })

  test('says that a submodule is a repository of its own, and was not looked into', async () => {
    const stage = await stageForTest()
    const add = 'git -c protocol.file.allow=always submodule --quiet add'
    await put(stage, '../inner/a.txt', 'a\n')
    await stage.run(`cd ../inner && git init -q && git add . && ${COMMIT} first`)
    await stage.run(`${add} "$PWD/../inner" vendor/inner`)
    const skipped = [
      {
        what: `git:${stage.directory} submodule vendor/inner`,
        why: 'a submodule is a repository of its own: scan it by itself',
      },
    ]
    expect((await looked(stage, 'firebreak scan --staged', 0)).coverage.skipped).toEqual(skipped)
    await stage.run(`${COMMIT} one && cd vendor/inner && ${COMMIT} two --allow-empty`)
    await stage.run(`git add vendor/inner && ${COMMIT} three`)
    expect((await looked(stage, 'firebreak scan --since HEAD~2', 0)).coverage.skipped).toEqual(skipped)
  })

  test('as a hook stops a commit, also one of named files, whose index is another', async () => {
    const stage = await stageForTest()
    await put(stage, '.git/hooks/pre-commit', '#!/bin/sh\nexec firebreak scan --staged\n')
    await put(stage, 'bad.env', `URL=${url()}\n`)
    await put(stage, 'good.env', 'PORT=1\n')
    await stage.run('chmod +x .git/hooks/pre-commit && git add good.env')
    const stopped = await stage.run(`git add -N bad.env && ${COMMIT} x bad.env`)
    expect(stopped.exit).toBe(1)
    expect(stopped.stdout + stopped.stderr).toContain('bad.env:1')
    expect((await stage.run('git reset -q bad.env')).exit).toBe(0)
    const passed = await stage.run(`${COMMIT} x good.env`)
    expect(passed.exit, passed.stderr).toBe(0)
    expect((await stage.run('git log -1 --format=%s')).stdout).toBe('x\n')
  })

  test('says where there is no repository, and does not run what a repository configures', async () => {
    const stage = await stageForTest()
    const nowhere = await stage.run('mkdir ../plain && cd ../plain && firebreak scan --staged')
    expect(nowhere.exit).toBe(2)
    expect(nowhere.stderr).toContain('is not a git repository')
    await put(stage, 'a.env', `URL=${url()}\n`)
    await put(stage, '.gitattributes', '*.env diff=evil filter=evil\n')
    await stage.run(
      "git config diff.evil.textconv 'touch ran;cat' && git config core.fsmonitor 'touch ran;true' && git -c core.fsmonitor= add .",
    )
    expect(places(await looked(stage, 'rm -f ran; firebreak scan --staged', 1))).toEqual(['a.env:1'])
    expect(existsSync(join(stage.directory, 'ran'))).toBe(false)
    expect((await stage.run('firebreak scan --staged --since HEAD')).exit).toBe(2)
  })
})

describe('scan --since', () => {
  test('tells what each commit after it brought, also what a later one took away, and messages', async () => {
    const stage = await stageForTest()
    const [a, b] = [`A=${url()}\n`, `B=${url()}\n`]
    await put(stage, 'a.env', a)
    await stage.run(`git add . && ${COMMIT} 'adds a'`)
    await put(stage, 'a.env', `${a}C=1\n`)
    await put(stage, 'b.env', b)
    await stage.run(`git add . && ${COMMIT} 'adds b' && git rm -q a.env && ${COMMIT} 'takes a'`)
    await stage.run(`${COMMIT} 'the password is in ${url()}' --allow-empty`)
    const ids = (await stage.run('git log --format=%H -4')).stdout.trim().split('\n').reverse()
    const found = await looked(stage, 'firebreak scan --since HEAD~4', 1)
    const copies = found.credentials.flatMap(credential => credential.copies)
    expect(copies.map(({ path, line, commit }) => [path, line, commit]).sort()).toEqual(
      [
        ['a.env', 1, ids[0]],
        ['b.env', 1, ids[1]],
        ['(commit message)', 1, ids[3]],
      ].sort(),
    )
    expect(places(await looked(stage, 'firebreak scan --since HEAD~1', 1))).toEqual(['(commit message):1'])
    await looked(stage, 'firebreak scan --since HEAD', 0)
    expect((await stage.run('firebreak scan --since no-such')).stderr).toContain(
      'no commit that is called no-such',
    )
    expect((await stage.run('firebreak scan --since=--output=ran')).exit).toBe(2)
    expect(existsSync(join(stage.directory, 'ran'))).toBe(false)
  })

  test('leaves out what the other side of a merge brought, and tells what the merge itself did', async () => {
    const stage = await stageForTest()
    await stage.run('git branch -M main && git checkout -qb side')
    await put(stage, 'side.env', `S=${url()}\n`)
    await stage.run(`git add . && ${COMMIT} side && git checkout -q main`)
    await put(stage, 'main.env', `M=${url()}\n`)
    await stage.run(
      `git add . && ${COMMIT} main && git -c user.name=A -c user.email=a@b merge -q --no-commit side`,
    )
    await put(stage, 'merge.env', `X=${url()}\n`)
    await put(stage, 'side.env', `${await readFile(join(stage.directory, 'side.env'), 'utf8')}Y=${url()}\n`)
    await stage.run('git add .')
    const staged = await looked(stage, 'firebreak scan --staged', 1)
    expect(places(staged)).toEqual(['merge.env:1', 'side.env:2'])
    expect(staged.coverage.searched).toEqual([`git:${stage.directory} what is staged, 2 documents`])
    await stage.run(`${COMMIT} merge`)
    expect(places(await looked(stage, 'firebreak scan --since side', 1))).toEqual([
      'main.env:1',
      'merge.env:1',
      'side.env:2',
    ])
    expect(places(await looked(stage, 'firebreak scan --since main~1', 1))).toEqual([
      'merge.env:1',
      'side.env:1',
      'side.env:2',
    ])
  })

  test('gives the fingerprint that the whole scan gives, where there is a key', async () => {
    const stage = await stageForTest()
    await put(stage, 'new.env', `URL=${url()}\n`)
    await stage.run(`git add . && ${COMMIT} third`)
    expect((await looked(stage, 'firebreak scan --since HEAD~1', 1)).credentials[0]!.fingerprint).toBeNull()
    const whole = await looked(stage, 'firebreak scan .', 1)
    const [now] = (await looked(stage, 'firebreak scan --since HEAD~1', 1)).credentials
    expect(now!.fingerprint).toMatch(/^fp_/)
    expect(
      whole.credentials.find(({ fingerprint }) => fingerprint === now!.fingerprint)!.copies[0]!.path,
    ).toBe('new.env')
  })
})

describe('firebreak:allow', () => {
  test('with a reason is no find and is listed; it hides no copy from trace', async () => {
    const stage = await stageForTest()
    const secret = url()
    const password = /:([0-9a-f]{40})@/.exec(secret)![1]!
    await put(stage, 'deploy/.env', 'PORT=1\n')
    await put(stage, 'src/report.js', '')
    await put(stage, 'test.env', `URL=${secret}\n`)
    await stage.run('git add .')
    await looked(stage, 'firebreak scan --staged', 1)
    await stage.run(`${COMMIT} third`)
    await put(stage, 'test.env', `URL=${secret} # firebreak:allow only in tests\n`)
    await stage.run('git add .')
    const whole = await looked(stage, 'firebreak scan .', 1)
    const [allowed] = whole.accepted
    expect(whole.accepted).toHaveLength(1)
    // The version before the mark was written is allowed with it, in the history too.
    expect(allowed!.copies.map(({ path, accepted, reason }) => [path, accepted, reason])).toEqual(
      allowed!.copies.map(() => [expect.stringContaining('test.env'), 'allowed', 'only in tests']),
    )
    expect(allowed!.copies.some(({ commit }) => commit !== null)).toBe(true)
    const traced = await stage.run('firebreak trace -', { stdin: `${password}\n` })
    expect(traced.stdout).toContain('test.env:1')
    const now = await stage.run('firebreak scan --no-history .')
    expect(now.exit, now.stdout).toBe(0)
    expect(now.stdout).toContain('only in tests')
    await put(stage, 'test.env', `URL=${url()} # firebreak:allow\n`)
    const bare = await stage.run('git add . && firebreak scan --staged')
    expect(bare.exit).toBe(1)
    expect(bare.stdout).toContain('gives no reason')
  })
})

test('in a partial clone, says of what was left at its remote that it was, and how it comes', async () => {
  const stage = await stageForTest()
  await put(stage, 'later.env', `URL=${url()}\n`)
  await stage.run(`git add . && ${COMMIT} later && git config uploadpack.allowFilter true`)
  const clone = `git clone -q --no-checkout --filter=blob:none "file://$PWD" ../partial`
  const { stderr } = await stage.run(clone)
  const inClone = (line: string) => stage.run(`cd ../partial && ${line}`)
  const partial = await inClone('firebreak scan --since HEAD~1')
  expect(partial.exit, partial.stdout + stderr).toBe(2)
  const told = partial.stdout.replace(/\s+/g, ' ')
  expect(told).toContain('later.env: the clone is partial')
  const [, advice] = /\("(git fetch [^"]*)"/.exec(told)!
  const whole = await inClone(`${advice} && firebreak scan --since HEAD~1`)
  expect(whole.exit, whole.stderr).toBe(1)
  expect(whole.stdout).toContain('later.env:1')
})
