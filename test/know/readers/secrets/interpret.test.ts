import { expect, test } from 'vitest'
import { engine } from './rules/rule-directory.ts'
import { called, keptBack, shownToAll } from './in-calls.ts'
import { printed } from './in-manuals.ts'
import { noted, similar } from './in-notes.ts'
import { named, translated } from './in-other-languages.ts'
import { alike, written } from './in-programs.ts'
import { described, tabled } from './in-tables.ts'
import { set, unset } from './in-settings.ts'
import { configured, harmless } from './in-the-wild.ts'
import { found, P, passed } from './written-down.ts'

/** What counts as found: a plain word under a clear name is found with less. */
const COUNTS_FROM = 0.3

function finds(path: string, text: string) {
  return [...engine.scan(Buffer.from(text), { path })].map(find => ({
    value: find.secret.revealText(),
    confidence: find.confidence,
    reasons: find.reasons,
  }))
}

test.each(
  [...found, ...configured, ...set, ...named, ...noted, ...tabled, ...called, ...keptBack, ...written].map(
    ([path, text, value]) => ({
      path,
      text,
      value: value ?? P,
    }),
  ),
)('$path: $text holds a secret', ({ path, text, value }) => {
  const counted = finds(path, text).filter(find => find.confidence >= COUNTS_FROM)
  expect(counted.map(find => find.value)).toEqual([value])
  expect(counted[0]!.reasons.length).toBeGreaterThan(0)
  for (const reason of counted[0]!.reasons) expect(reason).not.toContain(value)
})

test.each(
  [
    ...passed,
    ...harmless,
    ...unset,
    ...printed,
    ...translated,
    ...similar,
    ...described,
    ...shownToAll,
    ...alike,
  ].map(([path, text]) => ({ path, text })),
)('$path: $text holds none', ({ path, text }) => {
  expect(finds(path, text).filter(find => find.confidence >= COUNTS_FROM)).toEqual([])
})

test('a password in a URL that counts up is as easily guessed as one that is the name of its user', () => {
  for (const password of ['123456', 'abcdefgh', 'jo77x'])
    expect(finds('a.txt', `https://jo77x:${password}@git.acme.io/`)).toMatchObject([{ confidence: 0.4 }])
  expect(finds('a.txt', `https://jo77x:${P}@git.acme.io/`)).toMatchObject([{ confidence: 0.8 }])
})
