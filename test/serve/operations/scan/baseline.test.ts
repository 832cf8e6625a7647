import { randomBytes, randomUUID, scryptSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { Secret } from '../../../../src/core/contract/secret.ts'
import { Baseline } from '../../../../src/serve/operations/scan/baseline.ts'
import { type Markable, Marks } from '../../../../src/serve/operations/scan/marks.ts'
import { type Stage, setStage } from '../../../stage.ts'

const COMMIT = 'git -c user.name=Ann -c user.email=ann@example.com commit -qm'

async function stageForTest(): Promise<Stage> {
  const stage = await setStage()
  onTestFinished(() => stage.remove())
  return stage
}

function token(): string {
  return ['npm', 'rand'].join('_') + randomBytes(24).toString('hex')
}

function url(password: string): string {
  return `postgres://app:${password}@db.example:5432/app`
}

interface Written {
  id: string
  entries: { rule: string; path: string; mark: string }[]
}

test('holds for every machine: another home with another key, and the repository elsewhere', async () => {
  const stage = await stageForTest()
  const written = await stage.run('firebreak scan . --write-baseline known.json')
  expect(written.exit, written.stderr).toBe(1)
  const text = await readFile(join(stage.directory, 'known.json'), 'utf8')
  expect(text).not.toContain(stage.secret)
  const { entries } = JSON.parse(text) as Written
  expect(entries.map(({ path }) => path).sort()).toEqual(['deploy/.env', 'deploy/old.env', 'src/report.js'])
  for (const { mark } of entries) expect(mark).toMatch(/^[0-9a-f]{2}$/)

  const known = await stage.run('firebreak scan . --baseline known.json')
  expect(known.exit, known.stdout).toBe(0)
  expect(known.stdout).toContain('Known from the baseline: 3 places')
  const elsewhere = await stage.run(
    'git clone -q . ../elsewhere && cp known.json ../elsewhere && cd ../elsewhere && firebreak scan . --baseline known.json',
    { environment: { FIREBREAK_HOME: join(stage.home, '../another') } },
  )
  expect(elsewhere.exit, elsewhere.stdout + elsewhere.stderr).toBe(0)
})

test('keeps a file of the history by its own path, whatever link stands there now', async () => {
  const stage = await stageForTest()
  await stage.run('rm deploy/.env && ln -s /etc/hostname deploy/.env')
  await stage.run('firebreak scan . --write-baseline known.json')
  const { entries } = JSON.parse(await readFile(join(stage.directory, 'known.json'), 'utf8')) as Written
  expect(entries.map(({ path }) => path).sort()).toEqual(['deploy/.env', 'deploy/old.env', 'src/report.js'])
})

test('is a file, and no link to what has no end', async () => {
  for (const file of ['/dev/zero', '/dev'])
    await expect(Baseline.read(file)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})

test('knows neither another value at the same place nor the same value at another', async () => {
  const stage = await stageForTest()
  const [first, second] = [randomBytes(20).toString('hex'), randomBytes(20).toString('hex')]
  await writeFile(join(stage.directory, 'a.env'), `URL=${url(first)}\n`)
  await stage.run('git add . && firebreak scan --staged --write-baseline known.json')
  const staged = 'git add a.env b.env; firebreak scan --staged --baseline known.json'
  await writeFile(join(stage.directory, 'b.env'), '\n')
  // Its mark is one byte: another value fits it once in 256 times, and two others at once hardly ever.
  await writeFile(join(stage.directory, 'a.env'), `X=1\nURL=${url(first)}\n`)
  expect((await stage.run(staged)).exit).toBe(0)
  await writeFile(
    join(stage.directory, 'a.env'),
    `URL=${url(second)}\nV=${url(randomBytes(20).toString('hex'))}\n`,
  )
  expect((await stage.run(staged)).exit).toBe(1)
  await writeFile(join(stage.directory, 'a.env'), `URL=${url(first)}\n`)
  await writeFile(join(stage.directory, 'b.env'), `URL=${url(first)}\n`)
  const moved = await stage.run(staged)
  expect(moved.exit).toBe(1)
  expect(moved.stdout).toContain('b.env:1')
})

test('keeps its id when it is written again, so that only what changed differs', async () => {
  const stage = await stageForTest()
  const path = join(stage.directory, 'known.json')
  await stage.run('firebreak scan . --write-baseline known.json')
  const before = await readFile(path, 'utf8')
  await stage.run('firebreak scan . --write-baseline known.json')
  expect(await readFile(path, 'utf8')).toBe(before)
  await writeFile(join(stage.directory, 'new.env'), `URL=${url(randomBytes(20).toString('hex'))}\n`)
  await stage.run(`git add new.env && ${COMMIT} third && firebreak scan . --write-baseline known.json`)
  const after = (await readFile(path, 'utf8')).split('\n')
  const old = before.split('\n').map(line => line.replace(/,$/, ''))
  expect(after.map(line => line.replace(/,$/, '')).filter(line => !old.includes(line))).toEqual([
    expect.stringContaining('"new.env"'),
  ])
})

test.each([
  ['absent', undefined, 'NOT_FOUND'],
  ['no JSON', '{', 'INVALID_INPUT'],
  ['of another kind', '{"results":{}}', 'INVALID_INPUT'],
  [
    'one that asks for more work',
    JSON.stringify({
      firebreak: 'baseline',
      version: 1,
      marks: 'scrypt-1073741824-8-1',
      id: randomUUID(),
      entries: [],
    }),
    'INVALID_INPUT',
  ],
  [
    'of a later version',
    JSON.stringify({ firebreak: 'baseline', version: 3, marks: 'x', id: randomUUID(), entries: [] }),
    'INVALID_INPUT',
  ],
])('a file that is %s is refused', async (_, text, code) => {
  const stage = await stageForTest()
  if (text !== undefined) await writeFile(join(stage.directory, 'known.json'), text)
  const { exit, stderr } = await stage.run('firebreak scan --staged --baseline known.json --json')
  expect(exit).toBe(2)
  expect(JSON.parse(stderr)).toMatchObject({ error: { code } })
  // A file that is not ours is not written over either.
  if (text === undefined) return
  expect((await stage.run('firebreak scan --staged --write-baseline known.json')).exit).toBe(2)
  expect(await readFile(join(stage.directory, 'known.json'), 'utf8')).toBe(text)
})

test.each(['', '--no-history '])('holds what stands within an archive (scan %s.)', async how => {
  const stage = await stageForTest()
  const pack = (password: string) =>
    stage.run(
      `mkdir -p in && echo 'URL=${url(password)}' > in/a.env && tar -czf old.tgz in && rm -r in && git add . && ${COMMIT} x`,
    )
  await pack(randomBytes(20).toString('hex'))
  const written = await stage.run(`firebreak scan ${how}. --write-baseline known.json`)
  expect(written.stdout, written.stderr).toMatch(/known\.json: \d entries\n/)
  const { entries } = JSON.parse(await readFile(join(stage.directory, 'known.json'), 'utf8')) as Written
  expect(entries.map(({ path }) => path)).toContain('old.tgz!/in/a.env')
  const elsewhere = { environment: { FIREBREAK_HOME: join(stage.home, '../another') } }
  const known = await stage.run(`firebreak scan ${how}. --baseline known.json`, elsewhere)
  expect(known.exit, known.stdout + known.stderr).toBe(0)
  // One in 256 others fits: of two, both hardly ever do.
  await pack(
    `${randomBytes(20).toString('hex')}@db.example/a postgres://b:${randomBytes(20).toString('hex')}`,
  )
  const changed = await stage.run(`firebreak scan ${how}. --baseline known.json`, elsewhere)
  expect(changed.exit, changed.stdout + changed.stderr).toBe(1)
  expect(changed.stdout).toContain('old.tgz!/in/a.env')
})

test('a file of version 1 is read, and stays what it is when it is written again', async () => {
  const stage = await stageForTest()
  const path = join(stage.directory, 'known.json')
  await stage.run('firebreak scan . --write-baseline new.json')
  const now = JSON.parse(await readFile(join(stage.directory, 'new.json'), 'utf8')) as Written
  const id = randomUUID()
  const mark = scryptSync(stage.secret, id, 8, { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 })
  // What a version 1 had of this password, and a mark that is none of the other's.
  const entries = now.entries.map(entry => ({
    ...entry,
    mark: entry.path === 'src/report.js' ? 'f'.repeat(16) : mark.toString('hex').slice(0, 2),
  }))
  const head = { firebreak: 'baseline', version: 1, marks: 'scrypt-32768-8-1', id }
  await writeFile(path, JSON.stringify({ ...head, entries }))
  const known = await stage.run('firebreak scan . --baseline known.json')
  expect(known.exit, known.stderr).toBe(1)
  expect(known.stdout).toContain('Known from the baseline: 2 places')
  await stage.run('firebreak scan . --write-baseline known.json')
  const again = JSON.parse(await readFile(path, 'utf8')) as Written
  expect(again).toMatchObject(head)
  expect(again.entries.filter(entry => entry.path !== 'src/report.js')).toEqual(
    entries.filter(entry => entry.path !== 'src/report.js'),
  )
})

test('what was marked once is neither read nor hashed again, and the store tells nothing of it', async () => {
  const stage = await stageForTest()
  await stage.run('firebreak scan . --write-baseline known.json')
  const { id } = JSON.parse(await readFile(join(stage.directory, 'known.json'), 'utf8')) as Written
  const store = new DatabaseSync(join(stage.home, 'firebreak.db'))
  onTestFinished(() => store.close())
  const rows = store.prepare('select * from baseline_mark').all()
  expect(rows.map(row => row['baseline_id'])).toEqual([id, id])
  // A nonce, one byte and a tag: whoever has the store alone sees the length only.
  for (const { sealed } of rows) expect(Buffer.from(String(sealed), 'base64')).toHaveLength(12 + 2 + 16)
  // That they are asked is seen by what becomes of a scan when they do not open.
  store.prepare('update baseline_mark set sealed = ?').run('x')
  const broken = await stage.run('firebreak scan . --baseline known.json')
  expect(broken.exit).toBe(2)
  expect(broken.stderr).toContain('does not open with this root key')
})

test('a mark that no scan used for ninety days is forgotten, and one that is used is not', async () => {
  const stage = await stageForTest()
  await stage.run('firebreak scan . --write-baseline known.json')
  const store = new DatabaseSync(join(stage.home, 'firebreak.db'))
  onTestFinished(() => store.close())
  const day = 86_400_000
  const [before, old] = [Date.now(), Date.now() - 91 * day]
  store.prepare('update baseline_mark set used_at = ?').run(old)
  const insert = store.prepare("insert into baseline_mark values ('another', ?, '…', ?)")
  insert.run('fp_unused', old)
  insert.run('fp_rare', before - 89 * day)
  const left = () => store.prepare('select * from baseline_mark order by baseline_id, used_at').all()
  const mine = left().filter(row => row['baseline_id'] !== 'another')
  expect((await stage.run('firebreak scan . --baseline known.json')).exit).toBe(0)
  const after = left()
  expect(after.map(row => row['fingerprint'])).toHaveLength(3)
  expect(after.find(row => row['baseline_id'] === 'another')?.['fingerprint']).toBe('fp_rare')
  for (const { sealed, used_at: usedAt, fingerprint } of after.filter(
    row => row['baseline_id'] !== 'another',
  )) {
    // It was not made anew: a seal is another one each time.
    expect(sealed).toBe(mine.find(row => row['fingerprint'] === fingerprint)?.['sealed'])
    expect(usedAt).toBeGreaterThanOrEqual(before)
  }
  await stage.run('firebreak scan . --baseline known.json')
  expect(left()).toEqual(after)
})

test('counts what it knows by credential, as what is found is counted', async () => {
  const stage = await stageForTest()
  for (const name of ['one', 'two'])
    await stage.run(
      `echo 'URL=${url(randomBytes(20).toString('hex'))}' > a.env && git add a.env && ${COMMIT} ${name}`,
    )
  const since = 'firebreak scan --since HEAD~2'
  expect((await stage.run(`${since} --write-baseline known.json`)).stdout).toContain(
    '2 credentials in 2 places',
  )
  expect((await stage.run(`${since} --baseline known.json`)).stdout).toContain(
    'Known from the baseline: 2 places.',
  )
})

test('a machine-made token has a long mark, a password a short one', async () => {
  const baseline = new Baseline('known.json', new Marks(randomUUID()))
  const copy = {
    place: 'git:.',
    path: 'a',
    member: null,
    line: 1,
    commit: null,
    author: null,
    date: null,
    atHead: null,
    goneAt: null,
    allowance: null,
    reasons: [],
    rule: 'x',
  }
  const holds = async (path: string, value: Markable) =>
    await baseline.holds({ ...copy, path }, await baseline.marks.of(value), async () => value)
  const strong = { secret: new Secret(token()), preview: 'npm_…abcd' }
  const weak = { secret: new Secret('hunter2'), preview: null }
  baseline.add(copy, await baseline.marks.of(strong))
  expect(await holds('a', strong)).toBe(true)
  expect(await holds('a', { ...strong, secret: new Secret(token()) })).toBe(false)
  expect(baseline.mayHold({ ...copy, path: 'b' })).toBe(false)
  baseline.add({ ...copy, path: 'b' }, await baseline.marks.of(weak))
  expect(await holds('b', weak)).toBe(true)
  // Of many guesses about one in 256 fits: what fits says little.
  const guesses = Array.from({ length: 24 }, (_, index) => ({
    secret: new Secret(`guess ${index}`),
    preview: null,
  }))
  const fitting = await Promise.all(guesses.map(guess => holds('a', guess)))
  expect(fitting).not.toContain(true)
})

test('a mark of the form that a value had before the rules changed fits it still', async () => {
  for (const version of [1, 2] as const) {
    const marks = new Marks(randomUUID(), version)
    const secret = new Secret(token())
    const [long, short] = [
      await marks.of({ secret, preview: 'npm_…abcd' }),
      await marks.of({ secret, preview: null }),
    ]
    expect([long.length, short.length]).toEqual([16, 2])
    const other = { secret: new Secret(token()), preview: null }
    for (const preview of ['npm_…abcd', null])
      for (const mark of [long, short]) expect(await marks.fits({ secret, preview }, [mark])).toBe(true)
    expect(await marks.fits(other, [long])).toBe(false)
  }
})

test.each([
  [
    'has nothing but a long beginning',
    `acme_production_deploy_${'47110815'}`,
    'acme_production_deploy_…0815',
    2,
  ],
  ['is short', `glpat-${randomBytes(4).toString('hex')}`, 'glpat-…0815', 2],
  ['is long enough', `glpat-${randomBytes(20).toString('base64url')}`, 'glpat-…0815', 16],
  ['may have been chosen', randomBytes(32).toString('base64url'), null, 2],
])('a value that %s is hashed accordingly', async (_, value, preview, length) => {
  expect(await new Marks(randomUUID()).of({ secret: new Secret(value), preview })).toHaveLength(length)
})
