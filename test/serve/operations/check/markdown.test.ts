import { expect, test } from 'vitest'
import { findingsMarkdown } from '../../../../src/serve/operations/check/markdown.ts'
import { checkedWith, finding, HOSTILE } from './checked.ts'

test('what things are called makes no markup, no second cell and tells nobody', () => {
  const text = findingsMarkdown(checkedWith([finding({ name: HOSTILE })]))
  expect(text).not.toContain('<script')
  expect(text).not.toContain('](http')
  expect(text).not.toContain('@team')
  const row = text.split('\n').find(line => line.startsWith('| medium'))!
  expect(row.match(/(?<!\\)\|/g)).toHaveLength(6)
})

test('excepted findings do not count and are shown with who answers', () => {
  const exception = { owner: 'payments', reason: 'soon gone', control: 'an IP list', expires: '2026-09-01' }
  const text = findingsMarkdown(
    checkedWith([finding(), finding({ exception })], {
      exceptions: {
        file: 'exceptions.yaml',
        expired: [],
        ownerless: [],
        unlisted: [],
        idle: [
          {
            ...exception,
            check: 'unused',
            entity: 'gone-one',
            line: 9,
            why: 'unused does not find gone-one wrong',
          },
        ],
      },
    }),
  )
  expect(text).toContain('## Firebreak: 1 finding\n')
  expect(text).toContain('### Excepted')
  expect(text).toContain('payments')
  expect(text).toContain('Line 9')
})

test('of very many the gravest are shown, and how many more there are', () => {
  const many = Array.from({ length: 60 }, (_, at) => finding({ name: `n${at}` }))
  const text = findingsMarkdown(checkedWith([...many, finding({ severity: 'critical', name: 'worst' })]))
  expect(text).toContain('… and 11 more.')
  expect(text.split('\n').find(line => /^\| (?:critical|medium) /.test(line))).toContain('worst')
})

test('by a framework, its controls are told with how many pass, and what is right for what was said', () => {
  const { framework } = checkedWith([finding()])
  const text = findingsMarkdown(
    checkedWith([finding()], { framework: { ...framework!, translated: 'PR.AC-1 is PR.AA-01' } }),
  )
  expect(text).toContain('NIST CSF 2.0. PR.AC-1 is PR.AA-01')
  expect(text).toContain('| PR.AA-01 | 1 | 1 | 2 | 5 |')
  const first = {
    things: [{ name: 'orders', ref: 'r', checks: ['c'], reached: 4, taken: 2 }],
    lookedAt: 1,
    of: 3,
    reached: 7,
  }
  expect(findingsMarkdown(checkedWith([finding()], { first }))).toContain('take 2 of 7 things')
})

test('what is as before is no number, and the median of nothing is none', () => {
  const [, now] = checkedWith([]).trend
  const figures = { ...checkedWith([]).figures, medianToDeadMs: null, dead: 0 }
  const page = findingsMarkdown(checkedWith([], { figures, trend: [{ ...now!, at: '2026-05-01' }, now!] }))
  expect(page).toContain('standing credentials ±0; no check finds more or less')
  expect(page).toContain(
    '| From exposure to dead | of none that is known; 1 exposed are not known to be dead |',
  )
})
