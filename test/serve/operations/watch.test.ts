import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Connector } from '../../../src/core/contract/connector.ts'
import { FirebreakError } from '../../../src/core/contract/errors.ts'
import { type Io, realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import type { Db } from '../../../src/core/store/store.ts'
import { Connections } from '../../../src/know/connections/registry.ts'
import type { World } from '../../../src/serve/operations/operation.ts'
import { watch } from '../../../src/serve/operations/watch.ts'
import { ownDirectory, role, testKeys } from '../../know/estate.ts'
import { openOwnStore } from '../../own-store.ts'
import { RULE } from '../../know/observe/test-rule.ts'

const MINUTE = 60_000

interface Look {
  readonly name: string
  readonly at: number
}

let db: Db
let rulesDirectory: string
let clock: number
/** Connections that are open now, by source: nothing that sleeps wakes up while somebody looks. */
let open: Map<string, number>
let looks: Look[]
let copies: Map<string, string[]>
let away: Set<string>
/** These never answer. */
let hanging: Set<string>
let overlapping: number

/** A system whose copies are listed by path, each with the same secret, and which may be away. */
const connector: Connector<{ path: string }> = {
  system: 'place',
  summary: 'a place',
  config: z.strictObject({ path: z.string() }),
  async open({ path: name }, io) {
    looks.push({ name, at: clock })
    if (away.has(name)) throw new FirebreakError('UNREACHABLE', 'it is away')
    const now = (open.get(name) ?? 0) + 1
    open.set(name, now)
    if (now > 1) overlapping++
    const place = { system: 'place', instance: name, kind: 'place', id: name }
    return {
      instance: name,
      settleSeconds: 0,
      async close() {
        open.set(name, (open.get(name) ?? 1) - 1)
      },
      async *discover(): AsyncGenerator<Observation> {
        if (hanging.has(name)) {
          open.set(name, 0)
          await new Promise((_, reject) => {
            io.signal.addEventListener('abort', () => reject(io.signal.reason))
          })
        }
        await new Promise(resolve => setTimeout(resolve, 2))
        yield { see: 'resource', ref: place, names: [name], facts: {} } satisfies Observation
        if (name === 'telling')
          yield {
            see: 'identity',
            ref: role('9'),
            names: ['old-export'],
            facts: { expiry: { value: '2026-01-03' } },
          } satisfies Observation
        for (const path of copies.get(name) ?? []) {
          const slots = [{ part: 'value' as const, at: '0-8', encodings: [], line: 1 }]
          yield {
            see: 'copy',
            place: { in: place, path, version: `v:${path}`, slots },
            kind: 'test-token',
            secret: new Secret('tok_q8w3e7r1t5y9u2i6o4p0a8s3d7f1g5h9'),
            claims: role('1'),
            confidence: 0.9,
          } satisfies Observation
        }
        yield { see: 'covered', scope: name, complete: true } satisfies Observation
      },
    }
  },
}

beforeEach(async () => {
  db = (await openOwnStore()).db
  rulesDirectory = join(await ownDirectory(), 'rules')
  await mkdir(join(rulesDirectory, 'secrets'), { recursive: true })
  await writeFile(join(rulesDirectory, 'secrets', 'test-token.yaml'), RULE)
  clock = Date.UTC(2026, 0, 1)
  ;[open, looks, copies, away, hanging, overlapping] = [new Map(), [], new Map(), new Set(), new Set(), 0]
})

/** Watches until the clock shows `until`; what is due `at` a time is done when the clock passes it. */
async function watched(
  given: object,
  until: number,
  at: readonly { readonly ms: number; do(): void }[] = [],
): Promise<{ events: Record<string, unknown>[]; exit: number; failures: readonly Error[] }> {
  const ending = new AbortController()
  const events: Record<string, unknown>[] = []
  const waiting = [...at]
  const io: Io = {
    ...realIo(ending.signal),
    now: () => new Date(clock),
    async sleep(ms) {
      const wakeAt = clock + ms
      do await new Promise(resolve => setImmediate(resolve))
      while ([...open.values()].some(count => count > 0))
      clock = Math.max(clock, wakeAt)
      while (waiting[0] && waiting[0].ms <= clock) waiting.shift()!.do()
      if (clock >= until) ending.abort(new Error('enough'))
      ending.signal.throwIfAborted()
    },
  }
  const world: World = {
    home: '',
    db,
    keys: testKeys,
    io,
    connections: new Connections([connector as Connector], testKeys, io),
    rulesDirectory,
    version: '0',
    existingKeys: async () => testKeys,
    openChange: async () => Promise.reject(new Error('a watch looks at no single change')),
    readInput: () => {
      throw new Error('nothing is piped in')
    },
    serveHttp: () => Promise.reject(new Error('nothing is served')),
    serveWorkloadApi: () => Promise.reject(new Error('nothing is served')),
    takeSignals: () => () => {},
    progress() {},
    say: ({ json }) => events.push(json as Record<string, unknown>),
    readSecret: async () => Promise.reject(new Error('no secret is needed')),
  }
  const output = await watch.run(world, watch.input.parse(given))
  await world.connections.close()
  return { events, exit: watch.exitCode?.(output) ?? 0, failures: watch.failures?.(output) ?? [] }
}

async function connect(...names: string[]): Promise<void> {
  const io = { ...realIo(), now: () => new Date(clock) }
  const connections = new Connections([connector as Connector], testKeys, io)
  for (const path of names) await connections.add(db, 'place', { path }, path)
  await connections.close()
  looks = []
}

function gapsOf(name: string): number[] {
  const times = looks.filter(look => look.name === name).map(({ at }) => at)
  return times.slice(1).map((at, index) => at - times[index]!)
}

const start = () => clock
/** How late the loop may notice that something is due. */
const LATE = 5000

describe('watching', () => {
  test('reads each source in its own interval, a little early, not all at once', async () => {
    await connect('slow', 'fast')
    const given = { every: '10m', override: [{ source: 'fast', every: '2m' }] }
    await watched(given, start() + 60 * MINUTE)
    for (const [name, every] of [
      ['slow', 10 * MINUTE],
      ['fast', 2 * MINUTE],
    ] as const) {
      const gaps = gapsOf(name)
      expect(gaps.length).toBeGreaterThanOrEqual((60 * MINUTE) / every - 2)
      for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(0.9 * every)
      for (const gap of gaps) expect(gap).toBeLessThanOrEqual(every + LATE)
      expect(new Set(gaps).size).toBeGreaterThan(2)
    }
  })

  test('tries what fails less and less often, holds up nothing else for it, and is back at once', async () => {
    await connect('well', 'ill')
    away.add('ill')
    const back = start() + 150 * MINUTE
    const { events } = await watched({ every: '5m' }, start() + 260 * MINUTE, [
      { ms: back, do: () => away.delete('ill') },
    ])
    const gaps = gapsOf('ill')
    for (const [index, gap] of gaps.slice(0, 4).entries()) {
      const expected = 5 * MINUTE * 2 ** index
      expect(gap).toBeGreaterThanOrEqual(0.9 * expected)
      expect(gap).toBeLessThanOrEqual(expected + LATE)
    }
    expect(Math.max(...gaps)).toBeLessThanOrEqual(60 * MINUTE + LATE)
    expect(Math.max(...gapsOf('well'))).toBeLessThanOrEqual(5 * MINUTE + LATE)
    const first = events.find(({ event, source }) => event === 'observed' && source === 'place:ill')
    expect(Date.parse(String(first?.['at'])) - back).toBeLessThanOrEqual(60 * MINUTE + LATE)
    const after = looks.filter(({ name, at }) => name === 'ill' && at > back + 61 * MINUTE)
    expect(after.length).toBeGreaterThan(6)
    expect(events.filter(({ event }) => event === 'failed')[0]).toMatchObject({ code: 'UNREACHABLE' })
  })

  test('says within one interval that a copy appeared, then another one, and that they are gone', async () => {
    await connect('repo')
    copies.set('repo', ['old'])
    const appears = start() + 47 * MINUTE
    const spreads = start() + 64 * MINUTE
    const goes = start() + 93 * MINUTE
    const { events } = await watched({ every: '10m' }, start() + 130 * MINUTE, [
      { ms: appears, do: () => copies.set('repo', ['old', 'new']) },
      { ms: spreads, do: () => copies.set('repo', ['old', 'new', 'other']) },
      { ms: spreads + 12 * MINUTE, do: () => copies.set('repo', ['old', 'other']) },
      { ms: goes, do: () => copies.set('repo', ['old']) },
    ])
    const [begun, spread, ended, ...more] = events.filter(
      ({ event }) => event === 'finding' || event === 'ended',
    )
    expect(more).toEqual([])
    expect(begun).toMatchObject({
      event: 'finding',
      check: 'copy-outside-approved-store',
      severity: 'high',
      frameworks: ['NHI2:2025'],
      why: expect.stringContaining('place:repo/new:1 since 2026-01-01T00:'),
    })
    expect(Date.parse(String(begun?.['at'])) - appears).toBeLessThanOrEqual(10 * MINUTE + LATE)
    expect(spread).toMatchObject({
      event: 'finding',
      why: expect.stringMatching(/ in place:repo\/other:1 since .*, place:repo\/new:1 since /),
    })
    expect(Date.parse(String(spread?.['at'])) - spreads).toBeLessThanOrEqual(10 * MINUTE + LATE)
    expect(ended?.['event']).toBe('ended')
    expect(Date.parse(String(ended?.['at'])) - goes).toBeLessThanOrEqual(10 * MINUTE + LATE)
    expect(JSON.stringify(events)).not.toContain('tok_')
  })

  test('by several processes reads each source once per interval, never twice at a time', async () => {
    const names = ['a', 'b', 'c', 'd']
    await connect(...names)
    const until = start() + 60 * MINUTE
    const all = await Promise.all([1, 2, 3].map(() => watched({ every: '10m' }, until)))
    expect(overlapping).toBe(0)
    for (const name of names) {
      const gaps = gapsOf(name)
      expect(gaps.length).toBeGreaterThanOrEqual(5)
      for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(0.9 * 10 * MINUTE)
    }
    expect(all.flatMap(({ failures }) => failures)).toEqual([])
  })

  test('started anew keeps its own intervals, whatever the last one had in mind, also of what failed then', async () => {
    await connect('a', 'b', 'ill')
    away.add('ill')
    await watched({ every: '1d' }, start() + MINUTE)
    away.delete('ill')
    looks = []
    const again = start()
    await watched({ every: '10m', override: [{ source: 'b', every: '2h' }] }, again + 15 * MINUTE)
    const soon = looks.filter(({ at }) => at <= again + 10 * MINUTE + LATE)
    expect([...new Set(soon.map(({ name }) => name))].sort()).toEqual(['a', 'ill'])
    expect(looks.map(({ name }) => name)).not.toContain('b')
  })

  test('looks in its own interval beside another watch that looks more seldom', async () => {
    await connect('a', 'b')
    const until = start() + 30 * MINUTE
    await Promise.all(['5m', '1h', '1h'].map(every => watched({ every }, until)))
    for (const name of ['a', 'b']) {
      expect(gapsOf(name).length).toBeGreaterThanOrEqual(5)
      for (const gap of gapsOf(name)) expect(gap).toBeGreaterThanOrEqual(0.9 * 5 * MINUTE)
      for (const gap of gapsOf(name)) expect(gap).toBeLessThanOrEqual(5 * MINUTE + 2 * LATE)
    }
  })

  test('looks in its interval also when the clock was set back', async () => {
    await connect('a', 'ill')
    away.add('ill')
    const until = start() + 35 * MINUTE
    const back = start() - 50 * MINUTE
    await watched({ every: '10m' }, until, [{ ms: start() + 30 * MINUTE, do: () => (clock = back) }])
    const first = looks.findIndex(({ at }, index) => at < (looks[index - 1]?.at ?? 0))
    looks = [{ name: 'a', at: back }, ...looks.slice(first)]
    expect(gapsOf('a').length).toBeGreaterThanOrEqual(7)
    for (const gap of gapsOf('a')) expect(gap).toBeLessThanOrEqual(10 * MINUTE + LATE)
    expect(looks.find(({ name }) => name === 'ill')?.at).toBeLessThanOrEqual(back + 60 * MINUTE + LATE)
  })

  test('is held up by no source that never answers, and tells of it once', async () => {
    await connect('huge', 'vast', 'well')
    hanging.add('huge')
    await watched({ every: '5m' }, start() + 60 * MINUTE)
    for (const gap of gapsOf('well')) expect(gap).toBeLessThanOrEqual(6 * MINUTE)
    expect(gapsOf('well').length).toBeGreaterThanOrEqual(10)
    // Its claim is over by this clock, which goes faster than what renews it, as after a sleep of the machine.
    expect(looks.filter(({ name }) => name === 'huge')).toHaveLength(1)
    hanging.add('vast')
    looks = []
    const { events } = await watched({ every: '5m' }, start() + 60 * MINUTE)
    expect(gapsOf('well').length).toBeGreaterThanOrEqual(8)
    const stalled = events.filter(({ event }) => event === 'stalled').map(({ source }) => source)
    expect(stalled.sort()).toEqual(['place:huge', 'place:vast'])
  })

  test('counts the time that a source does not go on as it passes here, and not by a clock that is set or slept', async () => {
    await connect('huge')
    hanging.add('huge')
    const stalled = async (minutes: number, leap: number) => {
      const [began, until] = [start(), start() + 1000 * MINUTE]
      const { events } = await watched({ every: '5m' }, until, [
        { ms: began + 3 * MINUTE, do: () => (clock += leap) },
        { ms: began + leap + minutes * MINUTE, do: () => (clock = until) },
      ])
      return events.filter(({ event }) => event === 'stalled').length
    }
    expect(await stalled(8, 60 * MINUTE)).toBe(0)
    expect(await stalled(12, -60 * MINUTE)).toBe(1)
  })

  test('goes on with the others when one of those that it was to watch is disconnected', async () => {
    await connect('a', 'b')
    const until = start() + 60 * MINUTE
    let disconnecting: Promise<unknown> | undefined
    const goes = () => {
      const gone = { disconnected_at: clock }
      disconnecting = db.updateTable('source').set(gone).where('label', '=', 'a').execute()
    }
    await watched({ every: '10m', sources: ['a', 'b'] }, until, [{ ms: start() + 5 * MINUTE, do: goes }])
    await disconnecting
    expect(looks.filter(({ name }) => name === 'a')).toHaveLength(1)
    expect(gapsOf('b').length).toBeGreaterThanOrEqual(5)
  })

  test('takes up a source that is connected meanwhile', async () => {
    await connect('one')
    let connecting: Promise<void> | undefined
    await watched({ every: '10m' }, start() + 30 * MINUTE, [
      { ms: start() + 5 * MINUTE, do: () => (connecting = connect('two')) },
    ])
    await connecting
    expect(looks.filter(({ name }) => name === 'two').length).toBeGreaterThanOrEqual(2)
  })
})

describe('one round', () => {
  test('reads all sources now, whenever they are due, and its exit code says whether a finding stands', async () => {
    await connect('a', 'b')
    const until = start() + 1000 * MINUTE
    expect(await watched({ once: true }, until)).toMatchObject({ exit: 0, failures: [] })
    copies.set('a', ['new'])
    expect((await watched({ once: true }, until)).exit).toBe(1)
    expect(looks.map(({ name }) => name).toSorted()).toEqual(['a', 'a', 'b', 'b'])
    expect((await watched({ once: true, sources: ['b'] }, until)).exit).toBe(1)
    copies.delete('a')
    expect((await watched({ once: true }, until)).exit).toBe(0)
  })

  test('raises what failed, after the others were read', async () => {
    await connect('a', 'b')
    away.add('a')
    const { events, failures } = await watched({ once: true }, start() + MINUTE)
    expect(failures).toMatchObject([{ code: 'UNREACHABLE' }])
    expect(events.map(({ event, source }) => [event, source])).toContainEqual(['observed', 'place:b'])
  })

  test('tells an owner before something goes by itself, once, and not before the time that was promised', async () => {
    await connect('telling')
    const text = 'require: [{ automatic: { expire: true, notice: 5d } }]'
    await db
      .insertInto('requirement')
      .values({ id: 'r', text, file: 'r.yaml', said_by: 'ann', at: clock })
      .execute()
    const { events } = await watched({ every: '10m' }, start() + 45 * MINUTE)
    const own = events.filter(({ event }) => String(event).startsWith('expire'))
    expect(own).toEqual([
      expect.objectContaining({
        event: 'expire-announced',
        name: 'old-export',
        owner: null,
        why: expect.stringMatching(
          /^it ends on 2026-01-03: a tag says so.*; it goes on 2026-01-06 or after$/,
        ),
      }),
    ])
    expect((await watched({ once: true }, clock + MINUTE)).events.map(({ event }) => event)).not.toContain(
      'expire-announced',
    )
  })

  test('leaves a source to the process that reads it', async () => {
    await connect('a')
    await watched({ once: true }, start() + MINUTE)
    await db
      .updateTable('watch')
      .set({ claimed_by: 'other:1:1', claim_until: clock + MINUTE })
      .execute()
    const { events } = await watched({ once: true }, start() + 10 * MINUTE)
    expect(events.at(-1)).toMatchObject({ event: 'busy', source: 'place:a' })
  })

  test('of nothing, or with an interval that is none, is refused', async () => {
    await expect(watched({ once: true }, start() + MINUTE)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await connect('a')
    await expect(watched({ every: 'soon' }, start() + MINUTE)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    })
    const override = [{ source: 'nobody', every: '5m' }]
    await expect(watched({ override }, start() + MINUTE)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(watched({ sources: ['nobody'] }, start() + MINUTE)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })
})
