import { expect } from 'vitest'
import { ERRORS } from '../../src/core/contract/errors.ts'

interface Ended {
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * What a user is told when something fails: for each failure its code with one sentence, and under it what to do; nothing
 * of the program's insides. `codes` are those of the failures, in their order.
 */
export function expectPlainFailure({ exit, stdout, stderr }: Ended, codes: readonly string[]): void {
  const lines = stderr.trimEnd().split('\n')
  const told = lines.filter((_, index) => index % 2 === 0).map(line => /^([A-Z_]+) {2}\S/.exec(line)?.[1])
  expect(told, stderr).toEqual(codes)
  for (const [index, line] of lines.entries()) if (index % 2 === 1) expect(line, stderr).toMatch(/^→ \S/)
  expect(lines.length, stderr).toBe(2 * codes.length)
  const exits = codes.map(code => ERRORS[code as keyof typeof ERRORS].exit)
  expect(exit, stderr).toBe(Math.max(...exits))
  expectNoInsides(stdout + stderr)
}

/** With `--json`: one object, with the same three things. */
export function expectJsonFailure({ exit, stdout, stderr }: Ended, code: string): void {
  expect(JSON.parse(stderr)).toEqual({
    error: { code, message: expect.stringMatching(/\S/), advice: expect.stringMatching(/\S/) },
  })
  expect(exit).toBe(ERRORS[code as keyof typeof ERRORS].exit)
  expectNoInsides(stdout + stderr)
}

export function expectNoInsides(text: string): void {
  expect(text).not.toMatch(/^\s+at .*[:(]|node:internal|\bBUG\b|Node\.js v\d|\[object |undefined/m)
}
