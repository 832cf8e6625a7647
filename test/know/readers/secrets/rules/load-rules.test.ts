import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import {
  loadOwnRules,
  loadRules,
  parseRule,
} from '../../../../../src/know/readers/secrets/rules/load-rules.ts'
import { ruleDirectory, rules as builtInRules } from './rule-directory.ts'

const directory = await mkdtemp(join(tmpdir(), 'firebreak-rules-'))
afterAll(() => rm(directory, { recursive: true }))

const good = await readFile(join(ruleDirectory, 'npm-token.yaml'), 'utf8')

test('an unknown key is refused with its line and column', () => {
  const lines = good.split('\n')
  const at = lines.findIndex(line => line.startsWith('checks:'))
  lines[at] = 'checks: { checksum: crc32-base62, checksums: two }'
  const { rule, problems } = parseRule('npm-token.yaml', lines.join('\n'))
  expect(rule).toBeUndefined()
  expect(problems).toEqual([
    expect.objectContaining({
      file: 'npm-token.yaml',
      line: at + 1,
      column: 35,
      message: expect.stringMatching(/^\S+ is not known: did you mean \S+\?$/),
    }),
  ])
  expect(problems[0]!.message).toContain('checksums')
})

test.each([
  ['keywords: [npm_]', 'keywords: []', 'keywords'],
  ['keywords: [npm_]', 'keywords: [np]', 'three characters'],
  ['confidence: 0.98', 'confidence: high', 'confidence'],
  ['preview: token', '', 'preview'],
])('%s replaced by "%s" is a problem that names the key', (from, to, key) => {
  const { problems } = parseRule('npm-token.yaml', good.replace(from, to))
  expect(problems.map(problem => problem.message).join()).toContain(key)
})

test.each([
  ["'(?<value>npm_[A-Za-z0-9]+)'", 'no upper bound'],
  ["'npm_(?<value>(?:[a-z]{1,9}){1,9})'", 'repeated group'],
  ["'npm_(?!x)(?<value>.)'", 'lookaround'],
  ["'npm_(?<value>[a-z'", 'not closed'],
])('the pattern %s is refused where it stands', (pattern, why) => {
  const { problems } = parseRule('npm-token.yaml', good.replace(/^pattern: .*/m, `pattern: ${pattern}`))
  const line = good.split('\n').findIndex(text => text.startsWith('pattern:')) + 1
  expect(problems).toEqual([expect.objectContaining({ line, column: 1 })])
  expect(problems[0]!.message).toContain(why)
})

test('a file that is no YAML is a problem; the others load', async () => {
  await writeFile(join(directory, 'npm-token.yaml'), good)
  await writeFile(join(directory, 'broken.yaml'), 'id: broken\nname: "unclosed\n')
  await writeFile(join(directory, 'misnamed.yaml'), good)
  const { rules, problems } = await loadRules(directory)
  expect(rules.map(rule => rule.id)).toEqual(['npm-token'])
  expect(problems.map(problem => problem.file.slice(directory.length + 1)).sort()).toEqual([
    'broken.yaml',
    'misnamed.yaml',
  ])
})

test('a file that is called .yml is told, not passed over', async () => {
  const folder = join(directory, 'yml')
  await mkdir(folder)
  await writeFile(join(folder, 'npm-token.yml'), good)
  const { rules, problems } = await loadRules(folder)
  expect(rules).toEqual([])
  expect(problems).toEqual([
    expect.objectContaining({
      file: join(folder, 'npm-token.yml'),
      message: expect.stringContaining('.yaml'),
    }),
  ])
})

test('own rules are refused where there are none, or where one takes the id of a built-in rule', async () => {
  const own = await mkdtemp(join(directory, 'own-'))
  await expect(loadOwnRules(join(own, 'absent'), builtInRules)).rejects.toMatchObject({
    code: 'INVALID_INPUT',
  })
  await expect(loadOwnRules(own, builtInRules)).rejects.toThrow('there is no rule in')
  await writeFile(join(own, 'acme-token.yaml'), good.replace('id: npm-token', 'id: acme-token'))
  await writeFile(join(own, 'broken.yaml'), 'id: [')
  const { rules, problems } = await loadOwnRules(own, builtInRules)
  expect([rules.map(rule => rule.id), problems.length > 0]).toEqual([['acme-token'], true])
  await writeFile(join(own, 'npm-token.yaml'), good)
  await expect(loadOwnRules(own, builtInRules)).rejects.toThrow('has the id of a built-in one')
})
