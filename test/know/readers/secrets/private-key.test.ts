import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { decodeSlot, replaceSlot } from '../../../../src/core/contract/slot.ts'
import { engine } from './rules/rule-directory.ts'

const PEM = generateKeyPairSync('ec', { namedCurve: 'P-521' })
  .privateKey.export({ type: 'sec1', format: 'pem' })
  .toString()
  .trim()
const LINES = PEM.split('\n')
/** On one line, with a code where each of its lines ends. */
const CODED = LINES.join('\\n')

const OTHER = LINES.map(line => (line.startsWith('--') ? line : [...line].reverse().join(''))).join('\n')

function finds(path: string, text: string) {
  return [...engine.scan(Buffer.from(text), { path })]
}

test.each([
  ['a.js', `const key = '${CODED}'\n`],
  ['a.js', `const key = "${CODED}"\n`],
  ['a.js', `const key = \`${CODED}\`\n`],
  ['a.js', `const key = '${LINES.join('\\r\\n')}'\n`],
  ['.env', `KEY=${CODED}\n`],
  ['a.yaml', `key: ${CODED}\n`],
  ['a.json', `{"key": "${JSON.stringify(CODED).slice(1, -1)}"}`],
  ['a.php', `<?php $key = '${CODED.replaceAll('/', '\\/')}';\n`],
])('%s: a private key on one line is read as it is: %s', (path, text) => {
  expect(finds(path, text).map(find => find.secret.revealText().replaceAll('\r', ''))).toEqual([PEM])
})

test.each([
  ['A.java', LINES.map(line => `"${line}\\n"`).join(' +\n    ')],
  ['a.c', LINES.map(line => `"${line}\\r\\n"`).join('\n    ')],
  ['a.php', LINES.map(line => `'${line}'`).join(' .\n    ')],
  ['a.h', LINES.join('\\n\\\n')],
  ['a.properties', LINES.join('\\n\\\n')],
])('%s: a private key in pieces is found as they stand: %s', (path, pieces) => {
  const found = finds(path, `key = ${pieces};\n`)
  expect(found).toHaveLength(1)
  for (const line of LINES) expect(found[0]!.secret.revealText()).toContain(line)
})

test.each([
  ['.env', `KEY=${CODED}\n`],
  ['a.yaml', `key: ${CODED}\n`],
  ['a.js', `const key = "${CODED}"\n`],
  ['A.java', `key = ${LINES.map(line => `"${line}\\n"`).join(' +\n    ')};\n`],
])('%s: another key is written with the escapes that the first has: %s', (path, text) => {
  const [{ slots }] = finds(path, text) as [ReturnType<typeof finds>[number]]
  const written = Buffer.from(replaceSlot(Buffer.from(text), slots[0]!, Buffer.from(OTHER))).toString()
  expect(written).toContain(OTHER.replaceAll('\n', '\\n'))
  expect(finds(path, written).map(find => find.secret.revealText())).toEqual([OTHER])
})

test.each([
  ['a.h', `#define KEY "${LINES.join('\\n\\\n')}"\n`],
  ['a.properties', `key = ${LINES.join('\\n\\\n')}\n`],
  ['A.java', `key = ${LINES.map(line => `"${line}\\n"`).join(' + // x\n  ')};\n`],
  ['a.c', `key = ${LINES.map(line => `"${line}\\n"`).join(' \\\n  ')};\n`],
  ['a.php', `$key = ${LINES.map(line => `'${line}'`).join(' .\n  ')};\n`],
  ['a.js', `key = [${LINES.map(line => `'${line}'`).join(',\n  ')}].join('\\n')\n`],
])('%s: no other key is written where a program makes it in a way of its own: %s', (path, text) => {
  const [{ slots, secret }] = finds(path, text) as [ReturnType<typeof finds>[number]]
  expect(Buffer.from(decodeSlot(Buffer.from(text), slots[0]!)).toString()).toBe(secret.revealText())
  expect(() => replaceSlot(Buffer.from(text), slots[0]!, Buffer.from(OTHER))).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED' }),
  )
})

test('a key that stands as it is may have a quote in a header', () => {
  const [first, ...others] = LINES
  const key = [first, 'Comment: "of Jo\'s"', '', ...others]
  const text = `key: |\n${key.map(line => `  ${line}`).join('\n')}\n`
  expect(finds('a.yaml', text).map(({ slots }) => slots[0]!.encodings)).toEqual([['indent:2']])
})

test('what only speaks of a private key, or puts one together, is none', () => {
  const texts = [
    "if (!key.startsWith('-----BEGIN EC PRIVATE KEY-----\\n')) key = '-----BEGIN EC PRIVATE KEY-----\\n' + key.replace(/\\s+/g, '\\n') + '\\n-----END EC PRIVATE KEY-----\\n'\n",
    'const key = `-----BEGIN PRIVATE KEY-----\\n${process.env.KEY_THAT_IS_NEVER_WRITTEN_DOWN_ANYWHERE}\\n-----END PRIVATE KEY-----`\n',
    'KEY=-----BEGIN PRIVATE KEY-----\\nYOUR-KEY-GOES-HERE-AND-NOWHERE-ELSE-BUT-HERE-IN-THIS-FILE\\n-----END PRIVATE KEY-----\n',
  ]
  for (const text of texts) expect(finds('a.js', text)).toEqual([])
})
