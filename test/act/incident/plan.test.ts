import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PlannedStep } from '../../../src/act/actions/step.ts'
import type { Capability, Holding, Incident, Target } from '../../../src/act/incident/incident.ts'
import { plan } from '../../../src/act/incident/plan.ts'

const ALL: Capability[] = [
  'issue',
  'rotate',
  'suspend',
  'freeze',
  'thaw',
  'endSessions',
  'revoke',
  'verify',
  'sessions',
]

function target(change: Partial<Target> = {}): Target {
  const identity = { system: 'postgres', instance: '7', kind: 'role', id: '1' }
  return {
    leak: 0,
    credentialId: 'c1',
    credential: { ...identity, kind: 'password', identity },
    identity,
    label: 'app',
    sourceId: 's1',
    can: ALL,
    settleSeconds: 1,
    verdict: { state: 'live', why: 'logged in' },
    consumers: [{ name: 'api@127.0.0.1', seen: 3, how: 'has sessions' }],
    ...change,
  }
}

function holding(path: string, change: Partial<Holding> = {}): Holding {
  const place = {
    in: { system: 'directory', instance: 'd', kind: 'tree', id: 'd' },
    path,
    version: 'v',
    slots: [],
  }
  return {
    leak: 0,
    copyIds: [path],
    sourceId: 'd1',
    place,
    where: path,
    writable: true,
    atHead: true,
    claims: [],
    ...change,
  }
}

function incident(change: Partial<Incident> = {}): Incident {
  return {
    mode: 'graceful',
    targets: [target()],
    holdings: [holding('api/.env')],
    derived: [],
    windowSeconds: 5,
    notSearched: [],
    owners: [],
    reach: [],
    uncovered: [],
    ...change,
  }
}

/** Whether `earlier` is over before `later` begins, on every way to run the plan. */
function before(steps: readonly PlannedStep[], earlier: string, later: string): boolean {
  const needs = steps.find(step => step.key === later)?.needs ?? []
  return needs.includes(earlier) || needs.some(need => before(steps, earlier, need))
}

const write = 'write:app:d1:api/.env'

describe('graceful', () => {
  const { steps, breaks } = plan(incident())
  test.each([
    ['freeze:app', 'issue:app'],
    ['issue:app', write],
    [write, 'moved:app'],
    ['moved:app', 'suspend:app'],
    ['suspend:app', 'end-sessions:app'],
    ['end-sessions:app', 'revoke:app'],
    ['revoke:app', 'prove:app'],
    ['prove:app', 'thaw:app'],
    ['thaw:app', 'observe'],
  ])('%s is over before %s', (earlier, later) => expect(before(steps, earlier, later)).toBe(true))

  test('where only the last use is told, it is watched between suspending and revoking', () => {
    const can = ['issue', 'suspend', 'endSessions', 'revoke', 'lastUse'] as const
    const { steps, breaks } = plan(incident({ targets: [target({ can: [...can] })] }))
    expect(steps.some(({ verb }) => verb === 'moved')).toBe(false)
    expect(before(steps, 'end-sessions:app', 'unused:app')).toBe(true)
    expect(before(steps, 'unused:app', 'revoke:app')).toBe(true)
    expect(breaks.join()).toContain('the run will wait before revoke:app')
    const emergency = plan(incident({ mode: 'emergency', targets: [target({ can: [...can] })] }))
    expect(emergency.steps.some(({ verb }) => verb === 'unused')).toBe(false)
  })

  test('breaks nothing for consumers that were seen', () => expect(breaks).toEqual([]))

  test('says that a consumer that was not seen may break', () => {
    const unseen = { name: 'monthly', seen: 0, how: 'reads api/.env' }
    expect(plan(incident({ targets: [target({ consumers: [unseen] })] })).breaks.join()).toMatch(
      /monthly.*unknown/,
    )
  })

  test('says that nobody can move where no place may be written', () => {
    const readOnly = plan(incident({ holdings: [holding('api/.env', { writable: false })] }))
    expect(readOnly.breaks.join('\n')).toMatch(/no approved place/)
    expect(readOnly.breaks.join('\n')).toMatch(/from api\/\.env fails/)
  })
})

describe('emergency', () => {
  const { steps, breaks } = plan(incident({ mode: 'emergency' }))
  test('cuts first, replaces after', () => {
    expect(steps.find(step => step.key === 'suspend:app')?.needs).toEqual([])
    expect(before(steps, 'end-sessions:app', 'issue:app')).toBe(true)
  })
  test('revokes without waiting for the replacement', () => {
    expect(before(steps, 'issue:app', 'revoke:app')).toBe(false)
    expect(before(steps, write, 'prove:app')).toBe(false)
  })
  test('says who fails meanwhile', () =>
    expect(breaks.join()).toMatch(/api@127\.0\.0\.1.*fails from suspend/))
})

test('a value that is refused already is only proven so', () => {
  const dead = target({ verdict: { state: 'dead', why: 'refused' } })
  expect(plan(incident({ targets: [dead] })).steps.map(step => step.verb)).toEqual(['prove', 'observe'])
})

test('what cannot be told is cut as if it lived', () => {
  const unknown = target({ verdict: { state: 'unknown', why: 'trust' } })
  expect(plan(incident({ targets: [unknown] })).steps.map(step => step.verb)).toContain('revoke')
})

test('a place whose text names another system is not written', () => {
  const elsewhere = holding('api/.env', { elsewhere: 'postgres:?db:5432/role/?app' })
  expect(plan(incident({ holdings: [elsewhere] })).steps.some(step => step.verb === 'write')).toBe(false)
})

describe('one value on two identities', () => {
  const other = { system: 'postgres', instance: '7', kind: 'role', id: '2' }
  const targets = [target(), target({ label: 'other', credentialId: 'c2', identity: other })]
  const { steps } = plan(incident({ targets, holdings: [holding('a', { claims: [other] }), holding('b')] }))
  test('both are cut', () => {
    expect(steps.filter(step => step.verb === 'revoke')).toHaveLength(2)
  })
  test('a place gets the credential of the identity that it names, and of nobody where it names none', () => {
    expect(steps.filter(step => step.verb === 'write').map(step => step.key)).toEqual(['write:other:d1:a'])
  })
})

describe('any plan', () => {
  const capabilities = fc.subarray(ALL)
  const anyIncident = fc
    .record({
      mode: fc.constantFrom('graceful' as const, 'emergency' as const),
      cans: fc.array(capabilities, { minLength: 1, maxLength: 3 }),
      states: fc.array(fc.constantFrom('live' as const, 'dead' as const, 'unknown' as const), {
        minLength: 3,
        maxLength: 3,
      }),
      writable: fc.array(fc.boolean(), { maxLength: 4 }),
    })
    .map(({ mode, cans, states, writable }) =>
      incident({
        mode,
        targets: cans.map((can, index) =>
          target({
            can,
            label: `app${index}`,
            credentialId: `c${index}`,
            verdict: { state: states[index] ?? 'unknown', why: '' },
          }),
        ),
        holdings: writable.map((may, index) => holding(`f${index}`, { writable: may })),
      }),
    )

  test('can be run: keys are unique, every need is a step, nothing waits for itself', () => {
    fc.assert(
      fc.property(anyIncident, given => {
        const { steps } = plan(given)
        const keys = steps.map(step => step.key)
        expect(new Set(keys).size).toBe(keys.length)
        const done = new Set<string>()
        for (let left = steps.length; left > 0; ) {
          const ready = steps.filter(step => !done.has(step.key) && step.needs.every(need => done.has(need)))
          expect(ready.length).toBeGreaterThan(0)
          for (const step of ready) done.add(step.key)
          left -= ready.length
        }
      }),
      { seed: 1 },
    )
  })

  test('uses no capability that is not there, and proves every target', () => {
    fc.assert(
      fc.property(anyIncident, given => {
        const { steps } = plan(given)
        for (const { label, can } of given.targets) {
          expect(steps.some(step => step.key === `prove:${label}`)).toBe(true)
          for (const verb of ['issue', 'rotate', 'suspend', 'freeze', 'thaw', 'revoke'] as const)
            if (!can.includes(verb)) expect(steps.some(step => step.key === `${verb}:${label}`)).toBe(false)
        }
      }),
      { seed: 2 },
    )
  })

  test('is the same when made again', () => {
    fc.assert(
      fc.property(anyIncident, given => {
        expect(plan(given)).toEqual(plan(structuredClone(given)))
      }),
      { seed: 3 },
    )
  })
})

describe('two values that leaked together', () => {
  const cache = { system: 'redis', instance: '8', kind: 'user', id: 'cache' }
  const other = target({
    leak: 1,
    credentialId: 'c2',
    credential: { ...cache, kind: 'password', identity: cache },
    identity: cache,
    label: 'cache',
    sourceId: 's2',
  })
  const both = (mode: 'graceful' | 'emergency', paths: readonly [string, string]) =>
    plan(
      incident({
        mode,
        targets: [target(), other],
        holdings: [holding(paths[0]), holding(paths[1], { leak: 1, copyIds: [`${paths[1]} too`] })],
      }),
    )

  test.each(['graceful', 'emergency'] as const)('are cut side by side: %s', mode => {
    const { steps, breaks } = both(mode, ['api/.env', 'cache/.env'])
    for (const [one, two] of [
      ['app', 'cache'],
      ['cache', 'app'],
    ] as const)
      for (const step of steps.filter(({ key }) => key.split(':')[1] === one))
        expect(steps.filter(({ key }) => key.split(':')[1] === two && before(steps, key, step.key))).toEqual(
          [],
        )
    expect(steps.map(step => step.key)).toContain('write:cache:d1:cache/.env')
    expect(steps.map(step => step.key)).not.toContain('write:cache:d1:api/.env')
    for (const label of ['app', 'cache']) expect(before(steps, `prove:${label}`, 'observe')).toBe(true)
    if (mode === 'graceful') expect(breaks).toEqual([])
  })

  test('that stand in one document are written there one after the other, read again in between', () => {
    const { steps } = both('graceful', ['api/.env', 'api/.env'])
    const order = ['write:app:d1:api/.env', 'reread:cache:d1:api/.env', 'write:cache:d1:api/.env']
    expect(before(steps, order[0]!, order[1]!)).toBe(true)
    expect(before(steps, order[1]!, order[2]!)).toBe(true)
    const emergency = both('emergency', ['api/.env', 'api/.env']).steps
    for (const key of order) expect(before(emergency, key, 'prove:cache')).toBe(false)
  })
})

describe('a place that says a secret and not whose', () => {
  const slot = { part: 'value' as const, at: '3-9', encodings: [] }
  const place = { ...holding('api/pw').place, slots: [slot] }

  test('is not given the secret of another name, and that is said beforehand', () => {
    const { steps, breaks } = plan(incident({ holdings: [holding('api/pw', { place })] }))
    expect(steps.filter(step => step.verb === 'write')).toEqual([])
    expect(breaks.join('\n')).toMatch(/api\/pw fails .*no name there/)
  })

  test('is given a new secret of the same name', () => {
    const inPlace = target({ can: ALL.filter(verb => verb !== 'issue') })
    // A second one beside it, where the system knows all of an identity's by one name.
    const sameName = target({ keepsPublicHalf: true })
    for (const one of [inPlace, sameName]) {
      const { steps, breaks } = plan(incident({ targets: [one], holdings: [holding('api/pw', { place })] }))
      expect(steps.filter(step => step.verb === 'write')).toHaveLength(1)
      expect(breaks.join()).not.toContain('no name there')
    }
  })
})

describe('who reads a place when it starts', () => {
  const workload = (id: string) => ({ system: 'kubernetes', instance: 'k', kind: 'deployment', id })
  const api = { workload: workload('1'), label: 'shop/deployment/api', sourceId: 'k1' }
  const bare = { workload: workload('2'), label: 'shop/pod/bare' }
  const holdings = [holding('a', { readers: [api, bare] }), holding('b', { readers: [api] })]

  test('is restarted once, when all that it reads is written, and before it is waited for', () => {
    const { steps } = plan(incident({ holdings }))
    const reloads = steps.filter(({ verb }) => verb === 'reload')
    expect(reloads.map(({ key }) => key)).toEqual(['reload:app:shop/deployment/api'])
    expect(reloads[0]).toMatchObject({
      needs: ['write:app:d1:a', 'write:app:d1:b'],
      args: { sourceId: 'k1', workload: api.workload },
    })
    expect(before(steps, reloads[0]!.key, 'moved:app')).toBe(true)
  })

  test('and that only a person can restart is told', () => {
    const { breaks } = plan(incident({ holdings }))
    expect(breaks.filter(line => line.includes('left to a person'))).toEqual([
      expect.stringContaining('shop/pod/bare'),
    ])
  })

  test('is left alone where nothing may be written', () => {
    const { steps } = plan(incident({ holdings: holdings.map(each => ({ ...each, writable: false })) }))
    expect(steps.filter(({ verb }) => verb === 'reload')).toEqual([])
  })
})

test('a file of which two sources tell does not break where one of them writes it', () => {
  const file = '/srv/shop/deploy/.env'
  const written = holding('.env', { file })
  const told = holding('deploy/.env', { file, sourceId: 'd2', writable: false })
  expect(plan(incident({ holdings: [written, told] })).breaks.join()).not.toContain('deploy/.env')
  const other = { ...told, file: '/srv/other/deploy/.env' }
  expect(plan(incident({ holdings: [written, other] })).breaks.join()).toMatch(/from deploy\/\.env fails/)
  const alike = { ...told, leak: 1 }
  const leaks = [target(), target({ leak: 1, label: 'cart', credentialId: 'c2' })]
  expect(plan(incident({ targets: leaks, holdings: [written, alike] })).breaks.join()).toContain(
    'deploy/.env',
  )
})
