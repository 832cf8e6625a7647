import { createHash } from 'node:crypto'
import { checks } from '../../../judge/posture/all.ts'
import type { ListedFinding } from '../findings.ts'
import type { Checked } from './report.ts'

/** What GitHub sorts by: critical above 9, high from 7, medium from 4. */
const SEVERITY = { critical: '9.5', high: '8.0', medium: '5.5', low: '3.0' } as const
const LEVEL = { critical: 'error', high: 'error', medium: 'warning', low: 'note' } as const

/**
 * Findings as SARIF 2.1.0, each with the thing that it is of as a logical location. What tells a result from others is its check and
 * its thing, so that it is the same one as long as it stands. `files` says of things in which file of the repository they are told.
 */
export function findingsSarif(
  checked: Checked,
  version: string,
  files: ReadonlyMap<string, string> = new Map(),
): object {
  const used = [...new Set(checked.findings.map(({ check }) => check))].sort()
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'Firebreak',
            semanticVersion: version,
            rules: used.map(descriptorOf),
            notifications: [
              {
                id: 'not-searched',
                shortDescription: { text: 'Something was not searched, so that nothing is known of it.' },
              },
            ],
          },
        },
        automationDetails: { id: 'firebreak/check' },
        invocations: [
          {
            executionSuccessful: true,
            endTimeUtc: checked.at,
            toolExecutionNotifications: checked.coverage.skipped.map(({ what, why }) => ({
              descriptor: { id: 'not-searched', index: 0 },
              level: 'warning',
              message: { text: `${what}: ${why}` },
            })),
          },
        ],
        results: checked.findings.map(finding => resultOf(finding, used, files.get(finding.entityId))),
      },
    ],
  }
}

function resultOf(finding: ListedFinding, used: readonly string[], path: string | undefined): object {
  const { check, ref, name, why, severity, since, exception } = finding
  const level = LEVEL[severity ?? 'medium']
  const print = createHash('sha256')
    .update(JSON.stringify([check, ref]))
    .digest('hex')
  return {
    ruleId: check,
    ruleIndex: used.indexOf(check),
    level,
    message: { text: `${name}: ${why}` },
    locations: [
      {
        // GitHub takes only what has a file and a line: of what is in none, or in another repository, the reference stands for it.
        physicalLocation: {
          artifactLocation: {
            uri:
              path === undefined
                ? encodeURIComponent(ref)
                : path.split('/').map(encodeURIComponent).join('/'),
          },
          region: { startLine: Number(/^line ([1-9]\d*): /.exec(why)?.[1] ?? 1) },
        },
        logicalLocations: [{ name, fullyQualifiedName: ref, kind: 'resource' }],
      },
    ],
    // GitHub knows the second alone: it would make one of the line, which is another once something stands above it.
    partialFingerprints: { 'firebreakFinding/v1': print, primaryLocationLineHash: `${print.slice(0, 16)}:1` },
    // Where one result of a run has this member all must, and one that is suppressed by nothing has an empty one.
    suppressions: exception
      ? [
          {
            kind: 'external',
            status: 'accepted',
            justification: `${exception.reason}; instead: ${exception.control}. Owner: ${exception.owner}. Until ${exception.expires}.`,
          },
        ]
      : [],
    properties: { since, frameworks: finding.frameworks },
  }
}

function descriptorOf(id: string): object {
  const check = checks.find(one => one.id === id)
  const severity = check?.severity ?? 'medium'
  return {
    id,
    shortDescription: { text: check?.title ?? id },
    ...(check && {
      fullDescription: { text: check.why },
      help: { text: `${check.why}\n\nMend it: ${check.fix}` },
    }),
    defaultConfiguration: { level: LEVEL[severity] },
    properties: { tags: ['security', ...(check?.frameworks ?? [])], 'security-severity': SEVERITY[severity] },
  }
}
