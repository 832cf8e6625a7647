import type { Checked } from '../../../../src/serve/operations/check/report.ts'
import type { ListedFinding } from '../../../../src/serve/operations/findings.ts'

/** What somebody could call a thing to have it taken for markup. */
export const HOSTILE = `<script>alert('x')</script>|[a](http://evil.example)|@team \`x\``

export function finding(more: Partial<ListedFinding> = {}): ListedFinding {
  return {
    entityId: 'e1',
    identityId: null,
    check: 'credential-old',
    severity: 'medium',
    frameworks: ['NHI7:2025'],
    ref: 'aws:1/access-key/k1',
    name: 'orders',
    why: 'it was made on 2024-01-01, 882 days ago',
    fix: 'Rotate it',
    since: '2026-01-01T00:00:00.000Z',
    exception: null,
    ...more,
  }
}

/** A run of which every form of a report is made. */
export function checkedWith(findings: readonly ListedFinding[], more: Partial<Checked> = {}): Checked {
  return {
    at: '2026-06-01T00:00:00.000Z',
    findings,
    checks: [{ check: 'credential-old', fails: findings.length, unknown: 2, passes: 5 }],
    coverage: { searched: ['aws 1'], skipped: [{ what: 'git x', why: HOSTILE }] },
    framework: {
      name: 'NIST CSF 2.0',
      translated: null,
      controls: [
        { control: 'PR.AA-01', checks: ['credential-old'], fails: findings.length, unknown: 2, passes: 5 },
      ],
    },
    figures: {
      visible: { count: 1, of: 4, unknown: 1 },
      rotated: { count: 5, of: 8, unknown: 2 },
      exposed: { count: 0, of: 0, unknown: 0 },
      medianToDeadMs: 7_200_000,
      dead: 3,
      exposedStillAlive: 1,
      standing: { total: 8, byKind: { 'aws access-key': 8 }, byClass: { ordinary: 8 } },
    },
    trend: [
      { at: '2026-05-01T00:00:00.000Z', findings: 2, standing: 7, fails: { 'credential-old': 2 } },
      { at: '2026-06-01T00:00:00.000Z', findings: 1, standing: 8, fails: { 'credential-old': 1 } },
    ],
    exceptions: null,
    ratchet: null,
    first: { things: [], lookedAt: 1, of: 1, reached: 4 },
    ...more,
  }
}
