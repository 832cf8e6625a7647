import { z } from 'zod'
import { authorOf, commitOf, isHidden, lineOf, pathOf, plainText, type Reported, timeOf } from './reported.ts'

const text = z.string().optional().catch(undefined)

/** A finding of gitleaks 8: `report.Finding` in its source (report/finding.go). The report is a list of them. */
const finding = z.object({
  RuleID: z.string(),
  Secret: text,
  Match: text,
  File: text,
  SymlinkFile: text,
  Commit: text,
  Author: text,
  Email: text,
  Date: text,
  StartLine: z.number().optional().catch(undefined),
})

export function isGitleaks(record: object): boolean {
  return 'RuleID' in record && ('Secret' in record || 'Match' in record)
}

export function gitleaksFinding(record: unknown): readonly [Reported] | undefined {
  const parsed = finding.safeParse(record)
  const path = pathOf(parsed.data?.SymlinkFile) ?? pathOf(parsed.data?.File)
  const rule = plainText(parsed.data?.RuleID)
  if (!parsed.success || path === undefined || rule === undefined) return undefined
  const { Secret, Match, Commit, Author, Email, Date, StartLine } = parsed.data
  const author = authorOf(Author, Email)
  const commit = commitOf(Commit)
  const at = timeOf(Date)
  const hidden = !Secret || isHidden(Secret)
  const found: Reported = {
    tool: 'gitleaks',
    rule,
    path,
    line: lineOf(StartLine),
    exact: true,
    ...(hidden
      ? { without: 'gitleaks was told to hide the values (--redact)' }
      : { value: Secret, ...(Match !== undefined && { context: Match }) }),
    ...(commit !== undefined && { commit }),
    ...(author !== undefined && { author }),
    ...(at !== undefined && { at }),
  }
  return [found]
}
