import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Measurement } from './measurement.ts'

/**
 * `npm run bench -- NAME`: runs bench/NAME.ts and prints one JSON line for each thing measured. `peer` is what it was
 * measured beside in the same run, `ratio` our value over the peer's, `goal` the least (or most, where less is better)
 * that is wanted. Exits 1 where a goal is missed, 2 where there is no such bench.
 */
const name = process.argv[2] ?? ''
const file = fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
if (
  !/^[a-z][a-z-]*$/.test(name) ||
  [
    'run',
    'run-measured',
    'measurement',
    'broker-database',
    'corpus',
    'graph-estate',
    'load',
    'oidc-process',
    'graph-process',
    'posture-estate',
    'posture-process',
    'posture-queries',
  ].includes(name) ||
  !existsSync(file)
) {
  process.stderr.write('There is no such bench: give the name of a file in bench/, such as scan.\n')
  process.exit(2)
}
const { measure } = (await import(file)) as { measure(): AsyncIterable<Measurement> }
let missed = 0
for await (const { lessIsBetter, ...measured } of measure()) {
  const value = measured.ratio ?? measured.value
  const ok = measured.goal === null || (lessIsBetter ? value <= measured.goal : value >= measured.goal)
  if (!ok) missed++
  process.stdout.write(`${JSON.stringify({ bench: name, ...measured, ok })}\n`)
}
process.exit(missed > 0 ? 1 : 0)
