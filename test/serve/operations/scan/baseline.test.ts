import { randomBytes, randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Baseline } from '../../../../src/serve/operations/scan/baseline.ts'
import { type Stage, setStage } from '../../../stage.ts'

const COMMIT = 'git -c user.name=Ann -c user.email=ann@example.com commit -qm'

async function stageForTest(): Promise<Stage> {
  const stage = await setStage()
  onTestFinished(() => stage.remove())
  return stage
}

function token(): string {
  return ['npm', 'rand'].join('_') + randomBytes(12).toString('hex')
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

test('a machine-made token has a long mark, a password a short one', async () => {
  const { Secret } = await import('../../../../src/core/contract/secret.ts')
  const baseline = new Baseline('known.json', randomUUID(), [])
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
  const strong = { secret: new Secret(token()), preview: 'npm_…abcd' }
  const weak = { secret: new Secret('hunter2'), preview: null }
  await baseline.add(copy, strong)
  expect(await baseline.holds(copy, strong)).toBe(true)
  expect(await baseline.holds(copy, { ...strong, secret: new Secret(token()) })).toBe(false)
  expect(baseline.mayHold({ ...copy, path: 'b' })).toBe(false)
  await baseline.add({ ...copy, path: 'b' }, weak)
  expect(await baseline.holds({ ...copy, path: 'b' }, weak)).toBe(true)
  // Of many guesses about one in 256 fits: what fits says little.
  const guesses = Array.from({ length: 24 }, (_, index) => ({
    secret: new Secret(`guess ${index}`),
    preview: null,
  }))
  const fitting = await Promise.all(guesses.map(guess => baseline.holds({ ...copy, path: 'a' }, guess)))
  expect(fitting).not.toContain(true)
})
