import type { Observation } from '../../../core/contract/observation.ts'
import { Unreadable } from '../reader.ts'
import type { Engine } from '../secrets/engine.ts'
import { betterleaksFinding, isBetterleaks } from './betterleaks.ts'
import { detectSecretsFinding } from './detect-secrets.ts'
import { Findings, type ReportDocument } from './findings.ts'
import { gitleaksFinding, isGitleaks } from './gitleaks.ts'
import { type Decision, type JsonPath, jsonValues } from './json-values.ts'
import { isKingfisher, kingfisherFinding, kingfisherGroup } from './kingfisher.ts'
import {
  isOlderGitleaks,
  isOlderTrufflehog,
  olderGitleaksFinding,
  olderTrufflehogFindings,
} from './older-reports.ts'
import type { Reported } from './reported.ts'
import { type SarifResult, type SarifRun, sarifFindings, sarifResult, sarifRun } from './sarif.ts'
import { isTrufflehog, isTrufflehogLog, trufflehogFinding } from './trufflehog.ts'

/** A finding may bring a whole key; a report's rules, in SARIF, bring all their descriptions. */
const BOUNDS = { valueBytes: 16 * 1024 * 1024, depth: 64 }
const MOST_FINDINGS = 100_000

/**
 * What a report says, as observations: its findings as they come, and at the end how many there were of which kind. Which
 * tool wrote it is told by what is in it. Raises `Unreadable`, after what was read before was given.
 */
export async function* takeReport(
  engine: Engine,
  document: ReportDocument,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation, void> {
  const report = new Report(new Findings(engine, document))
  let fault: unknown
  try {
    for await (const event of jsonValues(bytes, decide, BOUNDS)) {
      if ('tooLarge' in event) report.findings.notUnderstood()
      else if ('ended' in event) yield* report.ended(event.path, event.ended)
      else yield* report.value(event.path, event.value)
      if (report.size > MOST_FINDINGS)
        throw new Unreadable(`line ${event.line}: it has more than ${MOST_FINDINGS} findings`)
    }
    if (!report.isReport) throw new Unreadable(report.isEmpty ? EMPTY : FOREIGN)
  } catch (error) {
    fault = error
  }
  if (report.isReport) {
    yield* report.endRun()
    yield* report.findings.summary()
  }
  if (fault !== undefined) throw fault
}

const EMPTY = 'line 1: it is empty, as a scan that failed leaves it'
const FOREIGN =
  'line 1: it is no report of gitleaks, Betterleaks, TruffleHog, Kingfisher or detect-secrets, and no SARIF'

/** The lists of findings are gone into, each finding is taken, and what is long and says nothing here is passed by. */
function decide(path: JsonPath): Decision {
  const [first, , third] = path
  if (path.length === 0) return 'into'
  switch (first) {
    case 'findings':
      return path.length === 1 ? 'into' : 'take'
    case 'results':
      return path.length <= 2 ? 'into' : 'take'
    case 'runs':
      if (path.length <= 2) return 'into'
      if (third === 'results') return path.length === 3 ? 'into' : 'take'
      return third === 'tool' || third === 'versionControlProvenance' ? 'take' : 'skip'
    default:
      return typeof first === 'number' || MEMBERS.has(first!) ? 'take' : 'skip'
  }
}

/** Of an object that may be a finding, in JSON lines, only what tells that and says something is held. */
const MEMBERS = new Set(
  [
    ['RuleID', 'Secret', 'Match', 'File', 'SymlinkFile', 'Commit', 'Author', 'Email', 'Date', 'StartLine'],
    ['ruleID', 'secret', 'match', 'confidence', 'attributes', 'location', 'validation'],
    ['SourceMetadata', 'DetectorName', 'Raw', 'RawV2', 'Verified', 'VerificationError'],
    ['stringsFound', 'reason', 'path', 'diff', 'commitHash', 'date'],
    ['rule', 'finding', 'matches', 'audit'],
    ['level', 'logger', 'msg'],
  ].flat(),
)

class Report {
  readonly findings: Findings
  /** It has been told as one of the formats, be it that it says nothing. */
  isReport = false
  isEmpty = true
  /** Members of an object that may be a report or, in JSON lines, a finding. */
  #members: Record<string, unknown> = {}
  #elements = 0
  #tool: unknown
  #provenance: unknown
  #run: SarifRun | undefined
  /** Results of a run that come before its tool: what is read of them, since there may be many, with much besides. */
  #waiting: (SarifResult | undefined)[] = []

  constructor(findings: Findings) {
    this.findings = findings
  }

  get size(): number {
    return this.findings.count + this.#waiting.length
  }

  *value(path: JsonPath, value: unknown): Generator<Observation, void> {
    this.isEmpty = false
    const [first, second, third] = path
    // What gitleaks wrote once when there was nothing.
    if (path.length === 0) this.isReport ||= value === null
    else if (typeof first === 'number') {
      this.#elements++
      yield* this.#record(value)
    } else if (path.length === 1) this.#members[first!] = value
    else if (first === 'findings') yield* this.#record(value)
    else if (first === 'results' && typeof second === 'string')
      yield* this.#take(detectSecretsFinding(second, value))
    else if (first === 'runs' && third === 'tool') this.#tool = value
    else if (first === 'runs' && third === 'versionControlProvenance') this.#provenance = value
    else if (first === 'runs' && this.#tool === undefined) this.#waiting.push(sarifResult(value))
    else if (first === 'runs') yield* this.#result(sarifResult(value))
  }

  *ended(path: JsonPath, what: 'list' | 'object'): Generator<Observation, void> {
    this.isEmpty = false
    const [first] = path
    if (path.length === 1 && (first === 'findings' || first === 'runs')) this.isReport ||= what === 'list'
    else if (path.length === 1 && first === 'results' && what === 'object') {
      this.isReport = true
      this.findings.from('detect-secrets')
    } else if (path.length === 2 && first === 'runs') yield* this.endRun()
    else if (path.length === 0) yield* this.#endRoot(what)
  }

  *#endRoot(what: 'list' | 'object'): Generator<Observation, void> {
    const members = this.#members
    this.#members = {}
    // How gitleaks says that there is nothing.
    if (what === 'list') this.isReport ||= this.#elements === 0
    else if (
      [isGitleaks, isBetterleaks, isTrufflehog, isKingfisher, kingfisherGroup, isOlderTrufflehog].some(
        wrote => wrote(members),
      )
    )
      yield* this.#record(members)
    // The last lines of Kingfisher's JSONL, and the only ones when there is nothing.
    else if ('audit' in members) this.isReport = true
    else if (!this.isReport && !isTrufflehogLog(members) && Object.keys(members).length > 0)
      this.findings.notUnderstood()
  }

  /** What came before the tool was known, and what comes of what is cut off. */
  *endRun(): Generator<Observation, void> {
    const waiting = this.#waiting
    this.#waiting = []
    for (const result of waiting) yield* this.#result(result)
    this.#run = this.#tool = this.#provenance = undefined
  }

  *#result(result: SarifResult | undefined): Generator<Observation, void> {
    this.#run ??= sarifRun(this.#tool, this.#provenance)
    this.findings.from(this.#run.tool)
    this.isReport = true
    yield* this.#take(sarifFindings(this.#run, result))
  }

  *#record(record: unknown): Generator<Observation, void> {
    if (typeof record !== 'object' || record === null) return this.findings.notUnderstood()
    const group = kingfisherGroup(record)
    if (group) for (const one of group) yield* this.#take(kingfisherFinding(one))
    else if (isGitleaks(record)) yield* this.#take(gitleaksFinding(record))
    else if (isBetterleaks(record)) yield* this.#take(betterleaksFinding(record))
    else if (isTrufflehog(record)) yield* this.#take(trufflehogFinding(record))
    else if (isKingfisher(record)) yield* this.#take(kingfisherFinding(record))
    else if (isOlderGitleaks(record)) yield* this.#take(olderGitleaksFinding(record))
    else if (isOlderTrufflehog(record)) yield* this.#take(olderTrufflehogFindings(record))
    else this.findings.notUnderstood()
  }

  *#take(taken: readonly Reported[] | 'not secret' | undefined): Generator<Observation, void> {
    if (taken === undefined) return this.findings.notUnderstood()
    if (taken === 'not secret') return this.findings.notSecret()
    this.isReport = true
    for (const reported of taken) yield* this.findings.take(reported)
  }
}
