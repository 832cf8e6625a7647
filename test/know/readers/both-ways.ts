import { expect, test } from 'vitest'
import type { Observation } from '../../../src/core/contract/observation.ts'
import type { Reader } from '../../../src/know/readers/reader.ts'
import type { WeaknessText } from '../../../src/know/readers/weakness.ts'
import { tree } from '../estate.ts'

export async function observed(
  reader: Reader,
  path: string,
  text: string | Uint8Array,
): Promise<Observation[]> {
  const bytes = Buffer.from(text)
  expect(reader.reads({ path }, bytes.subarray(0, 8192))).toBe(true)
  const found: Observation[] = []
  const chunks = (async function* () {
    yield bytes
  })()
  for await (const one of reader.read({ id: 'd', in: tree, path }, chunks)) found.push(one)
  return found
}

export interface WeakTold {
  readonly id: string
  readonly line: number
  readonly certainty: string
  readonly why: string
}

export function weaknessesTold(found: readonly Observation[]): WeakTold[] {
  return found.flatMap(one =>
    'facts' in one && one.facts?.['weaknesses']
      ? (one.facts['weaknesses'].value as unknown as WeakTold[])
      : [],
  )
}

/** What a job reads and becomes, and who gets in; that it is defined by its repository, and reads it, goes without saying. */
export function edgesTold(found: readonly Observation[]): string[] {
  return found.flatMap(one =>
    one.see === 'edge' && !['may-read', 'defined-in'].includes(one.crossing)
      ? [`${one.from.id.split('#').at(-1)} ${one.crossing} ${one.to.id} ${one.certainty}`]
      : [],
  )
}

/** A text that has the weakness, on which line, and its neighbour that is mended. */
export interface Case {
  readonly weak: string
  readonly line: number
  readonly mended: string
}

/** Each weakness has a case, is found on its line, is not where it is mended, and not where a comment allows it. */
export function bothWays(
  reader: Reader,
  path: string,
  weaknesses: readonly WeaknessText[],
  cases: Readonly<Record<string, Case>>,
  comment: string | undefined = '#',
): void {
  test('each weakness has a case', () => {
    expect(Object.keys(cases).sort()).toEqual(weaknesses.map(({ id }) => id).sort())
  })

  test.each(Object.entries(cases))(
    '%s is found, and not where it is mended',
    async (id, { weak, line, mended }) => {
      const found = weaknessesTold(await observed(reader, path, weak)).filter(one => one.id === id)
      expect(found.map(one => one.line)).toContain(line)
      const after = weaknessesTold(await observed(reader, path, mended))
      expect(after.filter(one => one.id === id && one.certainty !== 'potential')).toEqual([])
    },
  )

  if (comment === undefined) return
  test.each(Object.entries(cases))('%s is not told where a comment allows it', async (id, { weak }) => {
    const lines = weak.split('\n')
    for (const one of weaknessesTold(await observed(reader, path, weak)))
      if (one.id === id && !lines[one.line - 1]!.includes('firebreak:allow'))
        lines[one.line - 1] += ` ${comment} firebreak:allow this is how it is meant`
    const left = weaknessesTold(await observed(reader, path, lines.join('\n')))
    expect(left.filter(one => one.id === id)).toEqual([])
  })
}
