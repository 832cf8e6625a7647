import { expect, test } from 'vitest'
import { parseDocument } from 'yaml'
import { yamlMistake } from '../../../src/core/contract/yaml-mistake.ts'

const COLON = 'a value that holds a colon needs quotes, or the next line is indented too far'

test.each([
  ['a: b: c\n', COLON],
  ['a: b\n  c: d\n', COLON],
  ['a:\n\tb: 1\n', 'a tab indents it: use spaces'],
  ['a: 1\na: 2\n', 'the name stands there twice'],
  ['a: "x\n', 'a quote, a bracket, a comma or a colon is missing'],
  ['{a: 1\n', 'a quote, a bracket, a comma or a colon is missing'],
  ['a: [1, 2\nb: 3\n', 'it is not indented as what it belongs to, or a bracket before it is not closed'],
  ['a: "\\q"\n', 'a backslash in double quotes is no escape: write it in single quotes'],
  ['a: @x\n', 'the value begins with a sign that needs quotes'],
  ['a: &\n', 'a word begins with * or &, which needs quotes'],
  ['a\nb: 1\n', 'a colon is missing, or the next line is not indented as it is'],
  ['a: 1\n---\nb: 2\n', 'another document begins there (---): leave one'],
])('%j', (text, means) => {
  const [error] = parseDocument(text).errors
  expect(yamlMistake(error!)).toBe(`it is no YAML there: ${means}`)
})

test('of what few get wrong the line is enough, and nothing of the text is told', () => {
  const [error] = parseDocument('a: "hunter2" hunter3\n').errors
  expect(yamlMistake(error!)).toBe('it is no YAML there')
})
