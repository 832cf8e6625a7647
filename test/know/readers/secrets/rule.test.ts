import { describe, expect, test } from 'vitest'
import { formatRef } from '../../../../src/core/contract/ref.ts'
import { decodeSlot } from '../../../../src/core/contract/slot.ts'
import type { Rule } from '../../../../src/know/readers/secrets/rule.ts'
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
