import { beforeEach, describe, expect, test } from 'vitest'
import { FirebreakError } from '../../../src/core/contract/errors.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { deriveKeys } from '../../../src/core/keys/keys.ts'
import { RootKey } from '../../../src/core/keys/root-key.ts'
import { type Db, transaction } from '../../../src/core/store/store.ts'
import { Connections } from '../../../src/know/connections/registry.ts'
import { claimRun } from '../../../src/act/actions/claim.ts'
import {
  addSteps,
  changeStep,
  endRun,
  createRun,
  runRow,
  stepsOf,
  Superseded,
} from '../../../src/act/actions/journal.ts'
import { type RunOptions, runSteps } from '../../../src/act/actions/run.ts'
import {
  BOUNDARIES,
  type Boundary,
  type PlannedStep,
  type StepHandler,
} from '../../../src/act/actions/step.ts'
import { openOwnStore } from '../../own-store.ts'

const io = realIo()
const keys = deriveKeys(new RootKey(new Secret(new Uint8Array(32).fill(7))))
let db: Db

beforeEach(async () => {
  db = (await openOwnStore()).db
})

/** A system outside, as far as steps are concerned: what stands there, and how often it was called. */
class Outside {
  readonly issued: string[] = []
  readonly cut: string[] = []
  calls = 0
  serial = 0
  failures = 0
  error = new FirebreakError('UNREACHABLE', 'the cable is out')

  #call(): void {
    this.calls++
    if (this.failures > 0) {
      this.failures--
      throw this.error
    }
  }

  readonly handlers: Record<string, StepHandler> = {
    issue: {
      inspect: async () => this.issued.length,
      call: async () => {
        this.#call()
        const id = `key-${++this.serial}`
        this.issued.push(id)
        return { result: { id }, secret: new Secret(`plain of ${id}`, id) }
      },
      verify: async (_, outcome) => {
        expect(outcome.secret?.revealText()).toMatch(/^plain of key-/)
        return outcome.result
      },
      undo: async () => {
        this.issued.splice(0)
      },
    },
    cut: {
      call: async step => {
        this.#call()
        // What another step issued is there, however many processes lie between.
        const secret = await step.secretOf('issue')
        if (!this.cut.includes(secret.id ?? '')) this.cut.push(secret.id ?? '')
        return { result: null }
      },
    },
    slow: {
      call: async () => {
        await new Promise(resolve => setTimeout(resolve, 30))
        return { result: null }
      },
    },
  }
}

const STEPS: PlannedStep[] = [
  { key: 'issue', verb: 'issue', title: 'issue', needs: [], args: {} },
  { key: 'cut', verb: 'cut', title: 'cut', needs: ['issue'], args: {} },
]

async function opened(steps: PlannedStep[] = STEPS, secret?: Secret): Promise<string> {
  return await transaction(db, async tx => {
    const id = await createRun(tx, io, keys, {
      kind: 'test',
      subject: 'x',
      input: {},
      ...(secret ? { secrets: [secret] } : {}),
    })
    await addSteps(tx, io, id, steps)
    return id
  })
}

function options(outside: Outside, more: Partial<RunOptions> = {}): RunOptions {
  return { io, keys, connections: new Connections([], keys, io), handlers: outside.handlers, ...more }
}

class Crash extends Error {}

test('a run ends done, its secrets erased, each step recorded', async () => {
  const outside = new Outside()
  const id = await opened(STEPS, new Secret('what leaked'))
  expect(await runSteps(db, id, options(outside))).toBe('done')
  expect(outside).toMatchObject({ issued: ['key-1'], cut: ['key-1'] })
  const run = await runRow(db, id)
  expect(run).toMatchObject({ state: 'done', run_key: null, sealed_secret: null, claimed_by: null })
  expect((await stepsOf(db, id)).map(step => [step.state, step.sealed_secret])).toEqual([
    ['verified', null],
    ['verified', null],
  ])
  const kinds = await db.selectFrom('evidence').select('kind').orderBy('id').execute()
  expect(kinds.map(row => row.kind)).toEqual([
    'run.opened',
    'run.planned',
    ...['intent', 'called', 'verified', 'intent', 'called', 'verified'].map(kind => `step.${kind}`),
    'run.done',
  ])
})

describe.each(['issue', 'cut'])('a crash in %s', key => {
  test.each(BOUNDARIES)(
    'at %s: run again, it ends the same, and exactly one credential stands',
    async boundary => {
      const outside = new Outside()
      const id = await opened()
      let crashed = false
      const onBoundary = (step: { key: string }, at: Boundary) => {
        if (crashed || step.key !== key || at !== boundary) return
        crashed = true
        throw new Crash()
      }
      await expect(runSteps(db, id, options(outside, { onBoundary }))).rejects.toThrow(Crash)
      expect(await runSteps(db, id, options(outside))).toBe('done')
      expect(outside.issued).toHaveLength(1)
      expect(outside.cut).toEqual(outside.issued)
    },
  )
})

test('what fails for a moment is tried again', async () => {
  const outside = new Outside()
  outside.failures = 2
  expect(await runSteps(db, await opened(), options(outside))).toBe('done')
  expect(outside.issued).toHaveLength(1)
})

test('what goes on failing is stuck and seen, and goes on when run again', async () => {
  const outside = new Outside()
  outside.failures = 100
  const id = await opened()
  expect(await runSteps(db, id, options(outside, { patienceSeconds: 0.5 }))).toBe('stuck')
  expect((await stepsOf(db, id)).map(step => step.state)).toEqual(['stuck', 'pending'])
  expect((await stepsOf(db, id))[0]?.error).toMatch(/cable is out/)
  expect((await runRow(db, id)).run_key).not.toBeNull()
  outside.failures = 0
  expect(await runSteps(db, id, options(outside))).toBe('done')
  expect(outside.issued).toHaveLength(1)
})

test('what cannot be retried is stuck at once, and other branches go on', async () => {
  const outside = new Outside()
  outside.failures = 1
  outside.error = new FirebreakError('DENIED', 'no', 'Grant it.')
  const id = await opened([...STEPS, { key: 'beside', verb: 'slow', title: 'beside', needs: [], args: {} }])
  expect(await runSteps(db, id, options(outside))).toBe('stuck')
  expect((await stepsOf(db, id)).map(step => step.state)).toEqual(['stuck', 'pending', 'verified'])
  expect((await stepsOf(db, id))[0]?.error).toMatch(/: no\. Grant it\.$/)
})

test('a bug is no failure to retry', async () => {
  const outside = new Outside()
  outside.handlers['issue'] = { call: async () => Promise.reject(new TypeError('a bug')) }
  await expect(runSteps(db, await opened(), options(outside))).rejects.toThrow('a bug')
})

test('branches without a path between them run at once', async () => {
  const outside = new Outside()
  let atOnce = 0
  let most = 0
  outside.handlers['slow'] = {
    call: async ({ key }) => {
      most = Math.max(most, ++atOnce)
      // However slow the database is: those that may run at once wait for each other.
      const patience = key === 'c' ? 0 : 500
      for (let n = 0; n < patience && most < 2; n++) await new Promise(resolve => setTimeout(resolve, 10))
      atOnce--
      return { result: null }
    },
  }
  const step = (key: string, needs: string[]): PlannedStep => ({
    key,
    verb: 'slow',
    title: key,
    needs,
    args: {},
  })
  await runSteps(db, await opened([step('a', []), step('b', []), step('c', ['a', 'b'])]), options(outside))
  expect(most).toBe(2)
})

test('planning again adds nothing that is there', async () => {
  const id = await opened()
  const more: PlannedStep = { key: 'later', verb: 'slow', title: 'later', needs: ['cut'], args: {} }
  expect(await transaction(db, tx => addSteps(tx, io, id, [...STEPS, more]))).toBe(1)
  expect((await stepsOf(db, id)).map(step => step.key)).toEqual(['issue', 'cut', 'later'])
})

test('a runner whose claim was taken over can write nothing more', async () => {
  const id = await opened()
  const old = await claimRun(db, io, id)
  const fresh = await claimRun(db, io, id)
  expect(fresh.epoch).toBe(old.epoch + 1)
  const change = (epoch: number) =>
    changeStep(
      db,
      io,
      { runId: id, key: 'issue', epoch },
      { state: 'called' },
      { kind: 'step.called', body: {} },
    )
  await expect(change(old.epoch)).rejects.toThrow(Superseded)
  expect((await stepsOf(db, id))[0]?.state).toBe('pending')
  await change(fresh.epoch)
  expect((await stepsOf(db, id))[0]?.state).toBe('called')
  await Promise.all([old.release(), fresh.release()])
})

test('a run that another live process holds is left alone; that of a dead one is taken over', async () => {
  const id = await opened()
  const hold = (name: string) =>
    db
      .updateTable('run')
      .set({ claimed_by: name, claim_until: Date.now() + 60_000 })
      .where('id', '=', id)
      .execute()
  await hold('another-host:1:1')
  await expect(claimRun(db, io, id)).rejects.toMatchObject({ code: 'CONFLICT' })
  const { hostname } = await import('node:os')
  // The number of this very process, but begun at another time: the number was used again.
  await hold(`${hostname()}:${process.pid}:1`)
  const claim = await claimRun(db, io, id)
  await endRun(db, io, { runId: id, epoch: claim.epoch }, 'abandoned')
  await claim.release()
  // Nobody goes on with what was given up.
  await expect(runSteps(db, id, options(new Outside()))).rejects.toMatchObject({ code: 'CONFLICT' })
})

test('a run that somebody else has just ended is not ended twice', async () => {
  const id = await opened()
  await runSteps(db, id, options(new Outside()))
  const twice = { ...options(new Outside()), whenDone: () => Promise.reject(new Error('ended twice')) }
  expect(await runSteps(db, id, twice)).toBe('done')
})
