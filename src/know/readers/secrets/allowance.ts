const MARKER = 'firebreak:allow'
const LONGEST_LINE = 4096
const LONGEST_REASON = 200

/** What someone wrote beside a secret: why it may stand there, or nothing, which is not accepted. */
export interface Allowance {
  readonly reason: string | undefined
}

/**
 * `firebreak:allow REASON` on the line on which the value begins or ends, behind the value, or on the line before it where
 * nothing but a comment sign stands before it. `secrets` are the ranges of all values: a reason never holds one.
 */
export function allowanceAt(
  bytes: Buffer,
  value: { readonly start: number; readonly end: number },
  secrets: () => Iterable<{ readonly start: number; readonly end: number }>,
): Allowance | undefined {
  const lineStart = bytes.subarray(Math.max(0, value.start - LONGEST_LINE), value.start).lastIndexOf(10)
  const from = lineStart < 0 ? -1 : Math.max(0, value.start - LONGEST_LINE) + lineStart
  const marks: [at: number, isBefore: boolean][] = []
  if (from > 0) {
    const previous = Math.max(0, from - LONGEST_LINE)
    const begin = previous + bytes.subarray(previous, from).lastIndexOf(10) + 1
    marks.push([bytes.subarray(begin, from).indexOf(MARKER) + begin, true])
    if (marks[0]![0] < begin) marks.pop()
    else if (/[\w"'`]/.test(bytes.toString('latin1', begin, marks[0]![0]).replace(/\b(?:rem|dnl)\b/i, '')))
      marks.pop()
  }
  const rest = lineAfter(bytes, value.end)
  const behind = bytes.subarray(value.end, rest).indexOf(MARKER)
  if (behind >= 0) marks.push([value.end + behind, false])
  const found = marks.at(-1)
  if (!found) return undefined
  const [at] = found
  const end = lineAfter(bytes, at)
  for (const secret of secrets()) if (secret.start < end && at < secret.end) return { reason: undefined }
  return { reason: reasonOf(bytes.toString('utf8', at + MARKER.length, Math.min(end, at + 1024))) }
}

function lineAfter(bytes: Buffer, from: number): number {
  const line = bytes.subarray(from, from + LONGEST_LINE).indexOf(10)
  return line < 0 ? Math.min(bytes.length, from + LONGEST_LINE) : from + line
}

/** What closes a comment is no part of it; a reason has a word in it. */
function reasonOf(text: string): string | undefined {
  const [said] = text.split(/\*\/|-->|#\}|%>|\*\)|-\}|\]\]/)
  const reason = (said ?? '')
    .replace(/^[\s:=-]+/, '')
    .replace(/[\s"'`,;\]}]+$/, '')
    .slice(0, LONGEST_REASON)
  return /\p{L}{2}/u.test(reason) && /^(?=[\s:=-])/.test(text) ? reason : undefined
}
