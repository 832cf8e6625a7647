import { z } from 'zod'
import { authorOf, commitOf, isHidden, lineOf, pathOf, plainText, type Reported, timeOf } from './reported.ts'

const text = z.string().optional().catch(undefined)

/** A leak of gitleaks 7 and before (scan/leak.go in its source). `offender` is all that its expression matched. */
const leak = z.object({
  rule: z.string(),
  file: z.string(),
  offender: text,
  line: text,
  lineNumber: z.number().optional().catch(undefined),
  commit: text,
  author: text,
  email: text,
  date: text,
})

/** What TruffleHog 2 writes, and 3 with `--json-legacy`: several strings of one file in one commit. */
const strings = z.object({
  reason: z.string(),
  path: z.string(),
  stringsFound: z.array(z.string()).min(1),
  diff: text,
  commitHash: text,
  date: text,
})

export function isOlderGitleaks(record: object): boolean {
  return 'offender' in record && 'rule' in record
}

export function isOlderTrufflehog(record: object): boolean {
  return 'stringsFound' in record && 'reason' in record
}

export function olderGitleaksFinding(record: unknown): readonly [Reported] | undefined {
  const parsed = leak.safeParse(record)
  const path = pathOf(parsed.data?.file)
  const rule = plainText(parsed.data?.rule)
  if (!parsed.success || path === undefined || rule === undefined) return undefined
  const { offender, line, lineNumber, commit, author, email, date } = parsed.data
  const who = authorOf(author, email)
  return [
    {
      tool: 'gitleaks',
      rule,
      path,
      line: lineOf(lineNumber),
      ...valueIn(offender, line),
      ...when(commit, date),
      ...(who !== undefined && { author: who }),
    },
  ]
}

export function olderTrufflehogFindings(record: unknown): readonly Reported[] | undefined {
  const parsed = strings.safeParse(record)
  const path = pathOf(parsed.data?.path)
  const rule = plainText(parsed.data?.reason)
  if (!parsed.success || path === undefined || rule === undefined) return undefined
  const { stringsFound, diff, commitHash, date } = parsed.data
  const told = { tool: 'trufflehog', rule, path, line: undefined, ...when(commitHash, date) }
  return stringsFound.map(found => ({ ...told, ...valueIn(found, diff) }))
}

/** Both tell of what only looks like a secret, or is around one: what the rules know in it counts. */
function valueIn(
  value: string | undefined,
  context: string | undefined,
): Pick<Reported, 'exact' | 'value' | 'without' | 'context'> {
  if (!value || isHidden(value)) return { exact: false, without: 'the report does not hold the value' }
  return { exact: false, value, ...(context !== undefined && { context }) }
}

function when(commit: string | undefined, date: string | undefined): Pick<Reported, 'commit' | 'at'> {
  const [id, at] = [commitOf(commit), timeOf(date)]
  return { ...(id !== undefined && { commit: id }), ...(at !== undefined && { at }) }
}
