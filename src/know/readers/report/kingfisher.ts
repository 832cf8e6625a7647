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
 * A finding of Kingfisher (`FindingReporterRecord`, src/reporter.rs in its source): a member of `findings` in JSON, a line
 * by itself in JSONL.
 */
const record = z.object({
  rule: z.object({ id: text, name: text }),
  finding: z.object({
    snippet: text,
    path: text,
    line: z.number().optional().catch(undefined),
    confidence: text,
    validation: z.object({ status: text }).optional().catch(undefined),
    git_metadata: z
      .object({
        repository_url: text,
        commit: z
          .object({
            id: text,
            date: text,
            committer: z.object({ name: text, email: text }).optional().catch(undefined),
          })
          .optional()
          .catch(undefined),
        file: z.object({ path: text }).optional().catch(undefined),
      })
      .optional()
      .catch(undefined),
  }),
})

const VERDICTS = new Map([
  ['active credential', true],
  ['inactive credential', false],
])

export function isKingfisher(value: object): boolean {
  return 'rule' in value && 'finding' in value
}

/** The first versions put each finding into a group of its own: `{ id, matches: [finding] }`. */
export function kingfisherGroup(value: object): readonly unknown[] | undefined {
  const matches: unknown = 'matches' in value ? value.matches : undefined
  const isGroup =
    Array.isArray(matches) && matches.every(one => one && typeof one === 'object' && isKingfisher(one))
  return isGroup && matches.length > 0 ? matches : undefined
}

export function kingfisherFinding(value: unknown): readonly [Reported] | undefined {
  const parsed = record.safeParse(value)
  if (!parsed.success) return undefined
  const { rule: named, finding } = parsed.data
  const rule = plainText(named.id ?? named.name)
  const git = finding.git_metadata
  const path = pathOf(git?.file?.path) ?? pathOf(finding.path)
  if (rule === undefined || path === undefined) return undefined
  const { snippet } = finding
  const commit = commitOf(git?.commit?.id)
  const { name, email } = git?.commit?.committer ?? {}
  const author = authorOf(name, email)
  const at = timeOf(git?.commit?.date)
  const verified = VERDICTS.get(finding.validation?.status?.toLowerCase() ?? '')
  const confidence = verified ? 0.95 : confidenceOf(finding.confidence)
  const repository = git?.repository_url && repositoryKey(git.repository_url)
  const found: Reported = {
    tool: 'kingfisher',
    rule,
    path,
    line: lineOf(finding.line),
    exact: true,
    ...(!snippet || isHidden(snippet)
      ? { without: 'Kingfisher was told to hide the values (--redact)' }
      : { value: snippet }),
    ...(verified !== undefined && { verified }),
    ...(confidence !== undefined && { confidence }),
    ...(repository && { repository }),
    ...(commit !== undefined && { commit }),
    ...(author !== undefined && { author }),
    ...(at !== undefined && { at }),
  }
  return [found]
}
