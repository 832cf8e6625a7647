import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compileRules } from '../../../../../src/know/readers/secrets/engine.ts'
import { parseRule } from '../../../../../src/know/readers/secrets/rules/load-rules.ts'
import { ruleDirectory } from './rule-directory.ts'

const good = await readFile(join(ruleDirectory, 'npm-token.yaml'), 'utf8')

/** A rule of one's own, in place of what is said of the token of npm. */
function ruleOf(keyword: string, pattern: string, ignoreCase = true) {
  return parseRule(
    'own.yaml',
    good
      .replace(/^keywords: .*/m, `keywords: [${keyword}]\nignoreCase: ${ignoreCase}`)
      .replace(/^pattern: .*/m, `pattern: '${pattern}'`)
      .replace(/^checks: .*/m, ''),
  )
}

function valuesIn(text: string, { rule }: ReturnType<typeof ruleOf>): string[] {
  return [...compileRules([rule!]).scan(Buffer.from(text), { path: 'a.txt' })].map(({ secret }) =>
    Buffer.from(secret.reveal()).toString(),
  )
}

test('a keyword beyond ASCII is found as UTF-8, in the ways in which a word is written, and in base64', () => {
  const spanish = ruleOf('contraseña', 'contraseñas?[:=] ?(?<value>[A-Za-z0-9ñ]{8,20})')
  expect(valuesIn('contraseña: k81hx02mzq\n', spanish)).toEqual(['k81hx02mzq'])
  expect(valuesIn('CONTRASEÑA=k81hñx02mzq\n', spanish)).toEqual(['k81hñx02mzq'])
  expect(valuesIn('Contraseñas=k81hx02mzq contrasena=k81hx02mzq\n', spanish)).toEqual(['k81hx02mzq'])
  const encoded = Buffer.from('la contraseña: k81hx02mzq\n').toString('base64')
  expect(valuesIn(`data: ${encoded}\n`, spanish)).toEqual(['k81hx02mzq'])
  const russian = ruleOf('пароль', 'пароль(?: базы)?: (?<value>[a-z0-9]{8,20})')
  expect(valuesIn('Пароль базы: k81hx02mzq\nПАРОЛЬ: a72hx02mzq\nпарол: b81hx02mzq', russian)).toEqual([
    'k81hx02mzq',
    'a72hx02mzq',
  ])
})

test('where case counts, another case is another word', () => {
  const rule = ruleOf('contraseña', 'contraseña=(?<value>[a-z0-9]{8,20})', false)
  expect(valuesIn('CONTRASEÑA=k81hx02mzq contraseña=b81hx02mzq', rule)).toEqual(['b81hx02mzq'])
})

test.each(['contraseña=(?<value>[^ñ]{8})', 'contraseña=(?<value>[а-я]{8})'])(
  'the pattern %s is refused where it stands',
  pattern => {
    const { rule, problems } = ruleOf('contraseña', pattern)
    expect(rule).toBeUndefined()
    expect(problems).toEqual([
      expect.objectContaining({ message: expect.stringContaining('pattern: a class beyond ASCII') }),
    ])
    expect(problems[0]!.line).toBeGreaterThan(5)
  },
)
