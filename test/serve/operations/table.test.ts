import fc from 'fast-check'
import { execFileSync } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { table } from '../../../src/serve/operations/table.ts'

const columns = [{ title: 'A' }, { title: 'PATH', flexible: true }, { title: 'WHY', flexible: true }]

describe('table', () => {
  test('breaks what is too wide and loses nothing of it', () => {
    const cell = fc.string({ unit: fc.constantFrom(...'abcdef0123/-._'), minLength: 1, maxLength: 90 })
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constant('x'), cell, cell), { minLength: 1, maxLength: 8 }), rows => {
        const drawn = stripVTControlCharacters(table(columns, rows, 80))
        expect(Math.max(...drawn.split('\n').map(line => line.length))).toBeLessThanOrEqual(80)
        const drawnLetters = [...drawn.replace(/[A-Z\s]/g, '')].sort().join('')
        expect(drawnLetters).toBe([...rows.flat().join('')].sort().join(''))
      }),
      { seed: 7, numRuns: 100 },
    )
  })

  test('draws colours, wide characters and numbers in the same columns, and breaks no colour', () => {
    const columns = [
      { title: 'ID' },
      { title: 'SURE', align: 'right' as const },
      { title: 'WHERE', flexible: true },
    ]
    const red = (text: string) => `\u001b[31m${text}\u001b[39m`
    // As on a terminal, whose head is dim: a process without one has no colours.
    const drawn = execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { table } from ${JSON.stringify(new URL('../../../src/serve/operations/table.ts', import.meta.url).href)}
         process.stdout.write(table(...JSON.parse(process.argv[1])))`,
        JSON.stringify([
          columns,
          [
            [red('live'), '1', `aws-access-key 漢字漢字漢 ${red('live')}`],
            ['dead', '1', `x漢漢漢漢漢漢漢漢漢漢漢漢漢 ${red('dead')}`],
          ],
          30,
        ]),
      ],
      { encoding: 'utf8', env: { ...process.env, FORCE_COLOR: '1', NO_COLOR: undefined } },
    )
    expect(drawn.split('\n')).toEqual([
      '\u001b[2mID    SURE  WHERE\u001b[22m',
      `${red('live')}     1  aws-access-key`,
      `            漢字漢字漢 ${red('live')}`,
      'dead     1  x漢漢漢漢漢漢漢漢',
      `            漢漢漢漢漢 ${red('dead')}`,
    ])
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

describe('a path', () => {
  const drawn = (path: string, why: string) =>
    stripVTControlCharacters(table(columns, [['x', path, why]], 40)).split('\n')

  test('is broken after a slash, wherever that is', () => {
    expect(drawn('a/very-long/name.txt:12', 'it stands there, too')).toEqual([
      'A  PATH               WHY',
      'x  a/very-long/       it stands there,',
      '   name.txt:12        too',
    ])
  })

  test('whose names the column does not hold stands under its row, whole as far as the line holds it', () => {
    const path = 'src/a-name-that-is-longer.properties:3'
    expect(drawn(`${path.slice(4)}`, 'in the configuration')).toEqual([
      'A  WHY',
      '    PATH',
      'x  in the configuration',
      '    a-name-that-is-longer.properties:3',
    ])
    expect(drawn(path, 'in the configuration').slice(2)).toEqual([
      'x  in the configuration',
      '    src/',
      '    a-name-that-is-longer.properties:3',
    ])
  })

  test('that is the address of a page is never broken', () => {
    const address = 'https://vendor.example/settings/tokens/of-this-account'
    expect(drawn(address, 'it is revoked there').slice(2)).toEqual([
      'x  it is revoked there',
      `    ${address}`,
    ])
  })

  test('that a row begins with stands above it then', () => {
    const path = 'a-name-that-is-longer.properties:3'
    const lines = table(
      [{ title: 'PATH', flexible: true }, { title: 'STANDS' }],
      [
        [path, 'now'],
        ['b', ''],
      ],
      36,
    )
    expect(stripVTControlCharacters(lines).split('\n')).toEqual(['PATH', '    STANDS', path, '    now', 'b'])
  })
})
