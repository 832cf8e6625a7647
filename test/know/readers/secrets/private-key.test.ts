import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { compileRules } from '../../../../src/know/readers/secrets/engine.ts'
import { loadRules } from '../../../../src/know/readers/secrets/load-rules.ts'

const engine = compileRules((await loadRules('rules/secrets')).rules)

const PEM = generateKeyPairSync('ec', { namedCurve: 'P-521' })
  .privateKey.export({ type: 'sec1', format: 'pem' })
  .toString()
  .trim()
const LINES = PEM.split('\n')
/** On one line, with a code where each of its lines ends. */
const CODED = LINES.join('\\n')

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

test('what only speaks of a private key, or puts one together, is none', () => {
  const texts = [
    "if (!key.startsWith('-----BEGIN EC PRIVATE KEY-----\\n')) key = '-----BEGIN EC PRIVATE KEY-----\\n' + key.replace(/\\s+/g, '\\n') + '\\n-----END EC PRIVATE KEY-----\\n'\n",
    'const key = `-----BEGIN PRIVATE KEY-----\\n${process.env.KEY_THAT_IS_NEVER_WRITTEN_DOWN_ANYWHERE}\\n-----END PRIVATE KEY-----`\n',
    'KEY=-----BEGIN PRIVATE KEY-----\\nYOUR-KEY-GOES-HERE-AND-NOWHERE-ELSE-BUT-HERE-IN-THIS-FILE\\n-----END PRIVATE KEY-----\n',
  ]
  for (const text of texts) expect(finds('a.js', text)).toEqual([])
})
