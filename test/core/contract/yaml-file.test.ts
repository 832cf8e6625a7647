import { expect, test } from 'vitest'
import { z } from 'zod'
import { parseYamlFile, readYamlFile } from '../../../src/core/contract/yaml-file.ts'

const schema = z.strictObject({
  name: z.string().min(1),
  parts: z.array(z.strictObject({ weight: z.int().max(5), whole: z.boolean().default(true) })).min(1),
})
const read = (text: string) => parseYamlFile(text, { file: 'a.yaml', schema, advice: 'see the guide' })

test('what it says is given as its schema has it, and where it stands', () => {
  const { data, lineOf } = read('name: jo\nparts:\n  - weight: 1\n  - weight: 2\n    whole: false\n')
  expect(data).toEqual({
    name: 'jo',
    parts: [
      { weight: 1, whole: true },
      { weight: 2, whole: false },
    ],
  })
  expect(lineOf(['parts', 1, 'whole'])).toBe(5)
})

test.each([
  ['', 'line 1: the file: give names with values'],
  ['name: jo\n', 'line 1: parts is missing'],
  ['name: jo\nparts: all\n', 'line 2: parts: give a list'],
  ['name: jo\nparts: []\n', 'line 2: parts: give one at least'],
  ['name: [jo]\nparts:\n  - weight: 1\n', 'line 1: name: give text'],
  // It may be a secret that was written where its name belongs.
  [
    'name: 4711\nparts:\n  - weight: 1\n',
    'line 1: name is a number: its unit is missing, or quotes around it',
  ],
  ['name: jo\nparts:\n  - weight: 9\n', 'line 3: weight: give 5 at most'],
  ['name: ""\nparts:\n  - weight: 1\n', 'line 1: name is empty'],
  ['name: jo\nparts:\n  - weight: heavy\n', 'line 3: weight: give a number'],
  ['name: jo\nparts:\n  - weight: 1.5\n', 'line 3: weight: give a whole number'],
  ['name: jo\nparts:\n  - weight: 1\n    whole: maybe\n', 'line 4: whole: give true or false'],
  ['name: jo\nparts:\n  - one\n', 'line 3: parts: give names with values'],
  ['name: jo\nparts:\n  - weigth: 1\n    weight: 1\n', 'line 3: weigth is not known: did you mean weight?'],
  ['name: jo\nparts: [\n', 'line 3: it is no YAML there'],
  ['name: *jo\nparts: []\n', '*jo is the name of nothing above it'],
])('%j is told: %s', (text, told) => {
  expect(() => read(text)).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', advice: 'see the guide' }),
  )
  expect(() => read(text)).toThrow(`a.yaml: ${told}`)
})

test('a file made to fill the memory is refused', () => {
  const lines = ['a: &a [x, x, x, x, x, x, x, x, x]']
  for (const [at, name] of [...'bcdefgh'].entries())
    lines.push(`${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[at]}`).join(', ')}]`)
  expect(() => read(lines.join('\n'))).toThrow('it has too many aliases')
})

test('what must not be there is told so, and what may be called anything has no list of words', () => {
  const keys = z.record(z.string(), z.strictObject({ d: z.undefined().optional() }))
  const told = (text: string) => () => parseYamlFile(text, { file: 'a.yaml', schema: keys, advice: '' })
  expect(told('a:\n  d: x\n')).toThrow('a.yaml: line 2: d: give nothing: leave it out')
  expect(told('a:\n  b: x\n')).toThrow(/a\.yaml: line 2: b is not known(?! \(\))/)
})

test('a file that cannot be read is told with the reason', async () => {
  await expect(
    readYamlFile({ file: '/nowhere/a.yaml', schema, advice: 'name another' }),
  ).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringContaining('/nowhere/a.yaml could not be read: '),
    advice: 'name another',
  })
})

test('whose file is a configuration says so', () => {
  const code = 'INVALID_CONFIG'
  expect(() => parseYamlFile('a', { file: 'a.yaml', schema, advice: 'see', code })).toThrow(
    expect.objectContaining({ code }),
  )
})
