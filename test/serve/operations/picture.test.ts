import { expect, test } from 'vitest'
import type { NamedHop } from '../../../src/serve/operations/graph-view.ts'
import { onTwoLines, picture } from '../../../src/serve/operations/picture.ts'

const LONG = 'arn:aws:iam::123456789012:role/service-role/deploy-to-<production>-eu-central-1'

test('a long name stands on two lines, broken behind a mark; of a longer one the end is shown', () => {
  expect(onTwoLines('short')).toEqual(['short'])
  expect(onTwoLines('role/deploy to the production cluster of eu-central-1')).toEqual([
    'role/deploy to the production',
    'cluster of eu-central-1',
  ])
  expect(onTwoLines('x'.repeat(40))).toEqual(['x'.repeat(34), 'x'.repeat(6)])
  const [first, second] = onTwoLines(LONG)
  expect(LONG.startsWith(first!)).toBe(true)
  expect(second).toMatch(/^….{33}$/)
  expect(LONG.endsWith(second!.slice(1))).toBe(true)
})

test('the page tells what each kind of line means, and shows names as text', () => {
  const hop: NamedHop = {
    from: 'a',
    to: 'b',
    crossing: 'assume-role',
    certainty: 'conditional',
    condition: 'MFA',
    why: 'the role trusts it',
    fromName: 'ci',
    toName: LONG,
  }
  const page = picture('html', 'ci', [hop])
  const legend = /<p class="legend">(.*?)<\/p>/s.exec(page)![1]!
  for (const certainty of ['proven', 'conditional', 'potential'])
    expect(legend).toMatch(new RegExp(`<span class="${certainty}"><svg.*?</svg> ${certainty}: `))
  const texts = [...page.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text)
  expect(texts).toHaveLength(4)
  expect(page).not.toContain('<production>')
})
