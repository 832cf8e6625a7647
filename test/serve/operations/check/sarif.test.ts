import { expect, test } from 'vitest'
import { z } from 'zod'
import { findingsSarif } from '../../../../src/serve/operations/check/sarif.ts'
import { checkedWith, finding } from './checked.ts'

/** What SARIF 2.1.0 and those who read it ask for, of what is written. */
const shape = z.object({
  version: z.literal('2.1.0'),
  runs: z.tuple([
    z.object({
      tool: z.object({ driver: z.object({ rules: z.array(z.object({ id: z.string() })) }) }),
      results: z.array(
        z.object({
          ruleId: z.string(),
          ruleIndex: z.number(),
          level: z.enum(['error', 'warning', 'note']),
          message: z.object({ text: z.string().min(1) }),
          locations: z.tuple([
            z.object({
              physicalLocation: z.object({
                artifactLocation: z.object({ uri: z.string().regex(/^[^\s/:]+$/) }),
                region: z.object({ startLine: z.int().min(1) }),
              }),
              logicalLocations: z.tuple([z.object({ fullyQualifiedName: z.string() })]),
            }),
          ]),
          partialFingerprints: z.object({
            'firebreakFinding/v1': z.string().regex(/^[0-9a-f]{64}$/),
            primaryLocationLineHash: z.string().regex(/^[0-9a-f]{16}:1$/),
          }),
          suppressions: z.array(z.object({ kind: z.literal('external'), justification: z.string() })),
        }),
      ),
    }),
  ]),
})
const resultsOf = (...found: Parameters<typeof checkedWith>) =>
  shape.parse(findingsSarif(checkedWith(...found), '1.2.3')).runs[0]

test('a result is the same one in every run, whatever is said of it; another thing or check is another', () => {
  const prints = resultsOf([
    finding(),
    finding({ why: 'a day later', name: 'renamed' }),
    finding({ ref: 'aws:1/access-key/k2' }),
    finding({ check: 'unused' }),
  ]).results.map(one => one.partialFingerprints['firebreakFinding/v1'])
  expect(prints[0]).toBe(prints[1])
  expect(new Set(prints).size).toBe(3)
})

test('a result is of the file of the checkout that tells of it, where there is one', () => {
  const files = new Map([['e1', 'deploy/a b.yml']])
  const sarif = findingsSarif(checkedWith([finding(), finding({ entityId: 'e2' })]), '1.2.3', files)
  const uris = z
    .object({ runs: z.array(z.object({ results: z.array(z.looseObject({ locations: z.array(z.any()) })) })) })
    .parse(sarif)
    .runs[0]!.results.map(({ locations }) => locations[0].physicalLocation.artifactLocation.uri)
  expect(uris).toEqual(['deploy/a%20b.yml', encodeURIComponent('aws:1/access-key/k1')])
})

test('each result has the line that it is of, where it is of one', () => {
  const { results } = resultsOf([
    finding({ why: 'line 12: it is weak; line 4: too' }),
    finding({ check: 'unused' }),
  ])
  const lines = results.map(({ locations: [{ physicalLocation }] }) => physicalLocation.region.startLine)
  expect(lines).toEqual([12, 1])
  expect(new Set(results.map(one => one.partialFingerprints.primaryLocationLineHash)).size).toBe(2)
})

test('each result names its rule, and one that is excepted is suppressed with the reason', () => {
  const exception = { owner: 'payments', reason: 'soon gone', control: 'an IP list', expires: '2026-09-01' }
  const { results, tool } = resultsOf([finding(), finding({ check: 'unused', exception })])
  for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex]!.id).toBe(ruleId)
  expect(results[0]!.suppressions).toEqual([])
  expect(results[1]!.suppressions[0]!.justification).toContain('soon gone')
})
