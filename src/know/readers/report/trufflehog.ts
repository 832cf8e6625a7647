import { z } from 'zod'
import { repositoryKey } from '../../../core/contract/repository-key.ts'
import { commitOf, isHidden, lineOf, pathOf, plainText, type Reported, timeOf } from './reported.ts'

const text = z.string().optional().catch(undefined)

/**
 * A line of `trufflehog --json`, version 3 (pkg/output/json.go in its source). Where it was found is an object with one
 * member, named after the kind of source (`Git`, `Filesystem`, `Slack`, …), each with members of its own.
 */
const result = z.object({
  SourceMetadata: z.object({ Data: z.record(z.string(), z.record(z.string(), z.unknown())) }),
  DetectorName: z.string(),
  Raw: text,
  RawV2: text,
  Verified: z.boolean().optional().catch(undefined),
  VerificationError: text,
})

export function isTrufflehog(record: object): boolean {
  return 'DetectorName' in record && 'SourceMetadata' in record
}

/** TruffleHog writes what it does on the standard error, and `&>` puts that among its results. */
export function isTrufflehogLog(record: object): boolean {
  return 'level' in record && 'logger' in record && 'msg' in record
}

export function trufflehogFinding(record: unknown): readonly [Reported] | undefined {
  const parsed = result.safeParse(record)
  if (!parsed.success) return undefined
  const { SourceMetadata, DetectorName, Raw, RawV2, Verified, VerificationError } = parsed.data
  const [kind, data] = Object.entries(SourceMetadata.Data)[0] ?? ['', {}]
  const rule = plainText(DetectorName)
  if (rule === undefined) return undefined
  const member = (name: string) => {
    const value = data[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const commit = commitOf(member('commit'))
  const author = plainText(member('email'))
  const at = timeOf(member('timestamp'))
  const named = member('repository')
  const repository = named === undefined ? undefined : repositoryKey(named)
  const line = typeof data['line'] === 'number' ? data['line'] : undefined
  const found: Reported = {
    tool: 'trufflehog',
    rule,
    path: placeOf(kind, member, commit),
    line: lineOf(line),
    exact: true,
    ...valueOf(rule, Raw, RawV2),
    // «false» is also what it says of what it did not try (--no-verification) or could not.
    ...(Verified && { verified: true }),
    ...(Verified && VerificationError === undefined && { confidence: 0.95 }),
    ...(repository !== undefined && { repository }),
    ...(commit !== undefined && { commit }),
    ...(author !== undefined && { author }),
    ...(at !== undefined && { at }),
  }
  return [found]
}

/** A file of a repository has no word before it; what lies in a bucket, channel or page has. */
function placeOf(
  kind: string,
  member: (name: string) => string | undefined,
  commit: string | undefined,
): string {
  const file = pathOf(member('file'))
  if (commit !== undefined) return file ?? '(commit message)'
  if (kind === 'Filesystem' && file !== undefined) return file
  const parts = ['bucket', 'image', 'file', 'channel_name', 'page', 'issue', 'title', 'build_number']
  const named = parts.flatMap(part => plainText(member(part)) ?? [])
  const where = named.length > 0 ? named.join('/') : plainText(member('link')?.replace(/[?#].*$/s, ''))
  return pathOf(`(${plainText(kind)?.toLowerCase() ?? 'unknown'}) ${where ?? 'unknown'}`)!
}

/** For AWS `Raw` is the id of the key, and `RawV2` that with a colon and the key. */
function valueOf(
  rule: string,
  raw: string | undefined,
  rawV2: string | undefined,
): Pick<Reported, 'value' | 'without' | 'id' | 'context'> {
  if (!raw || isHidden(raw)) return { without: 'the report does not hold the value' }
  if (!rawV2 || rawV2 === raw) return { value: raw }
  if (/^AWS/i.test(rule) && rawV2.startsWith(`${raw}:`))
    return { value: rawV2.slice(raw.length + 1), id: raw, context: rawV2 }
  return { value: raw, context: rawV2 }
}
