import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { realIo } from '../src/core/contract/io.ts'
import { Secret } from '../src/core/contract/secret.ts'
import { deriveKeys } from '../src/core/keys/keys.ts'
import { RootKey } from '../src/core/keys/root-key.ts'
import { openStore } from '../src/core/store/store.ts'
import { checks } from '../src/judge/posture/all.ts'
import type { Check } from '../src/judge/posture/check.ts'
import { type CheckCounts, runChecks } from '../src/judge/posture/run-checks.ts'
import { NOW } from './posture-estate.ts'

/**
 * `node bench/posture-process.ts STORE`: runs all checks over a store twice, in a process that does nothing else: the first
 * time every finding begins, the second time none does. Prints Figures as JSON.
 */
export interface Figures {
  readonly first: Took
  readonly again: Took
  readonly counts: readonly CheckCounts[]
  /** Of each check, when it was answered the first time: they are asked side by side. */
  readonly byCheck: Readonly<Record<string, number>>
  readonly peakMiB: number
}

interface Took {
  readonly seconds: number
  readonly cpuSeconds: number
}

// As the program does.
enableCompileCache()
const [, , store] = process.argv
assert.ok(store, 'give the file of a store')
const db = await openStore(store)
const keys = deriveKeys(new RootKey(new Secret(new Uint8Array(32).fill(7))))
const world = { io: { ...realIo(), now: () => new Date(NOW) }, keys }
const byCheck: Record<string, number> = {}
// What began is not kept meanwhile: it is most of what a run gives.
const first = await timed(async () => (await runChecks(db, world, checks.map(watched))).counts)
const again = await timed(async () => (await runChecks(db, world, checks)).changes)
assert.deepEqual(again.result, [])
await db.destroy()
const figures: Figures = {
  first: first.took,
  again: again.took,
  counts: first.result,
  byCheck,
  peakMiB: Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) / 1024,
}
process.stdout.write(JSON.stringify(figures))

function watched(check: Check): Check {
  return {
    ...check,
    async population(context) {
      const started = performance.now()
      const population = await check.population(context)
      byCheck[check.id] = (performance.now() - started) / 1000
      return population
    },
    async find(context, population) {
      const started = performance.now()
      const found = await check.find(context, population)
      byCheck[check.id]! += (performance.now() - started) / 1000
      return found
    },
  }
}

async function timed<Result>(run: () => Promise<Result>): Promise<{ took: Took; result: Result }> {
  const [started, before] = [performance.now(), process.cpuUsage()]
  const result = await run()
  const { user, system } = process.cpuUsage(before)
  return {
    took: { seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 },
    result,
  }
}
