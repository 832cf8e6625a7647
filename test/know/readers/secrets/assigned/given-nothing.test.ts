import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileRule } from '../../../../../src/know/readers/secrets/rules/compiled-rule.ts'
import { DIALECTS } from '../../../../../src/know/readers/secrets/dialect.ts'
import { compileRules } from '../../../../../src/know/readers/secrets/engine.ts'
import { isGivenNothing } from '../../../../../src/know/readers/secrets/assigned/given-nothing.ts'
import { readGiven } from '../../../../../src/know/readers/secrets/assigned/read-assignment.ts'
import { SEPARATOR } from '../../../../../src/know/readers/secrets/rules/separator.ts'
import { Text } from '../../../../../src/know/readers/secrets/text.ts'
import { rules } from '../rules/rule-directory.ts'

const rule = compileRule(rules.find(({ id }) => id === 'generic-password')!)

/** What decides, and what would be a value. */
const PIECES =
  'const ¦--set ¦--¦a.¦,¦;¦&¦?¦:¦ ¦\t¦"¦\'¦`¦(¦{¦}¦\n¦host=db ¦Server=db;¦new ¦str(¦String::from(¦b¦u8¦@¦\\¦$¦[]byte(¦next()¦' +
  '=¦k81hx02mzq¦.x¦)¦\xa0¦>¦helm --set ¦x=1 ¦${A}¦$A¦}}¦xxxxxxxx¦|¦<b>¦]¦[¦\r\n¦-'
const LEADS =
  '¦\n¦| user | ¦jo,¦ENV ¦setenv ¦set ¦#define ¦login jo ¦"¦( ¦value: k81hx02mzq\n  name: ¦{"value": "k81hx02mzq", "name": "¦' +
  'value: k81hx02mzq\n  name:     ¦value: k81hx02mzq\n  name:   ¦--¦user jo\n¦(¦"user=jo\\n¦// ¦x # user jo, ¦<!-- ¦fill_in "¦- &pw '
const VALUES =
  '"k81hx02mzq"¦\\"k81hx02mzq\\"¦b"k81hx02mzq"¦new String("k81hx02mzq")¦{ "jo": "k81hx02mzq" }¦k81hx02mzq¦k81hx02mzq\n¦' +
  '${a]k81hx02mzq¦$k81-hx02mzq4¦"$k81-hx02mzq4"¦$A k81hx02mzq¦|\n| --- | --- |\n| jo | k81hx02mzq |\n¦' +
  '\n| --- | --- |\n| jo | k81hx02mzq |\n¦|\n| --- |\n| k81hx02mzq |\n¦\njo,k81hx02mzq\n¦}} k81hx02mzq¦$8k81hx02mzq¦xxxx-k81hx02mzq'
const oneOf = (pieces: string) => fc.constantFrom(...pieces.split('¦'))
const pieces = fc.array(oneOf(PIECES), { maxLength: 5 }).map(parts => parts.join(''))
const blanks = fc.constantFrom('', ' ', '\t', '  ', ' '.repeat(17), ' '.repeat(65))
test.each(['password', 'passwords', '--password', 'a.db_password', 'password.equals', 'token', 'apiKeys'])(
  'what is told to be given nothing has no value that would be read: %s',
  name => {
    const separated = new RegExp(`${name}${SEPARATOR}`, 'dy')
    let told = 0
    fc.assert(
      fc.property(
        fc.oneof(oneOf(LEADS), pieces),
        blanks,
        fc.constantFrom('=', '==', '=>', ':=', ':', '(', '\n', '"', '": ', ''),
        blanks,
        fc.oneof(oneOf(VALUES), pieces),
        fc.constantFrom(...DIALECTS),
        fc.constantFrom('a.x', 'a.csv', 'a.exp', 'a.feature'),
        (lead, before, sign, after, rest, dialect, path) => {
          const written = `${lead}${name}${before}${sign}${after}${rest}`
          separated.lastIndex = lead.length
          const separator = separated.exec(written)?.indices?.groups?.['separator']
          if (!separator) return
          const start = lead.length - /[\w.-]*$/.exec(lead)![0].length
          const text = new Text(Buffer.from(written, 'latin1'), path, dialect, true)
          if (!isGivenNothing(text, start, ...separator)) return
          told++
          expect([readGiven({ text, rule, depth: 0 }, start, separator) ?? []].flat()).toEqual([])
        },
      ),
      { seed: 5, numRuns: 30_000 },
    )
    expect(told).toBeGreaterThan(1000)
  },
)

test.each([
  ['a.md', 'user | password\n--- | ---\njo | k81hx02mzq\n'],
  ['a.md', '|user|password |\n|---|---|\n|jo|k81hx02mzq|\n'],
  ['a.md', '|user|password \n|---|---|\n|jo|k81hx02mzq\n'],
  ['a.csv', 'user,password\njo,k81hx02mzq\n'],
  ['a.tsv', 'user\tpassword\tage\njo\tk81hx02mzq\t7\n'],
])('a name that heads a column is given what stands below: %s %j', (path, written) => {
  expect([...compileRules([rule.rule]).scan(Buffer.from(written), { path })]).toHaveLength(1)
})
