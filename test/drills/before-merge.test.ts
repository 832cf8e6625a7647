import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { type Stage, setStage } from '../stage.ts'
import { readSource, ROOT } from '../tidy/sources.ts'

const action = z
  .object({
    inputs: z.record(z.string(), z.object({ description: z.string(), default: z.string() })),
    runs: z.object({
      using: z.literal('composite'),
      steps: z.array(
        z.object({
          id: z.string().optional(),
          uses: z.string().optional(),
          run: z.string().optional(),
          env: z.record(z.string(), z.string()).optional(),
        }),
      ),
    }),
  })
  .parse(parse(readSource('action.yml')))
const hooks = z
  .array(
    // Of `stages` the names have changed, so that an older pre-commit refuses those of today.
    z.strictObject({
      id: z.string(),
      name: z.string(),
      description: z.string(),
      entry: z.string(),
      language: z.string(),
      language_version: z.string().optional(),
      pass_filenames: z.literal(false),
      always_run: z.literal(true),
    }),
  )
  .parse(parse(readSource('.pre-commit-hooks.yaml')))

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.remove())

describe('the GitHub action', () => {
  const step = action.runs.steps.find(({ id }) => id === 'scan')!

  /** Its own step, with the variables that the runner would give it. */
  async function scan(inputs: Record<string, string>) {
    const output = join(stage.directory, '..', 'output')
    await writeFile(output, '')
    const env = Object.entries(step.env!).map(([name, value]) => {
      const input = /^\$\{\{ inputs\.([a-z-]+) \}\}$/.exec(value)?.[1]
      return [name, input === undefined ? ROOT : (inputs[input] ?? action.inputs[input]!.default)]
    })
    await writeFile(join(stage.directory, '..', 'step.sh'), step.run!)
    const outcome = await stage.run('exec bash ../step.sh', {
      environment: {
        ...Object.fromEntries(env),
        GITHUB_OUTPUT: output,
        RUNNER_TEMP: join(stage.directory, '..'),
      },
    })
    return { ...outcome, output: await readFile(output, 'utf8') }
  }

  test('finds what commits bring, writes the report, and leaves no key behind', async () => {
    const key = randomBytes(32).toString('base64')
    const found = await scan({ since: 'HEAD~1', key })
    expect(found.exit, found.stderr).toBe(0)
    expect(found.output).toBe(`sarif=${stage.directory}/firebreak.sarif\nfound=false\n`)
    const all = await scan({ key })
    expect(all.exit, all.stderr).toBe(1)
    expect(all.output).toContain('found=true\n')
    expect(all.stdout + all.stderr).not.toContain(stage.secret)
    expect(all.stdout + all.stderr).not.toContain(key)
    const sarif = await readFile(join(stage.directory, 'firebreak.sarif'), 'utf8')
    await scan({ key })
    const again = await readFile(join(stage.directory, 'firebreak.sarif'), 'utf8')
    const prints = (text: string) => [...text.matchAll(/fp_[\w-]+/g)].map(([print]) => print)
    expect(prints(again)).toEqual(prints(sarif))
    expect((await stage.run('ls ..')).stdout).not.toMatch(/firebreak\./)
  })

  test('tells of no report where none was written, and of finds beside what cannot be read', async () => {
    const restore = await stage.keep()
    const none = await scan({ since: 'no-such-commit' })
    expect(none.exit).toBe(2)
    expect(none.output).toBe('found=false\n')
    await stage.run(
      'file=$(git rev-parse HEAD:src/report.js) && rm -f .git/objects/${file%${file#??}}/${file#??}',
    )
    const both = await scan({})
    expect(both.exit, both.stdout).toBe(2)
    expect(both.output).toBe(`sarif=${stage.directory}/firebreak.sarif\nfound=true\n`)
    await restore()
  })

  test('what is known from a baseline, and what stands at paths that are excluded, is not found', async () => {
    await stage.run('firebreak scan . --write-baseline known.json')
    const known = await scan({ baseline: 'known.json' })
    expect(known.exit, known.stdout).toBe(0)
    expect(known.output).toContain('found=false\n')
    const some = await scan({ exclude: 'deploy/**\n' })
    expect(some.exit).toBe(1)
    expect(some.output).toContain('found=true\n')
    const sarif = join(stage.home, 'whole.sarif')
    const none = await scan({ exclude: 'deploy/**\nsrc/*.js\n*.json\n', sarif })
    expect(none.exit, none.stdout).toBe(0)
    expect(none.stdout).toContain('Excluded: 3 places.')
    expect(none.output).toBe(`sarif=${sarif}\nfound=false\n`)
    await stage.run('rm known.json')
  })

  test('takes an input for what it is, whatever it holds', async () => {
    for (const since of ['$(touch ran)', '"; touch ran; "', '--output=ran', '`touch ran`']) {
      expect((await scan({ since })).exit).toBe(2)
      expect((await stage.run('ls ran')).exit).not.toBe(0)
    }
    const split = await scan({ sarif: 'a\nfound=true' })
    expect(split.output.split('\n').filter(line => line.startsWith('found='))).toHaveLength(1)
  })

  test('uses others by the id of a commit, and puts no input into a script', () => {
    for (const { uses, run } of action.runs.steps) {
      if (uses !== undefined) expect(uses).toMatch(/^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/)
      expect(run ?? '').not.toContain('${{')
    }
  })
})

describe('the pre-commit hook', () => {
  test.each(hooks)('$id stops a commit that adds a credential, and no other', async ({ entry }) => {
    const hook = join(stage.directory, '.git', 'hooks', 'pre-commit')
    await writeFile(hook, `#!/bin/sh\nexec ${entry}\n`, { mode: 0o755 })
    const commit = 'git -c user.name=A -c user.email=a@b.c commit -qm x'
    const password = randomBytes(20).toString('hex')
    await writeFile(join(stage.directory, 'new.env'), `URL=postgres://app:${password}@db.example:5432/app\n`)
    const stopped = await stage.run(`git add new.env && ${commit}`)
    expect(stopped.exit).toBe(1)
    expect(stopped.stdout + stopped.stderr).toContain('new.env:1')
    expect(stopped.stdout + stopped.stderr).not.toContain(password)
    await stage.run('git rm -q --cached new.env && echo fine > fine.txt && git add fine.txt')
    expect((await stage.run(`${commit} --allow-empty`)).exit).toBe(0)
  })

  test('runs on the Node that everything is tried with', () => {
    const { devDependencies } = JSON.parse(readSource('package.json'))
    const versions = hooks.filter(({ language }) => language === 'node').map(hook => hook.language_version)
    expect(versions).toEqual([devDependencies.node])
  })
})
