import type { ChildProcess } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { heldStore } from '../held-store.ts'
import { type Stage, setStage } from '../stage.ts'

interface Line {
  readonly event: string
  readonly source?: string
  readonly skippedAsRead?: number
  readonly documents?: number
  readonly finds?: number
  readonly gaps?: number
  readonly why?: string
}

const FILES = 1200
const WAIT_MS = 300_000

/** A watch in a process of its own, as a user starts it. */
class Watch {
  readonly lines: Line[] = []
  readonly child: ChildProcess
  readonly outcome: Promise<{ exit: number | null; stderr: string }>

  constructor(stage: Stage, flags: string) {
    const started = stage.start(`exec firebreak watch ${flags} --json`)
    this.child = started.child
    this.outcome = started.outcome
    let rest = ''
    this.child.stdout?.on('data', bytes => {
      const lines = `${rest}${bytes}`.split('\n')
      rest = lines.pop() ?? ''
      this.lines.push(...lines.map(line => JSON.parse(line) as Line))
    })
  }

  /** The first line that fits, of those from `from` on. */
  async line(fits: (line: Line) => boolean, from = 0): Promise<Line> {
    const found = () => this.lines.slice(from).find(fits)
    await expect.poll(found, { timeout: WAIT_MS, interval: 10 }).toBeDefined()
    return found()!
  }

  /** As control-C on a terminal, or `kill -9`: the whole group gets it. */
  signal(signal: NodeJS.Signals): void {
    process.kill(-this.child.pid!, signal)
  }
}

describe('firebreak watch', () => {
  let stage: Stage
  let many: string

  beforeAll(async () => {
    stage = await setStage()
    many = join(stage.directory, '..', 'many')
    await mkdir(many)
    const token = (n: number) =>
      ['postgres://app', n, ':', `Zk3k9sDkq83jd92kdJ${n}KQ8sjd`, '@db.example/app'].join('')
    for (let n = 0; n < FILES; n++)
      await writeFile(
        join(many, `f${n}.env`),
        `DATABASE_URL=${token(n % 10)}\nN=${n}\n${'# text\n'.repeat(100)}`,
      )
    for (const command of [
      'connect directory --path ../many',
      'connect directory --path deploy --approved .env',
    ])
      expect((await stage.run(`firebreak ${command}`)).exit).toBe(0)
  })
  afterAll(() => stage?.remove())

  const rows = (sql: string) => {
    const db = new DatabaseSync(join(stage.home, 'firebreak.db'), { timeout: 60_000 })
    try {
      return db.prepare(sql).all()
    } finally {
      db.close()
    }
  }

  const heldAfter = (documents: number) => heldStore(stage.home, 'select count(*) from document', documents)

  test('killed in the middle of a source, is gone on with by the next, which reads nothing twice', async () => {
    const killed = new Watch(stage, '--every 2s --workers 1')
    const { answer: before, letGo } = await heldAfter(100)
    killed.signal('SIGKILL')
    await killed.outcome
    letGo()
    expect(before).toBeLessThan(FILES)
    expect(rows(`select 1 from source where label like '%many' and observed_at is not null`)).toEqual([])
    const next = new Watch(stage, '--every 2s --workers 1')
    const seen = await next.line(line => line.event === 'observed' && line.source!.endsWith('many'))
    expect(seen).toMatchObject({ documents: FILES, gaps: 0 })
    // Both sources are of documents; only one of them is so large.
    expect(seen.skippedAsRead).toBeGreaterThanOrEqual(before - 2)
    expect(seen.skippedAsRead).toBeLessThan(FILES)
    expect(rows(`select 1 from coverage where complete = 0`)).toEqual([])

    const untilLeak = next.lines.length
    await writeFile(
      join(many, 'leak.txt'),
      `psql postgres://app_orders:${stage.secret}@127.0.0.1:5432/postgres\n`,
    )
    const finding = await next.line(line => line.event === 'finding', untilLeak)
    expect(finding.why).toContain('many/leak.txt:1')
    const listed = await stage.run('firebreak ls findings')
    expect(listed.stdout).toContain('copy-outside-approved-store')
    const untilRemoval = next.lines.length
    await rm(join(many, 'leak.txt'))
    await next.line(line => line.event === 'ended', untilRemoval)
    expect((await stage.run('firebreak ls findings')).stdout).toContain('No finding stands')

    next.signal('SIGINT')
    const { exit, stderr } = await next.outcome
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    expect(rows('select 1 from watch where claimed_by is not null')).toEqual([])
    expect((await stage.run('firebreak evidence verify')).exit).toBe(0)
  })

  test('interrupted in the middle of a source, ends at once and leaves it due', async () => {
    for (let n = 0; n < FILES; n++)
      await writeFile(join(many, `f${n}.env`), `N=${n}\n${'# other text\n'.repeat(100)}`)
    const watch = new Watch(stage, '--every 1s --workers 1')
    const { answer: read, letGo } = await heldAfter(FILES + 100)
    expect(read).toBeLessThan(2 * FILES)
    watch.signal('SIGINT')
    letGo()
    expect((await watch.outcome).exit).toBe(0)
    expect(rows('select 1 from watch where claimed_by is not null')).toEqual([])
    const text = await stage.run('firebreak watch --once')
    const [, fresh, known] = /many: (\d+) read, (\d+) known, 0 found/.exec(text.stdout)!.map(Number)
    expect(fresh! + known!).toBe(FILES)
    // What was read before the interruption is not read again.
    expect(fresh).toBeLessThan(FILES)
    expect(text.stdout).not.toContain(stage.secret)
    expect(text.exit).toBe(0)
  })
})
