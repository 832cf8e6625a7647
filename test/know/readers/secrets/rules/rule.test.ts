import { describe, expect, test } from 'vitest'
import { formatRef } from '../../../../../src/core/contract/ref.ts'
import { decodeSlot } from '../../../../../src/core/contract/slot.ts'
import type { Rule } from '../../../../../src/know/readers/secrets/rules/rule.ts'
import { engine, problems, rules } from './rule-directory.ts'

test('every rule file loads, and there are two hundred kinds at least', () => {
  expect(problems).toEqual([])
  expect(rules.length).toBeGreaterThanOrEqual(200)
})

/** A key store is no UTF-8: there each character is a byte. */
const bytesOf = (rule: Rule, text: string) =>
  Buffer.from(text, rule.structure === 'file' || rule.encodings.includes('base64') ? 'latin1' : 'utf8')

describe.each(rules.map(rule => ({ id: rule.id, rule })))('$id', ({ rule }) => {
  test.each(rule.examples.positive.map((example, index) => ({ index, example })))(
    'finds example $index',
    ({ example }) => {
      const bytes = bytesOf(rule, example.text)
      const found = [...engine.scan(bytes, { path: example.path ?? 'note.txt' })].find(
        find => find.rule === rule.id,
      )
      expect(found && Buffer.from(found.secret.reveal())).toEqual(bytesOf(rule, example.value))
      if (example.id !== undefined) expect(found!.secret.id).toBe(example.id)
      expect(found!.claims && formatRef(found!.claims)).toBe(example.claims)
      for (const slot of found!.slots) {
        const { id, keyId } = found!.secret
        const expected = { value: example.value, id, 'key-id': keyId }[slot.part as 'value'] ?? ''
        expect(Buffer.from(decodeSlot(bytes, slot))).toEqual(bytesOf(rule, expected!))
      }
    },
  )

  test.each(rule.examples.negative.map(example => ({ why: example.why, example })))(
    'passes over: $why',
    ({ example }) => {
      const found = [...engine.scan(bytesOf(rule, example.text), { path: example.path ?? 'note.txt' })]
      expect(found.filter(find => find.rule === rule.id).length).toBe(0)
    },
  )

  test('a preview tells tokens apart and gives nothing of a password', () => {
    for (const example of rule.examples.positive) {
      const found = [...engine.scan(bytesOf(rule, example.text), { path: example.path ?? 'note.txt' })]
      const preview = found.find(find => find.rule === rule.id)?.preview
      if (rule.preview === 'none') expect(preview).toBeUndefined()
      else expect(preview!.replace('…', '').length).toBeLessThan(Math.max(example.value.length, 36) / 2 + 16)
    }
  })
})

/** The alternatives of a pattern that is one group of them: `(?:a|b)`. */
function formsOf(pattern: string): string[] {
  const forms = ['']
  let depth = 0
  // An escaped sign, a class of characters, or one sign.
  for (const [piece] of pattern.slice(3, -1).matchAll(/\\.|\[(?:\\.|[^\]])*\]|[^]/g)) {
    if (piece === '(') depth++
    if (piece === ')') depth--
    if (depth < 0) return [pattern]
    if (piece === '|' && depth === 0) forms.push('')
    else forms[forms.length - 1] += piece
  }
  return forms
}

test.each(rules.filter(rule => rule.structure === 'stated' && rule.pattern.startsWith('(?:')))(
  '$id: each form that it has is shown by an example',
  rule => {
    const texts = rule.examples.positive.map(({ text }) => Buffer.from(text).toString('latin1'))
    const unshown = formsOf(rule.pattern).filter(form => {
      const expression = new RegExp(form.replaceAll(/\(\?<\w+>/g, '('), rule.ignoreCase ? 'i' : '')
      return !texts.some(text => expression.test(text))
    })
    expect(unshown).toEqual([])
  },
)
