import fc from 'fast-check'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { breakText, table } from '../../../src/serve/operations/table.ts'

const columns = [{ title: 'A' }, { title: 'PATH', flexible: true }, { title: 'WHY', flexible: true }]

describe('table', () => {
  test('breaks what is too wide and loses nothing of it', () => {
    const cell = fc.string({ unit: fc.constantFrom(...'abcdef0123/-._'), minLength: 1, maxLength: 90 })
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constant('x'), cell, cell), { minLength: 1, maxLength: 8 }), rows => {
        const drawn = stripVTControlCharacters(table(columns, rows, 80))
        expect(Math.max(...drawn.split('\n').map(line => line.length))).toBeLessThanOrEqual(80)
        const drawnLetters = [...drawn.replace(/^.*\n/, '').replace(/\s/g, '')].sort().join('')
        expect(drawnLetters).toBe([...rows.flat().join('')].sort().join(''))
      }),
      { seed: 7, numRuns: 100 },
    )
  })

  test('draws row by row what the library draws at once', () => {
    const more = [
      { title: 'A', align: 'right' as const },
      { title: 'PATH', flexible: true },
    ]
    const rows = Array.from({ length: 250 }, (_, i) => [
      i === 170 ? '漢' : i % 7 === 0 ? `ghp_…ü${100 + i}` : String(100 + i),
      i % 3 === 0 ? `${'p'.repeat(78)} q ${i}` : 'x'.repeat(90),
    ])
    const [head] = table(more, rows, 80).split('\n')
    // Few are one piece, which the library draws.
    const pieces = Array.from({ length: 5 }, (_, i) => table(more, rows.slice(i * 50, i * 50 + 50), 80))
    const drawn = pieces.flatMap(piece => piece.split('\n').slice(1))
    expect(table(more, rows, 80)).toBe([head, ...drawn].join('\n'))
  })

  test('has one head and the same columns however long it is', () => {
    const rows = Array.from({ length: 2345 }, (_, i) => [String(i), 'p'.repeat(1 + (i % 40)), `why ${i}`])
    const lines = stripVTControlCharacters(table(columns, rows, 80)).split('\n')
    expect(lines).toHaveLength(rows.length + 1)
    expect(lines[0]).toMatch(/^A +PATH +WHY$/)
    const at = lines[0]!.indexOf('WHY')
    for (const line of lines.slice(1)) expect(line.indexOf('why')).toBe(at)
    expect(lines.at(-1)).toContain('2344')
  })

  test('leaves out a column that is empty in every row', () => {
    expect(table(columns, [['x', 'y', '']], 80)).not.toContain('WHY')
  })
})

test('breakText breaks after a separator where one is near', () => {
  expect(breakText('src/deep/folder/file.ts:12', 18)).toBe('src/deep/folder/\nfile.ts:12')
  expect(breakText('short', 18)).toBe('short')
})
