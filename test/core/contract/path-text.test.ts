import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pathBytes, pathText } from '../../../src/core/contract/path-text.ts'

test('any bytes become text that a terminal does not obey, and the same bytes again', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
      const text = pathText(bytes)
      // oxlint-disable-next-line no-control-regex
      expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\ufffd]/)
      expect(new Uint8Array(pathBytes(text))).toEqual(bytes)
    }),
    { seed: 20_260_301 },
  )
})

test('what is text already stays as it is', () => {
  for (const name of ['src/main.ts', 'größe/名前', 'a\\b', '"quoted"'])
    expect(pathText(Buffer.from(name))).toBe(name)
  expect(pathText(Buffer.from('new\nline\u001b[2J'))).toBe('new\\x0Aline\\x1B[2J')
  expect(pathText(Buffer.from('\\x41'))).toBe('\\x5Cx41')
})
