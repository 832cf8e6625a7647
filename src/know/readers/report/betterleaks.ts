import { z } from 'zod'
import { repositoryKey } from '../../../core/contract/repository-key.ts'
import {
  authorOf,
  commitOf,
  confidenceOf,
  isHidden,
  lineOf,
  pathOf,
  plainText,
  type Reported,
  timeOf,
} from './reported.ts'

const text = z.string().optional().catch(undefined)

/**
 * A finding of Betterleaks 2 (`report.Finding` in its source, report/finding.go): an element of a list in JSON, a line by itself in
 * JSONL. Where it was found is in attributes of the kind of source. Version 1 writes what gitleaks writes.
 */
const finding = z.object({
  ruleID: z.string(),
  confidence: text,
  match: text,
  secret: text,
  attributes: z.record(z.string(), z.unknown()).optional().catch(undefined),
  location: z
    .object({ startLine: z.number().optional().catch(undefined) })
    .optional()
    .catch(undefined),
  validation: z.object({ status: text }).optional().catch(undefined),
})

const VERDICTS = new Map([
  ['valid', true],
  ['invalid', false],
  ['revoked', false],
])

export function isBetterleaks(record: object): boolean {
  return 'ruleID' in record && 'secret' in record
}

export function betterleaksFinding(record: unknown): readonly [Reported] | undefined {
  const parsed = finding.safeParse(record)
  if (!parsed.success) return undefined
  const { ruleID, match, secret, attributes, location, validation } = parsed.data
  const member = (name: string) => {
    const value = attributes?.[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const rule = plainText(ruleID)
  const commit = commitOf(member('git.sha'))
  const file = pathOf(member('fs.symlink')) ?? pathOf(member('path'))
  // Neither its query nor a password in it.
  const url = plainText(
    member('url')
      ?.replace(/[?#].*$/s, '')
      .replace(/^([a-z0-9+.-]+:\/\/)[^/]*@/i, '$1'),
  )
  const path = file ?? (commit === undefined ? pathOf(url) : '(commit message)')
  if (rule === undefined || path === undefined) return undefined
  const [name, email] = [member('git.author_name'), member('git.author_email')]
  const author = authorOf(name, email)
  const at = timeOf(member('git.date'))
  const remote = member('git.remote_url')
  const repository = remote === undefined ? undefined : repositoryKey(remote)
  const verified = VERDICTS.get(validation?.status?.toLowerCase() ?? '')
  const confidence = verified ? 0.95 : confidenceOf(parsed.data.confidence)
  const found: Reported = {
    tool: 'betterleaks',
    rule,
    path,
    line: lineOf(location?.startLine),
    exact: true,
    ...(!secret || isHidden(secret)
      ? { without: 'Betterleaks was told to hide the values (--redact)' }
      : { value: secret, ...(match !== undefined && { context: match }) }),
    ...(verified !== undefined && { verified }),
    ...(confidence !== undefined && { confidence }),
    ...(repository !== undefined && { repository }),
    ...(commit !== undefined && { commit }),
    ...(author !== undefined && { author }),
    ...(at !== undefined && { at }),
  }
  return [found]
}
