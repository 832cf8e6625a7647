import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

const FILE = new URL('../../../src/know/observe/young-memory.ts', import.meta.url).href

/** How much of V8's memory for what is short-lived there is, in MiB, after much that lives for a moment. In a process of its own: the limit is one for all of it. */
function grownTo(isBound: boolean): number {
  const program = `
    const { boundYoungMemory } = await import(${JSON.stringify(FILE)})
    const v8 = await import('node:v8')
    let kept = []
    for (let i = 0; i < 2_000_000; i++) {
      kept.push({ i, text: 'x' + i, more: [i, i + 1] })
      if (kept.length > 60_000) kept = []
      if (${isBound} && i % 1000 === 0) boundYoungMemory()
    }
    const space = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')
    console.log(space.space_size / 1024 / 1024)`
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }))
}

test('memory for what is short-lived grows no further than to what is enough', () => {
  expect(grownTo(true)).toBeLessThanOrEqual(32)
  // Without the bound it would have.
  expect(grownTo(false)).toBeGreaterThan(32)
})
