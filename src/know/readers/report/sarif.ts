import { z } from 'zod'
import { repositoryKey } from '../../../core/contract/repository-key.ts'
import {
  authorOf,
  commitOf,
  isHidden,
  lineOf,
  plainText,
  type Reported,
  timeOf,
  uriPath,
} from './reported.ts'

const text = z.string().optional().catch(undefined)
const message = z.object({ text }).optional().catch(undefined)
const rule = z.object({
  id: text,
  name: text,
  shortDescription: message,
  properties: z
    .object({ tags: z.array(z.string()).optional().catch(undefined) })
    .optional()
    .catch(undefined),
})
const toolObject = z.object({
  driver: z.object({ name: text, rules: z.array(rule).optional().catch(undefined) }),
})

/** SARIF 2.1.0, section 3.27 (result), as far as it says where and what. */
const result = z.object({
  ruleId: text,
  ruleIndex: z.number().optional().catch(undefined),
  kind: text,
  baselineState: text,
  message,
  locations: z
    .array(
      z.object({
        physicalLocation: z
          .object({
            artifactLocation: z.object({ uri: text }).optional().catch(undefined),
            region: z
              .object({ startLine: z.number().optional().catch(undefined), snippet: message })
              .optional()
              .catch(undefined),
            contextRegion: z.object({ snippet: message }).optional().catch(undefined),
          })
          .optional()
          .catch(undefined),
      }),
    )
    .optional()
    .catch(undefined),
  partialFingerprints: z
    .object({ commitSha: text, author: text, email: text, date: text })
    .optional()
    .catch(undefined),
})
export type SarifResult = z.infer<typeof result>
const provenance = z.array(z.object({ repositoryUri: text, revisionId: text }))

/** Their snippet is the secret itself, and not the line that it stands in. */
const EXACT = new Set(['gitleaks', 'kingfisher', 'betterleaks'])
/** These look for nothing but secrets; of others only what is about secrets is taken. */
const SCANNERS = /leaks|secret|kingfisher|trufflehog|noseyparker|ggshield|gitguardian|whispers|titus/i
const ABOUT_SECRETS =
  /secret|credential|passw(?:or)?d|token|api[-_ ]?key|private[-_ ]?key|access[-_ ]?key|\bCWE-?(?:259|321|522|798)\b/i

/** What a run says of all its results. */
export interface SarifRun {
  /** In small letters, digits and hyphens. */
  readonly tool: string
  readonly rules: readonly z.infer<typeof rule>[]
  readonly byId: ReadonlyMap<string | undefined, z.infer<typeof rule>>
  readonly repository?: string
}

export function sarifRun(toolOf: unknown, provenanceOf: unknown): SarifRun {
  const parsed = toolObject.safeParse(toolOf).data
  const tool = plainText(parsed?.driver.name)
    ?.toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
  const rules = parsed?.driver.rules ?? []
  const uri = provenance.safeParse(provenanceOf).data?.[0]?.repositoryUri
  const repository = uri && repositoryKey(uri)
  return {
    tool: tool || 'sarif',
    rules,
    byId: new Map(rules.map(rule => [rule.id, rule])),
    ...(repository && { repository }),
  }
}

/** What is read of a result, and nothing else that it holds: undefined where it is none. */
export function sarifResult(value: unknown): SarifResult | undefined {
  return result.safeParse(value).data
}

/** One finding for each location; `not secret` where the result is about something else. */
export function sarifFindings(
  run: SarifRun,
  said: SarifResult | undefined,
): readonly Reported[] | 'not secret' | undefined {
  if (said === undefined) return undefined
  const { ruleId, ruleIndex, kind, baselineState, partialFingerprints, locations } = said
  // What is not there any more, and what was looked at and is in order (3.27.9, 3.27.24).
  if (baselineState === 'absent' || kind === 'pass' || kind === 'notApplicable') return 'not secret'
  const known = ruleIndex !== undefined && ruleId === undefined ? run.rules[ruleIndex] : run.byId.get(ruleId)
  if (!SCANNERS.test(run.tool) && !isAboutSecrets(said, known)) return 'not secret'
  const { commitSha, author: name, email, date } = partialFingerprints ?? {}
  const commit = commitOf(commitSha)
  const author = authorOf(name, email)
  const at = timeOf(date)
  const rule = plainText(ruleId ?? known?.id ?? known?.name) ?? 'unnamed'
  const found: readonly Reported[] = (locations ?? []).flatMap(({ physicalLocation }): Reported[] => {
    const { artifactLocation, region, contextRegion } = physicalLocation ?? {}
    const path = uriPath(artifactLocation?.uri)
    if (path === undefined) return []
    const snippet = region?.snippet?.text
    const context = contextRegion?.snippet?.text
    return [
      {
        tool: run.tool,
        rule,
        path,
        line: lineOf(region?.startLine),
        exact: EXACT.has(run.tool),
        ...(!snippet || isHidden(snippet)
          ? { without: 'the report does not hold the value' }
          : { value: snippet, ...(context !== undefined && { context }) }),
        ...(run.repository !== undefined && { repository: run.repository }),
        ...(commit !== undefined && { commit }),
        ...(author !== undefined && { author }),
        ...(at !== undefined && { at }),
      },
    ]
  })
  return found.length > 0 ? found : undefined
}

function isAboutSecrets({ ruleId, message }: SarifResult, known: z.infer<typeof rule> | undefined): boolean {
  const words = [ruleId, message?.text, known?.name, known?.shortDescription?.text]
  return [...words, ...(known?.properties?.tags ?? [])].some(word => word && ABOUT_SECRETS.test(word))
}
