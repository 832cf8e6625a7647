import { describe, expect, test } from 'vitest'
import { allowanceAt } from '../../../../src/know/readers/secrets/allowance.ts'

const VALUE = 'S3CR3T-VALUE'

/** What is found beside the first value; every value counts as a secret. */
function allowance(text: string): string | null | undefined {
  const bytes = Buffer.from(text)
  const secrets = [...text.matchAll(new RegExp(VALUE, 'g'))].map(({ index }) => ({
    start: Buffer.byteLength(text.slice(0, index)),
    end: Buffer.byteLength(text.slice(0, index)) + VALUE.length,
  }))
  const found = allowanceAt(bytes, secrets[0]!, () => secrets)
  return found && (found.reason ?? null)
}

describe('firebreak:allow', () => {
  test.each([
    [`a = "${VALUE}" # firebreak:allow a test's own key`, "a test's own key"],
    [`a = "${VALUE}" // firebreak:allow: made up`, 'made up'],
    [`<a>${VALUE}</a> <!-- firebreak:allow from the vendor's page -->`, "from the vendor's page"],
    [`a: ${VALUE} /* firebreak:allow - expired */ b: 2`, 'expired'],
    [`# firebreak:allow é ist erlaubt\r\na = "${VALUE}"`, 'é ist erlaubt'],
    [`x = 1\n  // firebreak:allow made up\n  a = "${VALUE}"\n`, 'made up'],
    [`{# firebreak:allow made up #}\n${VALUE}`, 'made up'],
    [`a = "${VALUE}" {- firebreak:allow made up -}`, 'made up'],
    [`--[[ firebreak:allow made up ]]\na = "${VALUE}"`, 'made up'],
    [`{"a": "${VALUE}", "why": "firebreak:allow made up"}`, 'made up'],
    [`-----BEGIN\n${VALUE}\n`, undefined],
  ])('%j: %j', (text, reason) => {
    expect(allowance(text)).toBe(reason)
  })

  test.each([
    ['nothing is said', `a = "${VALUE}" # firebreak:allow`],
    ['no word is said', `a = "${VALUE}" # firebreak:allow ...`],
    ['it is another word', `a = "${VALUE}" # firebreak:allowed because`],
    ['only a comment ends there', `a = "${VALUE}" /* firebreak:allow */`],
    ['the reason holds a secret', `a = "${VALUE}" # firebreak:allow like ${VALUE}`],
  ])('is not accepted where %s', (_, text) => {
    expect(allowance(text)).toBeNull()
  })

  test.each([
    ['the line before is about itself', `b = 1 # firebreak:allow made up\na = "${VALUE}"`],
    ['it stands before the value on its line', `/* firebreak:allow made up */ a = "${VALUE}"`],
    ['it stands two lines before', `# firebreak:allow made up\n\na = "${VALUE}"`],
    ['it stands on the next line', `a = "${VALUE}"\n# firebreak:allow made up`],
    ['it is part of a text', `a = "firebreak:allow made up"\nb = "${VALUE}"`],
    ['it is far behind', `a = "${VALUE}"${' '.repeat(5000)}# firebreak:allow made up`],
  ])('says nothing where %s', (_, text) => {
    expect(allowance(text)).toBeUndefined()
  })
})
