import { describe, expect, test } from 'vitest'
import { formatBytes, progressView, scanLine } from '../../../src/serve/cli/progress.ts'

const event = {
  kind: 'scan',
  label: '/srv/a-long-path/to/some/repository',
  documents: 1204,
  bytes: 61_000_000,
  totalBytes: 212_000_000,
  finds: 3,
  done: false,
} as const

describe('scanLine', () => {
  test('tells rate and time left', () => {
    expect(scanLine(event, 2, 200)).toBe(
      '/srv/a-long-path/to/some/repository: 1,204 files, 61 MB of 212 MB, 31 MB/s, 5 s left, 3 found',
    )
  })

  test('promises no time where the total is not known', () => {
    const { totalBytes: _, ...unknown } = event
    expect(scanLine(unknown, 2, 200)).not.toContain('left')
  })

  test.each([20, 40, 60, 80, 100])('fits %i columns, so that it stays one line', columns => {
    expect(scanLine(event, 2, columns).length).toBeLessThan(columns)
  })
})

test('formatBytes', () => {
  expect([0, 999, 1000, 9_940, 12_345_678, 3e12].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '9.9 kB',
    '12 MB',
    '3.0 TB',
  ])
})

describe('progressView', () => {
  const written = (isTTY: boolean) => {
    const texts: string[] = []
    const stream = { isTTY, columns: 80, write: (text: string) => texts.push(text) > 0 }
    return { view: progressView(stream as never), texts }
  }

  test('draws nothing in a pipe but notes', () => {
    const { view, texts } = written(false)
    view.show(event)
    view.show({ kind: 'step', title: 'revoke', state: 'verified' })
    view.show({ kind: 'note', text: 'skipped one' })
    view.clear()
    expect(texts).toEqual(['skipped one\n'])
  })

  test('breaks a long note between words on a terminal', () => {
    const { view, texts } = written(true)
    view.show({ kind: 'note', text: `it takes ${'long '.repeat(20)}until it is done` })
    for (const line of texts.join('').split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    expect(texts.join('').split(/\s+/)).toHaveLength(27)
  })

  test('redraws one line on a terminal and clears it at the end', () => {
    const { view, texts } = written(true)
    view.show(event)
    view.show({ ...event, done: true })
    expect(texts[0]).not.toContain('\n')
    expect(texts.at(-1)).toBe('\r\u001b[2K')
  })
})
