import { expect, test } from 'vitest'
import { findingsHtml } from '../../../../src/serve/operations/check/html.ts'
import { checkedWith, finding, HOSTILE } from './checked.ts'

const exception = { owner: 'payments', reason: 'it goes soon', control: 'an IP list', expires: '2026-09-01' }
const hostile = finding({ name: HOSTILE, why: HOSTILE, ref: `x:${HOSTILE}` })
const first = {
  things: [{ name: HOSTILE, ref: 'r', checks: ['c'], reached: 4, taken: 2 }],
  lookedAt: 1,
  of: 1,
  reached: 4,
}
const seen = new Map([['e1', [{ source: 'git:app', document: HOSTILE, at: '2026-05-31T00:00:00.000Z' }]]])
const page = findingsHtml(
  checkedWith([hostile, finding({ entityId: 'e2', name: 'kept', exception })], { first }),
  seen,
  '1.2.3',
)

test('whatever things are called, nothing of it is markup, and nothing runs or is loaded', () => {
  expect(page).not.toMatch(/<script|<img|<link|<iframe|\son\w+=|javascript:|@import|url\(/i)
  expect(page).not.toMatch(/(?:src|href)=/i)
  expect(page).toContain('&#60;script&#62;alert(&#39;x&#39;)')
  expect(page).toContain(`default-src 'none'`)
})

test('every tag that is opened is closed', () => {
  const open: string[] = []
  for (const [, close, name, rest] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)([^>]*)>/gi)) {
    if (['meta', 'br', 'rect', 'circle', 'line', 'polyline'].includes(name!) || rest!.endsWith('/')) continue
    if (close === '/') expect(open.pop(), name).toBe(name)
    else open.push(name!)
  }
  expect(open).toEqual([])
})

test('each control has its counts and its evidence: what, since when, and where it was seen', () => {
  expect(page).toContain('<h3>PR.AA-01</h3>')
  expect(page).toContain('2 of 9 fail, 5 pass, of 2 nobody can tell.')
  expect(page).toContain('<td><time datetime="2026-01-01T00:00:00.000Z">2026-01-01 00:00</time></td>')
  expect(page).toContain('git:app')
  expect(page).toContain('2026-05-31T00:00:00.000Z')
  expect(page).toContain('Excepted until 2026-09-01 by payments: it goes soon; instead: an IP list')
})

test('figures have their denominators, charts are drawn, and what was not searched is said', () => {
  expect(page).toContain('25.0 %, 1 of 4; of 1 nobody can tell')
  expect(page).toContain('2.0 hours in the median of 3; 1 exposed are not known to be dead')
  expect(page).toContain('standing credentials +1')
  expect(page).toContain('of none that is known')
  expect(page.match(/<svg /g)).toHaveLength(3)
  expect(page).toContain('standing credentials +1')
  expect(page).toContain('<h3>What was not</h3>')
})

test('bars begin beside the longest name, so that a narrow screen shows them', () => {
  const { framework } = checkedWith([finding()])
  const begins = (control: string) => {
    const controls = [{ ...framework!.controls[0]!, control }]
    const text = findingsHtml(checkedWith([finding()], { framework: { ...framework!, controls } }), seen, '1')
    const chart = text.slice(text.indexOf('What was looked at for each control'))
    return Number(/<rect x="([\d.]+)" y="28"/.exec(chart)?.[1])
  }
  expect(begins('CC6.1')).toBeLessThan(80)
  expect(begins('Layer 6: Security and Compliance')).toBeGreaterThan(200)
})

test('a reference without a space breaks, so that the page is as wide as a narrow screen', () => {
  expect(page).toMatch(/body\{[^}]*overflow-wrap:break-word/)
})
