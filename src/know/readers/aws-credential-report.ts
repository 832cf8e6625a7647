import { z } from 'zod'
import type { Facts, Observation } from '../../core/contract/observation.ts'
import type { Json, Ms, Ref } from '../../core/contract/ref.ts'
import { MOST_BYTES } from './aws-iam.ts'
import { wholeText } from './whole-text.ts'
import { headText } from './head-text.ts'
import type { Reader } from './reader.ts'

/**
 * The credential report of one AWS account: a CSV with a line for each user and for the root user, or the JSON that
 * `aws iam get-credential-report` prints with that CSV in base64.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
 *
 * It names users by their ARN and keys by their place only: the user is the one that bears the ARN, and what it says of
 * keys is said of the user.
 */
export const awsCredentialReportReader: Reader = {
  format: 'aws-credential-report',
  reads({ format }, head) {
    if (format !== undefined) return format === 'aws-credential-report'
    if (!BEGINS.includes(String.fromCharCode(head[0] ?? 0))) return false
    const text = headText(head)
    return /^(?:\xef\xbb\xbf)?"?user"?,"?arn"?,"?user_creation_time"?,/.test(text) || isInJson(text)
  },
  async *read(document, bytes) {
    const text = await wholeText(bytes, MOST_BYTES)
    if (text === undefined) yield gap(document.path, 'it is too large')
    else yield* readReport(text, document.path)
  },
}

/** A column's name, perhaps in quotes or behind a byte order mark; or JSON, perhaps behind blanks. */
const BEGINS = 'u"\xef{ \t\r\n'

/** `user,arn,` in base64: a search for that alone costs next to nothing, and hardly any file has it. */
function isInJson(text: string): boolean {
  return text.includes('"dXNlcixhcm4s') && /"Content"\s*:\s*"dXNlcixhcm4s/.test(text)
}
const inJson = z.looseObject({ Content: z.string(), GeneratedTime: z.string().optional() })

function* readReport(text: string, path: string): Generator<Observation> {
  const printed = text.trimStart().startsWith('{') ? decoded(text) : { csv: text }
  if (printed === undefined) {
    yield gap(path, 'it looks like a credential report of AWS, and is no whole JSON')
    return
  }
  const madeAt = Date.parse(printed.madeAt ?? '')
  const [header = '', ...lines] = printed.csv.split(/\r?\n/)
  const columns = header.replaceAll('"', '').split(',')
  const accounts = new Set<string>()
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue
    const row = rowOf(line, columns)
    const account = /^arn:[^:]+:iam::(\d{12}):/.exec(row?.['arn'] ?? '')?.[1]
    if (!row || account === undefined) {
      yield gap(`${path}:${index + 2}`, 'the line has not the columns of the first one')
      continue
    }
    accounts.add(account)
    const isRoot = row['user'] === '<root_account>'
    const id = isRoot ? account : `?${row['arn']!}`
    const ref: Ref = { system: 'aws', instance: account, kind: isRoot ? 'root' : 'user', id }
    const names = isRoot ? [row['arn']!, `root user of ${account}`] : [row['arn']!, row['user']!]
    yield { see: 'identity', ref, names, facts: factsOf(row, Number.isNaN(madeAt) ? undefined : madeAt) }
  }
  for (const account of accounts) {
    const ref = { system: 'aws', instance: account, kind: 'account', id: account }
    yield { see: 'resource', ref, names: [`AWS account ${account}`], facts: {} }
  }
}

function decoded(text: string): { csv: string; madeAt?: string | undefined } | undefined {
  try {
    const { Content, GeneratedTime } = inJson.parse(JSON.parse(text))
    return { csv: Buffer.from(Content, 'base64').toString('utf8'), madeAt: GeneratedTime }
  } catch {
    return undefined
  }
}

type Row = Readonly<Record<string, string>>

/** A user's name may hold a comma, which AWS does not quote: then it stands in the ARN once more. */
function rowOf(line: string, columns: readonly string[]): Row | undefined {
  const fields = line.split(',').map(field => field.replace(/^"(.*)"$/, '$1'))
  const rest = columns.slice(2)
  const named = fields.slice(0, fields.length - rest.length).join(',')
  const [, user, arn] = /^(.*?),(arn:[^:]*:iam::.*)$/.exec(named) ?? []
  if (user === undefined || arn === undefined) return undefined
  const tail = fields.slice(fields.length - rest.length)
  return { user, arn, ...Object.fromEntries(rest.map((column, index) => [column, tail[index] ?? ''])) }
}

/** They are of when the report was made, which may be hours ago. */
function factsOf(row: Row, at: Ms | undefined): Facts {
  const keys = [1, 2].filter(
    slot => isTrue(row[`access_key_${slot}_active`]) || said(row[`access_key_${slot}_last_rotated`]),
  )
  const password = row['password_enabled']
  const values: Record<string, Json | undefined> = {
    created: date(row['user_creation_time']),
    hasConsolePassword: password === 'true' || password === 'false' ? password === 'true' : undefined,
    passwordLastUsed: date(row['password_last_used']),
    passwordLastChanged: date(row['password_last_changed']),
    passwordNextRotation: date(row['password_next_rotation']),
    mfaActive: isTrue(row['mfa_active']),
    accessKeys: keys.length,
  }
  for (const slot of [1, 2]) {
    if (!keys.includes(slot)) continue
    values[`accessKey${slot}Active`] = isTrue(row[`access_key_${slot}_active`])
    values[`accessKey${slot}LastRotated`] = date(row[`access_key_${slot}_last_rotated`])
    values[`accessKey${slot}LastUsed`] = date(row[`access_key_${slot}_last_used_date`])
    values[`accessKey${slot}LastUsedRegion`] = said(row[`access_key_${slot}_last_used_region`])
    values[`accessKey${slot}LastUsedService`] = said(row[`access_key_${slot}_last_used_service`])
  }
  for (const slot of [1, 2])
    if (isTrue(row[`cert_${slot}_active`])) {
      values[`certificate${slot}Active`] = true
      values[`certificate${slot}LastRotated`] = date(row[`cert_${slot}_last_rotated`])
    }
  const when = at === undefined ? {} : { at }
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, { value, ...when }]],
    ),
  )
}

function isTrue(text: string | undefined): boolean {
  return text?.toLowerCase() === 'true'
}

/** `N/A`, `no_information`, `not_supported` say nothing. */
function said(text: string | undefined): string | undefined {
  return text === undefined || /^(?:|n\/a|no_information|not_supported)$/i.test(text) ? undefined : text
}

function date(text: string | undefined): string | undefined {
  const at = said(text) === undefined ? Number.NaN : Date.parse(text!)
  return Number.isNaN(at) ? undefined : new Date(at).toISOString()
}

function gap(scope: string, why: string): Observation {
  return { see: 'covered', scope: `aws-credential-report:${scope}`, complete: false, why, failed: true }
}
