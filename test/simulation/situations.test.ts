import { afterEach, describe, expect, test } from 'vitest'
import type { ContainRequest } from '../../src/act/incident/contain.ts'
import type { ContainReport } from '../../src/act/incident/report.ts'
import type { MemorySession } from '../../src/connectors/postgres/memory.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { OWN_AGENT } from '../../src/core/contract/use.ts'
import { transaction } from '../../src/core/store/store.ts'
import { sayOwner } from '../../src/know/inventory/owner-word.ts'
import { Consumer } from './consumer.ts'
import type { Description } from './estate.ts'
import { loginIn, mustBeClosed, mustBeContained, mustHold, mustNotStandIn } from './invariants.ts'
import { OTHER_PASSWORD, PASSWORD, SHOP, url } from './shop.ts'
import { reportOf, type Scene, Stage } from './stage.ts'

const MODES = ['graceful', 'emergency'] as const
const PLACE = 'orders/.env'
const graceful: ContainRequest = { subject: 'orders', mode: 'graceful', windowSeconds: 0 }
const emergency: ContainRequest = { ...graceful, mode: 'emergency' }

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** Most begin in the same one, which is observed once. */
const stages = new Map<Description, Promise<Stage>>()

async function scene(description: Description = SHOP): Promise<Scene> {
  let stage = stages.get(description)
  if (!stage) stages.set(description, (stage = Stage.set(description)))
  const begun = await (await stage).begin()
  cleanups.push(() => begun.end())
  return begun
}

function contained(at: Scene, report: ContainReport, places = [PLACE]): Promise<void> {
  return mustBeContained(at.db, at.estate, report, [at.contained('orders', places)])
}

test('whom a person named as owner is told first', async () => {
  const at = await scene()
  const { id } = await at.db
    .selectFrom('entity')
    .innerJoin('name', 'name.entity_id', 'entity.id')
    .select('entity.id')
    .where('entity.kind', '=', 'role')
    .where('name.name', '=', 'orders')
    .executeTakeFirstOrThrow()
  await transaction(at.db, tx => sayOwner(tx, realIo(), { entityId: id, owner: 'group:shop', by: 'ana' }))
  const report = reportOf(await at.contain({ ...graceful, dryRun: true }))
  expect(report.owners[0]).toEqual({ label: 'orders', owner: 'group:shop', source: 'confirmed by ana' })
})

describe.each(MODES)('%s, somebody else', mode => {
  const request: ContainRequest = { ...graceful, mode }

  test('has a session, opened midway: it ends, and a principal made with it is told', async () => {
    const at = await scene()
    const { server } = at.estate
    let attacker: MemorySession | undefined
    const ending = await at.contain(request, {
      onBoundary(step, boundary) {
        if (attacker || boundary !== 'begin') return
        attacker = server.login('orders', new Secret(PASSWORD), 'attacker')
        server.addRole({ name: 'backdoor', password: new Secret(OTHER_PASSWORD) })
        expect(step.key).toBe(mode === 'graceful' ? 'freeze:orders' : 'suspend:orders')
      },
    })
    const report = reportOf(ending)
    await contained(at, report)
    expect(attacker).toMatchObject({ alive: false })
    expect(report.newPrincipals).toHaveLength(1)
  })

  test.each([
    ['once: it is cut again', 1, 'done'],
    ['each time: the run is stuck, and finished when that has stopped', Infinity, 'stuck'],
  ])('gives it back its password after it was revoked, %s', async (_, times, state) => {
    const at = await scene()
    const role = at.estate.roles.get('orders')!
    let given = 0
    const first = reportOf(
      await at.contain(request, {
        onBoundary(step, boundary) {
          if (step.key !== 'revoke:orders' || boundary !== 'verified' || given++ >= times) return
          role.password = new TextEncoder().encode(PASSWORD)
          role.state.attributes.login = true
        },
      }),
    )
    expect(first.state).toBe(state)
    if (state === 'stuck') {
      const proof = first.steps.find(step => step.key === 'prove:orders')
      expect(proof).toMatchObject({ state: 'stuck', error: expect.stringContaining('still accepted') })
      expect(first.contained).toBe(false)
    }
    await contained(at, state === 'done' ? first : reportOf(await at.contain(request)))
  })

  test('puts another server in the place of it midway: CONFLICT, and that one is not touched', async () => {
    const at = await scene()
    const { server } = at.estate
    let after = ''
    const ending = await at.contain(request, {
      onBoundary(step, boundary) {
        if (step.verb !== 'issue' || boundary !== 'verified') return
        server.replace('7000000000000000002')
        server.addRole({ name: 'orders', password: new Secret(PASSWORD) })
        after = server.snapshot()
      },
    })
    const report = reportOf(ending)
    expect(report).toMatchObject({ state: 'stuck', contained: false })
    expect(report.steps.flatMap(step => step.error ?? []).join()).toMatch(/another server answers/)
    expect(server.snapshot()).toBe(after)
    await mustHold(at.db)
  })
})

describe('consumers', () => {
  test('one that reads its file again never fails in a graceful containment', async () => {
    const at = await scene()
    const consumer = new Consumer(at.estate, PLACE, 'api', { rereads: true })
    const report = reportOf(await at.contain({ ...graceful, windowSeconds: 2 }))
    consumer.stop()
    await contained(at, report)
    expect(report.consumers).toEqual([expect.objectContaining({ name: 'api@memory', state: 'moved' })])
    expect(consumer).toMatchObject({ failures: 0 })
    expect(consumer.logins).toBeGreaterThan(10)
  })

  test('one that never moves is waited for, and keeps working; in an emergency it is cut off', async () => {
    const at = await scene()
    const consumer = new Consumer(at.estate, PLACE, 'batch', { rereads: false })
    const stuck = reportOf(await at.contain({ ...graceful, windowSeconds: 2 }))
    expect(stuck).toMatchObject({ state: 'stuck', contained: false, credentials: [{ state: 'live' }] })
    const waiting = stuck.steps.find(step => step.key === 'moved:orders')
    expect(waiting).toMatchObject({ state: 'stuck', error: expect.stringContaining('batch@memory') })
    expect(consumer).toMatchObject({ failures: 0 })
    const still = reportOf(await at.contain(graceful))
    expect(still).toMatchObject({ state: 'stuck', run: stuck.run })
    expect(consumer).toMatchObject({ failures: 0 })
    const report = reportOf(await at.contain(emergency))
    await at.estate.time.sleep(1000)
    consumer.stop()
    expect(report.run).toBe(stuck.run)
    await contained(at, report)
    expect(report.consumers).toEqual([expect.objectContaining({ name: 'batch@memory', state: 'seen' })])
    expect(consumer.failures).toBeGreaterThan(0)
  })
})

describe.each(MODES)('%s, two at once', mode => {
  const request: ContainRequest = { ...graceful, mode }

  test('one that watches while the other begins and ends does not begin again: CONFLICT, and one stands', async () => {
    const at = await scene()
    const [slow, quick] = await Promise.all([
      at.contain({ ...request, windowSeconds: 600 }),
      at.contain(request),
    ])
    const report = reportOf(quick)
    expect(slow).toMatchObject({ failure: { code: 'CONFLICT', advice: expect.stringContaining(report.run) } })
    expect(await at.db.selectFrom('run').select('id').execute()).toEqual([{ id: report.run }])
    await contained(at, report)
  })

  test.each([
    ['as it was pasted', { secret: new Secret(PASSWORD) }],
    ['by what it was found in', { leakedIn: PLACE }],
    ['by its name', { subject: 'orders' }],
  ])(
    'one that is still reading when the other has ended it, %s: CONFLICT, and not that nothing is known of it',
    async (_, named) => {
      const at = await scene()
      const asked: ContainRequest = { ...named, mode, windowSeconds: 0 }
      // As if it had been connected and never looked at: it is read before anything is planned.
      await at.db.updateTable('source').set({ observed_at: null }).where('system', '=', 'directory').execute()
      let quick: ContainReport | undefined
      const slow = await at.contain(asked, {
        beforeOpening: async () => {
          if (quick) return
          await at.db.updateTable('source').set({ observed_at: at.estate.time.now() }).execute()
          quick = reportOf(await at.contain(asked))
        },
      })
      expect(slow).toMatchObject({
        failure: { code: 'CONFLICT', advice: expect.stringContaining(quick!.run) },
      })
      expect(await at.db.selectFrom('run').select('id').execute()).toEqual([{ id: quick!.run }])
      await contained(at, quick!)
    },
  )

  test('the login by which the other tries the credential is not waited for; who only takes its name is ended', async () => {
    const at = await scene()
    const session = at.estate.server.login('orders', new Secret(PASSWORD), OWN_AGENT)
    const report = reportOf(await at.contain(request))
    expect(report.consumers).toEqual([])
    await contained(at, report)
    expect(session).toMatchObject({ alive: false })
  })
})

describe.each(MODES)('%s, unreachable', mode => {
  const request: ContainRequest = { ...graceful, mode }

  test.each([
    ['postgres', 20_000, 'done'],
    ['postgres', 600_000, 'stuck'],
    ['directory', 20_000, 'done'],
    ['directory', 600_000, 'stuck'],
  ] as const)('%s for %i ms midway: the run is %s, then finished', async (system, forMs, state) => {
    const at = await scene()
    const { estate } = at
    const reachable = (is: boolean) => {
      if (system === 'postgres') estate.server.reachable = is
      else estate.directoryReachable = is
    }
    let away = false
    const first = reportOf(
      await at.contain(request, {
        onBoundary(step, boundary) {
          if (away || step.verb !== 'issue' || boundary !== 'verified') return
          away = true
          reachable(false)
          void estate.time.sleep(forMs).then(() => reachable(true))
        },
      }),
    )
    expect(away).toBe(true)
    expect(first.state).toBe(state)
    reachable(true)
    await contained(at, state === 'done' ? first : reportOf(await at.contain(request)))
  })

  test('the file’s system from the start: it is written all the same once it is back', async () => {
    const at = await scene()
    at.estate.directoryReachable = false
    const first = reportOf(await at.contain({ mode, windowSeconds: 0, secret: new Secret(PASSWORD) }))
    expect(first.state).toBe('stuck')
    const live = at.estate.server.login('orders', new Secret(PASSWORD))
    // A graceful run cuts nobody off before the new credential is where it is read.
    expect(live !== undefined).toBe(mode === 'graceful')
    if (live) live.alive = false
    at.estate.directoryReachable = true
    await contained(at, reportOf(await at.contain({ mode, windowSeconds: 0, secret: new Secret(PASSWORD) })))
  })
})

test('a place that is away keeps a graceful run waiting; made an emergency, it cuts at once and writes later', async () => {
  const at = await scene()
  at.estate.directoryReachable = false
  const leaked = { secret: new Secret(PASSWORD), windowSeconds: 0 }
  const waiting = reportOf(await at.contain({ ...leaked, mode: 'graceful' }))
  expect(waiting).toMatchObject({ state: 'stuck', contained: false })
  const session = at.estate.server.login('orders', new Secret(PASSWORD))
  expect(session).toMatchObject({ alive: true })
  const cut = reportOf(await at.contain({ ...leaked, mode: 'emergency' }))
  expect(cut).toMatchObject({ run: waiting.run, state: 'stuck', mode: 'emergency', contained: false })
  expect(cut.credentials).toEqual([expect.objectContaining({ label: 'orders', state: 'dead', sessions: 0 })])
  expect(session).toMatchObject({ alive: false })
  expect(at.estate.server.login('orders', new Secret(PASSWORD))).toBeUndefined()
  at.estate.directoryReachable = true
  await contained(at, reportOf(await at.contain({ ...leaked, mode: 'graceful' })))
})

describe.each(MODES)('%s, what cannot be told', mode => {
  const request: ContainRequest = { ...graceful, mode }

  test('a server that takes any password: whoever may not log in is refused even there', async () => {
    const at = await scene()
    at.estate.server.trust = true
    const report = reportOf(await at.contain(request))
    await contained(at, report)
  })

  test('a server that takes any password, and cannot refuse a login: unknown, so not contained', async () => {
    const at = await scene()
    at.estate.server.trust = true
    // All that is left is a new secret in place, and there any secret is taken.
    at.estate.without = ['issue', 'undo']
    const report = reportOf(await at.contain(request))
    expect(report).toMatchObject({ state: 'done', contained: false })
    expect(report.credentials).toEqual([expect.objectContaining({ label: 'orders', state: 'unknown' })])
    expect(at.estate.server.login('orders', new Secret(PASSWORD))).toBeDefined()
  })

  test('a copy that names an endpoint that nobody covers is unknown', async () => {
    const elsewhere = url('orders', PASSWORD, 'eu.example:5432')
    const at = await scene({ ...SHOP, files: { ...SHOP.files, 'eu/.env': `DATABASE_URL=${elsewhere}\n` } })
    const report = reportOf(await at.contain({ mode, windowSeconds: 0, secret: new Secret(PASSWORD) }))
    await contained(at, report)
    const copy = report.copies.find(copy => copy.where.includes('eu/.env'))
    expect(copy).toMatchObject({ state: 'unknown', why: expect.stringContaining('eu.example:5432') })
    expect(at.estate.text('eu/.env')).toContain(elsewhere)
  })
})

describe.each(MODES)('%s, whose it is', mode => {
  const request: ContainRequest = { ...graceful, mode }

  test('a value that is dead already is only proven so: the role keeps what it has', async () => {
    const at = await scene()
    const role = at.estate.roles.get('orders')!
    role.password = new TextEncoder().encode(OTHER_PASSWORD)
    const before = [at.estate.server.snapshot(), at.estate.text(PLACE)]
    const working = at.estate.server.login('orders', new Secret(OTHER_PASSWORD))
    const report = reportOf(await at.contain({ mode, windowSeconds: 0, secret: new Secret(PASSWORD) }))
    expect(report).toMatchObject({ state: 'done', contained: true })
    expect(report.steps.map(step => step.key)).toEqual(['prove:orders', 'observe'])
    expect([at.estate.server.snapshot(), at.estate.text(PLACE)]).toEqual(before)
    expect(working).toMatchObject({ alive: true })
  })

  test('one password of two roles: both are contained, each place gets the one of its own', async () => {
    const at = await scene({
      ...SHOP,
      roles: [...SHOP.roles, { name: 'reports', password: PASSWORD }],
      files: {
        ...SHOP.files,
        'reports/.env': `DATABASE_URL=${url('reports', PASSWORD)}\n`,
      },
    })
    const report = reportOf(await at.contain(request))
    await mustBeContained(at.db, at.estate, report, [
      at.contained('orders', [PLACE]),
      at.contained('reports', ['reports/.env']),
    ])
  })

  test('a file that holds it for both: not written, and said so beforehand', async () => {
    const both = `A=${url('orders', PASSWORD)}\nB=${url('reports', PASSWORD)}\n`
    const at = await scene({
      ...SHOP,
      roles: [...SHOP.roles, { name: 'reports', password: PASSWORD }],
      files: { ...SHOP.files, 'both/.env': both },
    })
    const report = reportOf(await at.contain(request))
    await mustBeContained(at.db, at.estate, report, [
      at.contained('orders', [PLACE]),
      at.contained('reports', []),
    ])
    expect(report.breaks.join('\n')).toMatch(
      /whoever reads it from estate\/both\/.env:1,2 fails from suspend:orders/,
    )
    expect(report.copies.find(copy => copy.where.includes('both'))).toMatchObject({ state: 'dead' })
    expect(at.estate.text('both/.env')).toBe(both)
  })

  test('a superuser cannot be frozen, and is cut off all the same', async () => {
    const [orders, billing] = SHOP.roles
    const at = await scene({ ...SHOP, roles: [{ ...orders!, attributes: { superuser: true } }, billing!] })
    const report = reportOf(await at.contain(request))
    await contained(at, report)
    expect(report.steps.find(step => step.key === 'freeze:orders')).toMatchObject({ state: 'skipped' })
  })

  test('what was issued leaks too: it is replaced in its turn, and one stands', async () => {
    const at = await scene()
    const first = reportOf(await at.contain(request))
    await contained(at, first)
    const old = at.estate.issuedFor(at.estate.roles.get('orders')!)[0]!
    const leaked = loginIn(at.estate.text(PLACE), [old.name])!.password
    const report = reportOf(await at.contain({ mode, windowSeconds: 0, secret: new Secret(leaked) }))
    expect(report).toMatchObject({ state: 'done', contained: true })
    expect(at.estate.server.login(old.name, new Secret(leaked))).toBeUndefined()
    await contained(at, first)
    expect(at.estate.issuedFor(at.estate.roles.get('orders')!)[0]!.name).not.toBe(old.name)
    await mustNotStandIn(at.db, [leaked], JSON.stringify(report))
  })
})

/** The page of notes, which no approval covers. */
const SETUP_LEFT = expect.stringContaining('orders: the old one stands still in estate/notes/setup.md:1.')

describe.each(MODES)('%s, a system that can do less', mode => {
  test('it has neither suspend, freeze nor sessions: revoked and proven', async () => {
    const at = await scene()
    at.estate.without = ['suspend', 'freeze', 'thaw', 'sessions', 'endSessions']
    await contained(at, reportOf(await at.contain({ ...graceful, mode })))
  })

  test('it cannot issue beside the old one: a new secret in place, which the file holds and the system takes', async () => {
    const at = await scene()
    at.estate.without = ['issue', 'undo']
    const report = reportOf(await at.contain({ ...graceful, mode }))
    expect(report).toMatchObject({ state: 'done', contained: true, outstanding: [SETUP_LEFT] })
    const written = loginIn(at.estate.text(PLACE), ['orders'])
    expect(written?.password).not.toBe(PASSWORD)
    expect(at.estate.server.login('orders', new Secret(PASSWORD))).toBeUndefined()
    expect(at.estate.server.login('orders', new Secret(written?.password ?? ''))).toBeDefined()
  })
})

describe.each(MODES)('%s, what is left to a person', mode => {
  const request: ContainRequest = { ...graceful, mode }

  test('a new secret in place that could be written nowhere: nobody has it, and that is told', async () => {
    const at = await scene({ ...SHOP, approved: [] })
    at.estate.without = ['issue', 'undo']
    const before = at.estate.text(PLACE)
    const report = reportOf(await at.contain(request))
    expect(report).toMatchObject({ state: 'done', contained: true })
    expect(report.outstanding).toEqual([expect.stringMatching(/^orders: nobody has its new secret/)])
    expect(at.estate.text(PLACE)).toBe(before)
    expect(at.estate.server.login('orders', new Secret(PASSWORD))).toBeUndefined()
    expect(at.estate.roles.get('orders')!.state.attributes.login).toBe(true)
    await mustBeClosed(at.db, report)
  })

  const WITHDRAW = 'withdraw:orders'
  /** A version that took nothing back planned the run and issued; this one goes on with it. */
  async function begunByAnOlderVersion(at: Scene): Promise<void> {
    await at.contain(request, { dieAt: { key: 'issue:orders', boundary: 'verified' } })
    await transaction(at.db, async tx => {
      const steps = await tx.selectFrom('step').select(['key', 'needs']).execute()
      const needsOf = (key: string): string[] => JSON.parse(steps.find(step => step.key === key)!.needs)
      for (const { key } of steps) {
        const needs = needsOf(key).flatMap(need => (need === WITHDRAW ? needsOf(need) : [need]))
        await tx
          .updateTable('step')
          .set({ needs: JSON.stringify(needs) })
          .where('key', '=', key)
          .execute()
      }
      const { numDeletedRows } = await tx.deleteFrom('step').where('key', '=', WITHDRAW).executeTakeFirst()
      expect(numDeletedRows).toBe(1n)
    })
  }

  test('what an older version issued and nobody has stands, and that is told', async () => {
    const at = await scene()
    await begunByAnOlderVersion(at)
    at.estate.put(PLACE, 'PORT=3000\n')
    await at.observe()
    const report = reportOf(await at.contain(request))
    expect(report).toMatchObject({ state: 'done', contained: true })
    expect(report.outstanding).toEqual([
      expect.stringMatching(/^orders: the new credential stands, and nobody/),
    ])
    expect(at.estate.issuedFor(at.estate.roles.get('orders')!)).toHaveLength(1)
    await mustBeClosed(at.db, report)
  })

  test('what an older version issued and a place has is left to nobody, but where it may not be written', async () => {
    const at = await scene()
    await begunByAnOlderVersion(at)
    const report = reportOf(await at.contain(request))
    await contained(at, report)
    expect(report.outstanding).toEqual([SETUP_LEFT])
  })
})

describe.each(MODES)('%s, a file that changed since it was observed', mode => {
  const request: ContainRequest = { ...graceful, mode }
  const line = `DATABASE_URL=${url('orders', PASSWORD)}\n`

  test.each([
    ['moved within it', `# a comment\n${line}PORT=3001\n`],
    ['stands in it twice', `${line}REPLICA_URL=${url('orders', PASSWORD)}\n`],
  ])('the value %s: stuck and clear, after another look it ends right', async (_, text) => {
    const at = await scene()
    at.estate.put(PLACE, text)
    const stuck = reportOf(await at.contain(request))
    expect(stuck).toMatchObject({ state: 'stuck', contained: false })
    expect(stuck.steps.find(step => step.key.startsWith('write:'))).toMatchObject({
      state: 'stuck',
      error: expect.stringContaining(`${PLACE} has changed since it was read`),
    })
    expect(at.estate.text(PLACE)).toBe(text)
    await at.observe()
    await contained(at, reportOf(await at.contain(request)))
    expect(at.estate.text(PLACE)).not.toContain(PASSWORD)
  })

  test.each([
    ['taken out of it', 'PORT=3000\n'],
    ['gone with the file', undefined],
  ])('the value %s: stuck, after another look nothing is left to write', async (_, text) => {
    const at = await scene()
    if (text === undefined) at.estate.files.entries.delete(PLACE)
    else at.estate.put(PLACE, text)
    const stuck = reportOf(await at.contain(request))
    expect(stuck).toMatchObject({ state: 'stuck', contained: false })
    await at.observe()
    const report = reportOf(await at.contain(request))
    await contained(at, report, [])
    expect(report.steps.find(step => step.key.startsWith('write:'))).toMatchObject({ state: 'skipped' })
  })
})
