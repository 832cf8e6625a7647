import { sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { pathBytes } from '../../../core/contract/path-text.ts'
import type { Rule } from '../../../know/readers/secrets/rules/rule.ts'
import { fileInTree, PIPED, standsNow } from '../standing.ts'
import type { Found, FoundCopy, Scan } from './found.ts'

/** A scanned repository or directory, and where it was cloned from. */
export interface Root {
  readonly path: string
  readonly origin: string | undefined
  readonly revision: string | undefined
}

interface SarifOptions {
  readonly rules: readonly Rule[]
  readonly roots: readonly Root[]
  readonly version: string
  /** A baseline was given, so that each result is new or not. */
  readonly compared: boolean
  readonly at: Date
}

/**
 * A scan as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format", 27 March 2020), one result for each credential
 * and line. It holds no secret, no part of one and no line of the text. `security-severity` is what GitHub sorts by.
 */
export function sarifLog(scan: Omit<Scan, 'written'>, options: SarifOptions): object {
  const places = [...scan.credentials, ...scan.accepted].flatMap(found => placesOf(found))
  const used = [...new Set(places.map(({ copy }) => copy.rule))].sort()
  const results = places.map(({ found, copy, commits }) => ({
    ruleId: copy.rule,
    ruleIndex: used.indexOf(copy.rule),
    level: levelOf(found.confidence),
    rank: Math.round(found.confidence * 100),
    message: { text: messageOf(found, copy, options.rules) },
    locations: [locationOf(copy, options.roots)],
    ...(found.fingerprint !== null && {
      partialFingerprints: { 'firebreakCredential/v1': found.fingerprint },
    }),
    ...(options.compared && { baselineState: copy.accepted === 'baseline' ? 'unchanged' : 'new' }),
    // Where one result of a run has this member all must, and one that is suppressed by nothing has an empty one.
    suppressions:
      copy.accepted === 'allowed'
        ? [{ kind: 'inSource', status: 'accepted', justification: copy.allowance }]
        : copy.accepted === 'excluded'
          ? [{ kind: 'external', status: 'accepted', justification: 'Its path is excluded.' }]
          : [],
    ...(commits.length > 0 && { properties: { commits } }),
  }))
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'Firebreak',
            semanticVersion: options.version,
            rules: used.map(id =>
              descriptorOf(
                id,
                options.rules.find(rule => rule.id === id),
              ),
            ),
            notifications: [
              {
                id: 'not-searched',
                shortDescription: { text: 'Something was not searched, so that nothing is known of it.' },
              },
            ],
          },
        },
        originalUriBaseIds: Object.fromEntries(
          options.roots.map(({ path }, index) => [baseId(index), { uri: `${pathToFileURL(path).href}/` }]),
        ),
        versionControlProvenance: options.roots.flatMap((root, index) => provenanceOf(root, index)),
        invocations: [
          {
            executionSuccessful: scan.failures.length === 0,
            endTimeUtc: options.at.toISOString(),
            toolExecutionNotifications: scan.coverage.skipped.map(({ what, why }) => ({
              descriptor: { id: 'not-searched', index: 0 },
              level: 'warning',
              message: { text: `${what}: ${why}` },
            })),
          },
        ],
        results,
      },
    ],
  }
}

interface SarifPlace {
  readonly found: Found
  readonly copy: FoundCopy
  readonly commits: readonly string[]
}

const MOST_COMMITS = 100

/** One for each line, whether it stands there in one version or in many; what nothing accepts speaks for all of them. */
function placesOf(found: Found): SarifPlace[] {
  const lines = Map.groupBy(found.copies, copy =>
    JSON.stringify([copy.rule, fileInTree(copy), copy.member, copy.line]),
  )
  return [...lines.values()].map(copies => ({
    found,
    copy: copies.find(copy => copy.accepted === null) ?? copies[0]!,
    commits: [...new Set(copies.flatMap(copy => copy.commit ?? []))].slice(0, MOST_COMMITS),
  }))
}

function locationOf(copy: FoundCopy, roots: readonly Root[]): object {
  const file = fileInTree(copy)
  const index = roots.findIndex(({ path }) => file.startsWith(path.endsWith(sep) ? path : path + sep))
  const root = roots[index]
  const inside = root ? file.slice(root.path.length + (root.path.endsWith(sep) ? 0 : 1)) : undefined
  const absolute = copy.place === PIPED ? uriOf(copy.path) : `file://${uriOf(file)}`
  const uri = inside === undefined ? absolute : uriOf(inside)
  return {
    physicalLocation: {
      artifactLocation: { uri, ...(inside !== undefined && { uriBaseId: baseId(index) }) },
      ...(copy.line !== null && { region: { startLine: copy.line } }),
    },
    ...(copy.member !== null && {
      logicalLocations: [{ fullyQualifiedName: copy.member, kind: 'member' }],
    }),
  }
}

/** Of the name's own bytes, whatever they are (RFC 3986, section 2.1). */
function uriOf(path: string): string {
  return pathBytes(path)
    .toString('latin1')
    .replace(/[^\w.!~*'()/-]/g, sign => `%${sign.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

function baseId(index: number): string {
  return index === 0 ? '%SRCROOT%' : `%SRCROOT${index + 1}%`
}

/** A repository that was cloned from nowhere has no address that another machine would know. */
function provenanceOf({ origin, revision }: Root, index: number): object[] {
  if (origin === undefined) return []
  const scp = /^(?<host>[\w.-]+):(?!\/\/)(?<path>.+)$/.exec(origin)?.groups
  const repositoryUri = scp ? `ssh://${scp['host']}/${scp['path']}` : origin
  if (!URL.canParse(repositoryUri)) return []
  return [
    {
      repositoryUri,
      ...(revision !== undefined && { revisionId: revision }),
      mappedTo: { uriBaseId: baseId(index) },
    },
  ]
}

function descriptorOf(id: string, rule: Rule | undefined): object {
  const name = rule?.name ?? id
  const help = [rule?.summary, rule && revokeOf(rule), ADVICE].filter(part => part !== undefined).join('\n\n')
  return {
    id,
    name,
    shortDescription: { text: name },
    ...(rule && { fullDescription: { text: rule.summary }, helpUri: rule.references[0] }),
    help: { text: help },
    defaultConfiguration: { level: levelOf(rule?.confidence ?? 0) },
    properties: { tags: ['security', 'secret'], 'security-severity': severityOf(rule?.confidence ?? 0) },
  }
}

const ADVICE =
  'Taking it out of the file does not make it harmless: it has to be replaced and revoked. "firebreak contain -" does both in the right order.'

function revokeOf({ revoke }: Rule): string {
  if ('why' in revoke) return `Firebreak cannot revoke it by itself: ${revoke.why}`
  return 'by' in revoke
    ? `It can be revoked through Firebreak's ${revoke.by.replace('connector ', '')} connector.`
    : `It is revoked by a call to ${/^https:\/\/([^/]+)/.exec(revoke.http[0]?.url[0] ?? '')?.[1]}: firebreak contain does it.`
}

/** GitHub's classes: critical above 9, high from 7, medium from 4. What is surely a credential opens something. */
function severityOf(confidence: number): string {
  if (confidence >= 0.9) return '9.1'
  if (confidence >= 0.7) return '8.0'
  return confidence >= 0.4 ? '6.0' : '3.0'
}

function levelOf(confidence: number): 'error' | 'warning' | 'note' {
  if (confidence >= 0.7) return 'error'
  return confidence >= 0.4 ? 'warning' : 'note'
}

function messageOf(found: Found, copy: FoundCopy, rules: readonly Rule[]): string {
  const name = rules.find(rule => rule.id === copy.rule)?.name ?? copy.rule
  const whose = found.identity === null ? '' : ` of ${found.identity}`
  const when = standsNow(copy) ? '' : ', in the history only'
  return `${name}${whose} stands here${when}.`
}
