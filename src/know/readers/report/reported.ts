import { pathText } from '../../../core/contract/path-text.ts'

/** One finding as its report tells it, whatever the tool. */
export interface Reported {
  readonly tool: string
  readonly rule: string
  /** As `pathOf` gives it. */
  readonly path: string
  readonly line: number | undefined
  /** What the tool took for the secret; undefined where the report does not hold it, and then `without` says why. */
  readonly value?: string
  readonly without?: string
  /** The public half beside it, where the report has both. */
  readonly id?: string
  /** Text with the value in it, which may tell more about it. */
  readonly context?: string
  /** Whether the value by itself is the secret, other than a line of source with perhaps one in it. */
  readonly exact: boolean
  /** What the tool found when it tried it; undefined where it did not, or could not tell. */
  readonly verified?: boolean
  readonly confidence?: number
  /** The name of the repository, as `repositoryKey` gives it. */
  readonly repository?: string
  readonly commit?: string
  readonly author?: string
  readonly at?: number
}

const MOST_TEXT = 256
const MOST_PATH = 4096
// oxlint-disable-next-line no-control-regex -- a terminal would obey them
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g

/** A name, rule or author of a report: short, on one line, and nothing that a terminal would obey. */
export function plainText(text: string | undefined): string | undefined {
  const plain = text
    ?.slice(0, 2 * MOST_TEXT)
    .toWellFormed()
    .replace(CONTROL, ' ')
    .trim()
  return plain ? plain.slice(0, MOST_TEXT).toWellFormed() : undefined
}

/** A path as connectors write it; undefined where there is none, or one longer than any file system has. */
export function pathOf(path: string | undefined): string | undefined {
  if (!path || path.length > MOST_PATH) return undefined
  const text = pathText(Buffer.from(path.toWellFormed()))
  return text.replace(/^(?:\.\/)+/, '') || undefined
}

/** The path of a `file:` URI, or of a relative one. */
export function uriPath(uri: string | undefined): string | undefined {
  const path = uri?.replace(/^file:\/\/[^/]*/i, '')
  if (path === undefined) return undefined
  try {
    return pathOf(decodeURIComponent(path))
  } catch {
    return pathOf(path)
  }
}

export function authorOf(name: string | undefined, email: string | undefined): string | undefined {
  return plainText(email ? `${name ?? ''} <${email}>` : name)
}

const CONFIDENCES = new Map([
  ['low', 0.3],
  ['medium', 0.5],
  ['high', 0.7],
])

export function confidenceOf(word: string | undefined): number | undefined {
  return CONFIDENCES.get(word?.toLowerCase() ?? '')
}

export function commitOf(text: string | undefined): string | undefined {
  return text !== undefined && /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(text) ? text : undefined
}

export function timeOf(text: string | undefined): number | undefined {
  if (text === undefined || text.length > 64) return undefined
  const at = Date.parse(text)
  return at >= 0 && at < Date.UTC(2200, 0) ? at : undefined
}

export function lineOf(line: number | undefined): number | undefined {
  return line !== undefined && Number.isSafeInteger(line) && line > 0 ? line : undefined
}

/** What stands where a tool was told to hide the value: `REDACTED`, `abc...`, `****`. */
export function isHidden(value: string): boolean {
  return /redacted|^redact$/i.test(value) || /\*{3}/.test(value) || /(?:\.\.\.|…)$/.test(value)
}
