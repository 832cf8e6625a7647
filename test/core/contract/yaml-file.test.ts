import { expect, test } from 'vitest'
import { z } from 'zod'
import { parseYamlFile } from '../../../src/core/contract/yaml-file.ts'

const schema = z.strictObject({
  name: z.string().min(1),
  parts: z.array(z.strictObject({ weight: z.int(), whole: z.boolean().default(true) })).min(1),
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
  ['name: ""\nparts:\n  - weight: 1\n', 'line 1: name is empty'],
  ['name: jo\nparts:\n  - weight: heavy\n', 'line 3: weight: give a number'],
  ['name: jo\nparts:\n  - weight: 1.5\n', 'line 3: weight: give a whole number'],
  ['name: jo\nparts:\n  - weight: 1\n    whole: maybe\n', 'line 4: whole: give true or false'],
  ['name: jo\nparts:\n  - one\n', 'line 3: parts: give names with values'],
  ['name: jo\nparts:\n  - weigth: 1\n    weight: 1\n', 'line 3: weigth is not known: did you mean weight?'],
  ['name: jo\nparts: [\n', 'line 3: it is no YAML there'],
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

test('whose file is a configuration says so', () => {
  const code = 'INVALID_CONFIG'
  expect(() => parseYamlFile('a', { file: 'a.yaml', schema, advice: 'see', code })).toThrow(
    expect.objectContaining({ code }),
  )
})
